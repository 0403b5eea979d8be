"""Answers of the server that are lost, and announcements that come late or not at all: a proxy is between it and the store."""

from __future__ import annotations

import asyncio

import pytest

from hbpush.core.message import OLDEST, Draft
from hbpush.errors import ChannelNotFound, StoreFull, StoreUnavailable
from tests.integration.stores.conftest import House, comes_back, gap_told, listens, missed, ref, result, until
from tests.support.redis_server import RedisServer


async def test_a_publish_whose_answer_is_lost_is_not_repeated(house: House, server: RedisServer) -> None:
    proxy = house.proxy(server)
    a, b = await house.start(proxy, clock=house.clock), await house.start(server)
    for process in (a, b):
        await process.watch("news")
    bodies = []
    for number in range(5):
        await a.settled()
        body = b"marked %d" % number
        proxy.cut_next_eval()
        with pytest.raises(StoreUnavailable):
            await a.publish("news", body)
        assert proxy.cuts_left == 0
        await until(lambda n=number: listens(a, f"watched after {n}"), "it is back")  # type: ignore[misc]
        assert proxy.evals(body) == 1
        bodies.append(body)
        for process in (a, b):
            await process.hears("news", *bodies)
    for process in (a, b):
        assert await process.bodies("news") == bodies
        assert not process.heard.gaps


async def test_of_several_on_their_way_those_that_were_answered_are_done(house: House, server: RedisServer) -> None:
    proxy = house.proxy(server)
    a = await house.start(proxy)
    await a.watch("news")
    receipts = [a.store.publish(ref("news"), Draft(b"early %d" % number)) for number in range(3)]
    await asyncio.gather(*receipts)  # type: ignore[arg-type]
    proxy.cut_next_eval()
    late = [a.store.publish(ref("news"), Draft(b"late %d" % number)) for number in range(16)]
    for each in late:
        with pytest.raises(StoreUnavailable):
            await result(each)
    await until(lambda: comes_back(a), "it is back")
    await a.hears("news", b"early 0", b"early 1", b"early 2", b"late 0")
    assert await a.bodies("news") == a.told("news")


@pytest.mark.parametrize("what", ["delete", "create", "claim", "info", "read"])
async def test_whatever_is_not_answered_is_unavailable(house: House, server: RedisServer, what: str) -> None:
    proxy = house.proxy(server)
    a = await house.start(proxy, clock=house.clock)
    await a.watch("news")
    await a.publish("news", b"1")
    await a.hears("news", b"1")
    proxy.cut_next_eval()
    call = {
        "delete": lambda: a.delete("news"),
        "create": lambda: a.create("other"),
        "claim": lambda: a.claim("news", "last"),
        "info": lambda: a.info("news"),
        "read": lambda: a.read("news"),
    }[what]
    with pytest.raises(StoreUnavailable):
        await call()
    await until(lambda: comes_back(a), "it is back")
    if what == "delete":
        await until(lambda: a.heard.removed, "the deletion is told")
        assert a.heard.removed == [ref("news")]
        assert not await a.exists("news")
    else:
        await a.publish("news", b"2")
        await a.hears("news", b"1", b"2")
    assert not a.heard.gaps


async def test_a_page_waits_until_its_messages_were_told(house: House, server: RedisServer) -> None:
    proxy = house.proxy(server)
    a, b = await house.start(proxy), await house.start(server)
    await a.watch("news")
    await b.publish("news", b"1")
    await a.hears("news", b"1")
    proxy.delay_subscribers()
    for body in (b"2", b"3"):
        await b.publish("news", body)
    page = a.store.read_after(ref("news"), OLDEST, 100)
    deletion_of_another = a.store.delete(ref("absent"))
    with pytest.raises(ChannelNotFound):
        await result(deletion_of_another)
    await a.info("news")
    assert isinstance(page, asyncio.Future)
    assert not page.done()
    assert a.told("news") == [b"1"]
    proxy.release_subscribers()
    assert missed(await result(page)) == ([b"1", b"2", b"3"], False)
    assert a.told("news") == [b"1", b"2", b"3"]
    await b.publish("news", b"4")
    await a.hears("news", b"1", b"2", b"3", b"4")
    assert not a.heard.gaps


