"""Payloads: what one body of a polling transport carries (Socket.IO 0.7 specification 6). Pure.

One packet goes bare, several go as ``U+FFFD LENGTH U+FFFD PACKET`` each (`socketio_compat.framing`).
"""

from __future__ import annotations

from collections.abc import Sequence

from hbpush.errors import ProtocolError
from socketio_compat.framing import Fault, clean, decode_frames, encode_frames
from socketio_compat.framing import text_bytes as packet_bytes

__all__ = ["SEPARATOR", "clean", "decode_payload", "encode_parts", "encode_payload", "packet_bytes"]

SEPARATOR = "\ufffd"
_SEPARATOR_BYTES = SEPARATOR.encode()
_TEXTS = {
    Fault.JUNK: "junk after frame",
    Fault.NO_LENGTH: "bad length",
    Fault.NO_SEPARATOR: "bad length",
    Fault.TRUNCATED: "truncated frame",
    Fault.WITHIN_CHARACTER: "length within a character",
}


def encode_payload(packets: Sequence[str]) -> bytes:
    """The body for these packets: empty for none, one bare, several with their lengths."""
    if len(packets) == 1 and not packets[0].startswith(SEPARATOR):
        return packet_bytes(packets[0])
    return encode_parts(packets)


def encode_parts(packets: Sequence[str]) -> bytes:
    """Every packet with its length, even a single one: such parts may follow each other in one body, so they can be made once for many."""
    return encode_frames(_SEPARATOR_BYTES, packets)


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
    if not body.isascii():
        # Half a surrogate pair becomes what begins a frame.
        body = packet_bytes(body).decode()
    if body[0] != SEPARATOR:
        return [body], None
    packets, fault = decode_frames(SEPARATOR, body)
    return packets, None if fault is None else ProtocolError(_TEXTS[fault])
