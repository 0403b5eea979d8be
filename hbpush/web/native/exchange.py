"""One request on the native host."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

from hbpush.web.answers import REASONS, UNAVAILABLE, stamp
from hbpush.web.exchange import BEHIND, Exchange, HeaderLines, WebSocketListener, Writer
from hbpush.web.outflow import Outflow
from hbpush.web.websocket import upgrade

if TYPE_CHECKING:
    from hbpush.web.native.connection import Connection
    from hbpush.web.native.server import NativeServer

BLANKS = b" \t"
NO_HEADERS: dict[bytes, bytes] = {}


KEEP = 1
"""The connection stays open after the answer."""
HTTP11 = 2
GET_BODY = 4
"""The answer has its body: the method is not HEAD."""
PLAIN = KEEP | HTTP11 | GET_BODY
"""A ready response goes out as it is."""
UPGRADE = 8
EXTRA = 16


class NativeExchange(Exchange):
    """The connection is there until the answer; then everything is a no-op. ``traits`` sums up what decides how the answer is framed."""

    __slots__ = ("_connection", "_extra", "_gone", "_headers", "args", "body", "method", "target", "traits")

    def __init__(
        self,
        connection: Connection,
        method: bytes,
        target: bytes,
        args: Any,
        headers: dict[bytes, bytes],
        body: bytes,
        traits: int,
    ) -> None:
        self._connection: Connection | None = connection
        self._gone: Callable[[], object] | None = None
        self._headers = headers
        self._extra: HeaderLines = b""
        self.traits = traits
        self.method = method
        self.target = target
        self.args = args
        self.body = body

    @property
    def headers(self) -> Sequence[tuple[bytes, bytes]]:
        return tuple((name, value.strip(BLANKS)) for name, value in self._headers.items())

    def header(self, name: bytes) -> bytes | None:
        value = self._headers.get(name)
        # llhttp takes blanks from the front of a value only.
        return value if value is None else value.strip(BLANKS)

    @property
    def http11(self) -> bool:
        return bool(self.traits & HTTP11)

    @property
    def upgrade(self) -> bool:
        return bool(self.traits & UPGRADE)

    @property
    def extra(self) -> HeaderLines:
        return self._extra

    @extra.setter
    def extra(self, lines: HeaderLines) -> None:
        self._extra = lines
        self.traits |= EXTRA

    @property
    def keep(self) -> bool:
        return bool(self.traits & KEEP)

    @keep.setter
    def keep(self, keep: bool) -> None:
        self.traits = self.traits | KEEP if keep else self.traits & ~KEEP

    def client(self) -> tuple[str, bool]:
        connection = self._connection
        if connection is None:
            return "", False
        return connection.client(self.header)

    def respond(self, wire: bytes) -> None:
        connection = self._connection
        if connection is None:
            return
        self._connection = None
        self._gone = None
        traits = self.traits
        connection.transport.write(wire if traits == PLAIN else self._edited(wire))
        connection.current = None
        if connection.busy or not traits & KEEP:
            connection.finish(self)
        else:
            connection.since = connection.server.now

    def _edited(self, wire: bytes) -> bytes:
        head, _, body = wire.partition(b"\r\n\r\n")
        if not self.keep:
            head += b"\r\nConnection: close"
        elif not self.http11:
            head += b"\r\nConnection: keep-alive"
        return b"%b\r\n%b\r\n%b" % (head, self._extra, b"" if self.method == b"HEAD" else body)

    def hold(self, gone: Callable[[], object]) -> bool:
        connection = self._connection
        if connection is None or not self._may_hold(connection):
            return False
        self._gone = gone
        self._headers = NO_HEADERS
        self.body = b""
        return True

    def _may_hold(self, connection: Connection) -> bool:
        """Whether the client may have one more; if not, it is told so."""
        if connection.server.limits.max_held_per_address and not connection.may_hold(self.remote_ip):
            self.respond(UNAVAILABLE.wire(b"too many held requests for this address\n"))
            return False
        return True

    def cut(self) -> None:
        taken = self.detach()
        if taken is not None:
            taken[0].abort()

    def left(self) -> None:
        """The peer is gone."""
        gone, self._gone = self._gone, None
        self._connection = None
        if gone is not None:
            gone()

    def stream(
        self,
        status: int,
        headers: HeaderLines,
        gone: Callable[[], object],
        drained: Callable[[], object] | None = None,
        outbox: int = 1024 * 1024,
    ) -> Writer | None:
        if self.method == b"HEAD":
            self.respond(b"HTTP/1.1 %d %b\r\n%b%b\r\n" % (status, REASONS[status], stamp.lines(), headers))
            return None
        if not self.hold(gone):
            return None
        connection = self._connection
        assert connection is not None  # noqa: S101 - hold has just said so
        if self.http11:
            headers += b"Transfer-Encoding: chunked\r\n"
        else:
            self.keep = False
        if not self.keep:
            headers += b"Connection: close\r\n"
        connection.transport.write(b"HTTP/1.1 %d %b\r\n%b%b%b\r\n" % (status, REASONS[status], stamp.lines(), self._extra, headers))
        # From here on only the writer answers.
        self._connection = None
        return NativeWriter(connection, self, drained, outbox, self.http11)

    def attend(self, gone: Callable[[], object]) -> None:
        """Be told when the peer leaves before the answer, and keep headers and body. Not counted as a held request."""
        self._gone = gone

    @property
    def server(self) -> NativeServer | None:
        """The server, while the answer is not complete."""
        return None if self._connection is None else self._connection.server

    def begin(self, head: bytes, drained: Callable[[], object], outbox: int) -> NativeWriter | None:
        """Answer with a head of the caller's own and a body that the caller frames to its end; ``keep`` has to be what the head says.

        None when the peer has left.
        """
        connection = self._connection
        if connection is None:
            return None
        writer = NativeWriter(connection, self, drained, outbox, False)
        connection.transport.write(head)
        return writer

    def websocket(
        self,
        listener: WebSocketListener,
        subprotocol: str | None = None,
        max_message: int = 1024 * 1024,
        outbox: int = 1024 * 1024,
        ping_interval: float = 25.0,
        ping_timeout: float = 20.0,
    ) -> None:
        connection = self._connection
        if connection is not None and self._may_hold(connection):
            take = partial(self.detach, held=True)
            upgrade(self, take, connection.server, listener, subprotocol, max_message, outbox, ping_interval, ping_timeout)

    def detach(self, held: bool = False) -> tuple[asyncio.Transport, bytes] | None:
        """Take the connection from HTTP: its transport and what was read beyond this request. None when the peer has left.

        Whoever takes it sets the transport's protocol in the same call. With ``held`` it goes on counting for its address, if it does,
        until `NativeServer.release`.
        """
        connection = self._connection
        if connection is None:
            return None
        self._connection = None
        self._gone = None
        return connection.detach(held)

    def end_stream(self, connection: Connection) -> None:
        """The last bytes of a stream are written."""
        self._connection = None
        self._gone = None
        connection.current = None
        connection.finish(self)


class NativeWriter(Outflow):
    """The body of a streamed answer."""

    __slots__ = ("_connection", "_drained", "_exchange", "_fed", "_outbox", "_transport", "chunked", "descriptor", "paused")

    def __init__(
        self, connection: Connection, exchange: NativeExchange, drained: Callable[[], object] | None, outbox: int, chunked: bool
    ) -> None:
        self._connection: Connection | None = connection
        self._exchange = exchange
        self._drained = drained
        self.chunked = chunked
        connection.writer = self
        self._flow(connection.transport, outbox)

    def _behind(self) -> None:
        self.cut(BEHIND)

    def cut(self, why: str) -> None:
        connection = self._connection
        if connection is None:
            return
        self.lost()
        connection.server.counters.refuse("slow", why)
        connection.transport.abort()

    def end(self, wire: bytes = b"") -> None:
        connection = self._connection
        if connection is None:
            return
        self.lost()
        wire += b"0\r\n\r\n" if self.chunked else b""
        if wire:
            connection.transport.write(wire)
        connection.writer = None
        if self.paused:
            # The transport says so only once: from here on the connection looks after a peer that does not read.
            connection.pause_writing()
        # Last: one over TLS may say within this that there is room.
        connection.transport.set_write_buffer_limits()
        self._exchange.end_stream(connection)

    def lost(self) -> None:
        """The connection is over, or the answer."""
        self._connection = None
        self._stop()

    def resume_writing(self) -> None:
        super().resume_writing()
        if self._connection is not None and self._drained is not None:
            self._drained()
