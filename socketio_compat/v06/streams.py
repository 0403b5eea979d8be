"""The transports xhr-multipart and htmlfile: a response that never ends, a piece for each write (specification 4.4, 4.5)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from hbpush.core.batch import Batch
from hbpush.session.transport import End, Shape
from hbpush.web.carriers import StreamCarrier
from hbpush.web.exchange import Exchange
from socketio_compat.v06 import codec, forms
from socketio_compat.v06.shapes import as_part, as_part_chunk, as_script, as_script_chunk, parts, script

if TYPE_CHECKING:
    from socketio_compat.v06.server import Server  # noqa: F401 - named below, in quotes
    from socketio_compat.v06.session import SocketSession  # noqa: F401


class _Stream(StreamCarrier["Server", "SocketSession"]):
    """A stream whose connection ends with its session: it is all that tells the client (specification 7)."""

    __slots__ = ("_exchange",)

    def begin(self, exchange: Exchange) -> bool:
        self._exchange = exchange
        return super().begin(exchange)

    def end(self, packets: Sequence[str], why: End) -> None:
        self._exchange.keep = False
        super().end(packets, why)


class HtmlFile(_Stream):
    """A page whose scripts come one by one."""

    __slots__ = ()

    headers = b"Content-Type: %b\r\nCache-Control: no-store\r\n" % forms.PAGE
    preamble = codec.HTMLFILE_PREAMBLE

    def form(self, packets: Sequence[str]) -> bytes:
        return script(packets)

    def broadcast(self, batch: Batch, shape: Shape) -> None:
        self._server.sent += len(batch.messages)
        self.writer.write(batch.wires[as_script_chunk if self.writer.chunked else as_script])
        if self._session is not None:
            self._session.postpone_heartbeat()


class Multipart(_Stream):
    """A response each of whose parts takes the place of the one before."""

    __slots__ = ()

    headers = b"Content-Type: %b\r\nCache-Control: no-store\r\n" % forms.PARTS
    preamble = codec.MULTIPART_PREAMBLE

    def begin(self, exchange: Exchange) -> bool:
        if exchange.http11 and exchange.keep:
            # What is implied, but was always said here; others are told that the connection closes.
            exchange.extra += b"Connection: keep-alive\r\n"
        return super().begin(exchange)

    def form(self, packets: Sequence[str]) -> bytes:
        return parts(packets)

    def broadcast(self, batch: Batch, shape: Shape) -> None:
        self._server.sent += len(batch.messages)
        self.writer.write(batch.wires[as_part_chunk if self.writer.chunked else as_part])
        if self._session is not None:
            self._session.postpone_heartbeat()
