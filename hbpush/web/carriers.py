"""What carries sessions over HTTP: a poll, a stream, a WebSocket. The transports of every protocol with sessions are made of these.

A protocol derives a transport from each kind that it has, and says what its packets look like there; its server, a
`hbpush.web.session_server.SessionServer`, keeps the books. What is said here of the order of things is the contract of
`hbpush.session.transport.Transport`.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Generic, TypeVar, cast

from hbpush.core.batch import Batch
from hbpush.session.session import Session
from hbpush.session.transport import End
from hbpush.web.exchange import Exchange, HeaderLines, WebSocket, Writer

if TYPE_CHECKING:
    from hbpush.web.session_server import SessionServer


S = TypeVar("S", bound=Session)
V = TypeVar("V", bound="SessionServer[Any]")


class _Carrier(Generic[V, S]):
    """The session, as long as this carries it; afterwards None."""

    __slots__ = ("_server", "_session")

    def __init__(self, server: V, session: S) -> None:
        self._server = server
        self._session: S | None = session

    def lost(self, session: S) -> None:
        """The peer has left, and the session with it is carried by nothing: a protocol may end it."""

    def _gone(self) -> None:
        session = self._detach()
        if session is not None:
            self.lost(session)

    def _detach(self) -> S | None:
        """It carries the session no more, by no doing of the session's: which it was."""
        session = self._session
        if session is not None:
            self._session = None
            self._server.detach(session, self)  # type: ignore[arg-type]  # whoever derives is a Transport
        return session

    def _leave(self) -> None:
        """It carries the session no more, by the session's own doing."""
        if self._session is not None:
            self._session = None
            self._server.connections -= 1


class PollCarrier(_Carrier[V, S], ABC):
    """A request that waits for packets, and is answered with the first ones that come: a `Transport`, ``single``."""

    __slots__ = ("_exchange",)

    single = True

    def __init__(self, server: V, session: S, exchange: Exchange) -> None:
        super().__init__(server, session)
        self._exchange = exchange

    @abstractmethod
    def answer(self, packets: Sequence[str]) -> None:
        """Respond with packets: none when there are none to come, which a client has to bear as well."""

    def idle(self) -> None:
        """Respond to a poll that nothing came for."""
        self.answer(())

    def begin(self) -> None:
        """Carry the session: with what waits in it at once, else until something does."""
        session = self._session
        assert session is not None  # noqa: S101 - nothing has been called yet
        self._server.attach(session, self)
        if session.transport is self:
            if self._exchange.hold(self._gone):
                self._server.polls.put(self)
            else:
                self._gone()

    def timed_out(self) -> None:
        """Nothing came for it."""
        if self._detach() is not None:
            self.idle()

    # The session's side

    def has_room(self) -> bool:
        return True

    def send(self, packets: Sequence[str]) -> None:
        self._server.sent += len(packets)
        self._leave()
        self.answer(packets)

    def broadcast(self, batch: Batch, shape: Any) -> None:
        self.send(batch.packets(shape.packets))

    def displaced(self) -> None:
        self._leave()
        self._exchange.cut()

    def end(self, packets: Sequence[str], why: End) -> None:
        self._leave()
        if why is End.SHUTDOWN:
            self._exchange.keep = False
        if packets:
            self.answer(packets)
        else:
            self.idle()

    def _detach(self) -> S | None:
        self._server.polls.take(self)
        return super()._detach()

    def _leave(self) -> None:
        self._server.polls.take(self)
        super()._leave()


class StreamCarrier(_Carrier[V, S], ABC):
    """A response that does not end: a `Transport`. ``headers`` and ``preamble`` are what it begins with."""

    __slots__ = ("writer",)

    single = False
    headers: HeaderLines = b""
    preamble = b""
    slack = 0
    """Bytes beyond its outbox that are taken, for last words to one that is closed for having too much in it."""

    def __init__(self, server: V, session: S) -> None:
        super().__init__(server, session)
        self.writer: Writer = cast("Writer", None)

    @abstractmethod
    def form(self, packets: Sequence[str]) -> bytes:
        """Packets as a piece of the body; `chunk` frames it."""

    def begin(self, exchange: Exchange) -> bool:
        """Answer the request, and carry the session, if there is one, from now on. False when there is nobody to answer."""
        writer = exchange.stream(200, self.headers, self._gone, self._drained, self._server.registry.room.bytes + self.slack)
        if writer is None:
            return False
        self.writer = writer
        writer.write(chunk(self.preamble) if writer.chunked else self.preamble)
        session = self._session
        if session is not None:
            self._server.attach(session, self)
        return True

    # The session's side

    def has_room(self) -> bool:
        return self.writer.has_room()

    def send(self, packets: Sequence[str]) -> None:
        self._server.sent += len(packets)
        self.writer.write(self._framed(packets))

    def broadcast(self, batch: Batch, shape: Any) -> None:
        self.send(batch.packets(shape.packets))

    def displaced(self) -> None:
        self._leave()
        self.writer.end()

    def end(self, packets: Sequence[str], why: End) -> None:
        self._leave()
        self.writer.end(self._framed(packets) if packets else b"")

    def _framed(self, packets: Sequence[str]) -> bytes:
        piece = self.form(packets)
        return chunk(piece) if self.writer.chunked else piece

    def _drained(self) -> None:
        if self._session is not None:
            self._session.drained()


class SocketCarrier(_Carrier[V, S], ABC):
    """A WebSocket that carries a session: a `Transport`, and its socket's `WebSocketListener`. ``codes`` are close codes, else 1000."""

    __slots__ = ("socket",)

    single = False
    codes: dict[End, int] = {}  # noqa: RUF012 - one for all of a class

    def __init__(self, server: V, session: S) -> None:
        super().__init__(server, session)
        self.socket: WebSocket = cast("WebSocket", None)

    @abstractmethod
    def frames(self, packets: Sequence[str]) -> bytes:
        """Packets as ready frames."""

    @abstractmethod
    def received(self, message: str | bytes) -> None:
        """A message has come, perhaps when the session is over already."""

    # The socket's side

    def opened(self, socket: WebSocket) -> None:
        self.socket = socket
        session = self._session
        if session is None or session.state:
            socket.close()
        else:
            self._server.attach(session, self)

    def drained(self) -> None:
        if self._session is not None:
            self._session.drained()

    def gone(self, code: int) -> None:
        self._gone()

    # The session's side

    def has_room(self) -> bool:
        return self.socket.has_room()

    def send(self, packets: Sequence[str]) -> None:
        self._server.sent += len(packets)
        self.socket.write(self.frames(packets))

    def broadcast(self, batch: Batch, shape: Any) -> None:
        self.send(batch.packets(shape.packets))

    def displaced(self) -> None:
        self._leave()
        self.socket.close()

    def end(self, packets: Sequence[str], why: End) -> None:
        self._leave()
        if packets:
            self.socket.write(self.frames(packets))
        self.socket.close(self.codes.get(why, 1000))


def chunk(*pieces: bytes) -> bytes:
    """Pieces of a body, not all empty, joined for a response with ``Transfer-Encoding: chunked`` (RFC 9112 section 7.1)."""
    return b"".join((b"%x\r\n" % sum(map(len, pieces)), *pieces, b"\r\n"))
