"""Two stores on one server are two processes: what the one publishes, makes and deletes is so in the other."""

from __future__ import annotations

import asyncio
from itertools import pairwise

from hbpush.core.message import OLDEST, Draft
from tests.integration.stores.conftest import House, ref, result, until
from tests.support.redis_server import RedisServer


async def test_what_one_publishes_the_other_hears_in_order_and_once(house: House, shared_server: RedisServer) -> None:
    a, b = await house.start(shared_server), await house.start(shared_server)
    await a.watch("news")
    bodies = [b"%d" % number for number in range(20)]
    ids = [await b.id_of("news", body, stored=number % 4 != 0) for number, body in enumerate(bodies)]
    await a.hears("news", *bodies)
    heard = a.messages("news")
    assert [message.id for message in heard] == ids
    assert [message.previous for message in heard[1:]] == ids[:-1]
    assert [message.stored for message in heard] == [number % 4 != 0 for number in range(20)]
    assert b.heard.messages == []
    assert not a.heard.gaps


async def test_sixteen_a_tick_from_both_sides(house: House, shared_server: RedisServer) -> None:
    a, b = await house.start(shared_server), await house.start(shared_server)
    channels = ["news", "sport"]
    for process in (a, b):
        await process.watch(*channels)
    receipts = []
    for tick in range(30):
        for name, process in ((b"a", a), (b"b", b)):
            for number in range(16):
                body = b"%b %d" % (name, tick * 16 + number)
                receipts.append((body, number % 2, process.store.publish(ref(channels[number % 2]), Draft(body))))
        await asyncio.sleep(0)
    ids = {body: (channels[place], (await result(receipt)).last) for body, place, receipt in receipts}
    for channel in channels:
        in_order = sorted((id_, body) for body, (its, id_) in ids.items() if its == channel)
        assert len({id_ for id_, _ in in_order}) == len(in_order) == 30 * 16
        for process in (a, b):
            await process.hears(channel, *(body for _, body in in_order))
            heard = process.messages(channel)
            assert [message.id for message in heard] == [id_ for id_, _ in in_order]
            assert all(after.previous == before.id for before, after in pairwise(heard))
            page = await process.read(channel)
            assert list(page.messages) == heard
        for name in (b"a", b"b"):
            mine = [int(body[2:]) for _, body in in_order if body[:1] == name]
            assert mine == sorted(mine), "each process's own order"
    assert not a.heard.gaps
    assert not b.heard.gaps


async def test_reading_while_both_publish_misses_nothing_and_runs_ahead_of_nothing(house: House, shared_server: RedisServer) -> None:
    a, b = await house.start(shared_server), await house.start(shared_server)
    await a.watch("news")
    results = []
    for tick in range(20):
        results += [process.store.publish(ref("news"), Draft(b"%d" % tick)) for process in (a, b) for _ in range(8)]
        page = await a.read("news")
        assert list(page.messages) == a.messages("news")[: len(page.messages)]
    for each in results:
        await result(each)
    assert len((await a.read("news")).messages) == len(a.messages("news")) == 320


async def test_deletion_is_told_to_the_other(house: House, shared_server: RedisServer) -> None:
    a, b = await house.start(shared_server), await house.start(shared_server)
    await a.watch("news")
    order: list[object] = []
    a.heard.on_deliver = lambda message: order.append(message.body)
    a.heard.on_deleted = order.append
    for round_ in range(3):
        order.clear()
        await b.publish("news", b"before")
        receipt = await (b if round_ else a).delete("news")
        assert receipt.messages == 1
        after = await b.id_of("news", b"after")
        assert receipt.last is not None
        assert after > receipt.last
        await until(lambda: len(order) == 3, "all is told")
        assert order == [b"before", ref("news"), b"after"]
        await b.delete("news")
        await until(lambda: len(order) == 4, "the end is told")
    assert a.heard.removed == [ref("news")] * 6
    assert b.heard.removed == []
    assert not a.heard.gaps


async def test_who_deletes_a_channel_that_it_watches_has_heard_all_before_the_answer(house: House, shared_server: RedisServer) -> None:
    a, b = await house.start(shared_server), await house.start(shared_server)
    await a.watch("news")
    for body in (b"1", b"2", b"3"):
        await b.publish("news", body)
    await a.delete("news")
    assert a.told("news") == [b"1", b"2", b"3"]
    assert a.heard.removed == [ref("news")]


async def test_a_channel_made_by_one_is_there_for_the_other(house: House, shared_server: RedisServer) -> None:
    a, b = await house.start(shared_server), await house.start(shared_server)
    assert not await b.exists("news")
    await a.create("news")
    assert await b.exists("news")
    assert (await b.publish("news", create=False)).messages == 1
    assert (await a.info("news")).messages == 1
    await b.delete("news")
    assert not await a.exists("news")


async def test_a_channel_that_is_watched_at_both_and_left_by_one_is_told_to_the_other(house: House, shared_server: RedisServer) -> None:
    a, b = await house.start(shared_server, linger=0), await house.start(shared_server)
    for process in (a, b):
        await process.watch("news")
    await a.publish("news", b"1")
    await a.hears("news", b"1")
    a.unwatch("news")
    await b.publish("news", b"2")
    await b.hears("news", b"1", b"2")
    await a.watch("news")
    await b.publish("news", b"3")
    await a.hears("news", b"1", b"3")
    assert [message.body for message in (await a.read("news", OLDEST)).messages] == [b"1", b"2", b"3"]
    assert not a.heard.gaps


async def test_what_is_not_ours_on_a_name_of_ours_is_passed_over(house: House, shared_server: RedisServer) -> None:
    a, b = await house.start(shared_server), await house.start(shared_server)
    await a.watch("news")
    names = [name for name in shared_server.cli("PUBSUB", "CHANNELS", f"{house.prefix}*") if b"canary" not in name]
    assert len(names) == 1
    for rubbish in (b"", b"m ", b"m 1 2 3\n", b"d x", b"hello", b"x ", b"m " + b"9" * 5000):
        shared_server.cli("PUBLISH", names[0], rubbish)
    await b.publish("news", b"1")
    await a.hears("news", b"1")
    assert a.counters.counts["foreign_announcement"] == 7
