"""What client 0.6.3 plays in both files of tests."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tests.conformance.driving import drivers
from tests.conformance.driving.playing import Repertoire
from tests.conformance.socketio06.cases import HOSTS, SCENARIOS, Case
from tests.conformance.socketio06.sites import Site

HERE = Path(__file__).parent
LATER = HERE.parent / "socketio"
"""Where the clients are installed, and whose scripts serve here, too."""
PATIENCE = 60
"""Seconds."""


def play_together(origin: str, channel: str, clients: Sequence[tuple[str, str]]) -> None:
    """Let clients (version, transport) and curl be on one channel, and see that each gets what any of them publishes."""
    drivers.need_clients(LATER)
    members = [{"version": version, "transport": transport} for version, transport in clients]
    order = json.dumps({"site": origin, "channel": channel, "clients": members})
    command = [*drivers.NODE, str(HERE / "driver" / "together.js")]
    ran = subprocess.run(command, input=order, capture_output=True, text=True, timeout=PATIENCE, check=False)
    assert ran.returncode == 0, ran.stderr
    heard = json.loads(ran.stdout)
    names = ["curl", *(" ".join(client) for client in clients)]
    assert list(heard) == names
    assert [text for text, _ in heard["curl"]] == [f"from {name} \U0001f600" for name in names]
    assert len({number for _, number in heard["curl"]}) == len(names)
    for name in names:
        assert heard[name] == heard["curl"], name


def _is_plain(host: str, case: Case, scenario: str) -> bool:
    return case.is_plain(host)


def _describe(case: Case, host: str) -> dict[str, Any]:
    return {
        "resource": "socket.io",
        # The reference takes the end of any connection for the end of all clients that have polled on it. Those of one program share
        # connections, pages of a browser too, and one that leaves cuts the one that it polls on.
        "singly": host == "reference",
        "texts": case.texts(host),
        "values": case.values(host),
        "bundle": str(LATER / ".clients/node_modules/server-0.6.18/support/socket.io-client/socket.io.js"),
        "scripts": [str(LATER / "driver/htmlfile.js")] if case.transport == "htmlfile" else [],
    }


REPERTOIRE = Repertoire(
    clients=LATER,
    scripts={
        drivers.NODE_DRIVER: [str(LATER / "driver/act.js"), *drivers.scripts(HERE, "early.js", "installed.js")],
        drivers.BROWSER_DRIVER: [str(LATER / "driver/act.js"), *drivers.scripts(HERE, "early.js", "bundled.js")],
    },
    site=Site,
    hosts=HOSTS,
    scenarios=SCENARIOS,
    alone=("lost session",),
    is_plain=_is_plain,
    describe=_describe,
    expected=Case.expected,
)
