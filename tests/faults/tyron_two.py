"""Two processes at one Redis store are fed by the same Redis channel: each envelope is stored once, and when the one that does it fails,
the other one goes on. In between envelopes may be lost: at most once is what pub/sub can promise."""

from __future__ import annotations

import asyncio
import json
import signal
import tempfile
from collections.abc import Awaitable, Callable
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import NamedTuple

from tests.bench.processes import cores, on_core
from tests.faults.client import Client
from tests.faults.runner import Verdict
from tests.faults.tyron_house import AWAY, PATIENCE, TOPIC, Told, judged, until
from tests.faults.tyron_ledger import Gap, Poll, Polls, TyronLedger
from tests.faults.tyron_load import Publisher
from tests.support.process import Daemon
from tests.support.redis_server import RedisServer

CONFIGURATION = """
port: 0
address: 127.0.0.1
store: {{type: redis, host: 127.0.0.1, port: {port}, max_messages: 0, max_channel_bytes: 0, max_bytes: 0}}
locations:
  - {{type: tyron, pubsub_channel: {topic}, buffer_seconds: 600, redis: {{host: 127.0.0.1, port: {port}}}}}
  - {{type: subscriber, prefix: /sub/, create_on_get: true}}
  - {{type: publisher, prefix: /pub/}}
"""
TAKEN_OVER = 4.0
"""Seconds after which another process has to store what is published, when one has died."""

HANDED_OVER = 1.0
"""The same, when it has left in an orderly way: the others ask for the lease once a second."""

STOPPED = 5.0
BEFORE = 0.1
"""Seconds before the end of a process in which it may have heard what it has not stored."""

LOST = "lost_envelope"
"""What a process that was stopped, or has no Redis to ask, says of envelopes whose fate it does not know."""

AGAIN = 0.05
SETTLED = 0.5


class TwoSize(NamedTuple):
    """``calm``: seconds in which nothing fails; ``kills``: times; ``all_faults``: also those that take long."""

    channels: int
    rate: float
    calm: float
    kills: int
    all_faults: bool


SHORT_TWO = TwoSize(channels=5, rate=200, calm=1, kills=1, all_faults=False)
FULL_TWO = TwoSize(channels=20, rate=300, calm=8, kills=3, all_faults=True)


def two(full: bool) -> Verdict:
    """The scenario."""
    return judged("tyron: two processes at one Redis store", partial(_run, FULL_TWO if full else SHORT_TWO))


async def _run(size: TwoSize, told: Told, redis: RedisServer) -> None:
    ledger = TyronLedger(buffered=True)
    with ExitStack() as stack:
        pair = Pair(size, ledger, redis, stack)
        try:
            await pair.run(told)
        finally:
            await pair.leave()
            told.figures.insert(0, ledger.summary())
            told.broken += ledger.broken()


class Fault(NamedTuple):
    """What was done, when, and in how many seconds the other process has to have taken over."""

    name: str
    moment: float
    within: float


