"""Sessions that come and go leave nothing behind in the server: no object, no timer, no descriptor, no memory."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from tests.bench import build
from tests.bench.load import Load
from tests.bench.processes import resident
from tests.support.counted import House
from tests.support.packages import needs
from tests.support.process import Daemon

MB = 1024 * 1024
CONFIGURATION = {
    "port": 0,
    "address": "127.0.0.1",
    "locations": [
        {"type": "publisher", "prefix": "/pub/"},
        {"type": "socketio", "resource": "socket.io", "session_expiry": 1},
    ],
}


@needs("gcc", "libc6-dev")
@pytest.mark.parametrize("carrier", ["websocket", "polling"])
@pytest.mark.parametrize(
    ("sessions", "times", "grows"),
    [
        pytest.param(200, 3, None, id="some"),
        pytest.param(10_000, 10, 2 * MB, id="many", marks=pytest.mark.full),
    ],
)
def test_nothing_stays_of_sessions_that_come_and_go(tmp_path: Path, carrier: str, sessions: int, times: int, grows: int | None) -> None:
    config, file = tmp_path / "hbpushd.json", tmp_path / "census.json"
    config.write_text(json.dumps(CONFIGURATION), encoding="utf-8")
    with Daemon(file, "--config", config, program=(sys.executable, "-m", "tests.support.census")) as daemon:
        house = House(daemon, file)
        before, descriptors = house.census(), house.descriptors()
        sizes = []
        load = Load(build.load_generator(), house.port, None)
        with load.steps("come-and-go", sessions, times, 20, "news", carrier, "socketio-0.9") as steps:
            for time_number in range(1, times + 1):
                assert steps.next() == {"times": time_number}
                house.wait_until_empty(before)
                sizes.append(resident(house.pid))
        assert house.descriptors() == descriptors
        if grows is not None:
            assert sizes[-1] - sizes[0] <= grows, f"bytes after each {sessions} sessions: {sizes}"
