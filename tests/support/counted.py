"""A server that counts its objects (`tests.support.census`), to show that what comes and goes leaves nothing behind."""

from __future__ import annotations

import json
import os
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.bench import build
from tests.bench.load import Load
from tests.bench.processes import resident
from tests.support.process import PATIENCE, Daemon

OURS = ("hbpush.", "socketio_compat.", "sethpusher.", "picows.", "uvloop.", "httptools.", "asyncio.", "_asyncio.")
SLACK = 3
"""Objects of a type that are made once, when the first session needs them."""

CACHES = {"hbpush.web.routes.Match": 8192, "hbpush.web.native.heads.Head": 8192}
"""What is kept of requests that may come again, and how much of it."""


class House:
    """A server that counts its objects."""

    def __init__(self, daemon: Daemon, file: Path) -> None:
        self.port = daemon.port
        self.pid = daemon.process.pid
        self._daemon = daemon
        self._file = file

    def census(self) -> dict[str, int]:
        """How many objects of each type there are, of those that sessions could leave behind."""
        self._file.unlink(missing_ok=True)
        self._daemon.signal(signal.SIGUSR1)
        wait_for(self._file.exists)
        counts = json.loads(self._file.read_text(encoding="utf-8"))
        return {name: count for name, count in counts.items() if name.startswith(OURS)}

    def descriptors(self) -> list[str]:
        """What its descriptors are, sockets without their numbers."""
        folder = Path(f"/proc/{self.pid}/fd")
        return sorted(os.readlink(entry).partition("[")[0] for entry in folder.iterdir())

    def grown(self, before: dict[str, int]) -> dict[str, int]:
        """What there is more of than there was before."""
        return {name: count for name, count in self.census().items() if count > before.get(name, 0) + CACHES.get(name, SLACK)}

    def wait_until_empty(self, before: dict[str, int]) -> None:
        """Wait until the sessions that were dropped have expired."""
        wait_for(lambda: not self.grown(before), lambda: f"there is more than before: {self.grown(before)}")


def wait_for(there: Callable[[], bool], why: Callable[[], str] = lambda: "it did not come in time") -> None:
    end = time.monotonic() + PATIENCE
    while not there():
        assert time.monotonic() < end, why()
        time.sleep(0.05)


def nothing_stays(folder: Path, location: dict[str, Any], carrier: str, dialect: str, sessions: int, times: int, grows: int | None) -> None:
    """Let sessions come and go, several times. ``grows`` is what the server may gain between the first time and the last, in bytes.

    ``carrier`` and ``dialect`` are what the load generator calls them.
    """
    config, file = folder / "hbpushd.json", folder / "census.json"
    places = [{"type": "publisher", "prefix": "/pub/"}, location]
    config.write_text(json.dumps({"port": 0, "address": "127.0.0.1", "locations": places}), encoding="utf-8")
    with Daemon(file, "--config", config, program=(sys.executable, "-m", "tests.support.census")) as daemon:
        house = House(daemon, file)
        before, descriptors = house.census(), house.descriptors()
        sizes = []
        load = Load(build.load_generator(), house.port, None)
        with load.steps("come-and-go", sessions, times, 20, "news", carrier, dialect) as steps:
            for time_number in range(1, times + 1):
                assert steps.next() == {"times": time_number}
                house.wait_until_empty(before)
                sizes.append(resident(house.pid))
        assert house.descriptors() == descriptors
        if grows is not None:
            assert sizes[-1] - sizes[0] <= grows, f"bytes after each {sessions} sessions: {sizes}"
