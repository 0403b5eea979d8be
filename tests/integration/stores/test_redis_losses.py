"""History that is lost while somebody does not look: ids do not come again, and who listens and waits is known again soon."""

from __future__ import annotations

from tests.integration.stores.conftest import House, comes_back, cut_off, gap_told, missed, ref, until
from tests.support.redis_server import RedisServer


async def test_ids_do_not_repeat_after_two_losses_while_the_clock_stands(house: House, server: RedisServer) -> None:
    a, b = await house.start(server), await house.start(server)
    await a.watch("news")
    ids = []
    bodies = []
    for number in range(5):
        ids += [await b.id_of("news", b"%d" % number) for _ in range(2)]
        bodies += [b"%d" % number] * 2
        await a.hears("news", *bodies)
        server.cli("FLUSHALL")
    assert ids == sorted(set(ids))


async def test_a_listener_knows_the_newest_second_of_the_new_history(house: House, server: RedisServer) -> None:
    """It heard of the new epoch and of the newest id in one announcement; then everything is lost again."""
    proxy = house.proxy(server)
    a, b = await house.start(server), await house.start(proxy)
    await a.watch("news")
    await b.publish("news", b"1")
    await a.hears("news", b"1")
    server.cli("FLUSHALL")
    last = await b.id_of("news", b"2")
    await a.hears("news", b"1", b"2")
    await a.settled()
    cut_off(proxy)
    server.cli("FLUSHALL")
    new = await a.id_of("news", b"3")
    assert new > last


async def test_ids_do_not_go_back_when_who_knows_none_is_first(house: House, server: RedisServer) -> None:
    """The clock went back with the loss: who came to know the count by a sign of life only is the first to come back."""
    proxy = house.proxy(server)
    a = await house.start(proxy, clock=house.clock)
    await a.watch("news")
    ids = [await a.id_of("news") for _ in range(5)]
    c = await house.start(server, clock=house.clock)
    await house.advance(server, 1)
    cut_off(proxy)
    server.set_time(server.now - 3600)
    server.cli("FLUSHALL")
    new = await c.id_of("news", b"new")
    proxy.unblock()
    await until(lambda: comes_back(a), "it is back")
    assert new > ids[-1]
    assert missed(await a.read("news", ids[-1])) == ([b"new"], True)


async def test_old_ids_are_missed_when_a_newcomer_was_first_after_flushall(house: House, server: RedisServer) -> None:
    proxy = house.proxy(server)
    a = await house.start(proxy)
    await a.watch("news")
    ids = [await a.id_of("news") for _ in range(5)]
    cut_off(proxy)
    server.cli("FLUSHALL")
    c = await house.start(server)
    await c.publish("news", b"new")
    proxy.unblock()
    await until(lambda: comes_back(a), "it is back")
    await gap_told(a, "news")
    _, is_missed = missed(await a.read("news", ids[-1]))
    assert is_missed
    assert await c.id_of("news", b"newer") > ids[-1]


async def test_one_loss_is_one_gap(house: House, server: RedisServer) -> None:
    a, b = await house.start(server), await house.start(server)
    await a.watch("news")
    bodies = []
    for number in range(20):
        if number:
            server.set_time(server.now + 2)
            server.cli("FLUSHALL")
        bodies += [b"%d" % number] * 2
        for _ in range(2):
            await b.publish("news", b"%d" % number)
        await a.hears("news", *bodies)
        assert a.heard.gaps == [ref("news")] * number


async def test_an_absent_channel_has_no_gap(house: House, server: RedisServer) -> None:
    a, b = await house.start(server, clock=house.clock), await house.start(server, clock=house.clock)
    await a.watch("news")
    await b.publish("other")
    await b.delete("other")
    await house.advance(server, 70)
    await b.publish("other")
    server.cli("CLIENT", "KILL", "TYPE", "pubsub")
    await until(lambda: comes_back(a), "it is back")
    await b.publish("news", b"1")
    await a.hears("news", b"1")
    assert not a.heard.gaps


async def test_subscribers_count_again_soon_after_flushall(house: House, server: RedisServer) -> None:
    a, b = await house.start(server, clock=house.clock), await house.start(server, clock=house.clock)
    await a.watch("news")
    a.report("news", 1, 1)
    await b.publish("news")
    server.cli("FLUSHALL")
    await b.publish("news")
    await house.advance(server, 2)
    assert (await b.publish("news")).subscribers == 2


async def test_the_last_displaces_those_from_before_flushall(house: House, server: RedisServer) -> None:
    a, b = await house.start(server, clock=house.clock), await house.start(server, clock=house.clock)
    for process in (a, b):
        await process.watch("news")
    a.report("news", 1, 0)
    numbers = [(await a.claim("news", "last")).number for _ in range(3)]
    server.cli("FLUSHALL")
    b.report("news", 1, 0)
    assert (await b.claim("news", "last")).number > numbers[-1]


async def test_the_first_stays_after_flushall(house: House, server: RedisServer) -> None:
    a, b = await house.start(server, clock=house.clock), await house.start(server, clock=house.clock)
    for process in (a, b):
        await process.watch("news")
    a.report("news", 1, 0)
    assert (await a.claim("news", "first")).number
    server.cli("FLUSHALL")
    await house.advance(server, 2)
    b.report("news", 1, 0)
    assert not (await b.claim("news", "first")).number
