"""Samples: one for all who look, as often as somebody does, and of the busiest channels."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import pytest

from hbpush.console import sampler
from hbpush.console.sampler import Sample, Sampler
from hbpush.core.counters import Counters
from hbpush.core.hub import Hub
from hbpush.core.message import NEWEST, ChannelRef, Draft
from hbpush.daemon import census
from hbpush.errors import StoreUnavailable
from hbpush.stores.base import StoreContext, StoreSettings
from hbpush.stores.memory import MemoryStore
from tests.support.clock import ManualClock
from tests.support.listener import Listener


class House:
    """A hub with a memory store, and a sampler of three rows."""

    def __init__(self) -> None:
        self.clock = ManualClock()
        store = MemoryStore(StoreSettings(), StoreContext("default", self.clock, Counters(self.clock)))
        self.hub = Hub({"default": store}, self.clock)
        store.start(self.hub)
        self.sampler = Sampler(self.hub, self.clock, 3)

    def listen(self, id: str, number: int = 1) -> None:
        for _ in range(number):
            self.hub.subscribe(ChannelRef("default", "", id), Listener(), NEWEST)

    def publish(self, id: str, number: int) -> None:
        for _ in range(number):
            self.hub.publish(ChannelRef("default", "", id), Draft(b"x"))
            self.clock.run_soon()

    def look(self) -> Sample:
        sample = self.sampler.look()
        if isinstance(sample, asyncio.Future):
            sample = sample.result()
        return sample


def within_a_loop(scenario: Callable[[House], None]) -> None:
    async def run() -> None:
        scenario(House())

    asyncio.run(run())


def shown(sample: Sample) -> list[tuple[str, float, int]]:
    return [(row.ref.id, row.rate, sum(number for _, number in row.protocols)) for row in sample.busiest]


def test_the_busiest_come_first() -> None:
    def scenario(house: House) -> None:
        for name, number in (("a", 1), ("b", 3), ("c", 2), ("d", 4)):
            house.listen(name, number)
        assert shown(house.look()) == [("d", 0, 4), ("b", 0, 3), ("c", 0, 2)]
        house.publish("a", 2)
        house.clock.advance(sampler.PERIOD)
        assert shown(house.look()) == [("a", 2, 1), ("d", 0, 4), ("b", 0, 3)]
        assert house.look().history == [(2, 2)]
        house.clock.advance(sampler.PERIOD)
        assert shown(house.look())[0] == ("d", 0, 4)
        assert house.look().history == [(2, 2), (0, 0)]

    within_a_loop(scenario)


def test_all_who_look_in_one_period_have_the_same() -> None:
    def scenario(house: House) -> None:
        house.listen("a")
        house.look()
        house.clock.advance(sampler.PERIOD)
        one, other = house.look(), house.look()
        assert one is other
        assert one.number == 2
        house.clock.advance(sampler.PERIOD)
        assert house.look().number == 3

    within_a_loop(scenario)


def test_nothing_is_done_when_nobody_looks() -> None:
    def scenario(house: House) -> None:
        house.look()
        assert (house.sampler.is_running, len(house.hub.traffic.tallies)) == (True, 1)
        for _ in range(int(sampler.LINGER / sampler.PERIOD)):
            house.clock.advance(sampler.PERIOD)
        assert (house.sampler.is_running, house.hub.traffic.tallies, house.clock.waiting()) == (False, [], 0)
        assert house.look().number == 1
        house.sampler.stop()
        house.sampler.stop()
        assert house.clock.waiting() == 0

    within_a_loop(scenario)


def test_who_begins_anew_in_the_middle_of_a_count_samples_once_a_period() -> None:
    async def scenario() -> None:
        house = House()
        house.listen("a", census.SLICE)
        before = house.sampler.look()
        house.sampler.stop()
        after = house.sampler.look()
        assert isinstance(before, asyncio.Future)
        assert isinstance(after, asyncio.Future)
        with pytest.raises(StoreUnavailable):
            before.result()
        # Both wait for the same count. One sample is made of it, and one timer waits for the next, beside what forgets the count.
        house.clock.advance(census.PAUSE)
        assert (await after).number == 1
        assert house.clock.waiting() == 2
        house.sampler.stop()
        assert house.clock.waiting() == 1

    asyncio.run(scenario())


def test_two_samplers_do_not_share_their_tallies() -> None:
    def scenario(house: House) -> None:
        other = Sampler(house.hub, house.clock, 3)
        house.look()
        other.look()
        house.sampler.stop()
        assert [tally is other._tally for tally in house.hub.traffic.tallies] == [True]
        other.stop()

    within_a_loop(scenario)


def test_searching() -> None:
    def scenario(house: House) -> None:
        for name, number in (("news/1", 5), ("news/2", 4), ("news/3", 3), ("news", 1), ("sport", 1)):
            house.listen(name, number)
        sample = house.look()
        assert [row.ref.id for row in sample.find("news", ["default", "other"])] == ["news", "news/1", "news/2"]
        assert sample.find("absent", ["default"]) == []
        # One who has been searching a lot finds whole ids only.
        sample.shared.update({str(number): b"" for number in range(sampler.SEARCHES)})
        assert [row.ref.id for row in sample.find("news", ["default"])] == ["news"]

    within_a_loop(scenario)
