"""What both files of tests have in common: which tests there are, and one run of a driver for all those of a host that were chosen."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import pytest

from tests.conformance.socketio import drivers
from tests.conformance.socketio.cases import CHANNEL_SCENARIOS, SCENARIOS, Case, expected
from tests.conformance.socketio.sites import Site

HOSTS = ("stock", "native", "hbpushd", "reference")
ALONE = ("lost session", "channel of a lost session")
"""The scenarios in which the server goes: nothing else is played beside them."""

LONG = (
    "disconnect and reconnect",
    "idle",
    "fallback",
    "fallback after a check",
    "lost session",
    "channel idle",
    "channel fallback",
    "channel of a lost session",
)
"""The scenarios in which a client waits for time-outs of its own: browsers play them with ``--full``, on Node every test run does."""


def parameters(cases: Iterable[Case]) -> list[Any]:
    """Parameters ``played, case, scenario`` of the tests, ``played`` being the host. Those that take long are marked "full"."""
    return [
        pytest.param(
            *(host, case, scenario),
            id=f"{host}-{case.id}-{scenario.replace(' ', '-')}",
            marks=() if case.is_plain(host) and (not case.page or scenario not in LONG) else pytest.mark.full,
        )
        for host in HOSTS
        for case in cases
        for scenario in SCENARIOS + CHANNEL_SCENARIOS
        if case.plays(scenario, host)
    ]


class Stage:
    """What one driver has told of each host: all that is to be tested there is played once, when the first test asks.

    A fixture with a scope would be made anew for nearly every test: pytest puts tests in an order by all parameters of that scope.
    """

    def __init__(self, driver: str) -> None:
        self._driver = driver
        self._told: dict[str, drivers.Told | BaseException] = {}

    def told(self, request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> drivers.Told:
        """The facts of the host that is the fixture's parameter. Raises again what playing there has raised."""
        host: str = request.param
        if host not in self._told:
            try:
                self._told[host] = play(request, tmp_path_factory, self._driver)
            except (Exception, pytest.fail.Exception) as error:
                self._told[host] = error
                raise
        told = self._told[host]
        if isinstance(told, BaseException):
            raise told
        return told


def play(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, driver: str) -> drivers.Told:
    """Start the host that is the fixture's parameter and let the driver play there all that is to be tested."""
    host: str = request.param
    together: dict[Case, list[str]] = {}
    alone: dict[Case, list[str]] = {}
    for item in request.session.items:
        chosen = getattr(item, "callspec", None)
        if item.path == request.path and chosen and chosen.params["played"] == host and not item.get_closest_marker("skip"):
            case, scenario = chosen.params["case"], chosen.params["scenario"]
            (alone if scenario in ALONE else together).setdefault(case, []).append(scenario)
    told: drivers.Told = {}
    with Site(host, tmp_path_factory.mktemp(host) / "log") as site:
        if together:
            told |= drivers.play(driver, site, together)
        if alone:
            for key, facts in drivers.play(driver, site, alone, site.restart).items():
                told.setdefault(key, {}).update(facts)
    return told


def check(told: drivers.Told, host: str, case: Case, scenario: str) -> None:
    """Compare the facts of a scenario with those that it has to tell."""
    facts = dict(told.get((case, scenario), {}))
    wanted = expected(case, scenario, host)
    faults = [f"failed: {facts.pop('failed')}"] if "failed" in facts else []
    absent = object()
    for fact in [*wanted, *(facts.keys() - wanted.keys())]:
        if facts.get(fact, absent) != wanted.get(fact, absent):
            faults.append(f"{fact}: {_difference(facts.get(fact, 'not told'), wanted.get(fact, 'anything'))}")
    faults += [f"thrown in this scenario or another: {text}" for text in told.get((case, drivers.CRASH), {}).values()]
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
