"""A hub on a hand-driven loop: nothing happens between two steps of a test."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Any

import pytest

from hbpush.core.counters import Counters
from hbpush.core.hub import Hub
from hbpush.core.message import NEWEST, OLDEST, ChannelRef, Draft, MessageId, Since
from hbpush.core.result import Result
from hbpush.stores.base import Receipt, StoreContext, StoreSettings
from hbpush.stores.memory import MemoryStore
from tests.support.clock import ManualClock
from tests.support.late_store import LateStore
from tests.support.listener import Listener

NEWS = ChannelRef("default", "", "news")
SPORT = ChannelRef("default", "", "sport")
LATE = ChannelRef("late", "", "news")


class House:
    """A hub over a memory store, ``default``, and a store whose answers wait, ``late``."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self.loop = loop
        self.clock = ManualClock()
        counters = Counters(self.clock)
        settings = StoreSettings(max_messages=1000)
        self.memory = MemoryStore(settings, StoreContext("default", self.clock, counters))
        self.late = LateStore(StoreContext("late", self.clock, counters), loop, settings)
        self.hub = Hub({"default": self.memory, "late": self.late}, self.clock)
        self.memory.start(self.hub)
        self.late.start(self.hub)

    def publish(self, body: bytes, ref: ChannelRef = NEWS, **fields: Any) -> Receipt:
        receipt = self.hub.publish(ref, Draft(body, **fields))
        assert isinstance(receipt, Receipt)
        return receipt

    def keep(self, *bodies: bytes, ref: ChannelRef = NEWS, **fields: Any) -> list[MessageId]:
        """Put messages into the store, and return their ids."""
        store = self.memory if ref.store == "default" else self.late.inner
        receipts = [store.publish(ref, Draft(body, **fields)) for body in bodies]
        return [receipt.last for receipt in receipts if receipt.last is not None]

    def tick(self) -> None:
        """One turn of the loop."""
        self.loop.run_until_complete(asyncio.sleep(0))
        self.clock.run_soon()

    def answer(self) -> None:
        """Let the oldest late answer go, and have it heard."""
        self.late.answer()
        self.loop.run_until_complete(asyncio.sleep(0))

    def settle(self) -> None:
        """Let everything happen that is to happen without time passing."""
        for _ in range(1000):
            self.loop.run_until_complete(asyncio.sleep(0))
            if self.late.waiting():
                self.late.answer()
            elif not self.clock.run_soon():
                return
        raise AssertionError("the hub does not come to rest")

    def wait_for(self, result: Result[Receipt]) -> Receipt:
        assert isinstance(result, asyncio.Future)
        self.settle()
        return result.result()


@pytest.fixture
def house() -> Iterator[House]:
    with asyncio.Runner() as runner:
        yield House(runner.get_loop())


def listen(house: House, *listeners: Listener) -> None:
    """Subscribe to what comes next, and forget that it is told."""
    for listener in listeners:
        house.hub.subscribe(NEWS, listener, NEWEST)
        assert listener.told == ["joined"]
        listener.told.clear()


def subscribed(house: House, listener: Listener, since: Since = OLDEST, must_exist: bool = False, ref: Any = NEWS) -> Listener:
    house.hub.subscribe(ref, listener, since, must_exist)
    return listener
