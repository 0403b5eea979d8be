"""Far more clients than there are file descriptors: those beyond are refused, that costs little, and it is over when they leave."""

from __future__ import annotations

import asyncio
import resource
from contextlib import ExitStack
from functools import partial
from typing import NamedTuple, cast

from tests.bench.processes import cores, on_core
from tests.faults.runner import Verdict
from tests.faults.tyron_house import HOST, PATIENCE, TOPIC, Told, cpu_seconds, judged, tornado_tyron, until
from tests.support.process import Daemon
from tests.support.redis_server import RedisServer

DESCRIPTORS = 256
CLIENTS = 1000
BUSY = 0.2
"""Of one core, at most, while clients are refused."""

REQUEST = b"GET /hiphop/ HTTP/1.1\r\nHost: test\r\n\r\n"
MESSAGE = '{"channel": "hiphop", "data": "room again"}'


class LimitSize(NamedTuple):
    """``seconds``: for which the use of the CPU is measured."""

    seconds: float


SHORT_LIMIT = LimitSize(2)
FULL_LIMIT = LimitSize(10)


def few_descriptors(full: bool) -> Verdict:
    """The scenario."""
    size = FULL_LIMIT if full else SHORT_LIMIT
    return judged(f"tyron: {CLIENTS} clients and {DESCRIPTORS} descriptors", partial(_run, size))


async def _run(size: LimitSize, told: Told, redis: RedisServer) -> None:
    with ExitStack() as stack:
        with on_core(cores().server):
            daemon = tornado_tyron(redis, preexec=_limit)
        stack.enter_context(daemon)
        crowd = [Refusable(daemon.port) for _ in range(CLIENTS)]
        try:
            await _refuse(size, told, daemon, crowd)
        finally:
            for client in crowd:
                client.leave()
        await _recover(told, daemon, redis)


def _limit() -> None:
    resource.setrlimit(resource.RLIMIT_NOFILE, (DESCRIPTORS, DESCRIPTORS))


async def _refuse(size: LimitSize, told: Told, daemon: Daemon, crowd: list[Refusable]) -> None:
    loop = asyncio.get_running_loop()
    for place, client in enumerate(crowd):
        # They come within a second, as they come back from then on.
        loop.call_later(place / CLIENTS, client.come)
    await asyncio.sleep(2)
    before, begin = cpu_seconds(daemon.process.pid), loop.time()
    refused = sum(client.refused for client in crowd)
    await asyncio.sleep(size.seconds)
    took, passed = cpu_seconds(daemon.process.pid) - before, loop.time() - begin
    refused = sum(client.refused for client in crowd) - refused

    def held_now() -> int:
        return sum(client.held for client in crowd)

    # Who was not refused yet by a server that had no core looks like somebody who is held.
    await until(lambda: 0 < held_now() < DESCRIPTORS, PATIENCE)
    held = held_now()
    cut = sum(client.cut for client in crowd)
    share = took / passed
    told.figures += [f"{held} held", f"{refused / passed:.0f} refused a second", f"{cut} cut without an answer"]
    told.figures.append(f"{share * 100:.1f} % of a core in {passed:.1f} s")
    told.broken += [text for client in crowd for text in client.complaints][:3]
    if not 0 < held < DESCRIPTORS:
        told.broken.append(f"{held} clients are held with {DESCRIPTORS} descriptors")
    if not refused:
        told.broken.append("nobody was refused")
    if cut:
        told.broken.append(f"{cut} connections were cut without an answer")
    if share >= BUSY:
        told.broken.append(f"{share * 100:.1f} % of a core are used to refuse, {BUSY * 100:.0f} % are allowed")
    if "Traceback" in "\n".join(daemon.lines):
        told.broken.append("a traceback was logged")


async def _recover(told: Told, daemon: Daemon, redis: RedisServer) -> None:
    """Somebody new is held, as soon as the others have left, and gets a message."""
    loop = asyncio.get_running_loop()
    begin = loop.time()
    newcomer = Refusable(daemon.port)
    newcomer.come()
    held = await until(lambda: newcomer.held, PATIENCE)
    # Held is what has no answer: the request has to have arrived before the message is published.
    await asyncio.sleep(0.2)
    took = loop.time() - begin
    redis.cli("PUBLISH", TOPIC, MESSAGE)
    if not (held and await until(lambda: newcomer.body, PATIENCE) and newcomer.body == b"room again"):
        told.broken.append(f"who came when the others had left was given {newcomer.body!r}, held: {held}")
    told.figures.append(f"recovered within {took:.1f} s ({newcomer.refused} times refused)")
    newcomer.leave()


class Refusable(asyncio.Protocol):
    """A client that waits for a message, and that comes back when it is told to, over a connection of its own each time."""

    def __init__(self, port: int) -> None:
        self.held = False
        self.refused = 0
        self.cut = 0
        self.body: bytes | None = None
        self.complaints: list[str] = []
        self._port = port
        self._loop = asyncio.get_running_loop()
        self._transport: asyncio.Transport | None = None
        self._connecting: asyncio.Task[object] | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._data = b""
        self._leaving = False

    def come(self) -> None:
        """Connect and ask."""
        if not self._leaving:
            self._connecting = self._loop.create_task(self._connect())

    def leave(self) -> None:
        """Come no more."""
        self._leaving = True
        self.held = False
        if self._timer is not None:
            self._timer.cancel()
        if self._connecting is not None:
            self._connecting.cancel()
        if self._transport is not None:
            self._transport.abort()

    async def _connect(self) -> None:
        try:
            await self._loop.create_connection(lambda: self, HOST, self._port)
        except OSError:
            self.cut += 1
            self._again(1)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        self._data = b""
        self._transport.write(REQUEST)
        # Who is refused is told so long before.
        self._timer = self._loop.call_later(0.5, self._is_held)

    def data_received(self, data: bytes) -> None:
        self._data += data
        head, _, body = self._data.partition(b"\r\n\r\n")
        if head.startswith(b"HTTP/1.1 200 "):
            self.body = body

    def connection_lost(self, error: Exception | None) -> None:
        if self._timer is not None:
            self._timer.cancel()
        if self._leaving:
            return
        self.held = False
        head = self._data.partition(b"\r\n\r\n")[0]
        if not head:
            self.cut += 1
            self._again(1)
        elif head.startswith(b"HTTP/1.1 503 ") and b"\r\nRetry-After: " in head:
            self.refused += 1
            self._again(int(head.partition(b"\r\nRetry-After: ")[2].partition(b"\r")[0]))
        else:
            self.complaints.append(f"a client was answered {head!r}")

    def _is_held(self) -> None:
        self.held = not self._data

    def _again(self, seconds: float) -> None:
        self._transport = None
        self._timer = self._loop.call_later(seconds, self.come)
