"""What HTTP/1.1 servers answer: heads, and bodies by length, by chunks, or to the end of the connection (RFC 9112). Pure."""

from __future__ import annotations

import re
from typing import NamedTuple

from hbpush.errors import ProtocolError

LARGEST_HEAD = 16 * 1024
LARGEST_MESSAGE = 32 * 1024 * 1024
"""Bytes of a body, an event or a WebSocket message that are taken in."""


class TooLarge(ProtocolError):
    """More than `LARGEST_MESSAGE`. It would be no smaller when it is asked for again."""

    def __init__(self) -> None:
        super().__init__(f"the server has sent a message of more than {LARGEST_MESSAGE} bytes")


_STATUS = re.compile(r"HTTP/1\.[01] ([1-9][0-9]{2})(?: .*)?")
_SIZE = re.compile(rb"([0-9a-fA-F]{1,8})[ \t]*(?:;.*)?")
_LONGEST_LINE = 1024


class Head(NamedTuple):
    """The beginning of an answer. Names of headers are in lower case; the values of equal ones are joined by a comma."""

    status: int
    headers: dict[str, str]

    @property
    def media(self) -> str:
        """Its media type, without parameters, in lower case."""
        return self.headers.get("content-type", "").partition(";")[0].strip().lower()


def head(wire: bytes) -> Head:
    """The head of an answer, its blank line included. Raises ProtocolError."""
    first, *lines = wire.decode("latin-1").rstrip("\r\n").split("\r\n")
    status = _STATUS.fullmatch(first)
    if status is None:
        raise ProtocolError("what answers does not speak HTTP")
    headers: dict[str, str] = {}
    for line in lines:
        name, colon, value = line.partition(":")
        if not colon or not name.strip():
            raise ProtocolError("the answer has a header that is none")
        name = name.lower()
        headers[name] = f"{headers[name]}, {value.strip()}" if name in headers else value.strip()
    return Head(int(status[1]), headers)


class Body:
    """The body of one answer: feed it what comes after the head, and it gives back what that is of the body.

    ``over`` tells that it is complete. A body to the end of the connection never is by itself; ``endless`` tells that it is one.
    """

    __slots__ = ("_chunked", "_end_of_chunk", "_left", "_rest", "_trailers", "endless", "over")

    def __init__(self, head: Head, method: str = "GET") -> None:
        self._rest = b""
        self._left = 0
        self._end_of_chunk = self._trailers = False
        self._chunked = "chunked" in head.headers.get("transfer-encoding", "").lower()
        self.endless = False
        self.over = False
        if method == "HEAD" or head.status in (204, 304) or head.status < 200:
            self._chunked = False
            self.over = True
        elif not self._chunked:
            length = head.headers.get("content-length")
            if length is None:
                self.endless = True
            elif not (length.isascii() and length.isdigit() and len(length) < 16):
                raise ProtocolError("the answer has a Content-Length that is no number")
            else:
                self._left = int(length)
                self.over = self._left == 0

    def feed(self, wire: bytes) -> bytes:
        """What more there is of the body. Raises ProtocolError; bytes after its end are dropped."""
        if self.over:
            return b""
        if self.endless:
            return wire
        if not self._chunked:
            piece = wire[: self._left]
            self._left -= len(piece)
            self.over = self._left == 0
            return piece
        return self._unchunked(self._rest + wire if self._rest else wire)

    def _unchunked(self, wire: bytes) -> bytes:
        pieces = []
        at = 0
        while not self.over:
            if self._left:
                piece = wire[at : at + self._left]
                pieces.append(piece)
                at += len(piece)
                self._left -= len(piece)
                if self._left:
                    break
                self._end_of_chunk = True
            end = wire.find(b"\r\n", at)
            if end < 0:
                if len(wire) - at > _LONGEST_LINE:
                    raise ProtocolError("the answer has a chunk without a size")
                break
            line = wire[at:end]
            at = end + 2
            if self._end_of_chunk:
                if line:
                    raise ProtocolError("the answer has a chunk that is longer than its size")
                self._end_of_chunk = False
            elif self._trailers:
                self.over = not line
            else:
                size = _SIZE.fullmatch(line)
                if size is None:
                    raise ProtocolError("the answer has a chunk without a size")
                self._left = int(size[1], 16)
                self._trailers = self._left == 0
        self._rest = wire[at:]
        return pieces[0] if len(pieces) == 1 else b"".join(pieces)
