"""Who listens in the other process, who asked when, whose claim wins, and what idle channels are spared for it."""

from __future__ import annotations

import pytest

from hbpush.errors import ChannelNotFound
from tests.integration.stores.conftest import House, Process, cut_off, ref, until
from tests.support.redis_server import RedisServer

IDLE = 100
"""Seconds until an idle channel is removed."""


async def pair(house: House, server: RedisServer, **options: object) -> tuple[Process, Process]:
    """Two processes whose time is moved by hand, together with the server's."""
    return (
        await house.start(server, clock=house.clock, **options),
        await house.start(server, clock=house.clock, **options),
    )


async def counted(process: Process, channel: str, subscribers: int) -> None:
    await process.settled()
    assert (await process.info(channel)).subscribers == subscribers


async def test_more_subscribers_count_with_the_next_tick(house: House, server: RedisServer) -> None:
    a, b = await pair(house, server)
    await b.create("news")
    await a.watch("news")
    for held, streaming in ((1, 0), (1, 2), (3, 2)):
        a.report("news", held, streaming, None)
        await a.settled()
        receipt = await b.publish("news")
        assert (receipt.subscribers, receipt.takers) == (held + streaming, held + streaming)
        assert (await a.publish("news")).subscribers == 0, "its own the caller adds"


async def test_fewer_subscribers_count_within_a_second(house: House, server: RedisServer) -> None:
    a, b = await pair(house, server)
    await b.create("news")
    await a.watch("news")
    a.report("news", 3, 1)
    await a.settled()
    for held, streaming in ((1, 1), (0, 1), (0, 0)):
        a.report("news", held, streaming)
        await house.advance(server, 1)
        await counted(b, "news", held + streaming)


async def test_a_poll_that_comes_back_is_told_once(house: House, server: RedisServer) -> None:
    """A poller takes a message and asks again: nothing of it has to be told to others but when it last asked, once a second."""
    a, b = await pair(house, server)
    await b.create("news")
    await a.watch("news")
    a.report("news", 1, 0)
    await a.settled()
    proxy = house.proxy(server)
    c = await house.start(proxy, clock=house.clock)
    await c.watch("news")
    c.report("news", 1, 0, house.clock.time())
    await house.advance(server, 1)
    before = proxy.evals()
    for _ in range(100):
        c.report("news", 0, 0)
        c.report("news", 1, 0, house.clock.time())
    assert (await b.info("news")).subscribers == 2
    assert proxy.evals() == before
    await house.advance(server, 1)
    assert proxy.evals() <= before + 2 + 3, "one report, one beat, and what it takes to wait for them"


async def test_both_count_the_other_only(house: House, server: RedisServer) -> None:
    a, b = await pair(house, server)
    for process, held in ((a, 1), (b, 2)):
        await process.watch("news")
        process.report("news", held, 0)
        await process.settled()
    assert (await a.publish("news")).takers == 2
    assert (await b.publish("news")).takers == 1


async def test_counts_last_for_as_long_as_the_process_lives(house: House, server: RedisServer) -> None:
    a, b = await pair(house, server)
    await a.watch("news")
    a.report("news", 2, 1)
    await b.create("news", permanent=True)
    for seconds in (70, 200):
        await house.advance(server, seconds)
        await counted(b, "news", 3)


async def test_a_process_that_stops_is_not_counted(house: House, server: RedisServer) -> None:
    a, b = await pair(house, server)
    await b.create("news")
    await a.watch("news")
    a.report("news", 1, 1)
    await a.settled()
    await counted(b, "news", 2)
    await a.stop()
    await counted(b, "news", 0)


async def test_a_process_that_dies_is_not_counted_after_3_seconds(house: House, server: RedisServer) -> None:
    proxy = house.proxy(server)
    b = await house.start(server, clock=house.clock)
    a = await house.start(proxy, clock=house.clock)
    await b.create("news")
    await a.watch("news")
    a.report("news", 1, 1)
    await a.settled()
    cut_off(proxy)
    await house.advance(server, 2.5, a)
    await counted(b, "news", 2)
    await house.advance(server, 1, a)
    await counted(b, "news", 0)
    assert (await b.publish("news")).takers == 0
    # It has not died after all.
    proxy.unblock()

    async def back() -> bool:
        return (await b.info("news")).subscribers == 2

    await until(back, "it is counted again")


async def test_requested_is_seen_by_the_other_within_a_second(house: House, server: RedisServer) -> None:
    a, b = await pair(house, server)
    await b.create("news")
    await a.watch("news")
    a.report("news", 1, 0, 1234567890.5)
    await a.settled()
    assert (await b.info("news")).requested == 1234567890.5
    a.report("news", 0, 0)
    a.report("news", 1, 0, 1234567891.25)
    assert (await a.info("news")).requested == 1234567891.25
    await house.advance(server, 1)
    assert (await b.info("news")).requested == (await b.publish("news")).requested == 1234567891.25


async def test_who_asked_before_the_channel_was_made_has_asked(house: House, server: RedisServer) -> None:
    a, b = await pair(house, server)
    await a.watch("news")
    a.report("news", 1, 0, 1234567890.5)
    await a.settled()
    receipt = await b.publish("news")
    assert (receipt.requested, receipt.takers) == (1234567890.5, 1)
    assert (await b.info("news")).requested == 1234567890.5


# Claims


async def held(process: Process, channel: str, mode: str) -> int:
    """Hold a poll, and claim for it. Returns the number."""
    process.report(channel, 1, 0)
    return (await process.claim(channel, mode)).number  # type: ignore[arg-type]


