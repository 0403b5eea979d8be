"""What the old clients of Socket.IO play in both files of tests."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tests.conformance.driving import drivers
from tests.conformance.driving.playing import Repertoire
from tests.conformance.socketio.cases import CHANNEL_SCENARIOS, SCENARIOS, Case, expected
from tests.conformance.socketio.sites import Site

HERE = Path(__file__).parent

BRIEF = ("connect", "messages", "json", "events", "acks from server", "acks from client", "endpoints", "channel", "channel endpoint")
"""The scenarios that browsers play in every test run, for its time; on Node it plays all of them."""

BRIEF_OF_ANOTHER_SITE = ("connect", "messages", "channel")
"""Those of pages of another site: how requests are made and read is different there, and not what they carry."""


def _is_plain(host: str, case: Case, scenario: str) -> bool:
    brief = BRIEF_OF_ANOTHER_SITE if case.page == "cross" else BRIEF
    return case.is_plain(host) and (not case.page or scenario in brief)


def _describe(case: Case, host: str) -> dict[str, Any]:
    return {
        "version": case.version,
        "resource": case.resource(host),
        "texts": case.texts(host),
        "values": case.values(host),
        "bundle": str(HERE / ".clients/node_modules" / f"client-{case.version}" / "dist/socket.io.js"),
        "scripts": [str(HERE / "driver/htmlfile.js")] if case.transport == "htmlfile" else [],
    }


REPERTOIRE = Repertoire(
    clients=HERE,
    scripts={
        drivers.NODE_DRIVER: drivers.scripts(HERE, "sockets.js", "act.js", "installed.js"),
        drivers.BROWSER_DRIVER: drivers.scripts(HERE, "sockets.js", "act.js", "bundled.js"),
    },
    site=Site,
    hosts=("stock", "native", "hbpushd", "reference"),
    scenarios=SCENARIOS + CHANNEL_SCENARIOS,
    alone=("lost session", "channel of a lost session"),
    is_plain=_is_plain,
    describe=_describe,
    expected=expected,
)
