"""Our endpoints inside somebody's own ``tornado.web.Application``, on a stock ``HTTPServer``.

`urls` makes rules that stand in the Application's list of handlers beside the user's own. They work below ``RequestHandler``: paths
are matched as raw bytes, bodies of any content type arrive as they came, every method reaches the endpoint, and no content Etag is
added (relay specification 7.5). What Tornado's parser refuses, it refuses in its own words.

The time-outs of a head are those of the HTTPServer (``idle_connection_timeout``); all other bounds are the `Limits` given to `urls`.
"""

from __future__ import annotations

from asyncio import Future
from collections.abc import Awaitable, Callable, Iterable, Sequence
from contextlib import suppress
from typing import Any, cast
from urllib.parse import urlsplit

from tornado.http1connection import HTTP1Connection
from tornado.httputil import (
    HTTPHeaders,
    HTTPInputError,
    HTTPMessageDelegate,
    HTTPServerRequest,
    RequestStartLine,
    ResponseStartLine,
    parse_body_arguments,
)
from tornado.routing import Matcher, Router, Rule, URLSpec
from tornado.web import RequestHandler

from hbpush.core.clock import Clock
from hbpush.core.counters import Counters
from hbpush.errors import ProtocolError
from hbpush.web.answers import line
from hbpush.web.exchange import Exchange
from hbpush.web.limits import Limits
from hbpush.web.proxies import TrustedProxies
from hbpush.web.routes import Match, Route, Routes
from hbpush.web.tornado_exchange import Host, TornadoExchange, unpack

LINGER = 2.0
"""Seconds in which the rest of a body that is too large is read and dropped, so that the client sees the answer."""

ALL_OF_IT = 1 << 62
"""A body bound for Tornado that never bites: ours answers 413, where Tornado's would be a bare 400."""


LENGTH_DIGITS = 18
"""A Content-Length with more digits is refused by Tornado."""


class EndpointRule(Rule):
    """Routes of ours as one rule of an Application. ``routes`` may be a callable for a table that is not known yet, or changes."""

    def __init__(self, routes: Sequence[Route] | Callable[[], Sequence[Route]], host: Host) -> None:
        self._source = routes
        self._table = Routes((), _unclaimed)
        super().__init__(_Paths(self), _Target(host))

    @property
    def routes(self) -> tuple[Route, ...]:
        """The routes as they are now."""
        return tuple(self._source() if callable(self._source) else self._source)

    def find(self, request: HTTPServerRequest) -> Match | None:
        """The match for a request, None if it is not ours."""
        routes = self.routes
        if self._table.routes != routes:
            self._table = Routes(routes, _unclaimed)
        match = self._table.find(target_of(request))
        return None if match.endpoint is _unclaimed else match


class EndpointSpec(URLSpec):
    """A handler of Tornado that has endpoints which do the same: the native front takes those in its place (`hbpush.web.bridge`)."""

    def __init__(self, pattern: str, handler: type[RequestHandler], routes: Sequence[Route]) -> None:
        super().__init__(pattern, handler)
        self.routes = tuple(routes)


def urls(
    routes: Sequence[Route] | Callable[[], Sequence[Route]],
    limits: Limits | None = None,
    proxies: TrustedProxies | None = None,
    clock: Clock | None = None,
    counters: Counters | None = None,
) -> list[Rule]:
    """Rules for the handlers of an Application: ``Application([*urls(routes), (r"/", MyPage)])``.

    Only paths that a route claims are taken; all others go on to the rules that follow. Without ``proxies``, client addresses are those
    that Tornado tells (``xheaders``).
    """
    return [EndpointRule(routes, Host(limits or Limits(), proxies or TrustedProxies(), clock, counters))]


def target_of(request: HTTPServerRequest) -> bytes:
    """The request target as raw bytes in origin form."""
    target = (request.uri or "/").encode("latin-1")
    if target.lower().startswith((b"http://", b"https://")):
        try:
            parts = urlsplit(target)
        except ValueError:
            return target
        return (parts.path or b"/") + (b"?" + parts.query if parts.query else b"")
    return target


def request_of(exchange: Exchange) -> HTTPServerRequest:
    """A request in Tornado's words, for code of a user that is to look at it; it has no connection, and answers nothing.

    Raises ProtocolError for one that Tornado refuses.
    """
    request = request_from(exchange.method, exchange.target, exchange.headers, exchange.body, exchange.http11)
    request.remote_ip = exchange.remote_ip
    request.protocol = "https" if exchange.secure else "http"
    return request