async def test_the_first_stays(house: House, server: RedisServer) -> None:
    a, b = await pair(house, server)
    for process in (a, b):
        await process.watch("news")
    assert await held(a, "news", "first")
    assert not await held(b, "news", "first")
    b.report("news", 0, 0)
    # Who stayed leaves: the next may come at once.
    a.report("news", 0, 0)
    await a.settled()
    assert await held(b, "news", "first")
    assert not await held(a, "news", "first")
    a.report("news", 0, 0)
    await b.stop()
    assert await held(a, "news", "first")


async def test_of_two_at_the_same_time_one_is_the_first(house: House, server: RedisServer) -> None:
    a, b = await pair(house, server)
    for number in range(20):
        channel = f"channel {number}"
        for process in (a, b):
            await process.watch(channel)
        futures = []
        for process in (a, b) if number % 2 else (b, a):
            process.report(channel, 1, 0, house.clock.time())
            futures.append(process.store.claim(ref(channel), "first"))
        claims = [await future for future in futures]  # type: ignore[misc]
        assert [bool(claim.number) for claim in claims].count(True) == 1


async def test_the_first_that_died_is_in_nobodys_way_after_3_seconds(house: House, server: RedisServer) -> None:
    proxy = house.proxy(server)
    b = await house.start(server, clock=house.clock)
    a = await house.start(proxy, clock=house.clock)
    for process in (a, b):
        await process.watch("news")
    assert await held(a, "news", "first")
    cut_off(proxy)
    await house.advance(server, 2.5, a)
    assert not await held(b, "news", "first")
    b.report("news", 0, 0)
    await house.advance(server, 1, a)
    assert await held(b, "news", "first")


async def test_the_last_displaces_those_before(house: House, server: RedisServer) -> None:
    a, b = await pair(house, server)
    for process in (a, b):
        await process.watch("news")
    numbers = [await held(process, "news", "last") for process in (a, b, a, b)]
    assert numbers == sorted(set(numbers))
    for process in (a, b):
        await until(lambda p=process: len(p.heard.displacements) == 4, "all are told")  # type: ignore[misc]
        assert process.heard.displacements == [(ref("news"), number) for number in numbers]
    futures = [process.store.claim(ref("news"), "last") for process in (a, b, b, a)]
    at_once = sorted([(await future).number for future in futures])  # type: ignore[misc]
    assert numbers[-1] < at_once[0]
    for process in (a, b):
        await until(lambda p=process: len(p.heard.displacements) == 8, "all are told")  # type: ignore[misc]
        assert [number for _, number in process.heard.displacements[4:]] == at_once


async def test_any_number_may_wait_and_is_counted(house: House, server: RedisServer) -> None:
    a, b = await pair(house, server)
    for process in (a, b):
        await process.watch("news")
    a.report("news", 3, 1)
    first = await a.claim("news", "any")
    assert first.elsewhere == 0
    b.report("news", 1, 0)
    second = await b.claim("news", "any")
    assert (second.number > first.number, second.elsewhere) == (True, 4)
    assert (await a.claim("news", "any")).elsewhere == 1
    assert a.heard.displacements == b.heard.displacements == []


# Channels that nobody uses


async def test_idle_channels_go_and_those_with_a_subscriber_at_either_stay(house: House, server: RedisServer) -> None:
    a, b = await pair(house, server, idle_channel_timeout=IDLE)
    for name in ("idle", "held at a", "streaming at b", "watched at a", "permanent"):
        await a.publish(name, b"kept")
    await b.create("permanent", permanent=True)
    a.report("held at a", 1, 0)
    b.report("streaming at b", 0, 1)
    await a.watch("watched at a")
    await house.advance(server, 3 * IDLE)
    for process in (a, b):
        assert not await process.exists("idle")
        for name in ("held at a", "streaming at b", "watched at a", "permanent"):
            assert await process.bodies(name) == [b"kept"]
    a.report("held at a", 0, 0)
    b.report("streaming at b", 0, 0)
    a.unwatch("watched at a")
    await house.advance(server, IDLE - 10)
    for name in ("held at a", "streaming at b", "watched at a"):
        assert await b.exists(name)
    await house.advance(server, 30)
    for name in ("held at a", "streaming at b", "watched at a"):
        assert not await b.exists(name)
    with pytest.raises(ChannelNotFound):
        await a.info("idle")
    assert await b.exists("permanent")


async def test_an_idle_channel_that_goes_frees_its_room_once_though_both_look_after_it(house: House, server: RedisServer) -> None:
    a, b = await pair(house, server, idle_channel_timeout=IDLE, max_channels=300, max_bytes=300 * 1256)
    for number in range(300):
        await (a, b)[number % 2].publish(f"channel {number}", b"x" * 1000)
    await house.advance(server, 2 * IDLE)
    record = server.cli("HMGET", f"{house.prefix}{{0}}:store", "channels", "bytes")
    assert record == [b"0", b"0"]
    await house.advance(server, 100)
    assert server.cli("KEYS", f"{house.prefix}*x:*") == []
    assert server.cli("HGET", f"{house.prefix}{{0}}:store", "tombstones") == b"0"
    for number in range(300):
        await (a, b)[number % 2].publish(f"other {number}", b"x" * 1000)


async def test_a_dead_process_keeps_no_channel_for_ever(house: House, server: RedisServer) -> None:
    proxy = house.proxy(server)
    b = await house.start(server, clock=house.clock, idle_channel_timeout=IDLE)
    a = await house.start(proxy, clock=house.clock, idle_channel_timeout=IDLE)
    await b.publish("news")
    await a.watch("news")
    a.report("news", 1, 0)
    await a.settled()
    cut_off(proxy)
    await house.advance(server, 3 * IDLE, a)
    assert not await b.exists("news")
