"""TornadIO's handlers of the transports that are one long connection (TornadIO API, A5); see `polling.TornadioPollingHandlerBase`."""

from __future__ import annotations

from socketio_compat.tornadio.polling import TornadioPollingHandlerBase


class TornadioWebSocketHandler(TornadioPollingHandlerBase):
    name = "websocket"


class TornadioFlashSocketHandler(TornadioWebSocketHandler):
    """Its clients speak a draft that nobody serves any more, except those that speak WebSocket under this name."""

    name = "flashsocket"
