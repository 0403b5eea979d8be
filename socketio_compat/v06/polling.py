"""The transports xhr-polling and jsonp-polling: a GET that waits for frames (specification 4.2, 4.3)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from hbpush.core.batch import Batch
from hbpush.session.transport import Shape
from hbpush.web.answers import Head
from hbpush.web.carriers import PollCarrier
from hbpush.web.exchange import Exchange
from socketio_compat.v06 import codec, forms
from socketio_compat.v06.shapes import POLL, as_answer

if TYPE_CHECKING:
    from socketio_compat.v06.server import Server
    from socketio_compat.v06.session import SocketSession

SCRIPT = Head(200, b"Content-Type: %b\r\nX-XSS-Protection: 0\r\nCache-Control: no-store\r\n" % forms.SCRIPT)


class Poll(PollCarrier["Server", "SocketSession"]):
    """An xhr poll. One that nothing comes for is answered with an empty stream: of any status but 200 its client makes an end."""

    __slots__ = ()

    def broadcast(self, batch: Batch, shape: Shape) -> None:
        self._server.sent += len(batch.messages)
        self._leave()
        self._exchange.respond(batch.wires[as_answer])

    def answer(self, packets: Sequence[str]) -> None:
        self._exchange.respond(POLL.wire(codec.encode_stream(packets)))


class ScriptPoll(PollCarrier["Server", "SocketSession"]):
    """A jsonp poll: its answer is a script that calls the function ``io.JSONP[index]._``, with an empty text when nothing came."""

    __slots__ = ("_index",)

    def __init__(self, server: Server, session: SocketSession, exchange: Exchange, index: str) -> None:
        super().__init__(server, session, exchange)
        self._index = index

    def answer(self, packets: Sequence[str]) -> None:
        self._exchange.respond(SCRIPT.wire(codec.jsonp_body(self._index, codec.encode_stream(packets))))
