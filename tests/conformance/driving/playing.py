"""What files of tests with real clients have in common: which tests there are, one run of a driver for all those of a host that were
chosen, and the comparison of what it told with what it had to tell. A folder of tests has a `Repertoire`, and a file of tests is::

    played = REPERTOIRE.played(drivers.NODE_DRIVER)

    @REPERTOIRE.performances(NODE)
    def test_node_client(played: Played, case: Case, scenario: str) -> None:
        played.check(case, scenario)
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.conformance.driving import drivers
from tests.conformance.driving.cases import CRASH, Case, Told, Wanted
from tests.conformance.driving.sites import Site

AT_ONCE = 6
"""Clients that lose their server at the same time. All come back to it at once, and the oldest do not bear to be kept waiting then."""

NEEDED = {drivers.NODE_DRIVER: (), drivers.BROWSER_DRIVER: ("chromium",)}
"""Driver -> the packages that it needs beside Node."""


@dataclass(frozen=True)
class Repertoire:
    """What the clients of a folder of tests play, and where. Its functions are given the folder's own kind of `Case`."""

    clients: Path
    """The folder whose ``clients/`` they are installed by."""
    scripts: Mapping[str, Sequence[str]]
    """Driver -> the files of the protocol, in the order in which they are run."""
    site: Callable[[str, Path], Site]
    """Starts a host, with its log in a file that is not there yet."""
    hosts: Sequence[str]
    scenarios: Sequence[str]
    alone: Collection[str]
    """The scenarios in which the server goes: nothing else is played beside them."""
    is_plain: Callable[[str, Any, str], bool]
    """Whether every test run plays (host, case, scenario); the others are for ``--full``."""
    describe: Callable[[Any, str], dict[str, Any]]
    """What a driver has to know of a case on a host, beside what `drivers.described` says of every case."""
    expected: Callable[[Any, str, str], Mapping[str, Any]]
    """The facts that (case, scenario, host) has to tell."""

    def performances(self, cases: Iterable[Case]) -> pytest.MarkDecorator:
        """Makes of a test one for each scenario that a case plays on a host: with ``played``, ``case`` and ``scenario``."""
        parameters = [
            pytest.param(
                *(host, case, scenario),
                id=f"{host}-{case.id}-{scenario.replace(' ', '-')}",
                marks=() if self.is_plain(host, case, scenario) else pytest.mark.full,
            )
            for host in self.hosts
            for case in cases
            for scenario in self.scenarios
            if case.plays(scenario, host)
        ]
        return pytest.mark.parametrize(("played", "case", "scenario"), parameters, indirect=["played"])

    def played(self, driver: str) -> Any:
        """The fixture ``played`` of a file of tests, which are all played by that driver: a `Played`. Skips where clients cannot be."""
        stage = Stage(lambda host, wanted, folder: self._play(driver, host, wanted, folder))

        @pytest.fixture
        def played(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Played:
            drivers.need_clients(self.clients, *NEEDED[driver])
            return Played(request.param, stage.told(request, tmp_path_factory), self.expected)

        return played

    def _play(self, driver: str, host: str, wanted: Wanted, folder: Path) -> Told:
        def perform(site: Site, wanted: Wanted, waiting: Callable[[], None] | None) -> Told:
            given = [{**drivers.described(case, site.origin, scenarios), **self.describe(case, host)} for case, scenarios in wanted.items()]
            return drivers.play(driver, self.clients, self.scripts[driver], wanted.keys(), given, waiting)

        return play_on(self.site(host, folder / "log"), wanted, self.alone, perform)


@dataclass(frozen=True)
class Played:
    """What has been told of a host, and ``expected`` of its `Repertoire`."""

    host: str
    told: Told
    expected: Callable[[Any, str, str], Mapping[str, Any]]

    def check(self, case: Case, scenario: str) -> None:
        """Compare the facts of a scenario with those that it has to tell."""
        check(self.told, case, scenario, self.expected(case, scenario, self.host))


class Stage:
    """What one driver has told of each host: all that is to be tested there is played once, when the first test asks.

    ``play(host, wanted, folder)`` starts the host, with its files in a folder, and lets the driver play there. A fixture with a scope
    would be made anew for nearly every test: pytest puts tests in an order by all parameters of that scope.
    """

    def __init__(self, play: Callable[[str, Wanted, Path], Told]) -> None:
        self._play = play
        self._told: dict[str, Told | BaseException] = {}

    def told(self, request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Told:
        """The facts of the host that is the fixture's parameter. Raises again what playing there has raised."""
        host: str = request.param
        if host not in self._told:
            try:
                self._told[host] = self._play(host, _chosen(request, host), tmp_path_factory.mktemp(host))
            except (Exception, pytest.fail.Exception) as error:
                self._told[host] = error
                raise
        told = self._told[host]
        if isinstance(told, BaseException):
            raise told
        return told


def _chosen(request: pytest.FixtureRequest, host: str) -> Wanted:
    wanted: dict[Case, list[str]] = {}
    for item in request.session.items:
        chosen = getattr(item, "callspec", None)
        if item.path == request.path and chosen and chosen.params.get("played") == host and not item.get_closest_marker("skip"):
            wanted.setdefault(chosen.params["case"], []).append(chosen.params["scenario"])
    return wanted


def play_on(site: Site, wanted: Wanted, alone: Collection[str], play: Callable[[Site, Wanted, Callable[[], None] | None], Told]) -> Told:
    """Let a driver play on a site that was not entered yet, and end that. Scenarios that are ``alone`` are played when the others are over,
    by a few clients at a time: the server is restarted as soon as they all tell "waiting". ``play`` has the arguments of `drivers.play`
    that matter here."""
    together: dict[Case, list[str]] = {}
    apart: dict[Case, list[str]] = {}
    for case, scenarios in wanted.items():
        for scenario in scenarios:
            (apart if scenario in alone else together).setdefault(case, []).append(scenario)
    told: Told = {}
    with site:
        if together:
            told |= play(site, together, None)
        cases = list(apart)
        for begin in range(0, len(cases), AT_ONCE):
            group = {case: apart[case] for case in cases[begin : begin + AT_ONCE]}
            for (case, scenario), facts in play(site, group, site.restart).items():
                # What is thrown here is no fault of what was played before.
                for blamed in group[case] if scenario == CRASH else [scenario]:
                    told.setdefault((case, blamed), {}).update({"thrown": facts} if scenario == CRASH else facts)
    return told


def check(told: Told, case: Case, scenario: str, wanted: Mapping[str, Any]) -> None:
    """Compare the facts of a scenario with those that it has to tell."""
    facts = dict(told.get((case, scenario), {}))
    faults = [f"failed: {facts.pop('failed')}"] if "failed" in facts else []
    absent = object()
    for fact in [*wanted, *(facts.keys() - wanted.keys())]:
        if facts.get(fact, absent) != wanted.get(fact, absent):
            faults.append(f"{fact}: {_difference(facts.get(fact, 'not told'), wanted.get(fact, 'anything'))}")
    faults += [f"thrown in this scenario or another: {text}" for text in told.get((case, CRASH), {}).values()]
    if faults:
        pytest.fail("\n".join(faults), pytrace=False)


def _difference(found: Any, wanted: Any) -> str:
    if isinstance(found, list) and isinstance(wanted, list) and len(found) == len(wanted):
        pairs = [
            f"[{index}] {one!r:.300}, not {other!r:.300}"
            for index, (one, other) in enumerate(zip(found, wanted, strict=True))
            if one != other
        ]
        return "; ".join(pairs)
    return f"{found!r:.1000}, not {wanted!r:.1000}"
