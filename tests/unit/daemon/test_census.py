"""Who listens to what: counted at once where there are few, in slices where there are many."""

from __future__ import annotations

import asyncio
import gc
import weakref

from hbpush.core.counters import Counters
from hbpush.core.hub import Hub
from hbpush.core.message import NEWEST, ChannelRef, Draft
from hbpush.daemon import census
from hbpush.daemon.census import Census, Count
from hbpush.stores.base import StoreContext, StoreSettings
from hbpush.stores.memory import MemoryStore
from tests.support.clock import ManualClock
from tests.support.listener import Listener, poll

HERE, THERE = object(), object()
NEWS, SPORT, MAIL = ChannelRef("default", "", "news"), ChannelRef("default", "", "sport"), ChannelRef("default", "mail", "7")


class Nameless(Listener):
    """A subscriber that says nothing of its protocol."""

    protocol = property(lambda self: self._no_such_thing)  # type: ignore[assignment]


def house() -> tuple[Hub, ManualClock]:
    clock = ManualClock()
    store = MemoryStore(StoreSettings(), StoreContext("default", clock, Counters(clock)))
    hub = Hub({"default": store}, clock)
    store.start(hub)
    return hub, clock


def test_few_are_counted_at_once() -> None:
    hub, clock = house()
    for ref, owner in ((NEWS, HERE), (NEWS, THERE), (SPORT, HERE), (MAIL, HERE)):
        hub.subscribe(ref, Listener(owner=owner), NEWEST)
    hub.subscribe(NEWS, poll(HERE), NEWEST)
    hub.subscribe(SPORT, Nameless(owner=HERE), NEWEST)
    count = Census(hub, clock, 1).take()
    assert isinstance(count, Count)
    assert count.channels == {NEWS: (("list", 3),), SPORT: (("list", 1), ("python", 1))}
    assert dict(count.places) == {(HERE, "list"): 3, (THERE, "list"): 1, (HERE, "python"): 1}
    assert (count.subscribers, count.protocols, count.largest) == (5, {"list": 4, "python": 1}, [NEWS])


def test_many_are_counted_in_slices_and_shared_for_a_second() -> None:
    async def scenario() -> None:
        hub, clock = house()
        for number in range(census.SLICE):
            hub.subscribe(ChannelRef("default", "", str(number % 1000)), Listener(owner=HERE), NEWEST)
        counting = Census(hub, clock, 2)
        first, second = counting.take(), counting.take()
        assert isinstance(first, asyncio.Future)
        assert second is first
        assert not first.done()
        hub.subscribe(NEWS, Listener(owner=HERE), NEWEST)
        clock.advance(census.PAUSE)
        count = first.result()
        assert (count.subscribers, len(count.channels), len(count.largest)) == (census.SLICE, 1000, 2)
        assert counting.take() is count
        clock.advance(census.SHARED)
        assert isinstance(counting.take(), asyncio.Future)

    asyncio.run(scenario())


def test_what_is_shared_is_forgotten_when_nobody_asks_again() -> None:
    async def scenario() -> None:
        hub, clock = house()
        for _ in range(census.SLICE):
            hub.subscribe(NEWS, Listener(owner=HERE), NEWEST)
        counting = Census(hub, clock)
        future = counting.take()
        assert isinstance(future, asyncio.Future)
        clock.advance(census.PAUSE)
        count = weakref.ref(future.result())
        del future
        gc.collect()
        assert counting.take() is count()
        clock.advance(census.SHARED)
        gc.collect()
        assert (count(), clock.waiting()) == (None, 0)

    asyncio.run(scenario())


def test_traffic_is_counted_by_batches() -> None:
    hub, clock = house()
    listeners = [Listener(), Listener(), poll()]
    for listener in listeners:
        hub.subscribe(NEWS, listener, NEWEST)
    for body in (b"1", b"2", b"3"):
        hub.publish(NEWS, Draft(body))
    clock.run_soon()
    hub.publish(SPORT, Draft(b"nobody hears it"))
    clock.run_soon()
    assert [len(listener.messages) for listener in listeners] == [3, 3, 1]
    assert (hub.traffic.messages, hub.traffic.deliveries, hub.traffic.tallies) == (3, 7, [])
