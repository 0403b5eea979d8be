"""Which pages of other origins may use a Socket.IO server, and the header lines that tell their browsers (0.7 specification 10).

Clients since 0.9.0 ask with credentials, for which no browser takes ``*``: an origin that is let in is named. Shared by all versions.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from hbpush.errors import ConfigError
from hbpush.web.exchange import Exchange, HeaderLines

ANY = "*"
MAX_PORT = 65535
METHODS: HeaderLines = b"Access-Control-Allow-Methods: POST, GET, OPTIONS\r\n"
CREDENTIALS: HeaderLines = b"Access-Control-Allow-Credentials: true\r\nVary: Origin\r\n"

_ORIGIN = re.compile(r"null|[a-z][a-z0-9+.-]*://(?:[a-z0-9._-]+|\[[0-9a-f:.]+\])(?::(?P<port>[0-9]{1,5}))?")
_PAGE = re.compile(rb"[A-Za-z][A-Za-z0-9+.-]*://([^/?#@]+)(?=[/?#]|$)")
_NAMES = re.compile(rb"[A-Za-z0-9!#$%&'*+.^_`|~, -]*")


class Origins:
    """A policy: ``*`` for every origin, else those that are listed. Raises ConfigError for what no browser sends."""

    def __init__(self, allowed: str | Sequence[str] = ANY) -> None:
        listed = (allowed,) if isinstance(allowed, str) else tuple(allowed)
        if not listed:
            raise ConfigError("is an empty list, which lets no page in; must be '*', an origin, or a list of origins", "origins")
        for index, origin in enumerate(listed):
            if origin == ANY and len(listed) > 1:
                raise ConfigError("is '*', which stands alone or not at all", f"origins[{index}]")
            if origin != ANY and not _is_origin(origin):
                place = "origins" if isinstance(allowed, str) else f"origins[{index}]"
                raise ConfigError(
                    f"is {origin!r}; must be '*' or an origin such as https://example.com, in lower case, without a path", place
                )
        self._allowed = None if ANY in listed else frozenset(origin.encode() for origin in listed)

    def admits(self, exchange: Exchange, script: bool = False) -> bool:
        """Whether a request may be answered; its answer then has the lines that its browser asks for.

        One without an Origin is let in: it comes from the server's own pages, or from no browser. Not so where the answer is a
        ``script``: any page may run one and read what it brings, and its browser says where that page is in other ways, if at all.
        """
        origin = exchange.header(b"origin")
        if origin is None:
            behind = _behind_script(exchange) if script else None
            return behind is None or self.permits(behind, exchange)
        if not self.permits(origin, exchange):
            return False
        exchange.extra += b"Access-Control-Allow-Origin: %b\r\n%b" % (origin, CREDENTIALS)
        if exchange.method == b"OPTIONS":
            exchange.extra += METHODS
            asked = exchange.header(b"access-control-request-headers")
            if asked and _NAMES.fullmatch(asked):
                exchange.extra += b"Access-Control-Allow-Headers: %b\r\n" % asked
        return True

    def permits(self, origin: bytes, exchange: Exchange) -> bool:
        """Whether pages of an origin may use the server: those of its own always may."""
        if self._allowed is None or origin in self._allowed:
            return True
        host = exchange.header(b"host")
        return host is not None and origin.partition(b"://")[2].lower() == host.lower()


def _is_origin(text: object) -> bool:
    found = _ORIGIN.fullmatch(text) if isinstance(text, str) else None
    return found is not None and int(found["port"] or 0) <= MAX_PORT


def refusal(exchange: Exchange) -> str:
    """What to log of a request that was not admitted."""
    page = exchange.header(b"origin") or exchange.header(b"referer") or b""
    return f"a request of a page that is not among origins: {page[:100].decode('latin-1')!r}"


def _behind_script(exchange: Exchange) -> bytes | None:
    """The origin of the page that runs a script; None for the server's own pages, ``null`` where nothing tells."""
    if exchange.header(b"sec-fetch-site") in (b"same-origin", b"none"):
        return None
    found = _PAGE.match(exchange.header(b"referer") or b"")
    if found is None:
        return b"null"
    return None if found[1].lower() == (exchange.header(b"host") or b"").lower() else found[0].lower()
