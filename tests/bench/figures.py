"""Figures of several rounds: medians, spreads, and ratios round by round.

A ratio is taken within a round, where both servers met the same state of the machine: it drifts more between rounds than servers differ.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from statistics import median
from typing import NamedTuple

Rounds = Mapping[str, Sequence[float]]
"""Case -> its value in each round."""


class Spread(NamedTuple):
    """Several values of the same thing."""

    median: float
    least: float
    most: float

    def __str__(self) -> str:
        return f"{number(self.median)} ({number(self.least)}..{number(self.most)})"


def spread(values: Sequence[float]) -> Spread:
    """The median of at least one value, with the least and the greatest."""
    return Spread(median(values), min(values), max(values))


def ratios(of: Sequence[float], to: Sequence[float]) -> list[float]:
    """``of`` by ``to`` in each round that both have. Raises ZeroDivisionError for a figure that is none."""
    return [above / below for above, below in zip(of, to, strict=False)]


def number(value: float) -> str:
    """Three digits that count, thousands set apart."""
    if abs(value) >= 100:
        return f"{value:,.0f}"
    return f"{value:.1f}" if abs(value) >= 10 else f"{value:.2f}"


def table(rows: Sequence[Sequence[str]], indent: str = "  ") -> str:
    """Columns of text, the first two to the left and the others to the right; rows may differ in length."""
    widths = [max((len(row[column]) for row in rows if column < len(row)), default=0) for column in range(max(map(len, rows), default=0))]
    lines = [
        "  ".join(
            cell.ljust(width) if column < 2 else cell.rjust(width) for column, (cell, width) in enumerate(zip(row, widths, strict=False))
        )
        for row in rows
    ]
    return "".join(f"{indent}{line.rstrip()}\n" for line in lines)
