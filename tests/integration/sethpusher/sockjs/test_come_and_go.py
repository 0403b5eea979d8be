"""Sessions of SockJS that come and go leave nothing behind in the server: no object, no timer, no descriptor, no memory."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.counted import nothing_stays
from tests.support.packages import needs

MB = 1024 * 1024
LOCATION = {"type": "sethpusher", "prefix": "/", "disconnect_delay": 1}


@needs("gcc", "libc6-dev")
@pytest.mark.parametrize("carrier", ["websocket", "polling", "streaming"])
@pytest.mark.parametrize(
    ("sessions", "times", "grows"),
    [
        pytest.param(200, 3, None, id="some"),
        pytest.param(3_000, 10, 2 * MB, id="many", marks=pytest.mark.full),
    ],
)
def test_nothing_stays_of_sessions_that_come_and_go(tmp_path: Path, carrier: str, sessions: int, times: int, grows: int | None) -> None:
    nothing_stays(tmp_path, LOCATION, carrier, "sockjs", sessions, times, grows)
