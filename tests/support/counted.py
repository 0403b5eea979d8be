"""A server that counts its objects (`tests.support.census`), to show that what comes and goes leaves nothing behind."""

from __future__ import annotations

import json
import os
import signal
import time
from collections.abc import Callable
from pathlib import Path

from tests.support.process import PATIENCE, Daemon

OURS = ("hbpush.", "socketio_compat.", "picows.", "uvloop.", "httptools.", "asyncio.", "_asyncio.")
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
