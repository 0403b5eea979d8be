"""How the store contract suite sets up a store of each type, and a `Subject` that hides whether results come now or later.

A store from another package runs with the plain `Harness`, which takes it from its entry point. One that needs a backend gets a
subclass in `HARNESSES`, named as its entry point.
"""

from __future__ import annotations

import asyncio
from asyncio import Future
from collections.abc import Callable, Sequence
from importlib.metadata import entry_points
from typing import Any

import msgspec
import pytest

from hbpush.core.clock import Clock, LoopClock
from hbpush.core.counters import Counters
from hbpush.core.message import OLDEST, ChannelRef, Draft, Last, Message, MessageId, Since
from hbpush.stores.base import Lease, Page, Receipt, Store, StoreContext
from tests.support.clock import ManualClock

PATIENCE = 10.0
"""Seconds of real time for what a backend does in milliseconds."""


class Harness:
    """Sets up stores of one type. ``manual_time``: the store takes its time from the clock it is given and from nowhere else."""

    manual_time = True

    def __init__(self, type_name: str) -> None:
        self.type_name = type_name

    def missing(self) -> str | None:
        """Why the type cannot be tested here, or None."""
        return None

    def options(self) -> dict[str, Any]:
        """Settings that every store of the type needs, such as where its backend is. Two calls name two separate places."""
        return {}

    def steps(self, seconds: float) -> list[float]:
        """The steps in which time passes; after each the store gets to do what was due."""
        return [seconds]

    def time_moved(self, now: float) -> None:
        """It is this time now, in unix seconds: for a backend that has a clock of its own."""

    def make(self, options: dict[str, Any], context: StoreContext) -> Store:
        """A store that shares nothing with those made before, unless ``options`` say so. Called within the loop."""
        store_class: type[Store] = entry_points(group="hbpush.stores")[self.type_name].load()
        assert store_class.type_name == self.type_name
        return store_class(msgspec.convert({**self.options(), **options}, store_class.Settings), context)


HARNESSES: dict[str, type[Harness]] = {"memory": Harness}
"""The types that the suite runs on unless one is asked for by name."""


class Heard:
    """`StoreEvents` that keeps what a store tells."""

    def __init__(self) -> None:
        self.messages: list[Message] = []
        self.removed: list[ChannelRef] = []
        self.gaps: list[ChannelRef] = []
        self.displacements: list[tuple[ChannelRef, int]] = []
        self.told = asyncio.Event()
        self.on_deliver: Callable[[Message], object] | None = None
        self.on_deleted: Callable[[ChannelRef], object] | None = None

    def deliver(self, message: Message) -> None:
        self.messages.append(message)
        self.told.set()
        if self.on_deliver is not None:
            self.on_deliver(message)

    def deleted(self, ref: ChannelRef) -> None:
        self.removed.append(ref)
        self.told.set()
        if self.on_deleted is not None:
            self.on_deleted(ref)

    def gap(self, ref: ChannelRef) -> None:
        self.gaps.append(ref)
        self.told.set()

    def displaced(self, ref: ChannelRef, number: int) -> None:
        self.displacements.append((ref, number))
        self.told.set()


class Wanted:
    """A lease that is wanted, and how often it was got."""

    def __init__(self) -> None:
        self.times = 0
        self.lease: Lease

    def granted(self) -> None:
        self.times += 1


