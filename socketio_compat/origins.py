"""Which pages of other origins may use a Socket.IO server, and the header lines that tell their browsers (0.7 specification 10).

Clients since 0.9.0 ask with credentials, for which no browser takes ``*``: an origin that is let in is named. Shared by all versions.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from hbpush.errors import ConfigError
from hbpush.web.exchange import Exchange, HeaderLines

ANY = "*"
METHODS: HeaderLines = b"Access-Control-Allow-Methods: POST, GET, OPTIONS\r\n"
CREDENTIALS: HeaderLines = b"Access-Control-Allow-Credentials: true\r\nVary: Origin\r\n"

_ORIGIN = re.compile(r"null|[a-z][a-z0-9+.-]*://(?:[a-z0-9._-]+|\[[0-9a-f:.]+\])(?::[0-9]{1,5})?")
_NAMES = re.compile(rb"[A-Za-z0-9!#$%&'*+.^_`|~, -]*")


class Origins:
    """A policy: ``*`` for every origin, else those that are listed. Raises ConfigError for what no browser sends."""

    def __init__(self, allowed: str | Sequence[str] = ANY) -> None:
        listed = (allowed,) if isinstance(allowed, str) else tuple(allowed)
        for index, origin in enumerate(listed):
            if origin == ANY and len(listed) > 1:
                raise ConfigError("is '*', which stands alone or not at all", f"origins[{index}]")
            if origin != ANY and not _ORIGIN.fullmatch(origin):
                place = "origins" if isinstance(allowed, str) else f"origins[{index}]"
                raise ConfigError(
                    f"is {origin!r}; must be '*' or an origin such as https://example.com, in lower case, without a path", place
                )
        self._allowed = None if ANY in listed else frozenset(origin.encode() for origin in listed)

    def admits(self, exchange: Exchange) -> bool:
        """Whether a request may be answered; its answer then has the lines that its browser asks for.

        One without an Origin is let in: it comes from the server's own pages, or from no browser.
        """
        origin = exchange.header(b"origin")
        if origin is None:
            return True
        if self._allowed is not None and origin not in self._allowed:
            return False
        exchange.extra += b"Access-Control-Allow-Origin: %b\r\n%b" % (origin, CREDENTIALS)
        if exchange.method == b"OPTIONS":
            exchange.extra += METHODS
            asked = exchange.header(b"access-control-request-headers")
            if asked and _NAMES.fullmatch(asked):
                exchange.extra += b"Access-Control-Allow-Headers: %b\r\n" % asked
        return True
