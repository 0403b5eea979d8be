"""Redis stores on real servers: runs a test that is a coroutine function in a loop of its own, with the `House` that it starts them in.

A store with its clock and what it has told is all that a server process has of a shared store: so two of them are two processes.
"""

from __future__ import annotations

import asyncio
import inspect
import itertools
import logging
from asyncio import Future
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any, Protocol

import msgspec
import pytest
import uvloop

from hbpush.core.clock import Clock, LoopClock
from hbpush.core.counters import Counters
from hbpush.core.message import NEWEST, OLDEST, Draft, Last, Message, MessageId, Since
from hbpush.errors import StoreUnavailable
from hbpush.stores.base import Claim, ClaimMode, Page, Receipt, StoreContext
from hbpush.stores.redis import RedisStore
from hbpush.stores.redis_settings import RedisSettings
from tests.contract.harness import Heard, ref
from tests.support.clock import ManualClock
from tests.support.redis_process import RedisProcess
from tests.support.redis_proxy import CuttingProxy
from tests.support.redis_server import RedisServer, missing

PATIENCE = 10.0
"""Seconds for what takes milliseconds."""

WHOLE_TEST = 60.0

SETTLED = 3
"""Answers after which a store has done what the answers before led to."""


class Place(Protocol):
    """What stands at an address: a server, or a proxy before one."""

    @property
    def address(self) -> tuple[str, int]: ...


class Process:
    """What one process has of a shared store. Channels go by their id alone, results are waited for."""

    def __init__(self, settings: dict[str, Any], clock: Clock) -> None:
        self.heard = Heard()
        self.counters = Counters(clock)
        self.store = RedisStore(msgspec.convert(settings, RedisSettings), StoreContext("default", clock, self.counters))
        self.stopped = False

    async def stop(self) -> None:
        if not self.stopped:
            self.stopped = True
            await result(self.store.stop())

    async def publish(self, channel: str, body: bytes = b"x", **fields: Any) -> Receipt:
        return await result(self.store.publish(ref(channel), Draft(body, **fields)))

    async def id_of(self, channel: str, body: bytes = b"x", **fields: Any) -> MessageId:
        """Publish, and return the id that was given."""
        last = (await self.publish(channel, body, **fields)).last
        assert last is not None
        return last

    async def read(self, channel: str, since: Since = OLDEST, limit: int = 1000) -> Page:
        return await result(self.store.read_after(ref(channel), since, limit))

    async def bodies(self, channel: str, since: Since = OLDEST) -> list[bytes]:
        """All that is kept after an id, page by page as somebody does who reads on."""
        page = await self.read(channel, since)
        found = [message.body for message in page.messages]
        while page.more:
            page = await self.read(channel, page.messages[-1].id)
            found += [message.body for message in page.messages]
        return found

    async def watch(self, *channels: str) -> None:
        for each in [self.store.watch(ref(channel)) for channel in channels]:
            await result(each)

    def unwatch(self, channel: str) -> None:
        self.store.unwatch(ref(channel))

    def report(self, channel: str, held: int, streaming: int, requested: float | None = None) -> None:
        self.store.report(ref(channel), held, streaming, requested)

    async def claim(self, channel: str, mode: ClaimMode) -> Claim:
        return await result(self.store.claim(ref(channel), mode))

    async def create(self, channel: str, permanent: bool = False) -> Receipt:
        return await result(self.store.create(ref(channel), permanent))

    async def delete(self, channel: str) -> Receipt:
        return await result(self.store.delete(ref(channel)))

    async def info(self, channel: str) -> Receipt:
        return await result(self.store.info(ref(channel)))

    async def exists(self, channel: str) -> bool:
        return (await self.read(channel, Last(1), 1)).exists

    async def settled(self) -> None:
        """Wait until the server has answered what was asked of it, and what the answers led to."""
        for _ in range(SETTLED):
            await self.read("nothing was published here", NEWEST, 1)

    # What was told

    def messages(self, channel: str) -> list[Message]:
        return [message for message in self.heard.messages if message.channel == ref(channel)]

    def told(self, channel: str) -> list[bytes]:
        """The bodies that were told of a channel."""
        return [message.body for message in self.messages(channel)]

    async def hears(self, channel: str, *bodies: bytes) -> None:
        """Wait until the last of the bodies was told. These and no others have to be all that ever was, in this order."""
        await until(
            lambda: self.told(channel)[-1:] == list(bodies[-1:]) and len(self.told(channel)) >= len(bodies), f"{bodies[-1]!r} is told"
        )
        assert self.told(channel) == list(bodies)


