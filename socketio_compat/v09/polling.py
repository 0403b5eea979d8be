"""The transports xhr-polling and jsonp-polling: a GET that waits for packets (specification 7.2, 7.3)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, cast

from hbpush.core.batch import Batch
from hbpush.session.transport import End, Shape
from hbpush.web.answers import Head
from hbpush.web.exchange import Exchange
from socketio_compat.v09 import codec
from socketio_compat.v09.shapes import POLL, ChannelShape

if TYPE_CHECKING:
    from socketio_compat.v09.server import Server
    from socketio_compat.v09.session import SocketSession

SCRIPT = Head(200, b"Content-Type: text/javascript; charset=UTF-8\r\nX-XSS-Protection: 0\r\nCache-Control: no-store\r\n")


class Poll:
    """An xhr poll, from its request to its answer."""

    __slots__ = ("_exchange", "_server", "_session")

    single = True

    def __init__(self, server: Server, session: SocketSession, exchange: Exchange) -> None:
        self._server = server
        self._session: SocketSession | None = session
        self._exchange = exchange

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
        session = self._session
        if session is not None:
            self._gone()
            self._answer([codec.noop()])

    # The session's side

    def has_room(self) -> bool:
        return True

    def send(self, packets: Sequence[str]) -> None:
        self._server.sent += len(packets)
        self._leave()
        self._answer(packets)

    def broadcast(self, batch: Batch, shape: Shape) -> None:
        self._server.sent += len(batch.messages)
        self._leave()
        self._exchange.respond(batch.wire(cast("ChannelShape", shape).poll))

    def displaced(self) -> None:
        self._leave()
        self._exchange.cut()

    def end(self, packets: Sequence[str], why: End) -> None:
        self._leave()
        if why is End.SHUTDOWN:
            self._exchange.keep = False
        self._answer(packets or [codec.noop()])

    def _answer(self, packets: Sequence[str]) -> None:
        self._exchange.respond(POLL.wire(codec.encode_payload(packets)))

    def _gone(self) -> None:
        session = self._session
        if session is not None:
            self._session = None
            self._server.polls.take(self)
            self._server.detach(session, self)

    def _leave(self) -> None:
        if self._session is not None:
            self._session = None
            self._server.polls.take(self)
            self._server.connections -= 1


class ScriptPoll(Poll):
    """A jsonp poll: its answer is a script that calls the function ``io.j[index]``."""

    __slots__ = ("_index",)

    def __init__(self, server: Server, session: SocketSession, exchange: Exchange, index: str | None) -> None:
        super().__init__(server, session, exchange)
        self._index = index

    def broadcast(self, batch: Batch, shape: Shape) -> None:
        self.send(batch.packets(shape.packets))

    def _answer(self, packets: Sequence[str]) -> None:
        self._exchange.respond(SCRIPT.wire(codec.jsonp_body(self._index, codec.encode_payload(packets).decode())))
