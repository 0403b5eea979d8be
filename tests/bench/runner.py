"""Runs works: all servers in every round and set, one after the other, so that a drift of the machine meets all of them."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from statistics import median
from typing import Any, NamedTuple, TypeVar

from tests.bench.errors import BenchError
from tests.bench.figures import number, ratios, spread, table
from tests.bench.load import Load
from tests.bench.marks import Judgement, judge
from tests.bench.processes import Cores, Started, started
from tests.bench.servers import Server
from tests.bench.works import Case, Described, Round, Sizes, Work
from tests.support.ports import free_port

T = TypeVar("T")

QUIET = 0.1
"""How much of a core other processes may use before figures are called disturbed."""


class Place(NamedTuple):
    """Where works run: the load generator, and the cores for it and for servers."""

    load: Path
    cores: Cores


class Outcome:
    """The figures of one work: server -> case -> value in each round; and server -> why it failed."""

    def __init__(self, work: Described, sizes: Sizes) -> None:
        self.work = work
        self.sizes = sizes
        self.values: dict[str, dict[str, list[float]]] = {}
        self.busy: dict[str, list[float]] = {}
        self.backend: dict[str, list[float]] = {}
        self.others: list[float] = []
        self.failures: dict[str, str] = {}

    def add(self, server: str, figures: dict[str, float], shares: Sequence[tuple[float, float]], backend: Sequence[float] = ()) -> None:
        """Note the figures of a round, and what `Watch` says for each of its runs: shares, and that of a backend if there is one."""
        cases = self.values.setdefault(server, {})
        for case, value in figures.items():
            cases.setdefault(case, []).append(value)
        self.busy.setdefault(server, []).extend(busy for busy, _ in shares)
        self.others += [others for _, others in shares]
        self.backend.setdefault(server, []).extend(backend)

    def text(self, subject: str) -> str:
        """A table; ratios are those of ``subject`` to the others."""
        work = self.work
        lines = [f"{work.name}: {work.title(self.sizes)}; {work.unit}, {'more' if work.more_is_better else 'less'} is better\n"]
        rows = [
            [
                "", "", "median", "least..most", *(["busy"] if work.is_rate else []), f"{subject} : it", "least..most",
                *(["to first", "least..most"] if work.growth else []),
            ]
        ]  # fmt: skip
        for case in self._cases():
            for server, cases in self.values.items():
                if case in cases:
                    rows.append(self._row(subject, server, case, cases))
        if len(rows) > 1:
            lines.append(table(rows))
        if self.others and max(self.others) > QUIET:
            most, usual = max(self.others), spread(self.others).median
            lines.append(f"  DISTURBED: other processes used up to {most:.0%} of a core meanwhile, {usual:.0%} in the median\n")
        lines += [f"  {judgement}\n" for judgement in self.judgements(subject)]
        lines += [f"  {server} failed: {why}\n" for server, why in self.failures.items()]
        return "".join(lines)

    def judgements(self, subject: str) -> list[Judgement]:
        """What ``subject`` reached of the work's marks."""
        return judge(self.work.marks, self.work.more_is_better, subject, self.values)

    def plain(self, subject: str) -> dict[str, Any]:
        """The same for a file: all values, medians, and ratios."""
        servers = {
            server: {
                "cases": {case: _summed(values) for case, values in cases.items()},
                "busy": self.busy[server],
                "backend": self.backend[server],
            }
            for server, cases in self.values.items()
        }
        compared = {
            server: {case: _summed(ratios(self.values[subject][case], values)) for case, values in cases.items()}
            for server, cases in self.values.items()
            if subject in self.values and server != subject
        }
        return {
            "unit": self.work.unit, "servers": servers, "ratios": compared, "others": self.others, "failures": self.failures,
            "marks": [judgement.plain() for judgement in self.judgements(subject)],
        }  # fmt: skip

    def _cases(self) -> list[str]:
        return list(dict.fromkeys(case for cases in self.values.values() for case in cases))

    def _row(self, subject: str, server: str, case: str, cases: dict[str, list[float]]) -> list[str]:
        row = [case if len(cases) > 1 else "", server, *_spread(cases[case])]
        if self.work.is_rate:
            busy = [of[server] for of in (self.busy, self.backend) if of[server]]
            row.append(" + ".join(f"{spread(shares).median:.0%}" for shares in busy))
        own = self.values.get(subject, {}).get(case)
        row += ["", ""] if own is None or server == subject else _spread(ratios(own, cases[case]))
        first = next(iter(cases))
        if self.work.growth and case != first:
            row += _spread(ratios(cases[case], cases[first]))
        return row


def turns(contenders: Sequence[T], number: int) -> list[T]:
    """Who comes after whom in the round or set of a number: another one begins each time, and none always follows the same."""
    shift = number % max(1, len(contenders))
    return [*contenders[shift:], *contenders[:shift]]


class _Found:
    """What the sets of one round found of one server."""

    def __init__(self) -> None:
        self._values: dict[str, list[float]] = {}
        self.shares: list[tuple[float, float]] = []

    def take(self, figures: Case, shares: Sequence[tuple[float, float]]) -> None:
        for case, value in figures.items():
            self._values.setdefault(case, []).append(value)
        self.shares += shares

    def figures(self) -> Case:
        return {case: median(values) for case, values in self._values.items()}


def measure(work: Work, servers: Sequence[Server], sizes: Sizes, place: Place) -> Outcome:
    """Run a work for those of the servers that can do it. One that fails is left out of the sets and rounds that follow."""
    outcome = Outcome(work, sizes)
    chosen = [server for server in servers if server.name in work.servers]
    with ExitStack() as stack:
        running: dict[str, tuple[Started, Path]] = {}

        def run(server: Server, round_number: int, set_number: int) -> tuple[Case, list[tuple[float, float]]]:
            with ExitStack() as fresh:
                if work.fresh:
                    process, folder = fresh.enter_context(_server(server, work, sizes, place))
                elif server.name in running:
                    process, folder = running[server.name]
                else:
                    process, folder = running[server.name] = stack.enter_context(_server(server, work, sizes, place))
                load = Load(place.load, process.port, place.cores.load)
                at = Round(round_number, set_number, process, load, sizes, folder, place.cores, [], server.dialect)
                return work.run(at), at.shares

        for round_number in range(sizes.rounds):
            found: dict[str, _Found] = {}
            for set_number in range(work.sets(sizes)):
                for server in turns(chosen, round_number + set_number):
                    if server.name in outcome.failures:
                        continue
                    try:
                        found.setdefault(server.name, _Found()).take(*run(server, round_number, set_number))
                    except BenchError as error:
                        outcome.failures[server.name] = str(error)
            for name, of in found.items():
                if name not in outcome.failures:
                    outcome.add(name, of.figures(), of.shares)
    return outcome


@contextmanager
def _server(server: Server, work: Work, sizes: Sizes, place: Place) -> Iterator[tuple[Started, Path]]:
    with tempfile.TemporaryDirectory(prefix="hbpush-bench-") as name:
        folder, port = Path(name), free_port()
        command = server.command(port, folder, work.bounds(sizes))
        with started(command, port, folder, place.cores.server, server.environment()) as process:
            yield process, folder


def _spread(values: Sequence[float]) -> list[str]:
    found = spread(values)
    return [number(found.median), f"{number(found.least)}..{number(found.most)}"]


def _summed(values: Sequence[float]) -> dict[str, Any]:
    return {"median": spread(values).median, "rounds": list(values)}
