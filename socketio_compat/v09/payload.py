"""Payloads: what one body of a polling transport carries (Socket.IO 0.7 specification 6). Pure.

One packet goes bare, several go as ``U+FFFD LENGTH U+FFFD PACKET`` each. A length counts UTF-16 code units, as JavaScript does: with any
other measure a client loses every packet after the first emoji. A packet may hold U+FFFD itself, only lengths matter.
"""

from __future__ import annotations

from collections.abc import Sequence

from hbpush.errors import ProtocolError

SEPARATOR = "\ufffd"
_SEPARATOR_BYTES = SEPARATOR.encode()
_LENGTH_DIGITS = 10


def packet_bytes(packet: str) -> bytes:
    """A packet alone, as a WebSocket message or an answer with one packet carries it: UTF-8, half a surrogate pair as U+FFFD."""
    try:
        return packet.encode()
    except UnicodeEncodeError:
        return clean(packet).encode()


def encode_payload(packets: Sequence[str]) -> bytes:
    """The body for these packets: empty for none, one bare, several with their lengths."""
    if len(packets) == 1 and not packets[0].startswith(SEPARATOR):
        return packet_bytes(packets[0])
    return encode_parts(packets)


def encode_parts(packets: Sequence[str]) -> bytes:
    """Every packet with its length, even a single one: such parts may follow each other in one body, so they can be made once for many."""
    parts: list[bytes] = []
    for packet in packets:
        if packet.isascii():
            length, wire = len(packet), packet.encode("ascii")
        else:
            length, wire = _measure(packet)
        parts.append(b"%b%d%b%b" % (_SEPARATOR_BYTES, length, _SEPARATOR_BYTES, wire))
    return b"".join(parts)


def decode_payload(body: bytes | str) -> tuple[list[str], ProtocolError | None]:
    """The packets of a body, and what is wrong after them.

    Whole packets before a fault count: the session takes them and answers the fault with 400. The fault's text is ``not UTF-8``, ``bad
    length``, ``truncated frame``, ``junk after frame`` or ``length within a character``. No packet holds half a surrogate pair.
    """
    if isinstance(body, bytes):
        try:
            body = body.decode()
        except UnicodeDecodeError:
            return [], ProtocolError("not UTF-8")
    if not body:
        return [], None
    try:
        units = len(body.encode("utf-16-le")) // 2
    except UnicodeEncodeError:
        body = clean(body)
        units = len(body.encode("utf-16-le")) // 2
    if body[0] != SEPARATOR:
        return [body], None
    return _split(body) if units == len(body) else _split_astral(body)


def _split(body: str) -> tuple[list[str], ProtocolError | None]:
    """For a body in which every character is one UTF-16 unit."""
    packets: list[str] = []
    place, end = 0, len(body)
    while place < end:
        if body[place] != SEPARATOR:
            return packets, ProtocolError("junk after frame")
        close = body.find(SEPARATOR, place + 1, place + 2 + _LENGTH_DIGITS)
        length = _length(body[place + 1 : close]) if close >= 0 else None
        if length is None:
            return packets, ProtocolError("bad length")
        place = close + 1 + length
        if place > end:
            return packets, ProtocolError("truncated frame")
        packets.append(body[close + 1 : place])
    return packets, None


def _split_astral(body: str) -> tuple[list[str], ProtocolError | None]:
    """As `_split`, in UTF-16: two bytes a unit."""
    units = body.encode("utf-16-le")
    separator = SEPARATOR.encode("utf-16-le")
    packets: list[str] = []
    place, end = 0, len(units)
    while place < end:
        if units[place : place + 2] != separator:
            return packets, ProtocolError("junk after frame")
        # The bytes of a separator may also lie across two units, which no digit and no separator does.
        head = units[place + 2 : place + 4 + 2 * _LENGTH_DIGITS].decode("utf-16-le", "replace")
        digits, close, _ = head.partition(SEPARATOR)
        length = _length(digits) if close else None
        if length is None:
            return packets, ProtocolError("bad length")
        start = place + 4 + 2 * len(digits)
        place = start + 2 * length
        if place > end:
            return packets, ProtocolError("truncated frame")
        try:
            packets.append(units[start:place].decode("utf-16-le"))
        except UnicodeDecodeError:
            return packets, ProtocolError("length within a character")
    return packets, None


def _length(digits: str) -> int | None:
    return int(digits) if digits.isascii() and digits.isdigit() else None


def _measure(packet: str) -> tuple[int, bytes]:
    try:
        return len(packet.encode("utf-16-le")) // 2, packet.encode()
    except UnicodeEncodeError:
        packet = clean(packet)
        return len(packet.encode("utf-16-le")) // 2, packet.encode()


def clean(text: str) -> str:
    """Halves of surrogate pairs that belong together become one character, others U+FFFD, which is as long."""
    return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
