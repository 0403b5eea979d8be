"""The transports xhr-polling and jsonp-polling: a GET that waits for packets (specification 7.2, 7.3)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, cast

from hbpush.core.batch import Batch
from hbpush.session.transport import Shape
from hbpush.web.answers import Head
from hbpush.web.carriers import PollCarrier
from hbpush.web.exchange import Exchange
from socketio_compat.v09 import codec
from socketio_compat.v09.shapes import POLL, ChannelShape

if TYPE_CHECKING:
    from socketio_compat.v09.server import Server
    from socketio_compat.v09.session import SocketSession

SCRIPT = Head(200, b"Content-Type: text/javascript; charset=UTF-8\r\nX-XSS-Protection: 0\r\nCache-Control: no-store\r\n")


class _Poll(PollCarrier["Server", "SocketSession"]):
    __slots__ = ()

    def idle(self) -> None:
        self.answer([codec.noop()])


class Poll(_Poll):
    """An xhr poll, from its request to its answer."""

    __slots__ = ()

    def broadcast(self, batch: Batch, shape: Shape) -> None:
        self._server.sent += len(batch.messages)
        self._leave()
        self._exchange.respond(batch.wires[cast("ChannelShape", shape).poll])

    def answer(self, packets: Sequence[str]) -> None:
        self._exchange.respond(POLL.wire(codec.encode_payload(packets)))


class ScriptPoll(_Poll):
    """A jsonp poll: its answer is a script that calls the function ``io.j[index]``."""

    __slots__ = ("_index",)

    def __init__(self, server: Server, session: SocketSession, exchange: Exchange, index: str | None) -> None:
        super().__init__(server, session, exchange)
        self._index = index

    def answer(self, packets: Sequence[str]) -> None:
        self._exchange.respond(SCRIPT.wire(codec.jsonp_body(self._index, codec.encode_payload(packets).decode())))
