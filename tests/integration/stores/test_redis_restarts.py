"""Servers that end and start again, with what they had or without; and one that takes another's place and has less than it had."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

import pytest

from hbpush.core.message import OLDEST
from hbpush.errors import StoreUnavailable
from tests.conftest import ExpectedLogs
from tests.integration.stores.conftest import House, Process, comes_back, cut_off, gap_told, missed, ref, until
from tests.support.redis_server import RedisServer

HOUR = 3600


@pytest.fixture
def lasting_server() -> Iterator[RedisServer]:
    """A server that has after a restart what it had before."""
    with RedisServer(clock=True, appendonly=True) as server:
        yield server


async def end(server: RedisServer, *processes: Process) -> None:
    """Kill the server, and wait until each of those who use it has found it away."""
    server.kill()
    for process in processes:
        await until(lambda p=process: p.store.trouble, "it is noticed")  # type: ignore[misc]


async def begin(server: RedisServer, *processes: Process) -> None:
    """Start the server again, and wait until each has it back."""
    server.start()
    for process in processes:
        await until(lambda p=process: not p.store.trouble, "it is back")  # type: ignore[misc]


async def test_with_its_file_nothing_is_lost(house: House, lasting_server: RedisServer, expected_logs: ExpectedLogs) -> None:
    expected_logs("cannot be reached")
    server = lasting_server
    a, b = await house.start(server), await house.start(server)
    for process in (a, b):
        await process.watch("news", "quiet")
    first = await a.id_of("news", b"1")
    await a.create("permanent", permanent=True)
    for process in (a, b):
        await process.hears("news", b"1")
    bodies = [b"1"]
    for number in (2, 3):
        await end(server, a, b)
        await begin(server, a, b)
        bodies.append(b"%d" % number)
        await b.publish("news", bodies[-1])
        for process in (a, b):
            await process.hears("news", *bodies)
            assert missed(await process.read("news", first)) == (bodies[1:], False)
            assert await process.exists("permanent")
            assert process.heard.gaps == process.heard.removed == []


async def test_what_was_announced_to_nobody_is_read(house: House, lasting_server: RedisServer, expected_logs: ExpectedLogs) -> None:
    """It was stored, and the server died before it was heard."""
    expected_logs("cannot be reached")
    server = lasting_server
    proxy = house.proxy(server)
    a, b = await house.start(proxy), await house.start(server)
    await a.watch("news", "sport")
    await b.publish("news", b"1")
    await a.hears("news", b"1")
    proxy.delay_subscribers()
    await b.publish("news", b"2")
    await b.publish("sport", b"s")
    await b.publish("sport", b"t")
    await b.delete("sport")
    await end(server, b)
    proxy.cut_all()
    proxy.release_subscribers()
    await until(lambda: a.store.trouble, "it is noticed")
    await begin(server, a, b)
    await a.hears("news", b"1", b"2")
    await b.publish("news", b"3")
    await a.hears("news", b"1", b"2", b"3")
    assert ref("news") not in a.heard.gaps
    await gap_told(a, "sport")


async def test_without_it_history_is_lost_and_that_is_told(house: House, server: RedisServer, expected_logs: ExpectedLogs) -> None:
    expected_logs("cannot be reached")
    a, b = await house.start(server), await house.start(server)
    for process in (a, b):
        await process.watch("news")
    ids = [await a.id_of("news", b"1"), await b.id_of("news", b"2")]
    for process in (a, b):
        await process.hears("news", b"1", b"2")
    await end(server, a, b)
    await begin(server, a, b)
    for process in (a, b):
        await gap_told(process, "news")
        for id_ in ids:
            assert missed(await process.read("news", id_)) == ([], True)
    new = await b.id_of("news", b"3")
    assert new > ids[-1]
    for process in (a, b):
        await process.hears("news", b"1", b"2", b"3")
        for id_ in ids:
            assert missed(await process.read("news", id_)) == ([b"3"], True)
        assert missed(await process.read("news", new)) == ([], False)
        assert process.heard.gaps == [ref("news")]
        assert process.heard.removed == []


async def test_ids_do_not_go_back_though_the_clock_does(house: House, server: RedisServer, expected_logs: ExpectedLogs) -> None:
    expected_logs("cannot be reached")
    a, b = await house.start(server), await house.start(server)
    for process in (a, b):
        await process.watch("news")
    last = [await b.id_of("news") for _ in range(3)][-1]
    for process in (a, b):
        await process.hears("news", *[b"x"] * 3)
    await end(server, a, b)
    server.set_time(server.now - HOUR)
    await begin(server, a, b)
    assert missed(await a.read("news", last)) == ([], True)
    new = await b.id_of("news", b"new")
    assert new > last
    for process in (a, b):
        assert missed(await process.read("news", last)) == ([b"new"], True)
        await process.hears("news", *[b"x"] * 3, b"new")
        assert process.heard.gaps == [ref("news")]


async def test_with_its_file_ids_go_on_though_the_clock_went_back(
    house: House, lasting_server: RedisServer, expected_logs: ExpectedLogs
) -> None:
    expected_logs("cannot be reached")
    server = lasting_server
    a, b = await house.start(server), await house.start(server)
    await a.watch("news")
    last = await b.id_of("news", b"1")
    gone = await b.id_of("gone", b"1")
    await b.delete("gone")
    await end(server, a, b)
    server.set_time(server.now - HOUR)
    await begin(server, a, b)
    assert await b.id_of("news", b"2") == (last.time, last.tag + 1)
    assert await b.id_of("gone", b"2") > gone
    await a.hears("news", b"1", b"2")
    assert not a.heard.gaps


@pytest.mark.parametrize("lasting", [True, False])
async def test_two_restarts_while_one_was_cut_off(
    house: House, server: RedisServer, lasting_server: RedisServer, expected_logs: ExpectedLogs, lasting: bool
) -> None:
    expected_logs("cannot be reached")
    server = lasting_server if lasting else server
    proxy = house.proxy(server)
    a, b = await house.start(proxy), await house.start(server)
    await a.watch("news")
    old = await a.id_of("news", b"1")
    await a.hears("news", b"1")
    cut_off(proxy)
    between = []
    for number in range(2):
        await end(server, b)
        await begin(server, b)
        between.append(await b.id_of("news", b"%d" % number))
        assert between[-1] > old
    proxy.unblock()
    await until(lambda: comes_back(a), "it is back")
    await b.publish("news", b"end")
    await until(lambda: a.told("news")[-1:] == [b"end"], "the end is told")
    if lasting:
        assert a.told("news") == [b"1", b"0", b"1", b"end"]
        assert not a.heard.gaps
        assert not (await a.read("news", old)).missed
    else:
        assert a.told("news") == [b"1", b"1", b"end"]
        assert a.heard.gaps == [ref("news")]
        for id_ in (old, between[0]):
            assert missed(await a.read("news", id_)) == ([b"1", b"end"], True)
        assert missed(await a.read("news", between[1])) == ([b"end"], False)


async def test_one_that_was_cut_off_while_as_many_were_given_as_it_knew(
    house: House, server: RedisServer, expected_logs: ExpectedLogs
) -> None:
    """The count alone does not tell that it is another history."""
    expected_logs("cannot be reached")
    proxy = house.proxy(server)
    a, b = await house.start(proxy), await house.start(server)
    await a.watch("news")
    old = [await a.id_of("news", b"old %d" % number) for number in range(5)]
    await until(lambda: len(a.told("news")) == 5, "all is told")
    cut_off(proxy)
    await end(server, b)
    await begin(server, b)
    new = [await b.id_of("news", b"new %d" % number) for number in range(5)]
    assert new[0] > old[-1]
    proxy.unblock()
    await until(lambda: len(a.told("news")) == 10, "all is told")
    assert [message.id for message in a.messages("news")] == old + new
    assert a.heard.gaps == [ref("news")]


async def test_away_is_unavailable_at_once_and_watching_goes_on(house: House, server: RedisServer, expected_logs: ExpectedLogs) -> None:
    expected_logs("cannot be reached")
    a = await house.start(server)
    await a.watch("news")
    waiting = [a.store.read_after(ref("news"), OLDEST, 1) for _ in range(3)]
    await end(server, a)
    for future in waiting:
        assert isinstance(future, asyncio.Future)
        assert future.done()
        with pytest.raises(StoreUnavailable):
            await future
    for call in (a.publish, a.read, a.create, a.delete, a.info, a.watch):
        with pytest.raises(StoreUnavailable):
            await call("news" if call != a.watch else "another")
    with pytest.raises(StoreUnavailable):
        await a.claim("news", "last")
    a.report("news", 1, 0, 5.0)
    a.unwatch("news")
    a.unwatch("another")
    assert f"127.0.0.1:{server.port}" in a.store.trouble
    await begin(server, a)
    await a.watch("news", "another")
    await a.publish("another", b"1")
    await a.hears("another", b"1")


async def test_subscribers_are_counted_again_after_a_restart(house: House, server: RedisServer, expected_logs: ExpectedLogs) -> None:
    expected_logs("cannot be reached")
    a, b = await house.start(server, clock=house.clock), await house.start(server, clock=house.clock)
    await a.watch("news")
    a.report("news", 2, 1, 5.0)
    await end(server, a, b)
    await begin(server, a, b)
    await a.settled()
    await b.create("news")
    receipt = await b.publish("news")
    assert (receipt.subscribers, receipt.takers) == (3, 3)


# A replica in the place of its master


def offset_of(server: RedisServer) -> int:
    """How far in what its master has written a server is."""
    return int(server.cli("INFO", "replication").split(b"master_repl_offset:")[1].split()[0])


@pytest.mark.parametrize("lagging", [True, False])
async def test_a_replica_takes_the_place_of_its_master(
    house: House, lasting_server: RedisServer, expected_logs: ExpectedLogs, lagging: bool
) -> None:
    expected_logs("cannot be reached")
    master = lasting_server
    settings = {"replicaof": f"{master.address[0]} {master.port}", "repl-diskless-sync-delay": "0"}
    master.cli("CONFIG", "SET", "repl-diskless-sync-delay", 0)
    with RedisServer(clock=True, appendonly=True, settings=settings) as replica:
        await until(lambda: b"master_link_status:up" in replica.cli("INFO", "replication"), "it has all")
        a, b = await house.start(master), await house.start(master)
        for process in (a, b):
            await process.watch("news", "quiet")
        kept = await b.id_of("news", b"kept")
        await b.publish("quiet", b"kept")
        offset = offset_of(master)
        await until(lambda: offset_of(replica) >= offset, "it has caught up")
        lost = kept
        if lagging:
            replica.cli("CONFIG", "SET", "masterauth", "not the password")
            replica.cli("CLIENT", "KILL", "TYPE", "master")
            await until(lambda: b"master_link_status:down" in replica.cli("INFO", "replication"), "it is cut off")
            lost = [await b.id_of("news", b"lost %d" % number) for number in range(3)][-1]
        last_told = b"lost 2" if lagging else b"kept"
        for process in (a, b):
            await until(lambda p=process: p.told("news")[-1:] == [last_told], "all is told")  # type: ignore[misc]
        await end(master, a, b)
        replica.cli("REPLICAOF", "NO", "ONE")
        replica.cli("CONFIG", "SET", "port", master.port)
        replica.port = master.port
        for process in (a, b):
            await until(lambda p=process: not p.store.trouble, "it is back")  # type: ignore[misc]
        new = await b.id_of("news", b"new")
        assert new > lost
        for process in (a, b):
            await until(lambda p=process: p.told("news")[-1:] == [b"new"], "it is told")  # type: ignore[misc]
            assert process.told("news") == ([b"kept", b"lost 0", b"lost 1", b"lost 2", b"new"] if lagging else [b"kept", b"new"])
            if lagging:
                await gap_told(process, "news")
                await gap_told(process, "quiet")
            assert await process.bodies("news") == [b"kept", b"new"]
            assert missed(await process.read("news", lost)) == ([b"new"], lagging)
            assert missed(await process.read("news", new)) == ([], False)
            assert process.heard.removed == []
            if not lagging:
                assert not process.heard.gaps
