"""The transports websocket and flashsocket: one packet a frame (specification 7.1)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from hbpush.core.batch import Batch
from hbpush.session.transport import End
from hbpush.web.carriers import SocketCarrier
from hbpush.web.exchange import WebSocket
from hbpush.web.websocket import frame
from socketio_compat.v09 import codec
from socketio_compat.v09.shapes import ChannelShape, frames

if TYPE_CHECKING:
    from socketio_compat.v09.server import Server
    from socketio_compat.v09.session import SocketSession

GOODBYES = frozenset((1000, 1001, 1005))
"""What a peer says that closes in due form."""

HEARTBEAT = frame(b"2::", True)
NOT_HANDSHAKEN = frame(codec.packet_bytes(codec.error(codec.CLIENT_NOT_HANDSHAKEN, codec.RECONNECT)), True)


class WebSocketTransport(SocketCarrier["Server", "SocketSession"]):
    """A WebSocket that carries a session.

    With ``websocket_check`` it begins to do so only when something has come over it.
    """

    __slots__ = ("_heard",)

    codes = {End.SHUTDOWN: 1001, End.SLOW: 4000, End.FAULT: 1011}  # noqa: RUF012 - one for all

    def __init__(self, server: Server, session: SocketSession) -> None:
        super().__init__(server, session)
        self._heard = False

    def frames(self, packets: Sequence[str]) -> bytes:
        return frames(packets)

    # The socket's side

    def opened(self, socket: WebSocket) -> None:
        self.socket = socket
        session = self._session
        if session is None or session.state:
            socket.close()
        elif self._server.settings.websocket_check:
            socket.write(HEARTBEAT)
            self._server.unchecked.put(self)
        else:
            self._server.attach(session, self)

    def received(self, message: str | bytes) -> None:
        session = self._session
        if session is None:
            return
        if not self._heard:
            self._heard = True
            if self._server.settings.websocket_check:
                self._server.unchecked.take(self)
                self._server.attach(session, self)
        if not session.hears():
            return
        if isinstance(message, bytes):
            message = message.decode("utf-8", "replace")
        if message.startswith(codec.SEPARATOR):
            packets, fault = codec.decode_payload(message)
            for packet in packets:
                session.received(packet)
            if fault is not None:
                self._server.counters.refuse("malformed_payload", f"a payload in a WebSocket: {fault}")
        else:
            session.received(message)

    def gone(self, code: int) -> None:
        session, self._session = self._session, None
        self._server.unchecked.take(self)
        if session is None:
            return
        self._server.detach(session, self)
        # A client that has never said anything may only be trying the next transport, with the same session.
        if code in GOODBYES and self._heard and self._server.settings.close_on_goodbye and session.transport is None:
            session.close(End.LEFT)

    # The session's side

    def broadcast(self, batch: Batch, shape: ChannelShape) -> None:
        self._server.sent += len(batch.messages)
        self.socket.write(batch.wires[shape.websocket])

    def unheard(self) -> None:
        """Nothing has come over it in time."""
        self._session = None
        self.socket.close()


class Stranger:
    """Listens to a WebSocket that no session is for: it is told to make another handshake."""

    def opened(self, socket: WebSocket) -> None:
        socket.write(NOT_HANDSHAKEN)
        socket.close()

    def received(self, message: str | bytes) -> None:
        """Nobody is there."""

    def drained(self) -> None:
        """Nothing waits."""

    def gone(self, code: int) -> None:
        """Nobody was there."""


STRANGER = Stranger()
