"""What befalls a server that runs on: it is emptied, made to forget scripts, paused, full, and its connections are killed."""

from __future__ import annotations

import asyncio

import pytest

from hbpush.core.message import OLDEST, Draft
from hbpush.errors import ChannelNotFound, StoreFull, StoreUnavailable
from tests.conftest import ExpectedLogs
from tests.integration.stores.conftest import House, comes_back, gap_told, missed, ref, result, until
from tests.support.redis_server import RedisServer


async def connections(server: RedisServer, count: int) -> None:
    """Wait until the stores have so many connections, and see that it stays so."""

    def now() -> int:
        return len([line for line in server.cli("CLIENT", "LIST").splitlines() if b" name=hbpush " in line])

    await until(lambda: now() == count, f"{count} connections, not {now()}")


# Emptied


async def test_flushall_is_told_and_what_comes_after_is_heard(house: House, server: RedisServer) -> None:
    a, b = await house.start(server), await house.start(server)
    for process in (a, b):
        await process.watch("news", "quiet")
    before = [await a.id_of("news", body) for body in (b"1", b"2", b"3")]
    quiet = await b.id_of("quiet", b"q")
    for process in (a, b):
        await process.hears("news", b"1", b"2", b"3")
        await process.hears("quiet", b"q")
    server.cli("FLUSHALL")
    after = await b.id_of("news", b"4")
    assert after > before[-1]
    for process in (a, b):
        await process.hears("news", b"1", b"2", b"3", b"4")
        await gap_told(process, "news")
        await gap_told(process, "quiet")
        assert missed(await process.read("news", before[-1])) == ([b"4"], True)
        assert missed(await process.read("news", before[0])) == ([b"4"], True)
        assert missed(await process.read("news", after)) == ([], False)
        assert missed(await process.read("quiet", quiet)) == ([], True)
        assert not process.heard.removed
    assert await a.id_of("quiet", b"r") > quiet


async def test_flushall_that_nobody_notices_but_by_the_sign_of_life(house: House, server: RedisServer) -> None:
    a, b = await house.start(server, clock=house.clock), await house.start(server, clock=house.clock)
    await a.watch("news")
    last = await b.id_of("news", b"1")
    await a.hears("news", b"1")
    server.cli("FLUSHALL")
    await house.advance(server, 1)
    await gap_told(a, "news")
    assert missed(await a.read("news", last)) == ([], True)


async def test_flushall_again_and_again(house: House, server: RedisServer) -> None:
    a, b = await house.start(server), await house.start(server)
    await a.watch("news")
    ids = []
    bodies = []
    for number in range(5):
        if number:
            server.set_time(server.now + 2)
            server.cli("FLUSHALL")
        ids += [await b.id_of("news", b"%d" % number) for _ in range(2)]
        bodies += [b"%d" % number] * 2
        await a.hears("news", *bodies)
        assert a.heard.gaps == [ref("news")] * number
    assert ids == sorted(set(ids))
    for id_ in ids[:-1]:
        assert (await a.read("news", id_)).missed is (id_ != ids[-2])


async def test_flushall_while_both_publish(house: House, server: RedisServer) -> None:
    a, b = await house.start(server), await house.start(server)
    await a.watch("news")
    receipts = []
    for tick in range(40):
        if tick == 20:
            server.cli("FLUSHALL")
        receipts += [process.store.publish(ref("news"), Draft(b"%d" % tick)) for process in (a, b) for _ in range(4)]
        await asyncio.sleep(0)
    ids = [(await result(receipt)).last for receipt in receipts]
    assert len(set(ids)) == len(ids)
    end = await b.id_of("news", b"end")
    await until(lambda: a.told("news")[-1:] == [b"end"], "the end is told")
    heard = [message.id for message in a.messages("news")]
    assert heard == sorted(set(heard))
    assert set(heard) <= {*ids, end}
    assert a.heard.gaps == [ref("news")]
    kept = [message.id for message in (await a.read("news")).messages]
    assert kept == heard[-len(kept) :]


# Scripts


async def test_publishing_goes_on_when_the_server_forgets_its_scripts(house: House, server: RedisServer) -> None:
    a, b = await house.start(server), await house.start(server)
    await a.watch("news")
    bodies = []
    for number in range(5):
        server.cli("SCRIPT", "FLUSH")
        burst = [b"%d.%d" % (number, place) for place in range(16)]
        receipts = [b.store.publish(ref("news"), Draft(body)) for body in burst]
        ids = [(await result(receipt)).last for receipt in receipts]
        assert ids == sorted(ids), "their order"
        bodies += burst
        await a.hears("news", *bodies)
    server.cli("SCRIPT", "FLUSH")
    assert await a.bodies("news") == bodies
    assert (await b.info("news")).messages == 80
    server.cli("SCRIPT", "FLUSH")
    await b.delete("news")
    assert not a.heard.gaps


