"""Which pages may use a server, what their browsers are told of it, and the cookie of balancers (SockJS specification 2)."""

from __future__ import annotations

import re
from email.utils import formatdate

from tornado.httputil import parse_cookie

from hbpush.errors import ConfigError
from hbpush.web import cors
from hbpush.web.exchange import Exchange, HeaderLines
from sethpusher.sockjs.settings import ANY, Settings

YEAR = 31536000
NO_CACHE: HeaderLines = b"Cache-Control: no-store, no-cache, no-transform, must-revalidate, max-age=0\r\n"
CREDENTIALS: HeaderLines = b"Access-Control-Allow-Credentials: true\r\n"
VARY: HeaderLines = b"Vary: Origin\r\n"
EVERYBODY: HeaderLines = b"Access-Control-Allow-Origin: *\r\n"

_NAMES = re.compile(rb"[A-Za-z0-9!#$%&'*+.^_`|~, -]+")
_COOKIE = re.compile(r"[\x21\x23-\x2b\x2d-\x3a\x3c-\x5b\x5d-\x7e]+")
_NO_NAME = "dummy"


def cached(now: float) -> HeaderLines:
    """What may be kept for a year, from a time in unix seconds on."""
    expires = formatdate(now + YEAR, usegmt=True).encode()
    return b"Cache-Control: public, max-age=%d\r\nExpires: %b\r\n" % (YEAR, expires)


class Access:
    """A policy. Raises ConfigError, its path the setting, for origins that no browser sends."""

    def __init__(self, settings: Settings) -> None:
        self._allowed = _origins(settings.allowed_origins, "allowed_origins")
        self._sockets = _origins(settings.websocket_origins, "websocket_allow_origin")
        self._cookie = settings.jsessionid

    def admits(self, exchange: Exchange) -> bool:
        """Whether a page may ask; the answer then says so to its browser. One that tells no origin may."""
        origin = exchange.header(b"origin")
        lines = VARY
        admitted = True
        if origin is None:
            if self._allowed is None:
                lines += EVERYBODY
        elif self._allowed is None or origin in self._allowed:
            lines += b"Access-Control-Allow-Origin: %b\r\n%b" % (origin, CREDENTIALS)
        else:
            admitted = False
        asked = exchange.header(b"access-control-request-headers")
        if admitted and asked and _NAMES.fullmatch(asked):
            lines += b"Access-Control-Allow-Headers: %b\r\n" % asked
        exchange.extra += lines
        return admitted

    def admits_socket(self, exchange: Exchange) -> bool:
        """Whether a page may open a WebSocket."""
        origin = exchange.header(b"origin")
        return origin is None or all(allowed is None or origin in allowed for allowed in (self._allowed, self._sockets))

    def set_cookie(self, exchange: Exchange) -> None:
        """Give the answer the cookie, if there is to be one: the client's own, for a balancer to rewrite."""
        choice = self._cookie
        if not choice:
            return
        if callable(choice):
            value = choice(exchange)
        else:
            cookies = exchange.header(b"cookie")
            value = "" if cookies is None else parse_cookie(cookies.decode("latin-1")).get("JSESSIONID", "")
        if not _COOKIE.fullmatch(value):
            value = _NO_NAME
        exchange.extra += f"Set-Cookie: JSESSIONID={value}; path=/\r\n".encode()


def _origins(allowed: str | tuple[str, ...], name: str) -> frozenset[bytes] | None:
    """None for every origin."""
    listed = (allowed,) if isinstance(allowed, str) else tuple(allowed)
    try:
        cors.check(listed, False)
    except ConfigError as error:
        raise ConfigError(error.message, error.path.replace("allow_origin", name)) from None
    return None if ANY in listed else frozenset(origin.encode() for origin in listed)
