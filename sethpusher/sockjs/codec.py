"""Frames of SockJS, and what clients send (SockJS specification 5, 6). Pure.

A server sends ``o`` (it is open), ``h`` (a heartbeat), ``a`` and a JSON array of messages, ``c`` and a JSON array of a code and a reason.
What is made here is ASCII: the characters that browsers lose on the way are among those that it escapes, and half a surrogate pair, which
a client may send, comes back as it came.
"""

from __future__ import annotations

from collections.abc import Sequence

from hbpush.core import jsontext
from hbpush.errors import ProtocolError
from hbpush.web import jsonp
from hbpush.web.query import argument

OPEN = "o"
HEARTBEAT = "h"

LONGEST_CALLBACK = 32
"""Characters of a function's name in jsonp."""

FORM = b"application/x-www-form-urlencoded"


def array(messages: Sequence[str]) -> str:
    """Messages as one frame."""
    return f"a[{','.join(map(jsontext.quote, messages))}]"


def close(code: int, reason: str) -> str:
    """The last frame of a session."""
    return f"c[{code},{jsontext.quote(reason)}]"


def text_of(value: object) -> str:
    """What a message is sent as: a text as it is, bytes as UTF-8, else JSON. Raises TypeError or ValueError where JSON cannot say it."""
    if isinstance(value, str):
        return value
    if isinstance(value, bytes | bytearray | memoryview):
        return bytes(value).decode("utf-8", "replace")
    return jsontext.encode(value)


# What clients send


def posted(body: bytes) -> list[object]:
    """The messages of an xhr_send. Raises ProtocolError, 500 and the text of the refusal, for what is no JSON array."""
    if not body:
        raise ProtocolError("Payload expected.", 500)
    try:
        messages = jsontext.decode(body)
    except ProtocolError:
        raise ProtocolError("Broken JSON encoding.", 500) from None
    if not isinstance(messages, list):
        raise ProtocolError("Payload expected.", 500)
    return messages


def jsonp_posted(body: bytes, content_type: bytes | None) -> list[object]:
    """The messages of a jsonp_send: field ``d`` of a form, wherever it stands, or a body of another type. Raises as `posted` does."""
    if content_type is None or content_type.partition(b";")[0].strip(b" \t").lower() == FORM:
        return posted(argument(body, b"d") or b"")
    return posted(body)


def received(message: str | bytes) -> list[object]:
    """The messages of one frame of a WebSocket: of an array, or the one value that it is. Raises ProtocolError for what is not JSON."""
    if not message:
        return []
    value = jsontext.decode(message)
    return value if isinstance(value, list) else [value]


def callback(query: bytes, longest: int = 128) -> str:
    """The function that a script is to call. Raises ProtocolError, 500 and the text of the refusal."""
    name = (argument(query, b"c") or argument(query, b"callback") or b"").decode("latin-1")
    if not name:
        raise ProtocolError('"callback" parameter required', 500)
    if not jsonp.is_callback(name, longest):
        raise ProtocolError('invalid "callback" parameter', 500)
    return name
