"""One connection: requests in, answers out in their order, time-outs, and the ways it may end."""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Callable
from typing import TYPE_CHECKING, NamedTuple, cast

from httptools import HttpParserCallbackError, HttpParserError, HttpParserInvalidMethodError, HttpParserInvalidURLError, HttpParserUpgrade

from hbpush.web.answers import UNAVAILABLE, line
from hbpush.web.exchange import Endpoint
from hbpush.web.native.exchange import PLAIN, NativeExchange, NativeWriter
from hbpush.web.native.heads import HEAD_END
from hbpush.web.native.reader import Reader, Refused, encoded
from hbpush.web.routes import Routes

if TYPE_CHECKING:
    from hbpush.web.native.server import NativeServer

logger = logging.getLogger("hbpush.web")

QUEUED = 64 * 1024
"""Bytes of further requests that wait while one is answered; over that, reading pauses."""

HEADER_COST = 100
"""Bytes that a header of a request that waits counts on top of its own."""

LINGER = 2.0
"""Seconds in which what a refused client still sends is read and dropped, so that it sees the answer and not a broken pipe."""

CLOSE = b"Connection: close\r\n"


class Queued(NamedTuple):
    """A request that waits for its turn, and the table by which its endpoint was found. ``size`` is what it counts."""

    exchange: NativeExchange
    endpoint: Endpoint
    routes: Routes
    size: int


