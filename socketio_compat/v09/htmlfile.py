"""The transport htmlfile: a page that never ends, one script for each write (specification 7.4)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, cast

from hbpush.core.batch import Batch
from hbpush.session.transport import End, Shape
from hbpush.web.exchange import Exchange, HeaderLines, Writer
from socketio_compat.v09 import codec
from socketio_compat.v09.shapes import ChannelShape, script

if TYPE_CHECKING:
    from socketio_compat.v09.server import Server
    from socketio_compat.v09.session import SocketSession

HEADERS: HeaderLines = b"Content-Type: text/html; charset=UTF-8\r\nCache-Control: no-store\r\n"
PREAMBLE = codec.HTMLFILE_PREAMBLE
PREAMBLE_CHUNK = b"%x\r\n%b\r\n" % (len(PREAMBLE), PREAMBLE)


class HtmlFile:
    """A stream that carries a session."""

    __slots__ = ("_server", "_session", "_writer")

    single = False

    def __init__(self, server: Server, session: SocketSession) -> None:
        self._server = server
        self._session: SocketSession | None = session
        self._writer: Writer = cast("Writer", None)

    def begin(self, exchange: Exchange) -> None:
        """Answer a GET, and carry the session from now on."""
        writer = exchange.stream(200, HEADERS, self._gone, self._drained, self._server.settings.room.bytes)
        if writer is None:
            return
        self._writer = writer
        writer.write(PREAMBLE_CHUNK if writer.chunked else PREAMBLE)
        session = self._session
        if session is not None:
            self._server.attach(session, self)

    # The session's side

    def has_room(self) -> bool:
        return self._writer.has_room()

    def send(self, packets: Sequence[str]) -> None:
        self._server.sent += len(packets)
        self._writer.write(script(packets, self._writer.chunked))

    def broadcast(self, batch: Batch, shape: Shape) -> None:
        self._server.sent += len(batch.messages)
        channel = cast("ChannelShape", shape)
        self._writer.write(batch.wire(channel.chunk if self._writer.chunked else channel.script))

    def displaced(self) -> None:
        self._leave()
        self._writer.end()

    def end(self, packets: Sequence[str], why: End) -> None:
        self._leave()
        self._writer.end(script(packets, self._writer.chunked) if packets else b"")

    def _leave(self) -> None:
        self._session = None
        self._server.connections -= 1

    def _drained(self) -> None:
        if self._session is not None:
            self._session.drained()

    def _gone(self) -> None:
        session, self._session = self._session, None
        if session is not None:
            self._server.detach(session, self)
