"""The transports websocket and flashsocket: a stream of frames in each message (specification 4.1)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, cast

from hbpush.core.batch import Batch
from hbpush.session.transport import End, Shape
from hbpush.web.carriers import SocketCarrier
from hbpush.web.exchange import WebSocket
from socketio_compat.v06 import codec
from socketio_compat.v06.contract import Opening
from socketio_compat.v06.shapes import as_frame, socket_frame

if TYPE_CHECKING:
    from socketio_compat.v06.server import Server
    from socketio_compat.v06.session import SocketSession


class WebSocketTransport(SocketCarrier["Server", "SocketSession"]):
    """A WebSocket, and the session that it makes when it is open and that ends with it: no client comes back to one."""

    __slots__ = ("_opening",)

    codes = {End.SHUTDOWN: 1001, End.SLOW: 4000, End.FAULT: 1011}  # noqa: RUF012 - one for all

    def __init__(self, server: Server, opening: Opening) -> None:
        super().__init__(server, cast("SocketSession", None))
        self._opening: Opening | None = opening

    def frames(self, packets: Sequence[str]) -> bytes:
        return socket_frame(packets)

    # The socket's side

    def opened(self, socket: WebSocket) -> None:
        self.socket = socket
        opening, self._opening = self._opening, None
        assert opening is not None  # noqa: S101 - a socket opens once
        session = self._server.arrival(opening)
        if session is None:
            socket.close(self.codes[End.FAULT])
        else:
            self._session = session
            self._server.attach(session, self)

    def received(self, message: str | bytes) -> None:
        session = self._session
        if session is None or not session.hears():
            return
        if isinstance(message, bytes):
            message = message.decode("utf-8", "replace")
        bodies, fault = codec.decode_stream(message)
        for body in bodies:
            session.received(body)
        if fault is not None:
            self._server.counters.refuse("malformed_payload", f"a message in a WebSocket: {fault}")

    def gone(self, code: int) -> None:
        session = self._session
        super().gone(code)
        if session is not None and session.transport is None:
            session.close(End.LEFT)

    # The session's side

    def broadcast(self, batch: Batch, shape: Shape) -> None:
        self._server.sent += len(batch.messages)
        self.socket.write(batch.wires[as_frame])
        if self._session is not None:
            self._session.postpone_heartbeat()
