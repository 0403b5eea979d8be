"""What a store waits for, keeps and lets wait, and no longer or more: timeout, linger, tail_bytes, pending_bytes."""

from __future__ import annotations

import asyncio
from asyncio import Future

import pytest

from hbpush.core.message import OLDEST, Draft, MessageId, size_of
from hbpush.errors import StoreUnavailable
from hbpush.stores.base import Receipt
from hbpush.stores.redis_partition import BEAT, PAGE_BYTES
from tests.conftest import ExpectedLogs
from tests.integration.stores.conftest import House, Process, ref, result, until
from tests.support.redis_server import RedisServer

BODY = b"x" * 1000
COUNTED = size_of(Draft(BODY))


def listened_to(server: RedisServer) -> list[bytes]:
    """The names of channels that somebody listens to."""
    return [name for name in server.cli("PUBSUB", "CHANNELS") if b"canary" not in name and not name.startswith(b"__redis__")]


async def test_a_server_that_stands_still_is_unavailable(house: House, server: RedisServer, expected_logs: ExpectedLogs) -> None:
    expected_logs("cannot be reached: no answer")
    loop = asyncio.get_running_loop()
    a = await house.start(server, timeout=0.5)
    await a.watch("news")
    await a.publish("news", b"1")
    server.pause()
    begin = loop.time()
    waiting = [a.store.publish(ref("news"), Draft(b"2")), a.store.read_after(ref("news"), OLDEST, 1), a.store.info(ref("news"))]
    for each in waiting:
        with pytest.raises(StoreUnavailable):
            await result(each)
    # Whether it answers is looked at once a second.
    assert 0.5 <= loop.time() - begin < 0.5 + BEAT + 0.5
    with pytest.raises(StoreUnavailable):
        await a.publish("news", b"3")
    await until(lambda: a.store.trouble, "it is noticed")
    server.resume()
    await until(lambda: not a.store.trouble, "it is back")
    await a.publish("news", b"4")
    # What was sent to it before may have been read.
    kept = await a.bodies("news")
    assert kept in ([b"1", b"4"], [b"1", b"2", b"4"])
    await a.hears("news", *kept)


async def test_a_server_that_stands_still_at_the_start(house: House, server: RedisServer, expected_logs: ExpectedLogs) -> None:
    expected_logs("cannot be reached: no answer")
    server.pause()
    begin = asyncio.get_running_loop().time()
    a = await house.start(server, timeout=0.2)
    assert asyncio.get_running_loop().time() - begin < 1
    assert a.store.trouble
    with pytest.raises(StoreUnavailable):
        await a.watch("news")
    server.resume()
    await until(lambda: not a.store.trouble, "it is there")
    await a.publish("news")


async def test_a_channel_is_listened_to_for_as_long_as_it_lingers(house: House, server: RedisServer) -> None:
    a = await house.start(server, clock=house.clock, linger=5)
    b = await house.start(server, clock=house.clock)
    await a.watch("news", "sport")
    assert len(listened_to(server)) == 2
    a.unwatch("news")
    await house.advance(server, 4)
    assert len(listened_to(server)) == 2
    await b.publish("news", b"while nobody was here")
    await a.settled()
    assert a.told("news") == []
    await a.watch("news")
    # It was heard all the same: who asks again needs not ask the server.
    page = a.store.read_watched(ref("news"), MessageId(0, -1), 10)
    assert [message.body for message in (await result(page)).messages] == [b"while nobody was here"]
    a.unwatch("news")
    await house.advance(server, 4)
    assert len(listened_to(server)) == 2
    await house.advance(server, 2)
    await until(lambda: len(listened_to(server)) == 1, "it is left")
    await a.watch("news")
    await b.publish("news", b"again")
    await a.hears("news", b"again")


async def test_without_a_linger_a_channel_is_left_with_the_next_sweep(house: House, server: RedisServer) -> None:
    a = await house.start(server, clock=house.clock, linger=0)
    for _ in range(3):
        await a.watch("news")
        a.unwatch("news")
        await house.advance(server, 1)
        await until(lambda: not listened_to(server), "it is left")