def request_from(
    method: bytes, target: bytes, lines: Iterable[tuple[bytes, bytes]], body: bytes = b"", http11: bool = True
) -> HTTPServerRequest:
    """The same for a request of which not more is left; ``lines`` are its headers. Who sent it is not said yet.

    A host that Tornado takes for none is left out: the client has found its way here, and who looks at its request may want other things.
    """
    version = "HTTP/1.1" if http11 else "HTTP/1.0"
    try:
        headers = HTTPHeaders()
        for raw_name, raw_value in lines:
            headers.add(raw_name.decode("latin-1"), raw_value.decode("latin-1"))
        try:
            request = HTTPServerRequest(headers=headers, start_line=_start_line(method, target, version), body=body)
        except HTTPInputError:
            headers.pop("Host", None)
            # Of the two versions, the one that may do without.
            request = HTTPServerRequest(headers=headers, start_line=_start_line(method, target, "HTTP/1.0"), body=body)
            request.version = version
    except HTTPInputError as error:
        raise ProtocolError(f"bad request: {error}") from error
    with suppress(HTTPInputError):
        # What is no form has no arguments.
        parse_body_arguments(headers.get("Content-Type", ""), body, request.body_arguments, request.files, headers)
        for name, values in request.body_arguments.items():
            request.arguments.setdefault(name, []).extend(values)
    return request


def _start_line(method: bytes, target: bytes, version: str) -> RequestStartLine:
    return RequestStartLine(method.decode("latin-1"), target.decode("latin-1"), version)


def _unclaimed(exchange: Exchange) -> None:
    """Stands in the table for: not ours."""


class _Paths(Matcher):
    def __init__(self, rule: EndpointRule) -> None:
        self._rule = rule

    def match(self, request: HTTPServerRequest) -> dict[str, Any] | None:
        match = self._rule.find(request)
        return None if match is None else {"match": match}


class _Target(Router):
    def __init__(self, host: Host) -> None:
        self._host = host

    def find_handler(self, request: HTTPServerRequest, **kwargs: Any) -> HTTPMessageDelegate:
        return _Delegate(self._host, request, kwargs["match"])


class _Delegate(HTTPMessageDelegate):
    """Takes one request whole, then has it answered."""

    def __init__(self, host: Host, request: HTTPServerRequest, match: Match) -> None:
        self._host = host
        self._request = request
        self._connection = cast("HTTP1Connection", request.connection)
        self._match = match
        self._max_body = host.limits.max_body if match.max_body is None else match.max_body
        self._pieces = bytearray()
        self._refused = False
        self._sent: Future[None] | None = None

    def headers_received(self, start_line: RequestStartLine | ResponseStartLine, headers: HTTPHeaders) -> Awaitable[None] | None:
        self._connection.set_max_body_size(ALL_OF_IT)
        self._connection.set_body_timeout(self._host.limits.body_timeout)
        target = target_of(self._request)
        length = headers.get("Content-Length", "0")
        if b"#" in target or not target.startswith(b"/"):
            self._refuse("bad_request", 400, "the request target is not a path")
        elif "Expect" in headers and headers["Expect"].strip().lower() != "100-continue":
            self._refuse("bad_request", 417, "the only expectation that is met is 100-continue")
        elif length.isascii() and length.isdigit() and len(length) <= LENGTH_DIGITS and int(length) > self._max_body:
            self._too_large()
        if self._refused and "Expect" in headers:
            # The body was not sent yet; and Tornado would still say 100 Continue.
            self._connection.finish()
        return None

    def data_received(self, chunk: bytes) -> Awaitable[None] | None:
        if self._refused:
            return None
        self._pieces += chunk
        if len(self._pieces) > self._max_body:
            self._too_large()
        return None

    def finish(self) -> None:
        if self._refused:
            # Tornado would keep the connection now that all of the body is read.
            self._connection.finish()
            if self._sent is not None:
                self._sent.add_done_callback(lambda _: self._connection.close())
            return
        body, self._pieces = bytes(self._pieces), bytearray()
        native = getattr(self._connection, "give_back", None)
        if native is not None:
            # Below is the native front, by way of the bridge: its own exchange is the better one.
            exchange = native()
            exchange.args = self._match.args
            self._host.run(self._match.endpoint, exchange)
            return
        own = TornadoExchange(self._host, self._connection, self._request, self._match.args, target_of(self._request), body)
        self._host.run(self._match.endpoint, own)
        own.check_peer()

    def on_connection_close(self) -> None:
        self._pieces = bytearray()

    def _too_large(self) -> None:
        self._refuse("body_too_large", 413, f"the body has more than {self._max_body} bytes")

    def _refuse(self, kind: str, status: int, text: str) -> None:
        """Answer now, and go on reading for a while: a client that is cut while it sends would not see the answer."""
        self._refused = True
        self._pieces = bytearray()
        self._host.counters.refuse(kind, text)
        start_line, headers, body = unpack(line(status, text, b"Connection: close\r\n"))
        self._sent = self._connection.write_headers(start_line, headers, body if self._request.method != "HEAD" else None)
        self._host.wheel.after(LINGER, self._connection.close)
