"""What a work has to reach. A figure is a median: of the rounds' values, or of their ratios to another server's."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from tests.bench.figures import number, ratios, spread


class Mark(NamedTuple):
    """A bound for the figure of one case: as it is, or by that of the server ``of``. ``aim`` is what one would like to reach."""

    case: str
    bound: float
    of: str | None = None
    aim: float | None = None


class Judgement(NamedTuple):
    """A mark and the figure that was measured, None when one of the servers has none."""

    mark: Mark
    figure: float | None
    more_is_better: bool

    @property
    def met(self) -> bool | None:
        """Whether the bound is kept; None without a figure."""
        return None if self.figure is None else self._keeps(self.figure, self.mark.bound)

    def __str__(self) -> str:
        mark, sign = self.mark, ">=" if self.more_is_better else "<="
        measure = f" x {mark.of}" if mark.of else ""
        wanted = f"{mark.case} {sign} {mark.bound:g}{measure}"
        if self.figure is None:
            return f"mark {wanted}: not judged, for want of figures"
        aim = "" if mark.aim is None else f"; the aim of {mark.aim:g} {'too' if self._keeps(self.figure, mark.aim) else 'is not'}"
        return f"mark {wanted}: {'met' if self.met else 'NOT MET'} with {number(self.figure)}{aim if self.met else ''}"

    def plain(self) -> dict[str, Any]:
        """The same for a file."""
        return {**self.mark._asdict(), "figure": self.figure, "met": self.met}

    def _keeps(self, figure: float, bound: float) -> bool:
        return figure >= bound if self.more_is_better else figure <= bound


def judge(
    marks: Sequence[Mark], more_is_better: bool, subject: str, values: Mapping[str, Mapping[str, Sequence[float]]]
) -> list[Judgement]:
    """What ``subject`` reached of the marks; ``values`` are server -> case -> the value of each round."""
    return [Judgement(mark, _figure(mark, subject, values), more_is_better) for mark in marks]


def _figure(mark: Mark, subject: str, values: Mapping[str, Mapping[str, Sequence[float]]]) -> float | None:
    own = values.get(subject, {}).get(mark.case, ())
    if mark.of is not None:
        own = ratios(own, values.get(mark.of, {}).get(mark.case, ()))
    return spread(own).median if own else None
