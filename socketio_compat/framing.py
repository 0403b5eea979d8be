"""Packets with their lengths, as every version of Socket.IO before 1.0 strings them together. Pure.

A frame is a separator, the length in decimal digits, the separator again, and the packet; only the separator differs between versions. A
length counts UTF-16 code units, as JavaScript does: with any other measure a client loses every packet after the first emoji. A packet
may hold the separator itself, only lengths matter.
"""

from __future__ import annotations

import enum
from collections.abc import Sequence

_LENGTH_DIGITS = 10


class Fault(enum.Enum):
    """What is wrong after the last whole packet."""

    JUNK = "no separator where a frame begins"
    NO_LENGTH = "no digits after the separator"
    NO_SEPARATOR = "no separator after the length"
    TRUNCATED = "the packet is shorter than its length"
    WITHIN_CHARACTER = "the packet ends between the halves of a character"


def clean(text: str) -> str:
    """Halves of surrogate pairs that belong together become one character, others U+FFFD, which is as long."""
    return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")


def text_bytes(text: str) -> bytes:
    """A text in UTF-8, half a surrogate pair as U+FFFD."""
    try:
        return text.encode()
    except UnicodeEncodeError:
        return clean(text).encode()


def encode_frames(separator: bytes, packets: Sequence[str]) -> bytes:
    """Every packet with its length, in UTF-8. What is made of some packets may follow what is made of others."""
    parts: list[bytes] = []
    for packet in packets:
        if packet.isascii():
            length, wire = len(packet), packet.encode("ascii")
        else:
            length, wire = _measure(packet)
        parts.append(b"%b%d%b%b" % (separator, length, separator, wire))
    return b"".join(parts)


def decode_frames(separator: str, body: str) -> tuple[list[str], Fault | None]:
    """The whole packets of a body, and what is wrong after them. No packet holds half a surrogate pair."""
    if body.isascii():
        return _split(separator, body)
    try:
        units = len(body.encode("utf-16-le")) // 2
    except UnicodeEncodeError:
        body = clean(body)
        units = len(body.encode("utf-16-le")) // 2
    return _split(separator, body) if units == len(body) else _split_astral(separator, body)


def _split(separator: str, body: str) -> tuple[list[str], Fault | None]:
    """For a body in which every character is one UTF-16 unit."""
    packets: list[str] = []
    place, end, width = 0, len(body), len(separator)
    while place < end:
        if not body.startswith(separator, place):
            return packets, Fault.JUNK
        start = place + width
        close = body.find(separator, start, start + _LENGTH_DIGITS + width)
        length = _length(body[start:close]) if close >= 0 else None
        if length is None:
            return packets, _wrong_length(body[start : start + 1])
        place = close + width + length
        if place > end:
            return packets, Fault.TRUNCATED
        packets.append(body[close + width : place])
    return packets, None


def _split_astral(separator: str, body: str) -> tuple[list[str], Fault | None]:
    """As `_split`, in UTF-16: two bytes a unit."""
    units = body.encode("utf-16-le")
    mark = separator.encode("utf-16-le")
    packets: list[str] = []
    place, end, width = 0, len(units), len(mark)
    while place < end:
        if not units.startswith(mark, place):
            return packets, Fault.JUNK
        # The bytes of a separator may also lie across two units, which no digit and no separator does.
        head = units[place + width : place + 2 * width + 2 * _LENGTH_DIGITS].decode("utf-16-le", "replace")
        digits, close, _ = head.partition(separator)
        length = _length(digits) if close else None
        if length is None:
            return packets, _wrong_length(head[:1])
        start = place + 2 * width + 2 * len(digits)
        place = start + 2 * length
        if place > end:
            return packets, Fault.TRUNCATED
        try:
            packets.append(units[start:place].decode("utf-16-le"))
        except UnicodeDecodeError:
            return packets, Fault.WITHIN_CHARACTER
    return packets, None


def _length(digits: str) -> int | None:
    return int(digits) if _is_digits(digits) else None


def _wrong_length(first: str) -> Fault:
    return Fault.NO_SEPARATOR if _is_digits(first) else Fault.NO_LENGTH


def _is_digits(text: str) -> bool:
    return text.isascii() and text.isdigit()


def _measure(packet: str) -> tuple[int, bytes]:
    try:
        return len(packet.encode("utf-16-le")) // 2, packet.encode()
    except UnicodeEncodeError:
        packet = clean(packet)
        return len(packet.encode("utf-16-le")) // 2, packet.encode()
