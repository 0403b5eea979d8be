"""Answers that pages of other origins may read (the Fetch standard's CORS protocol).

A location that is asked for it puts `guarded` around its endpoints; one that is not pays nothing.
"""

from __future__ import annotations

import re
from collections.abc import Awaitable
from typing import Annotated

import msgspec

from hbpush.errors import ConfigError
from hbpush.web.exchange import Endpoint, Exchange, HeaderLines

AllowOrigin = Annotated[
    str | tuple[str, ...],
    msgspec.Meta(
        description="origins whose pages may use this location: empty for none, '*' for any, one such as https://example.com, or a list"
    ),
]
AllowCredentials = Annotated[bool, msgspec.Meta(description="whether those pages may send cookies and credentials")]

ANY = "*"
MAX_AGE = 86400
"""Seconds for which a browser may remember the answer to a preflight."""

_ORIGIN = re.compile(r"null|[a-z][a-z0-9+.-]*://(?:[a-z0-9._-]+|\[[0-9a-f:.]+\])(?::[0-9]{1,5})?")


def check(allow_origin: AllowOrigin, allow_credentials: bool) -> None:
    """Raise ConfigError, its path ``allow_origin`` or ``allow_credentials``, for what no browser would take."""
    origins = listed(allow_origin)
    for index, origin in enumerate(origins):
        place = "allow_origin" if isinstance(allow_origin, str) else f"allow_origin[{index}]"
        if origin == ANY:
            if len(origins) > 1:
                raise ConfigError("is '*', which stands alone or not at all", place)
        elif not _ORIGIN.fullmatch(origin):
            raise ConfigError(f"is {origin!r}; must be '*' or an origin such as https://example.com, in lower case, without a path", place)
    if allow_credentials and ANY in origins:
        raise ConfigError("is true while allow_origin is '*'; name the origins", "allow_credentials")


def guarded(
    endpoint: Endpoint,
    allow_origin: AllowOrigin,
    allow_credentials: bool,
    methods: bytes,
    request_headers: bytes,
    exposed: bytes,
) -> Endpoint:
    """An endpoint whose every answer has the lines of CORS when the request's origin is allowed; the endpoint itself without origins.

    ``methods`` and ``request_headers`` are what a preflight allows, ``exposed`` the response headers that a page may read.
    OPTIONS is left to the endpoint to answer with 200.
    """
    origins = listed(allow_origin)
    if not origins:
        return endpoint
    return _Guard(endpoint, origins, allow_credentials, methods, request_headers, exposed)


def listed(allow_origin: AllowOrigin) -> tuple[str, ...]:
    """The origins that are allowed: none, `ANY` alone, or some."""
    if isinstance(allow_origin, str):
        return (allow_origin,) if allow_origin else ()
    return allow_origin


class _Guard:
    """The endpoint in front of the endpoint."""

    def __init__(
        self,
        endpoint: Endpoint,
        origins: tuple[str, ...],
        credentials: bool,
        methods: bytes,
        request_headers: bytes,
        exposed: bytes,
    ) -> None:
        self._endpoint = endpoint
        common = b"Access-Control-Allow-Credentials: true\r\n" if credentials else b""
        common += b"Access-Control-Expose-Headers: %b\r\n" % exposed
        self._any = ANY in origins
        self._lines: dict[bytes, HeaderLines] = {
            origin.encode(): b"Access-Control-Allow-Origin: %b\r\n%b" % (origin.encode(), common) for origin in origins
        }
        # What is said depends on the origin, also to those who send none: a cache between has to know.
        self._vary: HeaderLines = b"" if self._any else b"Vary: Origin\r\n"
        self._preflight: HeaderLines = (
            b"Access-Control-Allow-Methods: %b\r\nAccess-Control-Allow-Headers: %b\r\nAccess-Control-Max-Age: %d\r\n"
        ) % (methods, request_headers, MAX_AGE)

    def __call__(self, exchange: Exchange) -> Awaitable[object] | None:
        origin = exchange.header(b"origin")
        lines = self._vary
        if origin is not None:
            allowed = self._lines.get(b"*" if self._any else origin)
            if allowed is not None:
                lines += allowed
                if exchange.method == b"OPTIONS":
                    lines += self._preflight
        if lines:
            exchange.extra += lines
        return self._endpoint(exchange)
