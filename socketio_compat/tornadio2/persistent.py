"""TornadIO2's names for the WebSocket transports (TornadIO API, B7). What they do is in ``socketio_compat.v09``."""

from __future__ import annotations

from typing import ClassVar

from socketio_compat.tornadio2.preflight import PreflightHandler


class TornadioWebSocketHandler(PreflightHandler):
    """The transport websocket."""

    name: ClassVar[str] = "websocket"


class TornadioFlashSocketHandler(TornadioWebSocketHandler):
    """The transport flashsocket: another URL of the same."""

    name: ClassVar[str] = "flashsocket"
