"""Which endpoint answers a request target: an ordered table, first match wins, with a bounded cache for targets that come again."""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple
from urllib.parse import quote, unquote_to_bytes

from hbpush.errors import ProtocolError
from hbpush.web.exchange import Endpoint, Exchange

CACHED_TARGETS = 8192
CACHED_LENGTH = 256
CHANNEL_ID_BYTES = 1024


Gate = Callable[[Exchange], bytes | None]
Refusal = Callable[[int, str], bytes]


def channel_id(name: bytes) -> str:
    """The id of a channel from the naming part of a path (relay specification 7.3.3).

    Percent-decoded; any bytes, those that are not UTF-8 by surrogateescape. Raises ProtocolError: 404 for an empty id, 403 for one of more
    than 1,024 bytes.
    """
    decoded = unquote_to_bytes(name)
    if not decoded:
        raise ProtocolError("no channel id", 404)
    if len(decoded) > CHANNEL_ID_BYTES:
        raise ProtocolError(f"a channel id has at most {CHANNEL_ID_BYTES} bytes", 403)
    return decoded.decode("utf-8", "surrogateescape")


class Pattern(ABC):
    """A set of raw paths (percent-encoded, without the query), and the part of each that names something."""

    text: str
    """As it was configured."""

    @abstractmethod
    def match(self, path: bytes) -> bytes | None:
        """The naming part, still percent-encoded, or None for a path that is not in the set."""


class Prefix(Pattern):
    """Literal text and at least one byte after it, which is the naming part. ``text`` may hold characters that a URL encodes."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.literal = _quoted(text)

    def match(self, path: bytes) -> bytes | None:
        size = len(self.literal)
        return path[size:] if len(path) > size and path.startswith(self.literal) else None


class Exact(Pattern):
    """One path. ``text`` may hold characters that a URL encodes."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.literal = _quoted(text)

    def match(self, path: bytes) -> bytes | None:
        return b"" if path == self.literal else None


def _quoted(text: str) -> bytes:
    return quote(text, safe="/%:@!$&'()*+,;=~", errors="surrogateescape").encode()


class Regex(Pattern):
    """A regular expression for the whole path, with one group: the naming part. Raises re.error or ValueError if it is not."""

    def __init__(self, text: str) -> None:
        self.text = text
        self._regex = re.compile(text.encode())
        if self._regex.groups != 1:
            raise ValueError(f"has {self._regex.groups} groups; exactly one is needed, around the channel id")

    def match(self, path: bytes) -> bytes | None:
        found = self._regex.fullmatch(path)
        return found[1] if found else None


class Route(NamedTuple):
    """Paths, and who answers them.

    ``parse`` turns the naming part into `Exchange.args`; it may raise ProtocolError, which is then the answer. ``max_body`` is in
    bytes, None for the server's bound. ``guard`` is what stands around the endpoint (CORS), to be put around that refusal too.
    ``recurs`` is False for paths that hardly ever come twice, such as those with a time in them: they would only drive others from the
    cache. ``gate`` is asked with the head alone when a large body is to follow: it gives a refusal, for which the host does not take the
    body, or None. It is a help where the host can; the endpoint asks for itself. ``refusal`` words what the host itself refuses of a
    request whose head it has read: the status and a text, as a response that closes the connection.
    """

    pattern: Pattern
    endpoint: Endpoint
    parse: Callable[[bytes], Any]
    max_body: int | None = None
    guard: Callable[[Endpoint], Endpoint] | None = None
    recurs: bool = True
    gate: Gate | None = None
    refusal: Refusal | None = None


class Match(NamedTuple):
    """What a target leads to."""

    endpoint: Endpoint
    args: Any
    max_body: int | None
    gate: Gate | None = None
    refusal: Refusal | None = None


class Routes:
    """The route table of one server. ``fallback`` answers what no route claims; its args are None."""

    def __init__(self, routes: Sequence[Route], fallback: Endpoint) -> None:
        self.routes = tuple(routes)
        self._fallback = Match(fallback, None, None)
        self._cache: dict[bytes, Match] = {}
        self.known: Callable[[bytes], Match | None] = self._cache.get
        """The match of a target that came before, if it is still remembered."""

    def find(self, target: bytes) -> Match:
        """The match for a request target; its query is not looked at."""
        path, query, _ = target.partition(b"?")
        match = self._cache.get(path)
        if match is None:
            match, recurs = self._match(path)
            if recurs and not query and len(path) <= CACHED_LENGTH:
                if len(self._cache) >= CACHED_TARGETS:
                    self._cache.clear()
                self._cache[path] = match
        return match

    def _match(self, path: bytes) -> tuple[Match, bool]:
        for route in self.routes:
            name = route.pattern.match(path)
            if name is None:
                continue
            try:
                args = route.parse(name)
            except ProtocolError as error:
                refusal: Endpoint = _Refusal(error)
                return Match(refusal if route.guard is None else route.guard(refusal), None, route.max_body), route.recurs
            return Match(route.endpoint, args, route.max_body, route.gate, route.refusal), route.recurs
        return self._fallback, True


class _Refusal:
    """The endpoint of a path that names nothing that could exist."""

    def __init__(self, error: ProtocolError) -> None:
        self._error = error

    def __call__(self, exchange: Exchange) -> None:
        raise self._error
