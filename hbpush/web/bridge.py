"""An unmodified ``tornado.web.Application`` behind the native front: what no route claims can be its.

`TornadoEndpoint` is the endpoint that does it; `native_routes` finds our own endpoints among an Application's handlers, so that the native
front serves those itself. Tornado's seams carry it: ``HTTPServerConnectionDelegate``, ``HTTPMessageDelegate``, ``HTTPConnection``.
"""

from __future__ import annotations

import logging
import re
import socket
from asyncio import Future
from collections.abc import Awaitable, Callable
from functools import partial

from tornado.httputil import (
    HTTPConnection,
    HTTPHeaders,
    HTTPInputError,
    HTTPMessageDelegate,
    HTTPOutputError,
    RequestStartLine,
    ResponseStartLine,
)
from tornado.iostream import BaseIOStream, StreamClosedError
from tornado.routing import AnyMatches, HostMatches, PathMatches, Rule, RuleRouter
from tornado.web import Application

from hbpush.errors import ProtocolError
from hbpush.web.detached import TransportStream
from hbpush.web.exchange import Endpoint, Exchange
from hbpush.web.native.exchange import NativeExchange, NativeWriter
from hbpush.web.routes import Pattern, Route
from hbpush.web.tornado_host import EndpointRule, EndpointSpec

logger = logging.getLogger("hbpush.web")

FLOW = 64 * 1024
"""Waiting bytes of an answer from which the futures of writes wait too."""

OUTBOX = 100 * 1024 * 1024
"""Waiting bytes of an answer at which a reader is cut that the Application does not wait for: as much as Tornado buffers by default."""

PIECE = 64 * 1024
"""Handlers that stream a request body get it in pieces of this size."""

EVERY_HOST = frozenset((".*$", ".*", "^.*$", ".+$"))

LINE_END = re.compile(r"[\r\n]")


class TornadoEndpoint:
    """The endpoint that lets an Application answer. Native host only."""

    def __init__(self, application: Application) -> None:
        self.application = application

    def __call__(self, exchange: Exchange) -> Awaitable[object] | None:
        if not isinstance(exchange, NativeExchange):
            raise TypeError("an Application is bridged to the native host only; on Tornado's own server it needs no bridge")
        connection = BridgeConnection(exchange)
        headers = HTTPHeaders()
        version = "HTTP/1.1" if exchange.http11 else "HTTP/1.0"
        start_line = RequestStartLine(exchange.method.decode("latin-1"), exchange.target.decode("latin-1"), version)
        try:
            for name, value in exchange.headers:
                headers.add(name.decode("latin-1"), value.decode("latin-1"))
            delegate = self.application.start_request(connection, connection)
            ready = delegate.headers_received(start_line, headers)
        except HTTPInputError as error:
            raise ProtocolError(f"bad request: {error}") from error
        if ready is not None:
            return _streamed(connection, delegate, ready, exchange.body)
        if exchange.body:
            delegate.data_received(exchange.body)
        delegate.finish()
        return None


async def _streamed(connection: BridgeConnection, delegate: HTTPMessageDelegate, ready: Awaitable[None], body: bytes) -> None:
    """Give a body to a handler that takes it piece by piece (``stream_request_body``)."""
    try:
        await _fed(connection, delegate, ready, body)
    except Exception:
        if not connection.begun:
            raise
        # Half an answer is out: nothing that follows could tell the client.
        logger.exception("a handler failed while it took its request body")
        connection.close()


async def _fed(connection: BridgeConnection, delegate: HTTPMessageDelegate, ready: Awaitable[None], body: bytes) -> None:
    await ready
    for start in range(0, len(body), PIECE):
        if connection.over:
            break
        taken = delegate.data_received(body[start : start + PIECE])
        if taken is not None:
            await taken
    if not connection.over:
        delegate.finish()


class Context:
    """Who sent a request, in the words of Tornado."""

    def __init__(self, exchange: NativeExchange) -> None:
        self.remote_ip = exchange.remote_ip
        self.protocol = "https" if exchange.secure else "http"
        self.address_family = socket.AF_INET6 if ":" in self.remote_ip else socket.AF_INET

    def __str__(self) -> str:
        return self.remote_ip