class House:
    """Starts stores, which it stops at the end. All that a test starts have one prefix unless it gives others."""

    _numbers = itertools.count()

    def __init__(self) -> None:
        self.prefix = f"test{next(self._numbers)}_"
        self._processes: list[Process] = []
        self._clock: ManualClock | None = None
        self._proxies = ExitStack()

    async def start(self, place: Place | None = None, *, clock: Clock | None = None, **options: Any) -> Process:
        """A store on a server, or wherever ``options`` say; its time is the machine's, unless it gets the house's `clock`."""
        where = {} if place is None else dict(zip(("host", "port"), place.address, strict=True))
        settings = {"key_prefix": self.prefix} | where | options
        process = Process(settings, clock or LoopClock(asyncio.get_running_loop()))
        self._processes.append(process)
        await result(process.store.start(process.heard))
        return process

    @property
    def clock(self) -> ManualClock:
        """The clock of processes whose time is moved by hand."""
        if self._clock is None:
            self._clock = ManualClock(loop=asyncio.get_running_loop())
        return self._clock

    async def advance(self, server: RedisServer, seconds: float, *asleep: Process) -> None:
        """Let time pass for a server and for those with the house's clock, who do what is due each second; then wait for it.

        Those ``asleep`` are not waited for.
        """
        end = self.clock.monotonic() + seconds
        while (left := end - self.clock.monotonic()) > 1e-6:
            # After a while nothing more is told each second.
            step = min(1.0, left) if left < 5 or seconds < 10 else min(15.0, left - 4.5)
            server.set_time(server.now + step)
            self.clock.advance(step)
            for process in self._processes:
                if not process.stopped and process not in asleep:
                    await process.settled()

    def proxy(self, server: RedisProcess) -> CuttingProxy:
        """A proxy in front of a server, which ends after the stores."""
        return self._proxies.enter_context(CuttingProxy(server))

    async def close(self) -> None:
        try:
            for process in self._processes:
                await process.stop()
        finally:
            self._proxies.close()


class Outages:
    """The log lines of outages: of losing a server and of having it back."""

    def __init__(self, caplog: pytest.LogCaptureFixture) -> None:
        self._caplog = caplog

    def lines(self) -> list[str]:
        """All lines from INFO up, but for those about refused requests."""
        texts = [f"{record.levelname} {record.getMessage()}" for record in self._caplog.records if record.levelno >= logging.INFO]
        return [text for text in texts if not text.startswith("INFO refused: ")]


def cut_off(proxy: CuttingProxy) -> None:
    """What is behind it has no network any more: to the server it is dead, and knows nothing of it itself."""
    proxy.block("to server", "to client")
    proxy.cut_all()


async def result(value: Any) -> Any:
    """What a store returns, when it is there."""
    assert not inspect.iscoroutine(value)
    return await asyncio.wait_for(value, PATIENCE) if isinstance(value, Future) else value


async def until(condition: Callable[[], object], what: str, patience: float = PATIENCE) -> None:
    """Wait until something is so, which may take waiting to find out. Raises TimeoutError with ``what``."""
    loop = asyncio.get_running_loop()
    end = loop.time() + patience
    while True:
        holds = condition()
        if await holds if inspect.isawaitable(holds) else holds:
            return
        if loop.time() > end:
            raise TimeoutError(f"not after {patience} s: {what}")
        await asyncio.sleep(0.005)


async def gap_told(process: Process, channel: str, times: int = 1) -> None:
    await until(lambda: process.heard.gaps.count(ref(channel)) >= times, "the gap is told")
    assert process.heard.gaps.count(ref(channel)) == times


async def comes_back(process: Process) -> bool:
    """Whether the store can be asked. It may not listen yet: see `listens`."""
    try:
        await process.read("anything", OLDEST, 1)
    except StoreUnavailable:
        return False
    return True


async def listens(process: Process, channel: str) -> bool:
    """Whether both connections are there, so that what is lost next is not one that is being made; ``channel`` is one not watched yet."""
    try:
        await process.watch(channel)
    except StoreUnavailable:
        return False
    return True


def missed(page: Page) -> tuple[list[bytes], bool]:
    """The bodies of a page, and whether something is missing before them."""
    return [message.body for message in page.messages], page.missed


@pytest.fixture
def house() -> House:
    return House()


@pytest.fixture
def outages(caplog: pytest.LogCaptureFixture) -> Outages:
    caplog.set_level(logging.INFO, "hbpush")
    return Outages(caplog)


@pytest.fixture(scope="session")
def shared_server() -> Iterator[RedisServer]:
    """For tests that do the server no harm."""
    with RedisServer(clock=True) as server:
        yield server


@pytest.fixture
def server() -> Iterator[RedisServer]:
    """A server of the test's own, whose clock stands still."""
    with RedisServer(clock=True) as server:
        yield server


@pytest.fixture
def ticking_server() -> Iterator[RedisServer]:
    """A server of the test's own with the time of the machine."""
    with RedisServer() as server:
        yield server


def pytest_runtest_setup(item: pytest.Item) -> None:
    reason = missing(clock=True)
    if reason is not None:
        pytest.skip(reason)


@pytest.hookimpl(tryfirst=True)
def pytest_pyfunc_call(pyfuncitem: pytest.Function) -> bool | None:
    if not inspect.iscoroutinefunction(pyfuncitem.obj):
        return None
    house: House = pyfuncitem.funcargs["house"]

    async def run() -> None:
        async with asyncio.timeout(WHOLE_TEST):
            try:
                await pyfuncitem.obj(**{name: pyfuncitem.funcargs[name] for name in pyfuncitem._fixtureinfo.argnames})
            finally:
                await house.close()

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(run())
    return True


__all__ = ["House", "Outages", "Process", "comes_back", "cut_off", "gap_told", "listens", "missed", "ref", "result", "until"]
