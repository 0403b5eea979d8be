"""One request on a stock Tornado server, see `hbpush.web.tornado_host`.

Tornado keeps its own books on length, framing, HEAD and keep-alive, so ready responses are unpacked for it.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence
from functools import cached_property, partial
from typing import Any, Final

from tornado.http1connection import HTTP1Connection
from tornado.httputil import HTTPHeaders, HTTPInputError, HTTPServerRequest, ResponseStartLine
from tornado.iostream import StreamClosedError

from hbpush.core.clock import Clock, LoopClock, TimerWheel
from hbpush.core.counters import Counters
from hbpush.web.answers import REASONS, UNAVAILABLE, stamp
from hbpush.web.exchange import BEHIND, Exchange, HeaderLines, WebSocketListener, Writer
from hbpush.web.hosting import Hosting
from hbpush.web.limits import Limits
from hbpush.web.outflow import THROUGH
from hbpush.web.proxies import TrustedProxies
from hbpush.web.websocket import upgrade
from hbpush.web.websocket_transport import StreamTransport, Transport

logger = logging.getLogger("hbpush.web")

NO_HEADERS: Final[HTTPHeaders] = HTTPHeaders()


class Host(Hosting):
    """What the exchanges of one set of rules share.

    The clock is the running loop's unless another is given; a counter that is not given is an own one.
    """

    def __init__(self, limits: Limits, proxies: TrustedProxies, clock: Clock | None = None, counters: Counters | None = None) -> None:
        super().__init__()
        self._limits = limits
        self.proxies = proxies
        self._given_clock = clock
        self._given_counters = counters

    @property
    def limits(self) -> Limits:
        return self._limits

    # Rules may be made before there is a loop, so what needs one waits for the first request.

    @cached_property
    def clock(self) -> Clock:
        return self._given_clock or LoopClock(asyncio.get_running_loop())

    @cached_property
    def wheel(self) -> TimerWheel:
        return TimerWheel(self.clock)

    @cached_property
    def counters(self) -> Counters:
        return self._given_counters or Counters(self.clock)

    def adopt(self, transport: Transport) -> None:
        """A connection is a WebSocket now. Ending it is the business of whoever owns the HTTPServer, as with Tornado's own."""