async def from_tail(process: Process, channel: str, since: MessageId) -> int | None:
    """How many messages after an id the process has at hand; None when it has to ask the server."""
    page = process.store.read_watched(ref(channel), since, 1000)
    if isinstance(page, Future):
        await result(page)
        return None
    return len(page.messages)


async def test_a_tail_has_as_many_bytes_as_it_may(house: House, shared_server: RedisServer) -> None:
    a = await house.start(shared_server, tail_bytes=10 * COUNTED)
    b = await house.start(shared_server)
    await a.watch("news", "sport")
    first = await b.id_of("news", BODY)
    ids = [await b.id_of("news", BODY) for _ in range(9)]
    await until(lambda: len(a.told("news")) == 10, "all is told")
    assert await from_tail(a, "news", first) == 9
    ids += [await b.id_of("news", BODY) for _ in range(5)]
    await until(lambda: len(a.told("news")) == 15, "all is told")
    assert await from_tail(a, "news", first) is None
    assert await from_tail(a, "news", ids[3]) == 10
    assert await from_tail(a, "news", ids[-1]) == 0
    # The bound is for all channels together.
    start = await b.id_of("sport", BODY)
    await b.publish("sport", BODY)
    await until(lambda: len(a.told("sport")) == 2, "all is told")
    assert await from_tail(a, "sport", start) in (1, None)
    everything = sum([await from_tail(a, "news", id_) or 0 for id_ in ids[-2:-1]])
    assert everything <= 10


async def test_a_tail_gives_what_the_store_would(house: House, shared_server: RedisServer) -> None:
    a = await house.start(shared_server, max_messages=20)
    b = await house.start(shared_server, max_messages=20)
    await a.watch("news")
    ids = [await b.id_of("news", b"%d" % number) for number in range(50)]
    await until(lambda: len(a.told("news")) == 50, "all is told")
    for since in ids:
        kept = await b.read("news", since)
        at_hand = await result(a.store.read_watched(ref("news"), since, 1000))
        assert (list(at_hand.messages), at_hand.missed, at_hand.last) == (list(kept.messages), kept.missed, kept.last)


async def test_no_more_than_may_wait_for_answers(house: House, ticking_server: RedisServer) -> None:
    server = ticking_server
    a = await house.start(server, pending_bytes=100_000, timeout=30)
    b = await house.start(server)
    await a.watch("news")
    await a.settled()
    server.pause()
    accepted: list[tuple[bytes, Future[Receipt]]] = []

    def publish_all() -> None:
        for number in range(1000):
            body = BODY + b"%d" % number
            waiting = a.store.publish(ref("news"), Draft(body))
            assert isinstance(waiting, Future)
            accepted.append((body, waiting))

    with pytest.raises(StoreUnavailable, match="busy"):
        publish_all()
    assert 40 < len(accepted) < 80
    await asyncio.sleep(0)
    assert not any(waiting.done() for _, waiting in accepted)
    server.resume()
    for _, waiting in accepted:
        await result(waiting)
    await a.hears("news", *(body for body, _ in accepted))
    assert await b.bodies("news") == [body for body, _ in accepted]
    await a.publish("news", b"room again")
    assert a.store.trouble == ""


async def test_one_message_may_be_larger_than_what_may_wait(house: House, shared_server: RedisServer) -> None:
    a = await house.start(shared_server, pending_bytes=100_000)
    await a.watch("news")
    await a.settled()
    await a.publish("news", b"x" * 200_000)
    await a.hears("news", b"x" * 200_000)
    assert await a.bodies("news") == [b"x" * 200_000]


async def test_little_may_wait(house: House, shared_server: RedisServer) -> None:
    a = await house.start(shared_server, pending_bytes=10_000)
    assert a.store.trouble == ""


async def test_a_page_is_bounded_by_all_that_its_messages_are(house: House, shared_server: RedisServer) -> None:
    a = await house.start(shared_server)
    for n in range(5):
        await a.publish("news", b"%d" % n, content_type=bytes(PAGE_BYTES // 4), event="e" * (PAGE_BYTES // 4))
    page = await result(a.store.read_after(ref("news"), OLDEST, 100))
    assert [message.body for message in page.messages] == [b"0", b"1"]
    assert page.more
