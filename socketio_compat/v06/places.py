"""The URLs of Socket.IO 0.6, and how they are read (specification 3, 9).

A path is the resource, perhaps something extra, the transport, and segments that the client makes: the session id, which is empty in the
first request, a time to keep caches out, ``send``, an index. They are split with empty ones kept: ``//<time>`` is no session id.
"""

from __future__ import annotations

import re
from functools import partial
from typing import NamedTuple
from urllib.parse import unquote

from hbpush.web import jsonp
from hbpush.web.exchange import Endpoint
from hbpush.web.routes import Pattern, Regex, Route
from socketio_compat.v06.settings import TRANSPORTS

_NAMES = "|".join(TRANSPORTS)


class Path(NamedTuple):
    """A path as it was meant: the args of a server's endpoint."""

    resource: str
    extra: str | None
    """What the path has between resource and transport, percent-decoded; None for a place without that."""
    transport: str
    session_id: str
    """'' for a client that has none yet."""
    tail: tuple[str, ...]
    """The segments behind the session id."""

    @property
    def jsonp_index(self) -> str | None:
        """The index of a jsonp poll: the last segment that is digits alone."""
        return next((found for segment in reversed(self.tail) if (found := jsonp.index(segment)) is not None), None)


def routes(resource: str, endpoint: Endpoint, max_body: int) -> list[Route]:
    """The one route of a server whose resource is a text, such as ``socket.io``."""
    pattern = Regex(rf"/{re.escape(resource)}/((?:{_NAMES})(?:/.*)?)")
    return [Route(pattern, endpoint, partial(_plain, resource), max_body, recurs=False)]


class ResourcePattern(Pattern):
    """The paths of a resource that is a regular expression, with another one for what may come behind it.

    ``extra`` is the expression of the extra part, with or without a group of that name, None for none; if there is one, the part is
    mandatory. ``separator`` is the text before it. Raises re.error for what is no expression.
    """

    def __init__(self, resource: str, extra: str | None = None, separator: str = "") -> None:
        between = ""
        if extra is not None:
            named = extra if "(?P<extra>" in extra else f"(?P<extra>{extra})"
            between = re.escape(separator) + named
        self.text = rf"/(?P<resource>{resource}){between}/(?P<transport>{_NAMES})(?:/(?P<rest>.*))?"
        self._regex = re.compile(self.text.encode())
        self._has_extra = extra is not None

    def match(self, path: bytes) -> bytes | None:
        return path if self._regex.fullmatch(path) else None

    def parse(self, path: bytes) -> Path:
        """The meaning of a path that matches."""
        found = self._regex.fullmatch(path)
        assert found is not None  # noqa: S101 - whoever asks has seen that it matches
        extra = unquote(found["extra"], errors="replace") if self._has_extra else None
        return _path(found["resource"].decode("latin-1"), extra, found["transport"].decode(), found["rest"] or b"")


def pattern_routes(pattern: ResourcePattern, endpoint: Endpoint, max_body: int) -> list[Route]:
    """The one route of a server whose resource is a regular expression."""
    return [Route(pattern, endpoint, pattern.parse, max_body, recurs=False)]


def _plain(resource: str, name: bytes) -> Path:
    transport, _, rest = name.partition(b"/")
    return _path(resource, None, transport.decode(), rest)


def _path(resource: str, extra: str | None, transport: str, rest: bytes) -> Path:
    session_id, *tail = rest.decode("latin-1").split("/")
    return Path(resource, extra, transport, session_id, tuple(tail))
