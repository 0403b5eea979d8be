"""JSON as text, for the codecs of SockJS, Socket.IO, JSONP and htmlfile (DESIGN section 4). Pure.

What is written here is always ASCII on one line: its UTF-16 length is its length, no client's regular expression trips over a line
separator, and half a surrogate pair, which UTF-8 cannot carry, travels as an escape. Configuration, REST and the relay use msgspec alone.
"""

from __future__ import annotations

import json
import math
import re
from decimal import Decimal
from json.encoder import encode_basestring_ascii

import msgspec

from hbpush.errors import ProtocolError

_ENCODER = msgspec.json.Encoder(decimal_format="number")
_DECODER: msgspec.json.Decoder[object] = msgspec.json.Decoder()
_NON_ASCII = re.compile(r"[^\x00-\x7f]+")
_CONSTANT_KEYS = {None: '"null"', True: '"true"', False: '"false"'}


# Writing


def encode(value: object, *, spaced: bool = False) -> str:
    """A value as JSON, compact, or ``spaced``: with a blank after each comma and colon.

    Taken are None, bool, int of any size, float, Decimal (both as numbers), str with any characters, list, tuple, and dict whose keys are
    str, int, float, bool or None (written as strings, as the standard library does); also what msgspec knows beyond JSON (bytes as base64,
    datetime, UUID, enumerations, dataclasses, Structs, sets). Raises TypeError for anything else, and ValueError for NaN, an infinity,
    and a value that is nested too deeply or in itself.
    """
    try:
        text = _encode(value)
        return msgspec.json.format(text, indent=0) if spaced else text
    except (TypeError, UnicodeEncodeError, msgspec.DecodeError):
        # Half a surrogate pair, a key that only the standard library takes, or nothing that JSON can say.
        pass
    except RecursionError:
        raise ValueError("nested too deeply for JSON") from None
    try:
        return _write(value, *((", ", ": ") if spaced else (",", ":")))
    except RecursionError:
        raise ValueError("nested too deeply for JSON") from None


def quote(text: str) -> str:
    """A text as a JSON string: `encode` for what is known to be a str."""
    return encode_basestring_ascii(text)


def compact(body: bytes) -> str:
    """JSON that somebody else wrote, as ASCII on one line: numbers as they were spelled, keys in their order, blanks dropped.

    Raises ProtocolError as `decode` does; a number may be of any size here, for it is not read.
    """
    try:
        return _to_ascii(msgspec.json.format(body, indent=-1))
    except (msgspec.DecodeError, UnicodeDecodeError):
        return encode(decode(body))
    except RecursionError:
        raise ProtocolError("JSON is nested too deeply") from None


def _encode(value: object) -> str:
    wire = _ENCODER.encode(value)
    # msgspec writes a float that is no number as null, and such a Decimal by its name.
    if b"null" in wire or b"NaN" in wire or b"Infinity" in wire:
        _check_numbers(value)
    return _to_ascii(wire)


def _to_ascii(wire: bytes) -> str:
    text = wire.decode()
    return text if text.isascii() else _NON_ASCII.sub(_escape, text)


def _escape(found: re.Match[str]) -> str:
    return encode_basestring_ascii(found[0])[1:-1]


def _stand_in(value: object) -> object:
    """What the standard library's encoder looks at in place of a value that it does not know."""
    if isinstance(value, Decimal):
        if not value.is_finite():
            raise ValueError("JSON has no NaN and no infinity")
        return 0
    return msgspec.to_builtins(value, str_keys=True)


_STRICT = json.JSONEncoder(allow_nan=False, skipkeys=True, default=_stand_in)


def _check_numbers(value: object) -> None:
    try:
        _STRICT.encode(value)
    except ValueError:
        raise ValueError("JSON has no NaN and no infinity") from None


def _write(value: object, comma: str, colon: str) -> str:
    if isinstance(value, str):
        return encode_basestring_ascii(value)
    if isinstance(value, list | tuple):
        return "[" + comma.join([_write(item, comma, colon) for item in value]) + "]"
    if isinstance(value, dict):
        return "{" + comma.join([_write_key(key) + colon + _write(item, comma, colon) for key, item in value.items()]) + "}"
    return _encode(value)


def _write_key(key: object) -> str:
    if isinstance(key, str):
        return encode_basestring_ascii(key)
    if key is None or isinstance(key, bool):
        return _CONSTANT_KEYS[key]
    if isinstance(key, int | float):
        return f'"{_encode(key)}"'
    raise TypeError(f"JSON has no keys of type {type(key).__name__}")


# Reading


def decode(text: str | bytes) -> object:
    """The value of a JSON text (RFC 8259), of bytes in UTF-8: None, bool, int, float, str, list or dict.

    Half a surrogate pair is taken, escaped and, in a str, as it is: texts in the value may then be such as UTF-8 cannot carry. Whole
    numbers keep all their digits; of keys that repeat, the last counts. Raises ProtocolError for everything else: NaN and infinities, which
    JSON does not have; a number beyond a float's range, or of more than 4,300 digits; a byte order mark; bytes that are not UTF-8;
    nesting that is too deep (some 900 levels are not).
    """
    try:
        return _DECODER.decode(text)
    except (msgspec.DecodeError, UnicodeError):
        pass
    except RecursionError:
        raise ProtocolError("JSON is nested too deeply") from None
    try:
        # What msgspec refuses may still have half a surrogate pair for its only fault.
        return _LENIENT.decode(text if isinstance(text, str) else text.decode())
    except UnicodeDecodeError:
        raise ProtocolError("JSON is not in UTF-8") from None
    except ValueError:
        raise ProtocolError("not JSON") from None
    except RecursionError:
        raise ProtocolError("JSON is nested too deeply") from None


def members(text: str) -> dict[str, str]:
    """The members of a JSON object, each value as it was spelled; the last of those that repeat. Raises ProtocolError as `decode` does."""
    if not isinstance(decode(text), dict):
        raise ProtocolError("not a JSON object")
    found: dict[str, str] = {}
    at = _skip(text, text.index("{") + 1)
    # It was read whole: what has to come next is there.
    while text[at] != "}":
        name, at = _LENIENT.raw_decode(text, at)
        at = _skip(text, at)
        _, end = _LENIENT.raw_decode(text, at)
        found[name] = text[at:end]
        at = _skip(text, end)
    return found


def _skip(text: str, at: int) -> int:
    """Behind the blanks at a place, and a colon or comma among them."""
    found = _BETWEEN.match(text, at)
    return at if found is None else found.end()


def _finite(digits: str) -> float:
    number = float(digits)
    if math.isinf(number):
        raise ValueError("beyond the range of a float")
    return number


def _refuse(constant: str) -> object:
    raise ValueError(f"JSON has no {constant}")


_BETWEEN = re.compile(r"[ \t\n\r]*[:,]?[ \t\n\r]*")
_LENIENT = json.JSONDecoder(parse_float=_finite, parse_constant=_refuse)