async def test_late_announcements_bring_nothing_twice(house: House, server: RedisServer) -> None:
    proxy = house.proxy(server)
    a, b = await house.start(proxy), await house.start(server)
    await a.watch("news")
    proxy.delay_subscribers(0.05)
    bodies = []
    pages = []
    for number in range(40):
        bodies.append(b"%d" % number)
        await b.publish("news", bodies[-1])
        if number % 5 == 0:
            pages.append(a.store.read_after(ref("news"), OLDEST, 100))
    for page in pages:
        read = await result(page)
        assert list(read.messages) == a.messages("news")[: len(read.messages)]
    proxy.release_subscribers()
    await a.hears("news", *bodies)
    assert not a.heard.gaps


async def test_a_deaf_process_hears_again_what_it_missed(house: House, server: RedisServer) -> None:
    """Nothing comes on the listening connection, and no end either: the sign of life that does not come tells."""
    proxy = house.proxy(server)
    a, b = await house.start(proxy, timeout=0.1), await house.start(server)
    await a.watch("news")
    proxy.delay_subscribers()
    await b.publish("news", b"1")
    page = a.store.read_after(ref("news"), OLDEST, 100)

    def alone() -> bool:
        return not [name for name in server.cli("PUBSUB", "CHANNELS") if b"canary" not in name and not name.startswith(b"__redis__")]

    await until(alone, "the connection is given up")
    proxy.release_subscribers()
    assert missed(await result(page)) == ([b"1"], False)
    await b.publish("news", b"2")
    await a.hears("news", b"1", b"2")
    assert not a.heard.gaps


async def test_an_unstored_message_that_was_not_heard_is_a_gap(house: House, server: RedisServer) -> None:
    proxy = house.proxy(server)
    a, b = await house.start(proxy), await house.start(server)
    await a.watch("news", "sport")
    await b.publish("news", b"1")
    await a.hears("news", b"1")
    proxy.delay_subscribers()
    await b.publish("news", b"now or never", stored=False)
    await b.publish("sport", b"2")
    proxy.cut_all()
    proxy.release_subscribers()
    await a.hears("sport", b"2")
    await gap_told(a, "news")
    await b.publish("news", b"3")
    await a.hears("news", b"1", b"3")
    assert a.heard.gaps == [ref("news")]


async def test_nobody_waits_after_the_end(house: House, server: RedisServer) -> None:
    a = await house.start(server)
    await a.watch("news")
    asked = [a.store.watch(ref("sport"))]
    asked += [a.store.read_after(ref("news"), OLDEST, 100) for _ in range(200)]
    asked += [a.store.publish(ref("news"), Draft(b"%d" % number)) for number in range(200)]
    asked += [a.store.delete(ref("news")), a.store.info(ref("sport"))]
    await a.stop()
    _, waiting = await asyncio.wait([each for each in asked if isinstance(each, asyncio.Future)], timeout=5)
    assert not waiting
    for each in asked:
        if isinstance(each, asyncio.Future):
            each.exception()


async def test_a_server_that_is_full_lets_messages_go_in_their_time(house: House, server: RedisServer) -> None:
    a = await house.start(server, clock=house.clock, message_timeout=10)
    b = await house.start(server, clock=house.clock)
    await a.watch("news")
    a.report("news", 1, 0)
    await a.publish("news", b"1")
    server.cli("CONFIG", "SET", "maxmemory", 1)
    with pytest.raises(StoreFull):
        await a.publish("news", b"2")
    # Who lives is known all the same, and what has expired goes.
    await house.advance(server, 5)
    assert (await b.info("news")).subscribers == 1
    await house.advance(server, 10)
    assert (await a.bodies("news"), a.store.trouble) == ([], "")
    server.cli("CONFIG", "SET", "maxmemory", 0)
    await a.publish("news", b"3")
    await a.hears("news", b"1", b"3")