class TornadoExchange(Exchange):
    """The connection is there until the answer; then everything is a no-op."""

    __slots__ = (
        "_address",
        "_connection",
        "_gone",
        "_headers",
        "_host",
        "_request",
        "_streaming",
        "args",
        "body",
        "extra",
        "keep",
        "method",
        "target",
    )

    def __init__(self, host: Host, connection: HTTP1Connection, request: HTTPServerRequest, args: Any, target: bytes, body: bytes) -> None:
        self._host = host
        self._connection: HTTP1Connection | None = connection
        self._request = request
        self._headers = request.headers
        self._gone: Callable[[], object] | None = None
        self._address: str | None = None
        self._streaming = False
        self.method = (request.method or "").encode("latin-1")
        self.target = target
        self.args = args
        self.body = body
        self.extra: HeaderLines = b""
        self.keep = True
        connection.set_close_callback(self.left)

    @property
    def upgrade(self) -> bool:
        headers = self._headers
        return (
            self.http11
            and self.method == b"GET"
            and "websocket" in _tokens(headers.get("Upgrade", ""))
            and "upgrade" in _tokens(headers.get("Connection", ""))
            and "Transfer-Encoding" not in headers
            and headers.get("Content-Length", "0") == "0"
        )

    @property
    def headers(self) -> Sequence[tuple[bytes, bytes]]:
        return tuple((name.encode("latin-1"), value.encode("latin-1")) for name, value in self._headers.get_all())

    @property
    def http11(self) -> bool:
        return self._request.version != "HTTP/1.0"

    def client(self) -> tuple[str, bool]:
        request = self._request
        return self._host.proxies.client(request.remote_ip or "", request.protocol == "https", self.header)

    def respond(self, wire: bytes) -> None:
        connection = self._unanswered()
        if connection is None:
            return
        try:
            start_line, headers, body = self._unpacked(wire)
        except (HTTPInputError, ValueError):
            # Whoever calls may be a flush for a thousand others, and the peer is not to wait for what cannot be said.
            logger.exception("an answer to %s %r cannot be written", self.method.decode("latin-1"), self.target.decode("latin-1"))
            self._release()
            connection.stream.close()
            return
        self._release()
        bodiless = self.method == b"HEAD" or start_line.code in (204, 304)
        self._write_head(connection, start_line, headers, None if bodiless else body)
        self._finish(connection)

    def hold(self, gone: Callable[[], object]) -> bool:
        connection = self._unanswered()
        if connection is None or not self._may_hold():
            return False
        self._gone = gone
        self._headers = NO_HEADERS
        self.body = b""
        return True

    def _may_hold(self) -> bool:
        """Whether the client may have one more; if not, it is told so."""
        if self._host.limits.max_held_per_address and self._address is None:
            address = self.remote_ip
            if not self._host.hold_for(address):
                self.respond(UNAVAILABLE.wire(b"too many held requests for this address\n"))
                return False
            self._address = address
        return True

    def cut(self) -> None:
        connection = self._unanswered()
        if connection is not None:
            self._release()
            connection.stream.close()

    def stream(
        self,
        status: int,
        headers: HeaderLines,
        gone: Callable[[], object],
        drained: Callable[[], object] | None = None,
        outbox: int = 1024 * 1024,
    ) -> Writer | None:
        head = b"HTTP/1.1 %d %b\r\n%b%b\r\n" % (status, REASONS[status], stamp.lines(), headers)
        if self.method == b"HEAD":
            self.respond(head)
            return None
        start_line, parsed, _ = self._unpacked(head)
        if not self.hold(gone):
            return None
        connection = self._connection
        assert connection is not None  # noqa: S101 - hold has just said so
        if not self.http11:
            self.keep = False
        self._streaming = True
        # The answer before this one has left the socket with Nagle's algorithm on.
        connection.stream.set_nodelay(True)
        self._write_head(connection, start_line, parsed, None)
        return TornadoWriter(self, connection, self._host.counters, drained, outbox)

    def websocket(
        self,
        listener: WebSocketListener,
        subprotocol: str | None = None,
        max_message: int = 1024 * 1024,
        outbox: int = 1024 * 1024,
        ping_interval: float = 25,
        ping_timeout: float = 20,
    ) -> None:
        if self._unanswered() is not None and self._may_hold():
            upgrade(self, self.detach, self._host, listener, subprotocol, max_message, outbox, ping_interval, ping_timeout)

    def detach(self) -> tuple[Transport, bytes] | None:
        """Take the connection from HTTP; what was read beyond this request stays in its stream. None when the peer has left.

        It goes on counting for its address, if it does, until `Host.release`.
        """
        connection = self._unanswered()
        if connection is None:
            return None
        address, self._address = self._address, None
        self._release()
        transport = StreamTransport(connection.detach())
        if address is not None:
            self._host.hold_on(transport, address)
        return transport, b""

    def left(self) -> None:
        """The peer is gone."""
        gone = self._gone
        if self._release() is not None and gone is not None:
            gone()

    def check_peer(self) -> None:
        """Notice a peer that left while the endpoint ran: Tornado looks only later, and then tells nobody."""
        if self._connection is not None and self._connection.stream.closed():
            asyncio.get_running_loop().call_soon(self.left)

    def end_stream(self) -> None:
        """The last bytes of a stream are written."""
        connection = self._release()
        if connection is not None:
            self._finish(connection)

    def _unanswered(self) -> HTTP1Connection | None:
        connection = self._connection
        return None if connection is None or self._streaming or connection.stream.closed() else connection

    def _release(self) -> HTTP1Connection | None:
        connection, self._connection = self._connection, None
        self._gone = None
        if self._address is not None:
            self._host.release_address(self._address)
            self._address = None
        return connection

    def _unpacked(self, wire: bytes) -> tuple[ResponseStartLine, HTTPHeaders, bytes]:
        """A ready response and ``extra``. Raises HTTPInputError or ValueError for lines that Tornado refuses to write."""
        start_line, headers, body = unpack(wire)
        for name, value in _parse(self.extra):
            headers.add(name, value)
        return start_line, headers, body

    def _write_head(self, connection: HTTP1Connection, start_line: ResponseStartLine, headers: HTTPHeaders, body: bytes | None) -> None:
        if not self.keep:
            # Tornado promises an HTTP/1.0 client what its request asks for.
            self._request.headers.pop("Connection", None)
            headers["Connection"] = "close"
        connection.write_headers(start_line, headers, body)

    def _finish(self, connection: HTTP1Connection) -> None:
        stream = connection.stream
        if stream.closed():
            return
        sent = None if self.keep else stream.write(b"")
        connection.finish()
        if sent is not None:
            sent.add_done_callback(lambda _: connection.close())


