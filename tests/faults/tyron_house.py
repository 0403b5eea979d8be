"""What Tyron's scenarios run on: ``tornado_tyron``, whether it says that it serves, and how a scenario becomes a verdict."""

from __future__ import annotations

import asyncio
import os
import re
import resource
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any, NamedTuple

import uvloop

from tests.bench.processes import cores, on_core
from tests.faults.client import Client
from tests.faults.runner import Verdict
from tests.support.process import TYRON, Daemon
from tests.support.redis_server import RedisServer

HOST = "127.0.0.1"
TOPIC = "tyron"
AWAY, BACK = "cannot be reached", "is back after"
OUTAGE = re.compile(rf"(WARNING|INFO).* feed {TOPIC}: Redis at \S+ ({AWAY}|{BACK})")
PATIENCE = 20.0
LOOK = 0.05
"""Seconds between two questions for the health of a server."""


def tornado_tyron(redis: RedisServer, *options: str, preexec: Callable[[], None] | None = None, expected: tuple[str, ...] = ()) -> Daemon:
    """The command, on a free port."""
    places = (f"--redis_port={redis.port}", "--redis_hostname=127.0.0.1", f"--pubsub_channel={TOPIC}")
    own = ("--webserver_port=0", "--webserver_address=127.0.0.1")
    return Daemon(*places, *own, *options, program=TYRON, preexec=preexec or many_descriptors, expected=(AWAY, *expected))


def many_descriptors() -> None:
    """As many as this process may have."""
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


def outages(daemon: Daemon) -> list[str]:
    """What a process has logged of its feed: "away" and "back" in turn."""
    found = [OUTAGE.search(line) for line in list(daemon.lines)]
    return ["away" if match[2] == AWAY else "back" for match in found if match is not None]


def cpu_seconds(pid: int) -> float:
    """What a process has used so far, in user and kernel mode."""
    fields = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def waited_seconds(pid: int) -> float:
    """For how long a process could have run and had no core so far: what a busy machine has added to its times."""
    told = Path(f"/proc/{pid}/schedstat")
    return int(told.read_text(encoding="utf-8").split()[1]) / 1e9 if told.exists() else 0.0


async def until(condition: Callable[[], object], patience: float) -> bool:
    """Ask every 10 ms until it holds; False when it does not for too long."""
    now = asyncio.get_running_loop().time
    end = now() + patience
    while True:
        held = bool(condition())
        if held or now() > end:
            return held
        await asyncio.sleep(0.01)


class Look(NamedTuple):
    """An answer of ``/health/``: when it was asked for, when it came, its status (0: there was none)."""

    asked: float
    came: float
    status: int


class Health:
    """Asks for ``/health/`` again and again, and remembers."""

    def __init__(self, port: int, path: str = "/health/") -> None:
        self.looks: list[Look] = []
        self._client = Client(port)
        self._path = path

    async def run(self) -> None:
        """For ever."""
        now = asyncio.get_running_loop().time
        while True:
            asked = now()
            try:
                status = (await self._client.ask("GET", self._path)).status
            except OSError:
                status = 0
            self.looks.append(Look(asked, now(), status))
            await asyncio.sleep(LOOK)

    async def well(self) -> float:
        """Wait for the next 200; when it came."""
        known = len(self.looks)
        await until(lambda: any(look.status == 200 for look in self.looks[known:]), PATIENCE)
        return next((look.came for look in self.looks[known:] if look.status == 200), float("inf"))


class Told:
    """What a scenario says at its end."""

    def __init__(self) -> None:
        self.figures: list[str] = []
        self.broken: list[str] = []


def judged(name: str, scenario: Callable[[Told, RedisServer], Coroutine[Any, Any, None]]) -> Verdict:
    """Run a scenario: Redis and the load on one core, servers on another."""
    many_descriptors()
    told = Told()
    try:
        with (
            on_core(cores().load),
            RedisServer(settings={"client-output-buffer-limit": "pubsub 0 0 0"}) as redis,
            asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner,
        ):
            runner.run(scenario(told, redis))
    except (AssertionError, OSError) as error:
        # What a process has logged and should not have, or something that never came (TimeoutError is an OSError).
        told.broken.append(f"{type(error).__name__}: {error}")
    return Verdict(name, ", ".join(told.figures), told.broken)
