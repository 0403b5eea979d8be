"""Thousands wait, much is published, and Redis is restarted twice: what has to come comes, and the server says how it is."""

from __future__ import annotations

import asyncio
import time
from contextlib import ExitStack
from functools import partial
from typing import NamedTuple

from tests.bench.processes import cores, on_core
from tests.faults.runner import RESUME, Verdict
from tests.faults.tyron_house import HOST, PATIENCE, TOPIC, Health, Told, cpu_seconds, judged, outages, tornado_tyron, until, waited_seconds
from tests.faults.tyron_ledger import EARLY, Polls, TyronLedger
from tests.faults.tyron_load import Publisher, Waiter
from tests.support.process import Daemon
from tests.support.redis_server import RedisServer

RESTARTS = 2
ROW = 3
"""Messages of a channel that come together, where clients are to have what they were not there for."""

AT_ONCE = 100
"""Clients that connect at the same time."""


class CrowdSize(NamedTuple):
    """``rate``: PUBLISHes a second; ``seconds``: of the whole; ``away``: seconds for which Redis is not there."""

    clients: int
    channels: int
    rate: float
    seconds: float
    away: float
    early: float = EARLY


SHORT_CROWD = CrowdSize(clients=300, channels=30, rate=200, seconds=4, away=0.6)
# Each channel has a message more seldom than that, so that each one matters, also where the machine is busy.
SHORT_WAITING = SHORT_CROWD._replace(channels=150, early=0.5)
FULL_CROWD = CrowdSize(clients=5000, channels=500, rate=1000, seconds=60, away=2)


def with_since(full: bool) -> Verdict:
    """With the buffer, and clients who come back with the id that they have: nothing is missing."""
    return _judge("tyron: waiting clients with since", FULL_CROWD if full else SHORT_CROWD, True)


def while_waiting(full: bool) -> Verdict:
    """Without: who waits gets it."""
    return _judge("tyron: waiting clients", FULL_CROWD if full else SHORT_WAITING, False)


def _judge(name: str, size: CrowdSize, buffered: bool) -> Verdict:
    return judged(name, partial(_run, size, TyronLedger(buffered, size.early)))


async def _run(size: CrowdSize, ledger: TyronLedger, told: Told, redis: RedisServer) -> None:
    with ExitStack() as stack:
        with on_core(cores().server):
            options = ["--buffer_seconds=600"] if ledger.buffered else []
            daemon = tornado_tyron(redis, *options)
        stack.enter_context(daemon)
        crowd = Crowd(size, ledger, daemon, redis)
        try:
            await crowd.run(told)
        finally:
            await crowd.leave()
    told.figures.insert(0, ledger.summary())
    told.broken += ledger.broken()


