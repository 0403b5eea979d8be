"""Streams of frames, which every transport of Socket.IO 0.6 carries both ways: ``~m~LENGTH~m~BODY`` (0.6 specification 2). Pure."""

from __future__ import annotations

from collections.abc import Sequence

from hbpush.errors import ProtocolError
from socketio_compat.framing import Fault, decode_frames, encode_frames
from socketio_compat.v06.message import FRAME

_FRAME_BYTES = FRAME.encode()
_TEXTS = {
    Fault.JUNK: "junk",
    Fault.NO_LENGTH: "no length",
    Fault.NO_SEPARATOR: "bad separator",
    Fault.TRUNCATED: "truncated",
    Fault.WITHIN_CHARACTER: "length within a character",
}


def encode_stream(bodies: Sequence[str]) -> bytes:
    """Bodies as frames. Streams may follow each other, so that one can be made once for many clients."""
    return encode_frames(_FRAME_BYTES, bodies)


def decode_stream(stream: bytes | str) -> tuple[list[str], ProtocolError | None]:
    """The bodies of whole frames, and what is wrong after them.

    The fault's text is ``junk``, ``no length``, ``bad separator``, ``truncated``, ``length within a character`` or ``not UTF-8``. No body
    holds half a surrogate pair.
    """
    if isinstance(stream, bytes):
        try:
            stream = stream.decode()
        except UnicodeDecodeError:
            return [], ProtocolError("not UTF-8")
    found, fault = decode_frames(FRAME, stream)
    return found, None if fault is None else ProtocolError(_TEXTS[fault])
