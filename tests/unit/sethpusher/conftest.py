"""A crowd on a hand-driven loop, and subscribers that are lists."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

import pytest

from hbpush.core.counters import Counters
from hbpush.core.hub import Hub
from hbpush.core.result import Result
from hbpush.stores.base import StoreContext, StoreSettings
from hbpush.stores.memory import MemoryStore
from sethpusher.crowd import Crowd
from tests.support.clock import ManualClock
from tests.support.late_store import LateStore


class House:
    """A crowd over a store in memory, and one over a store whose answers wait."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self.loop = loop
        self.clock = ManualClock()
        self.counters = Counters(self.clock)
        self.memory = MemoryStore(StoreSettings(), StoreContext("default", self.clock, self.counters))
        self.late = LateStore(StoreContext("late", self.clock, self.counters), loop, StoreSettings())
        self.hub = Hub({"default": self.memory, "late": self.late}, self.clock)
        self.memory.start(self.hub)
        self.late.start(self.hub)
        self.crowd = Crowd(self.hub, self.clock, self.counters)
        self.far = Crowd(self.hub, self.clock, self.counters, "late")

    def join(self, crowd: Crowd, channel: str, subscriber: object) -> Result[None]:
        """`Crowd.join`, within the loop."""

        async def join() -> Result[None]:
            return crowd.join(channel, subscriber)

        return self.loop.run_until_complete(join())

    def settle(self) -> None:
        """Let everything happen that is to happen without time passing."""
        for _ in range(1000):
            self.loop.run_until_complete(asyncio.sleep(0))
            if self.late.waiting():
                self.late.answer()
            elif not self.clock.run_soon():
                return
        raise AssertionError("it does not come to rest")


@pytest.fixture
def house() -> Iterator[House]:
    with asyncio.Runner() as runner:
        yield House(runner.get_loop())
