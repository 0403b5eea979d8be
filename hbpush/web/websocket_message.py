"""Whole messages out of fragments, and what a close frame says (RFC 6455 sections 5.4, 7.4). Bytes in, values out."""

from __future__ import annotations

from codecs import getincrementaldecoder

_utf8 = getincrementaldecoder("utf-8")

NO_STATUS = 1005


class Fragments:
    """A message under construction. ``size`` is in bytes; whoever adds to it sees to the bound."""

    __slots__ = ("_bytes", "_checker")

    def __init__(self, text: bool) -> None:
        self._bytes = bytearray()
        self._checker = _utf8() if text else None

    @property
    def size(self) -> int:
        return len(self._bytes)

    def add(self, piece: bytes, last: bool) -> str | bytes | None:
        """Add a fragment; the whole message after the last one. Raises UnicodeDecodeError as soon as a text cannot become UTF-8."""
        if self._checker is not None:
            self._checker.decode(piece, last)
        self._bytes += piece
        if not last:
            return None
        return bytes(self._bytes) if self._checker is None else self._bytes.decode()


def read_close(payload: bytes) -> int | None:
    """The code of a close frame, 1005 without one; None if the payload is not valid or the code is not for the wire (section 7.4)."""
    if not payload:
        return NO_STATUS
    if len(payload) < 2 or not may_be_sent(code := int.from_bytes(payload[:2], "big")):
        return None
    return code


def may_be_sent(code: int) -> bool:
    """Whether an endpoint may put a close code on the wire: those registered up to now, and 3000 to 4999."""
    return 1000 <= code <= 1003 or 1007 <= code <= 1014 or 3000 <= code <= 4999
