"""Heads that come again. Most clients send the same bytes over and over, and a thousand pollers that wait for the same message send them
too: what the parser made of a head once, it would make of it again.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from hbpush.web.exchange import Endpoint

HEAD_END = b"\r\n\r\n"

KNOWN = 1024
LONGEST = 2048
"""How many heads are remembered, and of how many bytes at most."""

SEEN = 8192
"""Of how many heads it is known that they came once: only one that comes again is worth remembering."""


class Head(NamedTuple):
    """What a head was read as. ``headers`` are shared by all its requests; ``body`` is the number of bytes that follow it."""

    method: bytes
    target: bytes
    args: Any
    headers: dict[bytes, bytes]
    body: int
    endpoint: Endpoint


class Heads:
    """Heads of unremarkable requests (HTTP/1.1, kept open, a body by its length or none), under one route table and one set of limits."""

    def __init__(self) -> None:
        self._known: dict[bytes, Head] = {}
        self._seen: set[int] = set()
        self.find: Callable[[bytes], Head | None] = self._known.get

    def comes_again(self, wire: bytes) -> bool:
        """Whether a head that is not known came before, as far as its hash tells: then it should be remembered."""
        seen = self._seen
        mark = hash(wire)
        if mark in seen:
            return len(wire) <= LONGEST
        if len(seen) >= SEEN:
            seen.clear()
        seen.add(mark)
        return False

    def remember(self, wire: bytes, head: Head) -> None:
        """Keep what ``wire``, up to the blank line, was read as."""
        if len(self._known) >= KNOWN:
            self._known.clear()
        self._known[wire] = head

    def clear(self) -> None:
        """Another table or other limits hold from now on."""
        self._known.clear()
