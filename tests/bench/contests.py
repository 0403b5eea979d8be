"""Works whose contenders are not only servers: a store alone, a program, a figure that was worked out."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from typing import NamedTuple

from tests.bench.errors import BenchError
from tests.bench.marks import Mark
from tests.bench.runner import Outcome, Place, turns
from tests.bench.servers import Interpreter
from tests.bench.works import Case, Sizes


class Setting(NamedTuple):
    """What a contest is held with: the interpreter of what is in Python, the place, and how much of everything."""

    python: Interpreter
    place: Place
    sizes: Sizes


class Turn(NamedTuple):
    """What one contender reached in one round, with the shares of `tests.bench.processes.Watch` when something was kept busy."""

    figures: Case
    shares: tuple[tuple[float, float], ...] = ()
    backend: tuple[float, ...] = ()


Contenders = Mapping[str, Callable[[int], Turn]]
"""By name, what runs a contender in the round of a number. Raises BenchError."""


class Contest(NamedTuple):
    """`tests.bench.works.Described`. ``open`` starts what lasts over all rounds. Raises BenchError."""

    name: str
    title: Callable[[Sizes], str]
    unit: str
    more_is_better: bool
    open: Callable[[Setting], AbstractContextManager[Contenders]]
    marks: tuple[Mark, ...] = ()
    growth: bool = False

    @property
    def is_rate(self) -> bool:
        return self.more_is_better


def hold(contest: Contest, setting: Setting, subject: str) -> Outcome:
    """Hold a contest. A contender that fails is left out of the rounds that follow; what fails before them is laid to ``subject``."""
    outcome = Outcome(contest, setting.sizes)
    try:
        with contest.open(setting) as contenders:
            for round_number in range(setting.sizes.rounds):
                for name in turns(list(contenders), round_number):
                    if name not in outcome.failures:
                        try:
                            outcome.add(name, *contenders[name](round_number))
                        except BenchError as error:
                            outcome.failures[name] = str(error)
    except BenchError as error:
        outcome.failures[subject] = str(error)
    return outcome
