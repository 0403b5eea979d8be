"""The transport htmlfile: a page that never ends, one script for each write (specification 7.4)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from hbpush.core.batch import Batch
from hbpush.web.carriers import StreamCarrier
from socketio_compat.v09 import codec
from socketio_compat.v09.shapes import ChannelShape, script

if TYPE_CHECKING:
    from socketio_compat.v09.server import Server  # noqa: F401 - named below, in quotes
    from socketio_compat.v09.session import SocketSession  # noqa: F401


class HtmlFile(StreamCarrier["Server", "SocketSession"]):
    """A stream that carries a session."""

    __slots__ = ()

    headers = b"Content-Type: text/html; charset=UTF-8\r\nCache-Control: no-store\r\n"
    preamble = codec.HTMLFILE_PREAMBLE

    def form(self, packets: Sequence[str]) -> bytes:
        return script(packets)

    def broadcast(self, batch: Batch, shape: ChannelShape) -> None:
        self._server.sent += len(batch.messages)
        self.writer.write(batch.wires[shape.chunk if self.writer.chunked else shape.script])
