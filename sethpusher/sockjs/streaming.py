"""The transports xhr_streaming, eventsource and htmlfile: a response of many frames (SockJS specification 6)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, ClassVar

from hbpush.core.batch import Batch
from hbpush.session.transport import End
from hbpush.web.carriers import StreamCarrier, chunk
from hbpush.web.exchange import Exchange, HeaderLines
from sethpusher.sockjs import codec, forms
from sethpusher.sockjs.access import NO_CACHE
from sethpusher.sockjs.session import LAST_WORDS, SockSession
from sethpusher.sockjs.shapes import TextShape

if TYPE_CHECKING:
    from sethpusher.sockjs.server import Server


class Stream(StreamCarrier["Server", SockSession]):
    """A stream, which ends when it has sent so much that its client had better begin anew. ``piece`` makes a frame a part of the body."""

    __slots__ = ("_left",)

    piece: ClassVar[Callable[[str], bytes]]
    slack = LAST_WORDS

    def __init__(self, server: Server, session: SockSession) -> None:
        super().__init__(server, session)
        self._left = server.settings.response_limit

    def greet(self, exchange: Exchange) -> None:
        """Answer the first request of a session."""
        session = self._session
        assert session is not None  # noqa: S101 - nothing has been called yet
        if self.begin(exchange):
            self.tell(codec.OPEN)
            session.open()
        else:
            session.close(End.LEFT)

    def refuse(self, exchange: Exchange, frame: str) -> None:
        """Answer a request that may not carry the session."""
        self._session = None
        if self.begin(exchange):
            self.writer.end(self._cut(self.make(frame)))

    def lost(self, session: SockSession) -> None:
        session.close(End.LEFT)

    # The session's side

    def form(self, packets: Sequence[str]) -> bytes:
        return self.make(codec.array(packets))

    def make(self, frame: str) -> bytes:
        """A frame as a part of the body."""
        return type(self).piece(frame)

    def tell(self, frame: str) -> None:
        self._write(self._cut(self.make(frame)))

    def send(self, packets: Sequence[str]) -> None:
        self._server.sent += len(packets)
        self._write(self._framed(packets))

    def broadcast(self, batch: Batch, shape: TextShape) -> None:
        self._server.sent += len(batch.messages)
        self._write(batch.wires[shape.stream[type(self).piece][self.writer.chunked]])

    def end(self, packets: Sequence[str], why: End) -> None:
        session = self._session
        self._leave()
        last = b"" if session is None else self._cut(self.make(session.close_frame))
        self.writer.end(self._framed(packets) + last if packets else last)

    def _cut(self, piece: bytes) -> bytes:
        return chunk(piece) if self.writer.chunked else piece

    def _write(self, wire: bytes) -> None:
        session, writer = self._session, self.writer
        if session is None:
            return
        if not writer.has_room() and writer.waiting + len(wire) > self._server.registry.room.bytes:
            session.overrun()
            return
        writer.write(wire)
        # Without what frames a chunk: its size in digits, and two line ends.
        self._left -= len(wire) - (wire.index(b"\r\n") + 4 if writer.chunked else 0)
        if self._left > 0:
            self._server.registry.heartbeats.postpone(session)
        else:
            self._detach()
            writer.end()


class XhrStream(Stream):
    __slots__ = ()

    headers: HeaderLines = b"Content-Type: application/javascript; charset=UTF-8\r\n" + NO_CACHE
    preamble = forms.XHR_PRELUDE
    piece = forms.xhr


class EventSource(Stream):
    __slots__ = ()

    headers: HeaderLines = b"Content-Type: text/event-stream\r\n" + NO_CACHE
    preamble = forms.EVENTSOURCE_PRELUDE
    piece = forms.eventsource


class HtmlFile(Stream):
    """A page whose scripts call a function of its parent."""

    __slots__ = ("preamble",)

    headers: HeaderLines = b"Content-Type: text/html; charset=UTF-8\r\n" + NO_CACHE
    piece = forms.htmlfile

    def __init__(self, server: Server, session: SockSession, callback: str) -> None:
        super().__init__(server, session)
        self.preamble = forms.htmlfile_head(callback)