class TornadoWriter:
    """The body of a streamed answer. The chunks are the Format's; Tornado adds the last one."""

    __slots__ = ("_connection", "_counters", "_drained", "_exchange", "_fed", "_outbox", "_waiting", "chunked")

    descriptor = THROUGH

    def __init__(
        self,
        exchange: TornadoExchange,
        connection: HTTP1Connection,
        counters: Counters,
        drained: Callable[[], object] | None,
        outbox: int,
    ) -> None:
        self._exchange = exchange
        self._counters = counters
        self._connection: HTTP1Connection | None = connection
        self._drained = drained
        self._outbox = outbox
        self._waiting = 0
        self._fed = 0
        self.chunked = exchange.http11

    def write(self, wire: bytes) -> None:
        connection = self._connection
        if connection is None:
            return
        if not self.has_room() and self._waiting + len(wire) > self._outbox:
            self.cut(BEHIND)
            return
        self._send(connection, wire)

    def cut(self, why: str) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            self._counters.refuse("slow", why)
            connection.stream.close()

    def _send(self, connection: HTTP1Connection, wire: bytes) -> None:
        try:
            sent = connection.stream.write(wire)
        except StreamClosedError:
            # ``gone`` is on its way.
            self._connection = None
            return
        if not sent.done():
            self._waiting += len(wire)
            self._fed += len(wire)
            sent.add_done_callback(partial(self._sent, len(wire)))

    def has_room(self) -> bool:
        return self._waiting <= self._outbox // 2

    @property
    def paused(self) -> bool:
        return self._waiting > 0

    @property
    def waiting(self) -> int:
        return self._waiting

    @property
    def taken(self) -> int:
        return self._fed - self._waiting

    def end(self, wire: bytes = b"") -> None:
        if wire and self._connection is not None:
            # The last words go out, whatever waits.
            self._send(self._connection, wire)
        if self._connection is not None:
            self._connection = None
            self._exchange.end_stream()

    def _sent(self, size: int, _: asyncio.Future[None]) -> None:
        self._waiting -= size
        if not self._waiting and self._drained is not None and self._connection is not None:
            self._drained()


def unpack(wire: bytes) -> tuple[ResponseStartLine, HTTPHeaders, bytes]:
    """A ready response as what Tornado writes: start line, headers, body."""
    head, _, body = wire.partition(b"\r\n\r\n")
    status, _, lines = head.partition(b"\r\n")
    version, code, reason = status.decode("latin-1").split(" ", 2)
    headers = HTTPHeaders()
    for name, value in _parse(lines):
        headers.add(name, value)
    return ResponseStartLine(version, int(code), reason), headers, body


def _parse(lines: HeaderLines) -> list[tuple[str, str]]:
    pairs = (line.decode("latin-1").partition(":") for line in lines.split(b"\r\n") if line)
    return [(name, value.strip()) for name, _, value in pairs]


def _tokens(value: str) -> list[str]:
    return [token.strip().lower() for token in value.split(",")]