async def test_noscript_in_the_middle_of_what_is_on_its_way(house: House, server: RedisServer) -> None:
    a, b = await house.start(server), await house.start(server)
    await a.watch("news")
    receipts = []
    with server.wire() as wire:
        for number in range(60):
            receipts.append(b.store.publish(ref("news"), Draft(b"%d" % number)))
            if number % 10 == 5:
                wire.send("SCRIPT", "FLUSH")
            await asyncio.sleep(0)
        for _ in range(6):
            wire.reply()
    ids = [(await result(receipt)).last for receipt in receipts]
    assert len(set(ids)) == 60
    await until(lambda: len(a.told("news")) >= 60, "all is told")
    assert sorted(a.told("news")) == sorted(b"%d" % number for number in range(60))
    assert [message.id for message in a.messages("news")] == sorted(ids)
    assert not a.heard.gaps


# Connections


@pytest.mark.parametrize("kind", ["normal", "pubsub", "both"])
async def test_connections_are_killed_and_nothing_is_lost_or_doubled(house: House, server: RedisServer, kind: str) -> None:
    a, b = await house.start(server), await house.start(server)
    for process in (a, b):
        await process.watch("news")
    accepted: list[bytes] = []
    unknown: list[bytes] = []
    for number in range(30):
        if number % 5 == 2:
            kept = await b.bodies("news")
            for process in (a, b):
                # Both connections are there when all is heard; one that is being made would be an outage.
                await process.hears("news", *kept)
            for each in ("normal", "pubsub") if kind == "both" else (kind,):
                server.cli("CLIENT", "KILL", "TYPE", each)
        for process in (a, b):
            body = b"%d" % (number * 2 + (process is b))
            try:
                await process.publish("news", body)
            except StoreUnavailable:
                unknown.append(body)
                await until(lambda p=process: comes_back(p), "it is back")  # type: ignore[misc]
            else:
                accepted.append(body)
    kept = await b.bodies("news")
    assert [body for body in kept if body not in unknown] == accepted
    assert len(set(kept)) == len(kept)
    for process in (a, b):
        await process.hears("news", *kept)
        assert not process.heard.gaps
    await connections(server, 4)
    assert len([name for name in server.cli("PUBSUB", "CHANNELS") if b"canary" not in name and not name.startswith(b"__redis__")]) == 1


async def test_connections_that_are_killed_again_and_again_are_replaced(house: House, server: RedisServer) -> None:
    a = await house.start(server)
    await a.watch("news")
    for number in range(10):
        server.cli("CLIENT", "KILL", "TYPE", ("pubsub", "normal")[number % 2])
        await connections(server, 2)
        await until(lambda: comes_back(a), "it is back")
        await a.publish("news", b"%d" % number)
        await a.hears("news", *(b"%d" % each for each in range(number + 1)))
    assert not a.heard.gaps


async def test_a_paused_server_is_waited_for(house: House, ticking_server: RedisServer) -> None:
    server = ticking_server
    a, b = await house.start(server), await house.start(server)
    await a.watch("news")
    server.cli("CLIENT", "PAUSE", 300, "ALL")
    receipts = [process.store.publish(ref("news"), Draft(b"x")) for process in (a, b) for _ in range(10)]
    page = a.store.read_after(ref("news"), OLDEST, 100)
    for receipt in receipts:
        await result(receipt)
    page = await result(page)
    assert list(page.messages) == a.messages("news")[: len(page.messages)]
    await a.hears("news", *[b"x"] * 20)
    assert not a.heard.gaps


async def test_one_that_is_paused_for_longer_is_left_and_found_again(
    house: House, ticking_server: RedisServer, expected_logs: ExpectedLogs
) -> None:
    expected_logs("cannot be reached: no answer for 0.2 seconds")
    server = ticking_server
    a = await house.start(server, timeout=0.2)
    await a.watch("news")
    await a.publish("news", b"1")
    server.cli("CLIENT", "PAUSE", 60_000, "WRITE")
    with pytest.raises(StoreUnavailable):
        await a.publish("news", b"2")
    server.cli("CLIENT", "UNPAUSE")
    await until(lambda: comes_back(a), "it is back")
    await a.publish("news", b"3")
    kept = await a.bodies("news")
    assert kept in ([b"1", b"3"], [b"1", b"2", b"3"])
    await a.hears("news", *kept)
    assert not a.heard.gaps


# No room


async def test_a_server_that_has_no_memory_left(house: House, server: RedisServer) -> None:
    a, b = await house.start(server, clock=house.clock), await house.start(server, clock=house.clock)
    await a.watch("news")
    await b.publish("news", b"1")
    await b.publish("other", b"2")
    server.cli("CONFIG", "SET", "maxmemory-policy", "noeviction")
    server.cli("CONFIG", "SET", "maxmemory", 1)
    for channel in ("news", "new"):
        for _ in range(3):
            with pytest.raises(StoreFull):
                await b.publish(channel, b"no room")
    with pytest.raises(StoreFull):
        await b.create("new")
    assert await b.bodies("news") == [b"1"]
    assert await b.info("news")
    assert not await b.exists("new")
    await b.delete("other")
    with pytest.raises(ChannelNotFound):
        await b.info("other")
    await house.advance(server, 2)
    server.cli("CONFIG", "SET", "maxmemory", 0)
    await b.publish("news", b"3")
    await a.hears("news", b"1", b"3")
    assert (await b.info("news")).messages == 2
    assert server.cli("HMGET", f"{house.prefix}{{0}}:store", "channels", "bytes") == [b"1", b"%d" % (2 * 257)]
    assert not a.heard.gaps