class BridgeConnection(HTTPConnection):
    """One request and its answer, as an Application sees its connection.

    The futures of writes are done when less than `FLOW` bytes wait for the peer. ``over`` is True once the Application has
    answered, or the peer has left.
    """

    def __init__(self, exchange: NativeExchange) -> None:
        self.context = Context(exchange)
        self.over = False
        self._exchange = exchange
        self._writer: NativeWriter | None = None
        self._chunked = False
        self._remaining: int | None = None
        self._switching = False
        self._on_close: Callable[[], object] | None = None
        self._waiting: list[Future[None]] = []
        exchange.attend(self._gone)

    @property
    def begun(self) -> bool:
        """Whether the head of the answer is written."""
        return self.over or self._writer is not None

    # What handlers and delegates call

    def set_close_callback(self, callback: Callable[[], object] | None) -> None:
        """Have something called if the peer leaves before the answer is finished."""
        self._on_close = callback

    def set_max_body_size(self, max_body_size: int) -> None:
        """The body is here already, within the bounds of the route and the server."""

    def set_body_timeout(self, timeout: float) -> None:
        """The body is here already."""

    def write_headers(
        self, start_line: RequestStartLine | ResponseStartLine, headers: HTTPHeaders, chunk: bytes | None = None
    ) -> Future[None]:
        """Send the head, and the first piece of the body. Raises ValueError for a header with a line end in it."""
        assert isinstance(start_line, ResponseStartLine)  # noqa: S101 - the other kind is a client's
        exchange = self._exchange
        head = self._head(start_line, headers)
        first = self._framed(chunk) if chunk else b""
        if not self.over:
            self._writer = exchange.begin(head + first, self._drained, OUTBOX)
        return self._flow()

    def write(self, chunk: bytes) -> Future[None]:
        """Send a piece of the body."""
        framed = self._framed(chunk)
        if self._writer is not None and framed:
            self._writer.write(framed)
        return self._flow()

    def finish(self) -> None:
        """The answer is complete. Raises HTTPOutputError when it is shorter than its Content-Length."""
        if self.over:
            return
        if self._switching:
            # What follows is another protocol: `detach` comes next.
            return
        if self._remaining:
            self.close()
            raise HTTPOutputError(f"Tried to write {self._remaining} bytes less than Content-Length")
        self.over = True
        writer, self._writer = self._writer, None
        if writer is not None:
            writer.end(b"0\r\n\r\n" if self._chunked else b"")
        # Nobody tells any more when there is room; what is written is out of the Application's hands.
        self._drained()

    def detach(self) -> BaseIOStream:
        """Take the connection from HTTP."""
        self.over = True
        self._on_close = None
        self._writer = None
        server, taken = self._exchange.server, self._exchange.detach()
        if server is None or taken is None:
            raise StreamClosedError
        transport, tail = taken
        server.adopt(transport)
        return TransportStream(transport, tail, partial(server.release, transport))

    def close(self) -> None:
        """Cut the connection."""
        self._on_close = None
        taken = self._exchange.detach()
        if taken is not None:
            taken[0].abort()
        self._gone()

    def give_back(self) -> NativeExchange:
        """The request, to be answered by an endpoint of ours that stands among the Application's handlers."""
        self.over = True
        self._on_close = None
        return self._exchange

    # The answer

    def _head(self, start_line: ResponseStartLine, headers: HTTPHeaders) -> bytes:
        exchange, code = self._exchange, start_line.code
        self._switching = code == 101
        bodiless = code in (204, 304) or 100 <= code < 200
        sized = "Content-Length" in headers
        self._chunked = exchange.http11 and exchange.method != b"HEAD" and not bodiless and not sized
        if self._chunked:
            headers["Transfer-Encoding"] = "chunked"
        if exchange.method == b"HEAD" or bodiless:
            self._remaining = 0
        else:
            self._remaining = int(headers["Content-Length"]) if sized else None
        if not self._switching:
            ends = not exchange.http11 and self._remaining is None
            if ends or "close" in headers.get("Connection", "").lower():
                exchange.keep = False
            if not exchange.keep:
                headers["Connection"] = "close"
            elif not exchange.http11:
                headers["Connection"] = "keep-alive"
        lines = [f"HTTP/1.1 {code} {start_line.reason}", *(f"{name}: {value}" for name, value in headers.get_all())]
        for line in lines:
            if LINE_END.search(line):
                raise ValueError(f"Illegal characters (CR or LF) in header: {line!r}")
        return "\r\n".join([*lines, "", ""]).encode("latin-1")

    def _framed(self, chunk: bytes) -> bytes:
        if self._exchange.method == b"HEAD":
            return b""
        if self._remaining is not None:
            if len(chunk) > self._remaining:
                self.close()
                raise HTTPOutputError("Tried to write more data than Content-Length")
            self._remaining -= len(chunk)
        return b"%x\r\n%b\r\n" % (len(chunk), chunk) if self._chunked and chunk else chunk

    def _flow(self) -> Future[None]:
        future: Future[None] = Future()
        if self.over or self._writer is None:
            future.set_exception(StreamClosedError())
            # Handlers need not look at it.
            future.exception()
        elif self._writer.waiting <= FLOW:
            future.set_result(None)
        else:
            self._waiting.append(future)
        return future

    def _drained(self) -> None:
        waiting, self._waiting = self._waiting, []
        for future in waiting:
            if not future.done():
                future.set_result(None)

    def _gone(self) -> None:
        self.over = True
        self._writer = None
        self._drained()
        callback, self._on_close = self._on_close, None
        if callback is not None:
            callback()


def native_routes(application: Application) -> tuple[list[Route], Endpoint]:
    """The routes of ours that stand among an Application's handlers, and the endpoint for all the rest.

    ``Routes(*native_routes(application))`` serves the same as the Application would: a handler of the user's that stands before an endpoint
    of ours keeps its precedence. Behind rules that go by more than the path, everything stays with the Application.
    """
    rest = TornadoEndpoint(application)
    routes: list[Route] = []
    _collect(application.default_router, rest, routes)
    while routes and routes[-1].endpoint is rest:
        del routes[-1]
    return routes, rest


def _collect(router: RuleRouter, rest: Endpoint, routes: list[Route]) -> bool:
    """Go through the rules in order. False when one is met beyond which precedence cannot be told by path."""
    for rule in router.rules:
        if isinstance(rule, EndpointRule | EndpointSpec):
            routes += rule.routes
        elif isinstance(rule.target, RuleRouter):
            if not _for_every_host(rule) or not _collect(rule.target, rest, routes):
                return False
        elif isinstance(rule.matcher, PathMatches):
            routes.append(Route(_Theirs(rule.matcher), rest, _nothing))
        else:
            return False
    return True


def _for_every_host(rule: Rule) -> bool:
    matcher = rule.matcher
    return isinstance(matcher, AnyMatches) or (isinstance(matcher, HostMatches) and matcher.host_pattern.pattern in EVERY_HOST)


def _nothing(_: bytes) -> None:
    return None


class _Theirs(Pattern):
    """The paths of a handler of the Application."""

    def __init__(self, matcher: PathMatches) -> None:
        self._regex = matcher.regex
        self.text = self._regex.pattern

    def match(self, path: bytes) -> bytes | None:
        return b"" if self._regex.match(path.decode("latin-1")) else None
