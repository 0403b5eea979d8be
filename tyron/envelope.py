"""An envelope: the JSON object that is published to Tyron's Redis channel, and what it says (specification 7.4.4, 7.4.5). Pure."""

from __future__ import annotations

import re
from typing import NamedTuple

import msgspec

from hbpush.errors import ProtocolError

CHANNEL_BYTES = 1024
"""Of a channel's name, as everywhere."""

SHOWN = 80
"""Bytes of a payload that a log line shows."""


class Envelope(NamedTuple):
    """Which channel, and what its subscribers get."""

    channel: str
    body: bytes


ABSENT = msgspec.Raw()


class _Object(msgspec.Struct):
    """``data`` stays the text that it is: numbers keep their digits."""

    channel: msgspec.Raw = ABSENT
    data: msgspec.Raw = ABSENT


_decode = msgspec.json.Decoder(_Object).decode
_decode_text = msgspec.json.Decoder(str).decode

_ESCAPE = re.compile(rb"\\(?:(?P<pair>u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2})|(?P<lone>u[dD][89a-fA-F][0-9a-fA-F]{2})|.)")
"""Every escape of a JSON text. What it finds begins with a backslash that no other escapes."""


def envelope(payload: bytes, largest: int = 0) -> Envelope:
    """Read a payload: ``{"channel": text, "data": any JSON}``; other keys are not looked at.

    The body is the text of a string, nothing for null, and else the JSON itself without white space, as UTF-8. A lone surrogate, which
    no UTF-8 can carry, becomes U+FFFD in data, and makes no channel. ``largest`` is the bound on the payload in bytes, 0 for none.
    Raises ProtocolError, its text the reason.
    """
    if largest and len(payload) > largest:
        raise ProtocolError(f"it has {len(payload)} bytes, and {largest} at most are taken")
    try:
        # Text within what is left as it is would be read without a look at its bytes.
        payload.decode()
    except UnicodeDecodeError:
        raise ProtocolError("it is not UTF-8") from None
    try:
        channel, data = _read(payload)
    except ProtocolError:
        mended = _ESCAPE.sub(_mended, payload)
        if mended == payload:
            raise
        channel, data = _read(mended)
        if "\ufffd" in channel:
            raise ProtocolError("its channel is no Unicode text") from None
    return Envelope(channel, data)


def shown(payload: bytes) -> str:
    """The beginning of a payload, for a log line."""
    return ascii(payload[:SHOWN].decode("utf-8", "backslashreplace")) + ("..." if len(payload) > SHOWN else "")


def _read(payload: bytes) -> tuple[str, bytes]:
    try:
        read = _decode(payload)
        channel, data = bytes(read.channel), bytes(read.data)
        if not channel:
            raise ProtocolError("it has no channel")
        if not data:
            raise ProtocolError("it has no data")
        if not channel.startswith(b'"'):
            raise ProtocolError("its channel is not text")
        name = _decode_text(channel)
        if data.startswith(b'"'):
            body = _decode_text(data).encode()
        else:
            body = b"" if data == b"null" else msgspec.json.format(data, indent=-1)
    except msgspec.ValidationError:
        raise ProtocolError("it is not a JSON object") from None
    except (msgspec.DecodeError, RecursionError):
        raise ProtocolError("it is not JSON") from None
    size = len(name.encode())
    if not 0 < size <= CHANNEL_BYTES:
        raise ProtocolError(f"its channel has {size} bytes; a name has between 1 and {CHANNEL_BYTES}")
    return name, body


def _mended(escape: re.Match[bytes]) -> bytes:
    return b"\\ufffd" if escape["lone"] else escape[0]