class Pair:
    """The processes, the one who publishes, and for each channel somebody at both of them who reads all that is stored.

    The first of ``daemons`` has the lease.
    """

    def __init__(self, size: TwoSize, ledger: TyronLedger, redis: RedisServer, stack: ExitStack) -> None:
        self.daemons: list[Daemon] = []
        self._size = size
        self._ledger = ledger
        self._redis = redis
        self._stack = stack
        self._file = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="hbpush-tyron-"))) / "hbpushd.yaml"
        self._file.write_text(CONFIGURATION.format(port=redis.port, topic=TOPIC), encoding="utf-8")
        self._publisher = Publisher(redis.port, TOPIC, ledger, range(size.channels), size.rate)
        self._faults: list[Fault] = []
        self._readers: list[asyncio.Task[None]] = []
        self._now = asyncio.get_running_loop().time

    async def run(self, told: Told) -> None:
        """Everything in turn."""
        await self._begin()
        await asyncio.sleep(self._size.calm)
        await self._fails("SIGTERM", HANDED_OVER, self._terminate)
        for _ in range(self._size.kills):
            await self._fails("SIGKILL", TAKEN_OVER, self._kill)
        if self._size.all_faults:
            await self._fails("SIGSTOP", TAKEN_OVER, self._pause)
            await asyncio.sleep(max(0.0, STOPPED - TAKEN_OVER - SETTLED))
            self.daemons[0].signal(signal.SIGCONT)
            self.daemons.reverse()
            await asyncio.sleep(self._size.calm / 4)
        await self._stored_once(told)
        if self._size.all_faults:
            self._publisher.start()
            await asyncio.sleep(SETTLED)
            await self._fails("FLUSHALL", TAKEN_OVER, self._flush)
            await self._publisher.stop()
            await self._caught_up()
        told.figures += self._gaps()

    async def leave(self) -> None:
        """Everybody goes."""
        await self._publisher.stop()
        for reader in self._readers:
            reader.cancel()
        await asyncio.gather(*self._readers, return_exceptions=True)

    async def _begin(self) -> None:
        await self._start()
        for channel in range(self._size.channels):
            for place in (0, 1):
                polls = Polls(f"reader {place} of channel {channel}", channel)
                self._ledger.clients.append(polls)
                self._readers.append(asyncio.get_running_loop().create_task(self._read(polls, place)))
        self._publisher.start()
        if not await until(lambda: all(client.answered for client in self._ledger.clients), PATIENCE):
            self._ledger.complain("nothing is stored by one process")
        # The first has the lease now: what is stored from here on is stored by it.
        await self._start()

    async def _start(self) -> None:
        with on_core(cores().server):
            daemon = Daemon("-c", self._file, expected=(AWAY, LOST))
        self._stack.enter_context(daemon)
        await asyncio.to_thread(daemon.wait_for, "listening on ")
        self.daemons.append(daemon)

    # What fails

    async def _fails(self, name: str, within: float, fault: Callable[[], Awaitable[None]]) -> None:
        moment = self._now()
        self._faults.append(Fault(name, moment, within))
        self._ledger.gaps.append(Gap(moment - BEFORE, moment + within))
        await fault()
        await asyncio.sleep(max(0.0, moment + within + SETTLED - self._now()))

    def _gaps(self) -> list[str]:
        """What each fault has cost. To be asked when all have had what they are to have: else more is missing than was lost."""
        had: dict[int, set[int]] = {channel: set() for channel in self._ledger.sent}
        for client in self._ledger.clients:
            had[client.channel].update(poll.number for poll in client.answered)
        lost = [
            sent.at
            for channel, all_sent in self._ledger.sent.items()
            for number, sent in enumerate(all_sent)
            if sent.receivers and number not in had[channel]
        ]
        told = []
        for name, moment, within in self._faults:
            its = [at - moment for at in lost if moment - BEFORE <= at <= moment + within]
            told.append(f"{name}: {len(its)} lost" + (f", the last after {max(its):.2f} s" if its else ""))
        return told

    async def _terminate(self) -> None:
        self.daemons[0].signal(signal.SIGTERM)
        await self._replace()

    async def _kill(self) -> None:
        self.daemons[0].process.kill()
        await self._replace()

    async def _replace(self) -> None:
        """The other one has the lease from here on; when that has been seen, there are two again."""
        gone = self.daemons.pop(0)
        await asyncio.to_thread(gone.wait)
        begin = self._now()

        def stored() -> bool:
            return any(self._ledger.sent[client.channel][client.answered[-1].number].at > begin for client in self._ledger.clients)

        await until(stored, PATIENCE)
        await self._start()

    async def _pause(self) -> None:
        self.daemons[0].signal(signal.SIGSTOP)

    async def _flush(self) -> None:
        await asyncio.to_thread(self._redis.cli, "FLUSHALL")

    # What is stored

    async def _read(self, polls: Polls, place: int) -> None:
        """Read a channel from its beginning, at the one process or the other."""
        headers: dict[bytes, bytes] = {}
        while True:
            client = Client(self.daemons[place % len(self.daemons)].port)
            try:
                while True:
                    written = self._now()
                    answer = await client.ask("GET", f"/sub/c{polls.channel}", headers)
                    if answer.status == 200:
                        channel, _, number = answer.body.partition(b":")
                        if int(channel) != polls.channel:
                            self._ledger.complain(f"{polls.name} was given {answer.body!r}")
                        polls.answered.append(Poll(written, self._now(), int(number)))
                        headers = {
                            b"If-Modified-Since": answer.headers[b"last-modified"],
                            b"If-None-Match": answer.headers[b"etag"],
                        }
                    else:
                        await asyncio.sleep(AGAIN)
            except OSError:
                await asyncio.sleep(AGAIN)
            finally:
                client.close()

    async def _caught_up(self) -> None:
        last = {channel: max(self._ledger.counted(channel), default=-1) for channel in self._ledger.sent}

        def everybody() -> bool:
            return all(client.answered[-1].number >= last[client.channel] for client in self._ledger.clients)

        if not await until(everybody, PATIENCE):
            self._ledger.complain("not everybody has the last message")

    async def _stored_once(self, told: Told) -> None:
        """The store has each envelope that somebody was given, and has it once."""
        await self._publisher.stop()
        await self._caught_up()
        await asyncio.sleep(SETTLED)
        client = Client(self.daemons[0].port)
        stored = 0
        for channel in range(self._size.channels):
            answer = await client.ask("GET", f"/pub/c{channel}", {b"Accept": b"application/json"})
            messages = json.loads(answer.body)["messages"]
            stored += messages
            had = {poll.number for each in self._ledger.clients if each.channel == channel for poll in each.answered}
            if messages != len(had):
                self._ledger.complain(f"channel {channel} has {messages} messages of {len(had)} envelopes")
        client.close()
        told.figures.append(f"{stored} stored")
