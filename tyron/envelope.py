"""An envelope: the JSON object that is published to Tyron's Redis channel, and what it says (specification 7.4.4, 7.4.5). Pure."""

from __future__ import annotations

import json
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
_decode_any = msgspec.json.Decoder().decode


def envelope(payload: bytes, largest: int = 0) -> Envelope:
    """Read a payload: ``{"channel": text, "data": any JSON}``; other keys are not looked at.

    The body is the text of a string, nothing for null, and else the JSON itself without white space, as UTF-8. A lone surrogate in a
    string becomes U+FFFD, which no UTF-8 could carry otherwise. ``largest`` is the bound on the payload in bytes, 0 for none.
    Raises ProtocolError, its text the reason.
    """
    if largest and len(payload) > largest:
        raise ProtocolError(f"it has {len(payload)} bytes, and {largest} at most are taken")
    try:
        # Text within what is left as it is would be read without a look at its bytes.
        payload.decode()
        read = _decode(payload)
    except UnicodeDecodeError:
        raise ProtocolError("it is not UTF-8") from None
    except msgspec.ValidationError:
        raise ProtocolError("it is not a JSON object") from None
    except (msgspec.DecodeError, RecursionError):
        raise ProtocolError("it is not JSON") from None
    channel, data = bytes(read.channel), bytes(read.data)
    if not channel:
        raise ProtocolError("it has no channel")
    if not data:
        raise ProtocolError("it has no data")
    return Envelope(_channel(channel), _body(data))


def shown(payload: bytes) -> str:
    """The beginning of a payload, for a log line."""
    return ascii(payload[:SHOWN].decode("utf-8", "backslashreplace")) + ("..." if len(payload) > SHOWN else "")


def _channel(raw: bytes) -> str:
    if not raw.startswith(b'"'):
        raise ProtocolError("its channel is not text")
    try:
        channel = _decode_text(raw)
        name = channel.encode()
    except (msgspec.DecodeError, UnicodeEncodeError):
        raise ProtocolError("its channel is no Unicode text") from None
    if not 0 < len(name) <= CHANNEL_BYTES:
        raise ProtocolError(f"its channel has {len(name)} bytes; a name has between 1 and {CHANNEL_BYTES}")
    return channel


def _body(raw: bytes) -> bytes:
    if raw.startswith(b'"'):
        try:
            return _decode_text(raw).encode()
        except (msgspec.DecodeError, UnicodeEncodeError):
            return _lenient(raw)
    try:
        # What is skipped is not all checked.
        _decode_any(raw)
    except (msgspec.DecodeError, RecursionError):
        try:
            json.loads(raw)
        except (ValueError, RecursionError):
            raise ProtocolError("its data is not JSON") from None
    return b"" if raw == b"null" else msgspec.json.format(raw, indent=-1)


def _lenient(raw: bytes) -> bytes:
    try:
        text = json.loads(raw)
    except ValueError:
        raise ProtocolError("its data is not JSON") from None
    return str(text).encode("utf-16", "surrogatepass").decode("utf-16", "replace").encode()
