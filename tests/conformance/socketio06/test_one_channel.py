"""One port, one resource, one channel: clients of every generation and curl, each of which gets what any of them publishes."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.conformance.driving.drivers import NODE, need_clients
from tests.conformance.socketio06.playing import HERE, LATER
from tests.conformance.socketio06.sites import Site

TRANSPORTS = ("websocket", "xhr-polling")
FEW = [("0.6.3", "websocket"), ("0.6.3", "xhr-polling"), ("0.7.11", "websocket"), ("0.9.17", "xhr-polling")]
ALL = [(version, transport) for version in ("0.6.3", "0.7.11", "0.8.7", "0.9.17") for transport in TRANSPORTS]
PATIENCE = 60


@pytest.mark.skipif(shutil.which("curl") is None, reason="curl is one of the clients: apt-get install curl")
@pytest.mark.parametrize("clients", [FEW, pytest.param(ALL, marks=pytest.mark.full)], ids=["few", "all"])
def test_one_channel(clients: list[tuple[str, str]], tmp_path: Path) -> None:
    need_clients(LATER)
    with Site("hbpushd", tmp_path / "log") as site:
        members = [{"version": version, "transport": transport} for version, transport in clients]
        order = json.dumps({"site": site.origin, "channel": "open.all", "clients": members})
        command = [*NODE, str(HERE / "driver" / "together.js")]
        ran = subprocess.run(command, input=order, capture_output=True, text=True, timeout=PATIENCE, check=False)
    assert ran.returncode == 0, ran.stderr
    heard = json.loads(ran.stdout)
    names = ["curl", *(" ".join(client) for client in clients)]
    assert list(heard) == names
    assert [text for text, _ in heard["curl"]] == [f"from {name} 😀" for name in names]
    assert len({number for _, number in heard["curl"]}) == len(names)
    for name in names:
        assert heard[name] == heard["curl"], name
