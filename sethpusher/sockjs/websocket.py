"""The transports websocket and rawwebsocket: a session that lives as long as its socket (SockJS specification 4, 6)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, cast

from hbpush.core.batch import Batch
from hbpush.errors import ProtocolError
from hbpush.session.transport import End
from hbpush.web.carriers import SocketCarrier
from hbpush.web.exchange import WebSocket
from hbpush.web.websocket import frame
from hbpush.web.websocket_message import may_be_sent
from sethpusher.sockjs import codec
from sethpusher.sockjs.contract import Opening
from sethpusher.sockjs.session import GO_AWAY, SockSession
from sethpusher.sockjs.shapes import TextShape, frames, raw_frames

if TYPE_CHECKING:
    from sethpusher.sockjs.server import Server

BROKEN = (3000, "Broken framing.")


class Socket(SocketCarrier["Server", SockSession]):
    """A WebSocket; its session begins when it opens."""

    __slots__ = ("_opening",)

    def __init__(self, server: Server, opening: Opening) -> None:
        super().__init__(server, cast("SockSession", None))
        self._opening = opening

    def frames(self, packets: Sequence[str]) -> bytes:
        return frames(packets)

    # The socket's side

    def opened(self, socket: WebSocket) -> None:
        self.socket = socket
        session = self._session = SockSession(self._server, self._opening)
        self._server.attach(session, self)
        self.tell(codec.OPEN)
        # Within this call: the first messages may have come with the request.
        session.open()

    def received(self, message: str | bytes) -> None:
        session = self._session
        if session is None:
            return
        try:
            messages = codec.received(message)
        except ProtocolError as error:
            self._server.counters.refuse("malformed_payload", f"a frame that is not JSON: {error}")
            self._detach()
            self.socket.close(*BROKEN)
            session.close(End.FAULT)
        else:
            session.received(messages)

    def lost(self, session: SockSession) -> None:
        session.close(End.LEFT)

    # The session's side

    def tell(self, frame_: str) -> None:
        self._write(frame(frame_.encode(), True))

    def send(self, packets: Sequence[str]) -> None:
        self._server.sent += len(packets)
        self._write(self.frames(packets))

    def broadcast(self, batch: Batch, shape: TextShape) -> None:
        server, session, socket = self._server, self._session, self.socket
        server.sent += len(batch.messages)
        if session is None or socket.paused:
            self._write(batch.wires[shape.socket])
            return
        # The way of nearly every message, with no call in it that is not needed.
        socket.write(batch.wires[shape.socket])
        if server.now() >= session.reckoned:
            server.registry.heartbeats.postpone(session)

    def end(self, packets: Sequence[str], why: End) -> None:
        session = self._session
        self._leave()
        if session is None:
            return
        last = frame(session.close_frame.encode(), True)
        self.socket.write(self.frames(packets) + last if packets else last)
        self.socket.close(1000, "Normal closure")

    def _write(self, wire: bytes) -> None:
        session, socket = self._session, self.socket
        if session is None:
            return
        if not socket.has_room() and socket.waiting + len(wire) > self._server.registry.room.bytes:
            session.overrun()
            return
        socket.write(wire)
        self._server.registry.heartbeats.postpone(session)


class RawSocket(Socket):
    """A WebSocket without frames of SockJS: messages as they are, pings for heartbeats, close codes for the end."""

    __slots__ = ()

    def frames(self, packets: Sequence[str]) -> bytes:
        return raw_frames(packets)

    def received(self, message: str | bytes) -> None:
        if self._session is not None:
            self._session.received((message,))

    def tell(self, frame_: str) -> None:
        """There are none."""

    def send_bytes(self, message: bytes) -> None:
        """Send a binary message."""
        self._server.sent += 1
        if self._session is not None:
            self._session.flush()
        self._write(frame(message, False))

    def broadcast(self, batch: Batch, shape: TextShape) -> None:
        self._server.sent += len(batch.messages)
        self._write(batch.wires[shape.raw])

    def end(self, packets: Sequence[str], why: End) -> None:
        session = self._session
        self._leave()
        if packets:
            self.socket.write(self.frames(packets))
        code, reason = (session.ending if session is not None else None) or GO_AWAY
        self.socket.close(code if may_be_sent(code) else GO_AWAY[0], reason)
