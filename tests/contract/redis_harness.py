"""Redis stores for the contract suite: one real redis-server for all, whose clock is moved with the store's."""

from __future__ import annotations

import atexit
import functools
import itertools
from typing import Any

from tests.contract.harness import HARNESSES, Harness
from tests.support.redis_server import HOST, RedisServer, missing

LONGEST_STEP = 100_000.0
"""Seconds in which a store does what was due before its server is asked again."""


@functools.cache
def server() -> RedisServer:
    """The server of this run."""
    server = RedisServer(clock=True)
    server.start()
    atexit.register(server.stop)
    return server


class RedisHarness(Harness):
    """A store is a prefix of its own on that server."""

    _prefixes = itertools.count()

    def missing(self) -> str | None:
        return missing(clock=True)

    def options(self) -> dict[str, Any]:
        return {"host": HOST, "port": server().port, "key_prefix": f"contract{next(self._prefixes)}_"}

    def steps(self, seconds: float) -> list[float]:
        # What a process has to tell it tells within a second: at that time, not at the end of a long step.
        if seconds <= 2:
            return [seconds]
        # The loop stands still during a step, however many beats are in it, and the server's patience is real time.
        whole, rest = divmod(seconds - 1.5, LONGEST_STEP)
        return [1.5, *[LONGEST_STEP] * int(whole), rest]

    def time_moved(self, now: float) -> None:
        server().set_time(now)


HARNESSES["redis"] = RedisHarness
