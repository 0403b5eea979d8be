"""A message's body as a JSON value, for every protocol that hands messages on inside JSON (DESIGN section 7). Pure."""

from __future__ import annotations

from binascii import b2a_base64
from functools import lru_cache
from typing import NamedTuple

from hbpush.core import jsontext
from hbpush.errors import ProtocolError

_CACHED_LENGTH = 128


class Content(NamedTuple):
    """A body as JSON text, in ASCII on one line. ``is_base64`` tells that the value is a string with the body's bytes in base64."""

    text: str
    is_base64: bool


def content(body: bytes, content_type: bytes | None) -> Content:
    """The JSON value itself if the type is one of JSON and the body parses; else a text if the body is UTF-8; else base64.

    JSON is embedded as it was spelled, so that no digit of a number and no repeated key is lost on the way, but without its blanks, and in
    ASCII: the client of Socket.IO 0.7 loses a packet with a newline, and also one with U+2028 or U+2029. What a script needs beyond that
    (``</``) is the business of whoever writes scripts (`hbpush.web.jsonp`).
    """
    if content_type is not None and is_json(content_type):
        try:
            return Content(jsontext.compact(body), False)
        except ProtocolError:
            pass
    try:
        return Content(jsontext.quote(body.decode()), False)
    except UnicodeDecodeError:
        return Content(f'"{b2a_base64(body, newline=False).decode()}"', True)


def is_json(content_type: bytes) -> bool:
    """Whether a Content-Type is one of JSON: application/json, text/json, or any whose subtype ends in +json (RFC 6839)."""
    return _cached(content_type) if len(content_type) <= _CACHED_LENGTH else _is_json(content_type)


def _is_json(content_type: bytes) -> bool:
    media = content_type.partition(b";")[0].strip(b" \t").lower()
    return media in (b"application/json", b"text/json") or (media.endswith(b"+json") and b"/" in media)


_cached = lru_cache(64)(_is_json)
