"""Which locations no request can reach, because earlier ones take all their paths: proved from the patterns, never guessed."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import NamedTuple

from hbpush.web.routes import Exact, Pattern, Prefix, Regex, Route

_SPECIAL = ".^$*+?{}[]|()\\"
_WORDS = re.compile(r"\(\(\?:([\w-]+(?:\|[\w-]+)*)\)\(\?:/\.\*\)\?\)\$?")
"""One of some words, and perhaps a slash and anything behind it."""


class Placed(NamedTuple):
    """A location and its routes. ``path`` is its place in the configuration, ``kind`` its type, ``option`` what says where it is."""

    path: str
    kind: str
    routes: Sequence[Route]
    option: str = "url"


def hidden(locations: Sequence[Placed]) -> list[str]:
    """One line for each location all of whose routes are hidden by those of earlier locations."""
    lines = []
    for index, later in enumerate(locations):
        takers = [_taker(route, locations[:index]) for route in later.routes]
        if takers and takers[0] is not None and None not in takers:
            first = takers[0]
            lines.append(
                f"{later.path}: the {later.kind} {_texts(later)} is never reached, because {first.path} ({first.kind} {_texts(first)}) "
                f"takes all its requests; put it first or change its {later.option}"
            )
    return lines


def covers(earlier: Pattern, later: Pattern) -> bool:
    """Whether every path of the later pattern is certainly one of the earlier's."""
    if type(earlier) is type(later) and earlier.text == later.text:
        return True
    if isinstance(later, Exact):
        return earlier.match(later.literal) is not None
    return any(_covers_from(start, earlier, later) for start in _starts(earlier))


def _covers_from(start: bytes, earlier: Pattern, later: Pattern) -> bool:
    if isinstance(later, Prefix):
        return later.literal.startswith(start)
    # All paths of the later one begin with its head. Of those that begin with `start`, the earlier one lacks at most `start` itself.
    return (
        isinstance(later, Regex)
        and literal_head(later.text)[0].encode().startswith(start)
        and (earlier.match(start) is not None or later.match(start) is None)
    )


def _taker(route: Route, locations: Sequence[Placed]) -> Placed | None:
    return next((earlier for earlier in locations if any(covers(other.pattern, route.pattern) for other in earlier.routes)), None)


def _starts(pattern: Pattern) -> list[bytes]:
    """Texts such that everything longer that begins with one of them matches."""
    if isinstance(pattern, Prefix):
        return [pattern.literal]
    if isinstance(pattern, Regex):
        head, rest = literal_head(pattern.text)
        if rest.removesuffix("$") in ("(.+)", "(.*)"):
            return [head.encode()]
        words = _WORDS.fullmatch(rest)
        if words is not None:
            return [f"{head}{word}/".encode() for word in words[1].split("|")]
    return []


def literal_head(regex: str) -> tuple[str, str]:
    """The text that every match of a regular expression begins with, and the expression after it. Rather too short than wrong."""
    if _alternatives(regex):
        return "", regex
    head, position = "", 1 if regex.startswith("^") else 0
    while position < len(regex):
        character, after = regex[position], position + 1
        if character == "\\" and after < len(regex) and not regex[after].isalnum():
            character, after = regex[after], after + 1
        elif character in _SPECIAL:
            break
        if regex[after : after + 1] in ("*", "?", "{"):
            break
        if regex[after : after + 1] == "+":
            return head + character, regex[position:]
        head += character
        position = after
    return head, regex[position:]


def _alternatives(regex: str) -> bool:
    """Whether there is a ``|`` outside every group, so that nothing is common to all matches."""
    depth, position, in_class = 0, 0, False
    while position < len(regex):
        character = regex[position]
        if character == "\\":
            position += 1
        elif in_class:
            in_class = character != "]"
        elif character == "[":
            in_class = True
            position += regex.startswith("^", position + 1)
            # A bracket that comes first in a class stands for itself.
            position += regex.startswith("]", position + 1)
        elif character in "()":
            depth += 1 if character == "(" else -1
        elif character == "|" and depth == 0:
            return True
        position += 1
    return False


def _texts(location: Placed) -> str:
    return ", ".join(route.pattern.text for route in location.routes)