class Crowd:
    """The clients and the one who publishes."""

    def __init__(self, size: CrowdSize, ledger: TyronLedger, daemon: Daemon, redis: RedisServer) -> None:
        self._size = size
        self._ledger = ledger
        self._daemon = daemon
        self._redis = redis
        self._waiters: list[Waiter] = []
        self._health = Health(daemon.port)
        self._watch = asyncio.get_running_loop().create_task(self._health.run())
        self._publisher = Publisher(redis.port, TOPIC, ledger, range(size.channels), size.rate, ROW if ledger.buffered else 1)
        self._now = asyncio.get_running_loop().time

    async def run(self, told: Told) -> None:
        """From the first connection until all have what they have to have."""
        await self._health.well()
        await self._connect()
        calm = (self._size.seconds - RESTARTS * self._size.away) / (RESTARTS + 1)
        self._publisher.start()
        pid = self._daemon.process.pid
        begin, used = self._now(), (cpu_seconds(pid), waited_seconds(pid), time.process_time())
        served, healthy = [], []
        for _ in range(RESTARTS):
            await asyncio.sleep(calm)
            gone = self._now()
            await asyncio.to_thread(self._redis.stop)
            ill = await self._ill_after(self._now())
            await asyncio.sleep(self._size.away)
            returning = self._now()
            await asyncio.to_thread(self._redis.start)
            returned = self._now()
            self._was_ill(ill, returning)
            served.append(await self._served_after(returned) - returned)
            healthy.append(await self._health.well() - returned)
            told.figures.append(f"Redis away {returned - gone:.1f} s")
        await asyncio.sleep(calm)
        passed = self._now() - begin
        now = cpu_seconds(pid), waited_seconds(pid), time.process_time()
        server, waited, load = (f"{(after - before) / passed * 100:.0f} %" for before, after in zip(used, now, strict=True))
        told.figures.append(f"{server} of a core for the server, which waited for one for {waited}; {load} for the load")
        await self._publisher.stop()
        await self._all_had()
        told.figures.append(f"served again within {max(served):.2f} s, healthy within {max(healthy):.2f} s")
        if max(*served, *healthy) > RESUME:
            told.broken.append(f"not served again within {RESUME:g} s: {served}, healthy {healthy}")
        logged = outages(self._daemon)
        if logged != ["away", "back"] * RESTARTS:
            told.broken.append(f"{RESTARTS} restarts were logged as {' '.join(logged) or 'nothing'}")

    async def leave(self) -> None:
        """Everybody goes."""
        self._watch.cancel()
        await asyncio.gather(self._watch, self._publisher.stop(), return_exceptions=True)
        for waiter in self._waiters:
            waiter.leave()

    async def _connect(self) -> None:
        loop = asyncio.get_running_loop()
        for begin in range(0, self._size.clients, AT_ONCE):
            some = range(begin, min(begin + AT_ONCE, self._size.clients))
            polls = [Polls(f"client {number} of channel {number % self._size.channels}", number % self._size.channels) for number in some]
            self._ledger.clients += polls
            make = [partial(Waiter, each, self._ledger.buffered, self._ledger.complain) for each in polls]
            made = await asyncio.gather(*(loop.create_connection(each, HOST, self._daemon.port) for each in make))
            self._waiters += [waiter for _, waiter in made]
        # What was asked for before is read before: then all wait.
        await self._health.well()

    async def _ill_after(self, stopped: float) -> float:
        """Wait until ``/health/`` says that Redis is away; when it did."""
        known = len(self._health.looks)

        def told() -> list[float]:
            return [look.came for look in self._health.looks[known:] if look.asked >= stopped and look.status == 503]

        if not await until(told, PATIENCE):
            self._ledger.complain(f"/health/ was not 503 within {PATIENCE:g} s")
        return min(told(), default=stopped)

    def _was_ill(self, begin: float, end: float) -> None:
        """What was said from when it was known to the return of Redis."""
        between = [look for look in self._health.looks if look.asked > begin and look.came < end]
        for look in between:
            if look.status != 503:
                self._ledger.complain(f"/health/ was {look.status} while Redis was away")
        strange = {look.status for look in self._health.looks} - {200, 503}
        if strange:
            self._ledger.complain(f"/health/ was {strange}")

    async def _served_after(self, moment: float) -> float:
        """Wait until a message that was sent after a moment has come to somebody; when it did."""

        def served() -> list[float]:
            # One of each channel, for this one looks often.
            some = self._ledger.clients[: self._size.channels]
            last = [(self._ledger.sent[client.channel], client.answered[-1]) for client in some if client.answered]
            return [poll.answered for sent, poll in last if sent[poll.number].at > moment]

        await until(served, PATIENCE)
        return min(served(), default=float("inf"))

    async def _all_had(self) -> None:
        """Wait until nothing more is to come."""
        last = {channel: max(self._ledger.counted(channel), default=-1) for channel in self._ledger.sent}

        def everybody() -> bool:
            return all(client.answered and client.answered[-1].number >= last[client.channel] for client in self._ledger.clients)

        # Who has not had it by then is told of by the ledger.
        await until(everybody, PATIENCE if self._ledger.buffered else 1.0)
