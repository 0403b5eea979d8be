"""What both files of tests have in common: which tests there are, and how a driver plays those of a host."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from tests.conformance.driving import drivers, playing, sites
from tests.conformance.driving.cases import Told, Wanted
from tests.conformance.socketio06.cases import HOSTS, SCENARIOS, Case
from tests.conformance.socketio06.sites import Site

HERE = Path(__file__).parent
LATER = HERE.parent / "socketio"
"""Where the clients are installed, and whose scripts serve here, too."""

ALONE = ("lost session",)
"""The scenarios in which the server goes: nothing else is played beside them."""

SCRIPTS = {drivers.NODE_DRIVER: ("early.js", "installed.js"), drivers.BROWSER_DRIVER: ("early.js", "bundled.js")}


def parameters(cases: Iterable[Case]) -> list[Any]:
    """Parameters ``played, case, scenario`` of the tests, ``played`` being the host."""
    return playing.parameters(HOSTS, cases, SCENARIOS, _is_plain)


def _is_plain(host: str, case: Case, scenario: str) -> bool:
    return case.is_plain(host)


def stage(driver: str) -> playing.Stage:
    """The stage of a driver."""
    return playing.Stage(partial(_play, driver))


def _play(driver: str, host: str, wanted: Wanted, folder: Path) -> Told:
    return playing.play_on(Site(host, folder / "log"), wanted, ALONE, partial(_perform, driver))


def _perform(driver: str, site: sites.Site, wanted: Mapping[Case, Sequence[str]], waiting: Callable[[], None] | None) -> Told:
    given = [
        {
            **drivers.described(case, site.origin, scenarios),
            "resource": "socket.io",
            "texts": case.texts(site.kind),
            "values": case.values(site.kind),
            "bundle": str(LATER / ".clients/node_modules/server-0.6.18/support/socket.io-client/socket.io.js"),
            "scripts": [str(LATER / "driver/htmlfile.js")] if case.transport == "htmlfile" else [],
        }
        for case, scenarios in wanted.items()
    ]
    files = [str(LATER / "driver/act.js"), *drivers.scripts(HERE, *SCRIPTS[driver])]
    return drivers.play(driver, LATER, files, wanted.keys(), given, waiting)