class Connection(asyncio.Protocol):
    """The protocol of one accepted socket, plain or TLS.

    ``current`` is the exchange that is being answered. ``reader`` is kept only while a request has arrived in part. ``busy`` is True when
    the end of an answer has consequences: something waits, or the connection is to end.
    """

    __slots__ = (
        "_held_for", "_in_body", "_paused_at", "_pausing", "_queue", "_queued", "_refusal", "_tail", "busy", "current",
        "lingering", "reader", "server", "since", "transport", "writer",
    )  # fmt: skip

    def __init__(self, server: NativeServer) -> None:
        self.server = server
        self.transport: asyncio.Transport = cast("asyncio.Transport", None)
        self.reader: Reader | None = None
        self.current: NativeExchange | None = None
        self.writer: NativeWriter | None = None
        self.busy = False
        self.lingering = False
        self.since = server.now
        self._in_body = False
        self._queue: deque[Queued] | None = None
        self._queued = 0
        self._refusal: bytes | None = None
        self._tail: bytes | None = None
        self._paused_at: int | None = None
        self._pausing = False
        self._held_for: str | None = None

    # The transport's side

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("asyncio.Transport", transport)
        if not self.server.admit(self):
            self.lingering = True
            self.transport.write(UNAVAILABLE.wire(b"too many connections\n").replace(b"\r\n", b"\r\n" + CLOSE, 1))
            self.transport.close()

    def connection_lost(self, exc: Exception | None) -> None:
        self.server.forget(self)
        self._tail = None
        self._drop_reader()
        writer, self.writer = self.writer, None
        if writer is not None:
            writer.lost()
        waiting, self._queue = self._queue, None
        current, self.current = self.current, None
        self._release_address()
        if current is not None:
            current.left()
        for queued in waiting or ():
            queued.exchange.left()

    def data_received(self, data: bytes) -> None:
        if self.lingering:
            return
        if self._tail is not None:
            self._keep_tail(data)
            return
        server = self.server
        reader = self.reader
        end, wire = 0, b""
        if reader is None:
            end = data.find(HEAD_END) + len(HEAD_END)
            wire = data[:end]
            head = server.heads.find(wire)
            if head is not None and len(data) == end + head.body:
                exchange = NativeExchange(self, head.method, head.target, head.args, head.headers, data[end:], PLAIN)
                self.arrived(exchange, head.endpoint)
                return
            reader = server.spare
            reader.head = 0
        reader.connection = self
        reader.size = len(data)
        try:
            reader.parser.feed_data(data)
        except HttpParserUpgrade as upgrade:
            self.reader = None
            server.discard(reader)
            self._upgraded(data[upgrade.args[0] :])
            return
        except HttpParserError as error:
            self._unreadable(reader, error, data)
            return
        if reader.begun:
            self._in_part(reader, data)
        elif reader.spent or self.reader is not None:
            self._give_back(reader)
        else:
            reader.connection = None
            if server.heads.comes_again(wire):
                whole = reader.whole(data, end)
                if whole is not None:
                    server.heads.remember(wire, whole)

    def pause_writing(self) -> None:
        if self.writer is not None:
            self.writer.pause_writing()
            return
        # The peer does not read its answers: it gets no more of them.
        self._paused_at = self.transport.get_write_buffer_size()
        self.since = self.server.now
        self._pause_reading()

    def resume_writing(self) -> None:
        if self.writer is not None:
            self.writer.resume_writing()
        elif self._paused_at is not None:
            self._paused_at = None
            self._resume_reading()
            if self._queue:
                self.server.clock.call_soon(self._next)

    # The reader's side

    def arrived(self, exchange: NativeExchange, endpoint: Endpoint) -> None:
        """A whole request: its turn is now, or when those before it have their answers."""
        if self.current is not None or self._queue or self._paused_at is not None:
            self.enqueue(exchange, endpoint)
            return
        self._begin(exchange, endpoint)

    def go_on(self) -> None:
        """The client waits for leave to send its body."""
        if self.current is None and not self._queue:
            self.transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")

    def enqueue(self, exchange: NativeExchange, endpoint: Endpoint) -> None:
        """A whole request whose turn comes later: the parser has to stand behind an upgrade before anybody answers it."""
        if self._queue is None:
            self._queue = deque()
        size = 512 + len(exchange.target) + len(exchange.body)
        size += sum(len(name) + len(value) + HEADER_COST for name, value in exchange.headers)
        self._queue.append(Queued(exchange, endpoint, self.server.routes, size))
        self._queued += size
        self.busy = True
        if self._queued > QUEUED:
            self._pause_reading()

    def _in_part(self, reader: Reader, wire: bytes) -> None:
        if self.reader is None:
            self.reader = reader
            self.server.lend(reader)
            self.since = self.server.now
            self._in_body = False
        if reader.in_body and not self._in_body:
            self._in_body = True
            self.since = self.server.now
        try:
            reader.part_arrived(wire)
        except Refused:
            self._refuse(reader.refusal or b"")

    def _drop_reader(self) -> None:
        """What has arrived in part is of no use any more: a body may be large, and is not to wait for the garbage collector."""
        reader, self.reader = self.reader, None
        if reader is not None:
            reader.close()

    def _give_back(self, reader: Reader) -> None:
        self.reader = None
        reader.connection = None
        if reader.spent:
            self.server.discard(reader)
        else:
            self.server.take_back(reader)

    def _unreadable(self, reader: Reader, error: HttpParserError, wire: bytes) -> None:
        self.reader = None
        self.server.discard(reader)
        if isinstance(error, HttpParserInvalidURLError) and reader.head == 0:
            # curl sends a path as it was typed, é and all; there is only one way to read it.
            request_line, end, rest = wire.partition(b"\n")
            if end and not request_line.isascii():
                self.data_received(encoded(request_line) + end + rest)
                return
        if reader.refusal is not None:
            self._refuse(reader.refusal)
        elif reader.spent:
            # Bytes after a request that was to be the last: nobody reads them.
            self.lingering = True
        elif isinstance(error, HttpParserInvalidMethodError):
            self.server.counters.refuse("bad_request", "unknown method")
            self._refuse(line(501, "unknown method", CLOSE))
        elif isinstance(error, HttpParserCallbackError):
            logger.error("a request could not be taken", exc_info=error.__context__ or error)
            self._refuse(line(500, "internal error", CLOSE))
        else:
            self.server.counters.refuse("bad_request", str(error))
            self._refuse(line(400, f"bad request: {error}", CLOSE))

    def _begin(self, exchange: NativeExchange, endpoint: Endpoint) -> None:
        """Its turn is now."""
        if self.server.closing:
            exchange.keep = False
        self.current = exchange
        self.server.run(endpoint, exchange)

    # Upgrades

    def _upgraded(self, tail: bytes) -> None:
        """The parser stopped behind an upgrade request; ``tail`` is in whatever protocol comes of it."""
        last = self._queue[-1].exchange if self._queue else None
        if last is None or not last.upgrade:
            # Not an upgrade that anybody here takes: what follows is HTTP.
            self._tail = tail
            self.server.clock.call_soon(self._feed_back)
            return
        self._tail = b""
        self._keep_tail(tail)
        if self.current is None:
            self._next()

    def _keep_tail(self, data: bytes) -> None:
        self._tail = (self._tail or b"") + data
        if len(self._tail) > QUEUED:
            self._pause_reading()

    def _feed_back(self) -> None:
        tail, self._tail = self._tail, None
        self.busy = bool(self._queue) or self._refusal is not None
        if tail is not None and not self.transport.is_closing():
            self._resume_reading()
            self.data_received(tail)

    def detach(self, held: bool) -> tuple[asyncio.Transport, bytes]:
        """HTTP is over on this connection; see `NativeExchange.detach`."""
        if held and self._held_for is not None:
            self.server.hold_on(self.transport, self._held_for)
            self._held_for = None
        tail, self._tail = self._tail or b"", None
        self.current = None
        self.lingering = True
        self._release_address()
        self.server.forget(self)
        self._resume_reading()
        return self.transport, tail

    # Answers

    def finish(self, exchange: NativeExchange) -> None:
        """The current exchange has its answer, and that has consequences."""
        self.since = self.server.now
        self._release_address()
        self.busy = bool(self._queue) or self._refusal is not None or self._tail is not None
        if not exchange.keep or self.server.closing:
            self.lingering = True
            self.transport.close()
        elif self._queue:
            # Not at once: a client that pipelines without end must not keep the loop to itself.
            self.server.clock.call_soon(self._next)
        elif self._tail is not None:
            # The upgrade was answered as plain HTTP, and so is what follows it.
            self.server.clock.call_soon(self._feed_back)
        elif self._refusal is not None:
            self._linger(self._refusal)

    def _next(self) -> None:
        if self.current is not None or not self._queue or self._paused_at is not None or self.transport.is_closing():
            return
        exchange, endpoint, routes, size = self._queue.popleft()
        self._queued -= size
        if routes is not self.server.routes:
            # The table was replaced while it waited: its location may be gone.
            match = self.server.routes.find(exchange.target)
            endpoint, exchange.args = match.endpoint, match.args
        self.busy = bool(self._queue) or self._refusal is not None or self._tail is not None
        if self._queued <= QUEUED and self._tail is None:
            self._resume_reading()
        self._begin(exchange, endpoint)

    def _refuse(self, wire: bytes) -> None:
        """Answer what cannot be read, after what was read before it has its answer; then the connection ends."""
        self._drop_reader()
        if self.current is not None or self._queue:
            self._refusal = wire
            self.busy = True
            self.lingering = True
        else:
            self._linger(wire)

    def _linger(self, wire: bytes) -> None:
        self.lingering = True
        self.transport.write(wire)
        if self.transport.can_write_eof():
            self.transport.write_eof()
        self.server.wheel.after(LINGER, self.transport.abort)

    # Time and bounds

    def check(self, now: float) -> None:
        """Called about once a second: has something taken too long?"""
        limits = self.server.limits
        waited = now - self.since
        if self._paused_at is not None:
            size = self.transport.get_write_buffer_size()
            if size < self._paused_at:
                self._paused_at = size
                self.since = now
            elif waited > limits.body_timeout:
                self.server.counters.refuse("slow", "a client does not read its answer")
                self.transport.abort()
        elif self.reader is not None:
            if not self._pausing and waited > (limits.body_timeout if self._in_body else limits.header_timeout):
                what = "body" if self._in_body else "head"
                self.server.counters.refuse(f"{what}_timeout", f"the {what} of a request took too long")
                self._refuse(line(408, f"the {what} of the request took too long", CLOSE))
        elif self.lingering and self.current is None:
            # It was closed; what is left to send does not get away.
            if waited > limits.body_timeout:
                self.transport.abort()
        elif self.current is None and waited > limits.idle_timeout:
            self.server.counters.add("idle_timeout")
            self.lingering = True
            self.transport.close()

    def end_when_idle(self) -> None:
        """The server stops: the answer under way is the last."""
        if self.current is not None:
            self.current.keep = False
        elif self.reader is None and not self._queue:
            self.lingering = True
            self.transport.close()

    def may_hold(self, address: str) -> bool:
        """Count a held request, a stream or a WebSocket for its address; False when there are too many."""
        if self._held_for is None and self.server.hold_for(address):
            self._held_for = address
            self.busy = True
        return self._held_for is not None

    def _release_address(self) -> None:
        if self._held_for is not None:
            self.server.release_address(self._held_for)
            self._held_for = None

    def client(self, header: Callable[[bytes], bytes | None]) -> tuple[str, bool]:
        """Address and TLS of the client, see `hbpush.web.proxies`."""
        peer = self.transport.get_extra_info("peername")
        secure = self.transport.get_extra_info("ssl_object") is not None
        return self.server.proxies.client(peer[0] if peer else "", secure, header)

    def _pause_reading(self) -> None:
        if not self.transport.is_closing():
            self._pausing = True
            self.transport.pause_reading()

    def _resume_reading(self) -> None:
        if self._pausing and self._paused_at is None and not self.transport.is_closing():
            self._pausing = False
            # Nobody could send while nothing was read.
            self.since = self.server.now
            self.transport.resume_reading()
