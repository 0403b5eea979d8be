"""What both files of tests with sockjs-client have in common: which tests there are, and how a driver plays those of a host."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from tests.conformance.driving import drivers, playing, sites
from tests.conformance.driving.cases import Told, Wanted
from tests.conformance.sockjs.cases import CHANNEL_SCENARIOS, PERCENTS, SCENARIOS, Case
from tests.conformance.sockjs.sites import Site

HERE = Path(__file__).parent
HOSTS = ("native", "stock", "hbpushd", "reference")
ALONE = ("lost connection",)
"""The scenarios in which the server goes: nothing else is played beside them."""

SCRIPTS = {drivers.NODE_DRIVER: ("act.js", "installed.js"), drivers.BROWSER_DRIVER: ("act.js", "bundled.js")}


def parameters(cases: Iterable[Case]) -> list[Any]:
    """Parameters ``played, case, scenario`` of the tests, ``played`` being the host."""
    return playing.parameters(HOSTS, cases, SCENARIOS + CHANNEL_SCENARIOS, _is_plain)


def _is_plain(host: str, case: Case, scenario: str) -> bool:
    # Browsers take too long for every test run.
    return host in ("native", "hbpushd") and not case.page


def stage(driver: str) -> playing.Stage:
    """The stage of a driver."""
    return playing.Stage(partial(_play, driver))


def _play(driver: str, host: str, wanted: Wanted, folder: Path) -> Told:
    return playing.play_on(Site(host, folder / "log"), wanted, ALONE, partial(_perform, driver))


def _perform(driver: str, site: sites.Site, wanted: Mapping[Case, Sequence[str]], waiting: Callable[[], None] | None) -> Told:
    given = [
        {
            **drivers.described(case, site.origin, scenarios),
            "texts": case.texts(site.kind),
            "percents": PERCENTS,
            "reasons": case.reasons(site.kind),
            "bundle": str(HERE / ".clients/node_modules/sockjs-client/dist/sockjs.js"),
            "framed": "iframe" in case.transport,
        }
        for case, scenarios in wanted.items()
    ]
    return drivers.play(driver, HERE, drivers.scripts(HERE, *SCRIPTS[driver]), wanted.keys(), given, waiting)
