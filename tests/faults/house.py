"""The processes of a scenario: a Redis server and several ``hbpushd`` that share it, with what they have to have logged at the end."""

from __future__ import annotations

import re
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

from tests.support.process import Daemon
from tests.support.redis_proxy import CuttingProxy
from tests.support.redis_server import RedisServer

CONFIGURATION = """
port: 0
address: 127.0.0.1
store:
  type: redis
  host: 127.0.0.1
  port: {port}
  timeout: {timeout}
  max_messages: 0
  max_channel_bytes: 0
  max_bytes: 0
locations:
  - {{type: subscriber, prefix: /sub/, create_on_get: true}}
  - {{type: subscriber, prefix: /strict/}}
  - {{type: publisher, prefix: /pub/}}
"""
AWAY, BACK = "cannot be reached", "is back after"
OUTAGE = re.compile(rf"(WARNING|INFO).* store default: Redis at \S+ ({AWAY}|{BACK})")


class House:
    """A Redis server and the processes at it. ``timeout`` is their store's. ``proxy`` stands before Redis for the first process alone."""

    def __init__(self, redis: RedisServer, daemons: Sequence[Daemon], proxy: CuttingProxy | None, timeout: float) -> None:
        self.redis = redis
        self.daemons = daemons
        self.proxy = proxy
        self.timeout = timeout

    @property
    def ports(self) -> list[int]:
        return [daemon.port for daemon in self.daemons]

    def outages(self, daemon: Daemon) -> list[str]:
        """What a process has logged of its store: "away" and "back" in turn."""
        found = [OUTAGE.search(line) for line in list(daemon.lines)]
        return ["away" if match[2] == AWAY else "back" for match in found if match is not None]

    def complaints(self, least: int, most: int) -> list[str]:
        """Which processes have not logged each outage in one line, and its end in one. There were so many outages that have to, or may, be
        noticed."""
        told = {place: self.outages(daemon) for place, daemon in enumerate(self.daemons) if daemon.process.poll() is None}
        return [
            f"process {place} logged {' '.join(lines) or 'nothing'}, with {least} to {most} outages"
            for place, lines in told.items()
            if lines != ["away", "back"] * (len(lines) // 2) or not least <= len(lines) // 2 <= most
        ]


@contextmanager
def house(processes: int, timeout: float, appendonly: bool = True, proxied: bool = False) -> Iterator[House]:
    """Start it all, and end it. A process that has logged anything from WARNING up but outages fails this at the end."""
    with ExitStack() as stack:
        directory = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="hbpush-faults-")))
        redis = stack.enter_context(RedisServer(appendonly=appendonly))
        proxy = stack.enter_context(CuttingProxy(redis)) if proxied else None
        daemons = []
        for place in range(processes):
            file = directory / f"hbpushd{place}.yaml"
            port = redis.port if proxy is None or place else proxy.port
            file.write_text(CONFIGURATION.format(port=port, timeout=timeout), encoding="utf-8")
            daemons.append(Daemon("-c", file, expected=(AWAY,)))
        for daemon in daemons:
            stack.enter_context(daemon)
        yield House(redis, daemons, proxy, timeout)
