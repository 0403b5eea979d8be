"""The transports xhr and jsonp: a request that waits for one frame (SockJS specification 6)."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from typing import TYPE_CHECKING, cast

from hbpush.core.batch import Batch
from hbpush.session.transport import End, Shape
from hbpush.web.answers import Head
from hbpush.web.carriers import PollCarrier
from hbpush.web.exchange import Exchange
from sethpusher.sockjs import codec, forms
from sethpusher.sockjs.access import NO_CACHE
from sethpusher.sockjs.session import SockSession
from sethpusher.sockjs.shapes import XHR, TextShape

if TYPE_CHECKING:
    from sethpusher.sockjs.server import Server

SCRIPT = Head(200, b"Content-Type: application/javascript; charset=UTF-8\r\nX-Content-Type-Options: nosniff\r\n" + NO_CACHE)


class Poll(PollCarrier["Server", SockSession]):
    """A poll, from its request to its answer. `tell` alone answers one that carries nothing."""

    __slots__ = ()

    @abstractmethod
    def whole(self, frame: str) -> bytes:
        """A frame as the whole response."""

    def greet(self) -> None:
        """Answer the first request of a session, which then waits for the next one."""
        session = self._session
        self._session = None
        self.tell(codec.OPEN)
        if session is not None:
            session.open()

    def refuse(self, frame: str) -> None:
        """Answer a request that may not carry the session."""
        self._session = None
        self.tell(frame)

    def lost(self, session: SockSession) -> None:
        session.close(End.LEFT)

    # The session's side

    def tell(self, frame: str) -> None:
        self._exchange.respond(self.whole(frame))

    def answer(self, packets: Sequence[str]) -> None:
        self.tell(codec.array(packets))

    def idle(self) -> None:
        self.tell(codec.HEARTBEAT)

    def end(self, packets: Sequence[str], why: End) -> None:
        session = self._session
        self._leave()
        if why is End.SHUTDOWN:
            self._exchange.keep = False
        if packets or session is None:
            # The next poll is told that it is over.
            self.answer(packets)
        else:
            self.tell(session.close_frame)


class XhrPoll(Poll):
    __slots__ = ()

    def whole(self, frame: str) -> bytes:
        return XHR.wire(forms.xhr(frame))

    def broadcast(self, batch: Batch, shape: Shape) -> None:
        self._server.sent += len(batch.messages)
        self._leave()
        self._exchange.respond(batch.wires[cast("TextShape", shape).poll])


class JsonpPoll(Poll):
    """Its answer is a script."""

    __slots__ = ("_callback",)

    def __init__(self, server: Server, session: SockSession, exchange: Exchange, callback: str) -> None:
        super().__init__(server, session, exchange)
        self._callback = callback

    def whole(self, frame: str) -> bytes:
        return SCRIPT.wire(forms.jsonp(self._callback, frame))
