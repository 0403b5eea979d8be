"""What sockjs-client plays in both files of tests."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tests.conformance.driving import drivers
from tests.conformance.driving.playing import Repertoire
from tests.conformance.sockjs.cases import CHANNEL_SCENARIOS, PERCENTS, SCENARIOS, Case, expected
from tests.conformance.sockjs.sites import Site

HERE = Path(__file__).parent


def _is_plain(host: str, case: Case, scenario: str) -> bool:
    # Browsers take too long for every test run.
    return host in ("native", "hbpushd") and not case.page


def _describe(case: Case, host: str) -> dict[str, Any]:
    return {
        "texts": case.texts(host),
        "percents": PERCENTS,
        "reasons": case.reasons(host),
        "bundle": str(HERE / ".clients/node_modules/sockjs-client/dist/sockjs.js"),
        "framed": "iframe" in case.transport,
    }


REPERTOIRE = Repertoire(
    clients=HERE,
    scripts={
        drivers.NODE_DRIVER: drivers.scripts(HERE, "act.js", "installed.js"),
        drivers.BROWSER_DRIVER: drivers.scripts(HERE, "act.js", "bundled.js"),
    },
    site=Site,
    hosts=("native", "stock", "hbpushd", "reference"),
    scenarios=SCENARIOS + CHANNEL_SCENARIOS,
    alone=("lost connection",),
    is_plain=_is_plain,
    describe=_describe,
    expected=expected,
)
