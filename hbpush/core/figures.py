"""What a part of the server tells of itself in numbers, read when somebody asks. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple


class Figure(NamedTuple):
    """One number. ``name`` has lower case, digits and ``_``, with its unit last (``bytes``, ``seconds``); ``help`` is a line about it.

    ``total`` tells that it counts what has happened since the start, and never goes down; else it is how things are now.
    """

    name: str
    value: float
    help: str
    total: bool = False


def named(figures: Iterable[Figure]) -> dict[str, float]:
    """The values by their names."""
    return {figure.name: figure.value for figure in figures}
