"""Leases among processes: two stores on one server are two processes, and one of them at most has what both want."""

from __future__ import annotations

from hbpush.stores.base import Lease
from hbpush.stores.redis_leases import LASTING
from tests.integration.stores.conftest import House, Process, until
from tests.support.redis_server import RedisServer

NAME = "feed"


class Wanted:
    """A lease that a process wants, and how often it got it."""

    def __init__(self, process: Process, name: str = NAME) -> None:
        self.times = 0
        self._lease: Lease = process.store.lease(name, self._granted)

    def _granted(self) -> None:
        self.times += 1

    @property
    def held(self) -> bool:
        return self._lease.held

    def end(self) -> None:
        self._lease.end()


def hold(server: RedisServer, house: House, seconds: float) -> None:
    """What a process has left behind that had it and is no more."""
    server.cli("HSET", f"{house.prefix}{{0}}:lease:{NAME}", "process", "dead", "until", f"{(server.now + seconds) * 1000:.0f}")


async def settled(*processes: Process) -> None:
    for process in processes:
        await process.settled()


async def test_one_process_has_it_as_long_as_it_asks(house: House, server: RedisServer) -> None:
    a, b = [await house.start(server, clock=house.clock) for _ in range(2)]
    first = Wanted(a)
    await settled(a)
    second, other = Wanted(b), Wanted(b, "another")
    await settled(b)
    for _ in range(10):
        assert (first.held, second.held, other.held) == (True, False, True)
        await house.advance(server, 1)
    assert (first.times, second.times, other.times) == (1, 0, 1)


async def test_who_ends_it_is_followed_as_soon_as_the_other_asks(house: House, server: RedisServer) -> None:
    a, b = [await house.start(server, clock=house.clock) for _ in range(2)]
    first = Wanted(a)
    await settled(a)
    second = Wanted(b)
    await settled(b)
    first.end()
    await settled(a)
    await house.advance(server, 1)
    assert (first.held, second.held) == (False, True)


async def test_a_process_that_stops_leaves_it_to_the_others(house: House, server: RedisServer) -> None:
    a, b = [await house.start(server, clock=house.clock) for _ in range(2)]
    first = Wanted(a)
    await settled(a)
    second = Wanted(b)
    await a.stop()
    await house.advance(server, 1)
    assert (first.held, second.held) == (False, True)


async def test_a_process_that_was_killed_is_followed_when_its_time_is_over(house: House, server: RedisServer) -> None:
    b = await house.start(server, clock=house.clock)
    hold(server, house, LASTING)
    second = Wanted(b)
    await settled(b)
    for _ in range(int(LASTING)):
        assert not second.held
        await house.advance(server, 1)
    await house.advance(server, 0.1)
    assert second.held


async def test_a_process_that_stood_still_knows_that_it_is_over(house: House, server: RedisServer) -> None:
    awake = house.clock
    a, b = await house.start(server), await house.start(server, clock=awake)
    first = Wanted(a)
    await settled(a)
    second = Wanted(b)
    await settled(b)
    server.set_time(server.now + LASTING + 1)
    awake.advance(1)
    await settled(b)
    assert second.held
    await until(lambda: not first.held, "it hears with its next beat that another has it")


async def test_a_flush_leaves_it_to_one(house: House, server: RedisServer) -> None:
    a, b = [await house.start(server, clock=house.clock) for _ in range(2)]
    first = Wanted(a)
    await settled(a)
    second = Wanted(b)
    await settled(b)
    server.cli("FLUSHALL")
    await until(lambda: first.held != second.held, "one of them has it")
    await house.advance(server, 2)
    assert first.held != second.held


async def test_a_clock_that_was_set_back_does_not_keep_it_for_a_dead_process(house: House, server: RedisServer) -> None:
    b = await house.start(server, clock=house.clock)
    hold(server, house, 3600)
    second = Wanted(b)
    await settled(b)
    assert not second.held
    await house.advance(server, LASTING + 1)
    assert second.held


async def test_who_wants_it_again_at_once_does_not_have_what_was_given_back(house: House, server: RedisServer) -> None:
    a, b = [await house.start(server, clock=house.clock) for _ in range(2)]
    Wanted(a).end()
    Wanted(a).end()
    again = Wanted(a)
    await settled(a)
    other = Wanted(b)
    await settled(b)
    assert (again.held, other.held, again.times, other.times) == (True, False, 1, 0)
