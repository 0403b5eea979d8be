"""What is published: numbered messages of four kinds in turn, and how a number is found in one again. Pure."""

from __future__ import annotations

import json
from collections.abc import Collection
from itertools import cycle
from typing import Any, NamedTuple

Value = Any
"""str, bytes, or a value of JSON: see `tests.conformance.matrix.contract`."""

TEXT, JSON, BINARY, EMOJI = KINDS = ("text", "JSON", "binary", "emoji")


class Payload(NamedTuple):
    """What somebody has to say. Its number is in it."""

    kind: str
    value: Value


def payload(kind: str, number: int) -> Payload:
    """Each has lost something on some server: what ends a line, a script, a field or a frame, what has no length, what is no text."""
    values = {
        TEXT: f"{number} жук\n\"'\\<>&%+</script><!-- \u2028 3::: \ufffd5\ufffd ~m~1~m~",
        JSON: {"number": number, "list": [1.5, None, True, "😀</script>"], "ж\n": {"": []}},
        BINARY: b"%d \xff\x00\xfe\r\n\x80 \xf0\x9f" % number,
        EMOJI: f"{number} 😀\U0001f468\u200d\U0001f469\U0010fffd",
    }
    return Payload(kind, values[kind])


def payloads(first: int, count: int, left_out: Collection[str] = ()) -> list[Payload]:
    """So many, numbered from ``first``, of the kinds in turn that are not left out."""
    kinds = cycle(kind for kind in KINDS if kind not in left_out)
    return [payload(next(kinds), number) for number in range(first, first + count)]


def is_spelled(value: Value) -> bool:
    """Whether it is JSON as its text."""
    return isinstance(value, str) and value.startswith("{")


def number_of(value: Value) -> int:
    """The number in a value, or in JSON that came as its text. Raises ValueError where there is none."""
    match value:
        case str() if is_spelled(value):
            return number_of(json.loads(value))
        case {"number": int(number)}:
            return number
        case str() | bytes():
            return int(value.split()[0]) if value else int("")
    raise ValueError(f"no number in {value!r}")
