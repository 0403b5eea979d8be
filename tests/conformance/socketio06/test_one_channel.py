"""One port, one resource, one channel: clients of every generation and curl, each of which gets what any of them publishes."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests.conformance.socketio06.playing import play_together
from tests.conformance.socketio06.sites import Site

TRANSPORTS = ("websocket", "xhr-polling")
FEW = [("0.6.3", "websocket"), ("0.6.3", "xhr-polling"), ("0.7.11", "websocket"), ("0.9.17", "xhr-polling")]
ALL = [(version, transport) for version in ("0.6.3", "0.7.11", "0.8.7", "0.9.17") for transport in TRANSPORTS]


@pytest.mark.skipif(shutil.which("curl") is None, reason="curl is one of the clients: apt-get install curl")
@pytest.mark.parametrize("clients", [FEW, pytest.param(ALL, marks=pytest.mark.full)], ids=["few", "all"])
def test_one_channel(clients: list[tuple[str, str]], tmp_path: Path) -> None:
    with Site("hbpushd", tmp_path / "log") as site:
        play_together(site.origin, "open.all", clients)
