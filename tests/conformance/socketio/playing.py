"""What both files of tests have in common: which tests there are, and how a driver plays those of a host."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from tests.conformance.driving import drivers, playing, sites
from tests.conformance.driving.cases import Told, Wanted
from tests.conformance.socketio.cases import CHANNEL_SCENARIOS, SCENARIOS, Case
from tests.conformance.socketio.sites import Site

HERE = Path(__file__).parent
HOSTS = ("stock", "native", "hbpushd", "reference")
ALONE = ("lost session", "channel of a lost session")
"""The scenarios in which the server goes: nothing else is played beside them."""

BRIEF = ("connect", "messages", "json", "events", "acks from server", "acks from client", "endpoints", "channel", "channel endpoint")
"""The scenarios that browsers play in every test run, for its time; on Node it plays all of them."""

SCRIPTS = {
    drivers.NODE_DRIVER: ("sockets.js", "act.js", "installed.js"),
    drivers.BROWSER_DRIVER: ("sockets.js", "act.js", "bundled.js"),
}


def parameters(cases: Iterable[Case]) -> list[Any]:
    """Parameters ``played, case, scenario`` of the tests, ``played`` being the host."""
    return playing.parameters(HOSTS, cases, SCENARIOS + CHANNEL_SCENARIOS, _is_plain)


def _is_plain(host: str, case: Case, scenario: str) -> bool:
    return case.is_plain(host) and (not case.page or scenario in BRIEF)


def stage(driver: str) -> playing.Stage:
    """The stage of a driver."""
    return playing.Stage(partial(_play, driver))


def _play(driver: str, host: str, wanted: Wanted, folder: Path) -> Told:
    return playing.play_on(Site(host, folder / "log"), wanted, ALONE, partial(_perform, driver))


def _perform(driver: str, site: sites.Site, wanted: Mapping[Case, Sequence[str]], waiting: Callable[[], None] | None) -> Told:
    given = [
        {
            **drivers.described(case, site.origin, scenarios),
            "version": case.version,
            "resource": case.resource(site.kind),
            "texts": case.texts(site.kind),
            "values": case.values(site.kind),
            "bundle": str(HERE / ".clients/node_modules" / f"client-{case.version}" / "dist/socket.io.js"),
            "scripts": [str(HERE / "driver/htmlfile.js")] if case.transport == "htmlfile" else [],
        }
        for case, scenarios in wanted.items()
    ]
    return drivers.play(driver, HERE, drivers.scripts(HERE, *SCRIPTS[driver]), wanted.keys(), given, waiting)