class Subject:
    """A started store under test: each call returns the value, whatever the store returned. Channels go by their id alone."""

    def __init__(self, harness: Harness, runner: asyncio.Runner, **options: Any) -> None:
        self._harness = harness
        self._runner = runner
        loop = runner.get_loop()
        self._manual = ManualClock(loop=loop)
        self.clock: Clock = self._manual if harness.manual_time else LoopClock(loop)
        self.counters = Counters(self.clock)
        self.heard = runner.run(self._make_heard())
        self.store: Store = runner.run(self._make(options))
        self._stopped = False
        harness.time_moved(self.clock.time())
        self.call(self.store.start, self.heard)

    async def _make_heard(self) -> Heard:
        return Heard()

    async def _make(self, options: dict[str, Any]) -> Store:
        return self._harness.make(options, StoreContext("default", self.clock, self.counters))

    def call(self, method: Callable[..., Any], *args: Any) -> Any:
        """Call within the loop and wait for the result."""

        async def resolved() -> Any:
            result = method(*args)
            assert not asyncio.iscoroutine(result), f"{method.__name__} returned a coroutine"
            return await asyncio.wait_for(result, PATIENCE) if isinstance(result, Future) else result

        return self._runner.run(resolved())

    def stop(self) -> None:
        if not self._stopped:
            self._stopped = True
            self.call(self.store.stop)

    # Time

    def now(self) -> int:
        """The second of the wall clock."""
        return int(self.clock.time())

    def advance(self, seconds: float) -> None:
        self._needs_manual_time()
        for step in self._harness.steps(seconds):
            self._harness.time_moved(self._manual.time() + step)
            self.call(self._manual.advance, step)
            if not self._stopped:
                self._let_work()

    def set_time(self, now: float) -> None:
        self._needs_manual_time()
        self._manual.set_time(now)
        self._harness.time_moved(now)

    def _let_work(self) -> None:
        """Wait until a backend has answered what was asked of it, and what the answers led to."""
        for _ in range(3):
            self.call(self.store.read_after, ref("nothing was published here"), Last(0), 1)

    def _needs_manual_time(self) -> None:
        if not self._harness.manual_time:
            pytest.skip(f"the {self._harness.type_name} store keeps its own time")

    # The contract's calls, and a few in one

    def publish(self, channel: str | ChannelRef, body: bytes = b"x", **fields: Any) -> Receipt:
        receipt: Receipt = self.call(self.store.publish, ref(channel), Draft(body, **fields))
        return receipt

    def id_of(self, channel: str | ChannelRef, body: bytes = b"x", **fields: Any) -> MessageId:
        """Publish, and return the id that was given."""
        last = self.publish(channel, body, **fields).last
        assert last is not None
        return last

    def read(self, channel: str | ChannelRef, since: Since = OLDEST, limit: int = 1000) -> Page:
        page: Page = self.call(self.store.read_after, ref(channel), since, limit)
        return page

    def bodies(self, channel: str | ChannelRef, since: Since = OLDEST, limit: int = 1000) -> list[bytes]:
        return [message.body for message in self.read(channel, since, limit).messages]

    def create(self, channel: str | ChannelRef, permanent: bool = False) -> Receipt:
        receipt: Receipt = self.call(self.store.create, ref(channel), permanent)
        return receipt

    def delete(self, channel: str | ChannelRef) -> Receipt:
        receipt: Receipt = self.call(self.store.delete, ref(channel))
        return receipt

    def info(self, channel: str | ChannelRef) -> Receipt:
        receipt: Receipt = self.call(self.store.info, ref(channel))
        return receipt

    def watch(self, channel: str | ChannelRef) -> None:
        self.call(self.store.watch, ref(channel))

    def unwatch(self, channel: str | ChannelRef) -> None:
        self.call(self.store.unwatch, ref(channel))

    def report(self, channel: str | ChannelRef, held: int, streaming: int, requested: float | None) -> None:
        self.call(self.store.report, ref(channel), held, streaming, requested)

    def lease(self, name: str) -> Wanted:
        wanted = Wanted()
        wanted.lease = self.call(self.store.lease, name, wanted.granted)
        return wanted

    def granted(self, wanted: Wanted, times: int) -> None:
        """Wait until a lease was got so often."""
        for _ in range(100):
            if wanted.times >= times:
                return
            self._let_work()
        raise AssertionError(f"the lease was got {wanted.times} times")

    def exists(self, channel: str | ChannelRef) -> bool:
        return self.read(channel, Last(1), 1).exists

    def announced(self, count: int) -> Sequence[Message]:
        """The first ``count`` announcements, waited for, and any beyond."""
        self._wait(lambda: len(self.heard.messages) >= count)
        return self.heard.messages

    def removed(self, count: int) -> Sequence[ChannelRef]:
        """The first ``count`` announced deletions, waited for, and any beyond."""
        self._wait(lambda: len(self.heard.removed) >= count)
        return self.heard.removed

    def _wait(self, enough: Callable[[], bool]) -> None:
        async def until() -> None:
            while not enough():
                self.heard.told.clear()
                await self.heard.told.wait()

        async def bounded() -> None:
            await asyncio.wait_for(until(), PATIENCE)

        self._runner.run(bounded())


def ref(channel: str | ChannelRef) -> ChannelRef:
    return channel if isinstance(channel, ChannelRef) else ChannelRef("default", "", channel)
