"""What a frame of Socket.IO 0.6 holds: a text, a JSON value or a heartbeat (0.6 specification 2). Pure.

A body says by its first three characters what it is. A text that begins with ``~j~`` or ``~h~`` cannot be told from the real thing; that is
a limit of the protocol.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from hbpush.core import jsontext
from hbpush.errors import ProtocolError

FRAME, JSON, HEARTBEAT = "~m~", "~j~", "~h~"


class Heard(NamedTuple):
    """A body as it was meant. ``value`` is any of JSON, the text, or of a heartbeat what stands behind its mark, mostly a number."""

    kind: str
    """``FRAME`` for a text, ``JSON``, ``HEARTBEAT``."""
    value: Any


def bodies(value: object) -> list[str]:
    """What is sent for a value: a text (or bytes in UTF-8) as it is, nothing for None, every item of a list by itself, else JSON.

    Raises what `hbpush.core.jsontext.encode` does: TypeError, ValueError.
    """
    if isinstance(value, str):
        return [value]
    if value is None:
        return []
    if isinstance(value, list):
        try:
            return [body for item in value for body in bodies(item)]
        except RecursionError:
            raise ValueError("a list is nested too deeply") from None
    if isinstance(value, bytes | bytearray | memoryview):
        return [bytes(value).decode("utf-8", "replace")]
    return [json(value)]


def json(value: object) -> str:
    """A value as JSON, a text or a list included."""
    return JSON + jsontext.encode(value)


def heartbeat(number: int) -> str:
    return f"{HEARTBEAT}{number}"


def read(body: str) -> Heard:
    """What a body means. Raises ProtocolError for what should be JSON and is not."""
    mark = body[:3]
    if mark == JSON:
        try:
            return Heard(JSON, jsontext.decode(body[3:]))
        except ProtocolError as error:
            raise ProtocolError(f"a message is not JSON: {error}") from None
    if mark == HEARTBEAT:
        return Heard(HEARTBEAT, body[3:])
    return Heard(FRAME, body)
