"""TornadIO2's handlers of the transports that are one long connection (TornadIO API, B7); see `preflight.PreflightHandler`."""

from __future__ import annotations

from socketio_compat.tornadio2.preflight import PreflightHandler


class TornadioWebSocketHandler(PreflightHandler):
    name = "websocket"


class TornadioFlashSocketHandler(TornadioWebSocketHandler):
    """Its clients speak a draft that nobody serves any more, except those that speak WebSocket under this name."""

    name = "flashsocket"
