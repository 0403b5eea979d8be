"""A master that sentinels tell, and its fail-over: while nobody is master publishing is refused, then all goes on."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Any

import pytest

from hbpush.errors import StoreUnavailable
from tests.conftest import ExpectedLogs
from tests.integration.stores.conftest import House, Process, gap_told, missed, until
from tests.support.redis_sentinels import Sentinels
from tests.support.redis_server import RedisServer

SOON = 5.0
"""Seconds after the sentinels have named a new master in which the stores have found it."""


@pytest.fixture
def group() -> Iterator[Sentinels]:
    with Sentinels() as group:
        yield group


@pytest.fixture
def guarded_group() -> Iterator[Sentinels]:
    """Its sentinels want a password."""
    group = Sentinels()
    for sentinel in group.sentinels:
        with (sentinel.directory / "redis.conf").open("a", encoding="utf-8") as configuration:
            configuration.write("requirepass sesame\n")
        sentinel._login = ("sesame",)
    with group:
        yield group


def named(group: Sentinels, **login: str) -> dict[str, Any]:
    """The option that says where the sentinels are."""
    hosts = [f"{host}:{port}" for host, port in group.hosts]
    return {"sentinel": {"master": group.master_name, "hosts": hosts, **login}}


async def publishes_again(process: Process, channel: str, body: bytes) -> None:
    """Publish as soon as that goes; what is refused was not done, since nobody was connected."""

    async def published() -> bool:
        try:
            await process.publish(channel, body)
        except StoreUnavailable:
            return False
        return True

    await until(lambda: not process.store.trouble, "it is back", SOON)
    await until(published, "it is published", SOON)


async def test_a_fail_over(house: House, guarded_group: Sentinels, expected_logs: ExpectedLogs) -> None:
    expected_logs("Redis at the master 'main' cannot be reached")
    group = guarded_group
    sentinel = named(group, password="sesame")
    a, b = await house.start(**sentinel), await house.start(**sentinel)
    for process in (a, b):
        await process.watch("news")
    first = await b.id_of("news", b"1")
    await asyncio.to_thread(group.caught_up)
    await asyncio.to_thread(group.fail_over)
    await publishes_again(b, "news", b"2")
    for process in (a, b):
        await process.hears("news", b"1", b"2")
        assert missed(await process.read("news", first)) == ([b"2"], False)
        assert process.heard.gaps == process.heard.removed == []


async def test_a_fail_over_to_a_replica_that_has_not_got_all(house: House, group: Sentinels, expected_logs: ExpectedLogs) -> None:
    expected_logs("Redis at the master 'main' cannot be reached")
    a, b = await house.start(**named(group)), await house.start(**named(group))
    for process in (a, b):
        await process.watch("news")
    first = await b.id_of("news", b"1")
    await asyncio.to_thread(group.caught_up)
    await asyncio.to_thread(group.cut_replication)
    lost = await b.id_of("news", b"lost")
    for process in (a, b):
        await process.hears("news", b"1", b"lost")
    await asyncio.to_thread(group.fail_over)
    await publishes_again(b, "news", b"2")
    for process in (a, b):
        await process.hears("news", b"1", b"lost", b"2")
        await gap_told(process, "news")
        for id_ in (first, lost):
            assert missed(await process.read("news", id_)) == ([b"2"], True)
        assert process.heard.removed == []


async def test_a_master_that_is_told_to_be_a_replica_is_left(house: House, group: Sentinels) -> None:
    """An operator's fail-over: nobody dies, the old master only changes its role."""
    a, b = await house.start(**named(group)), await house.start(**named(group))
    for process in (a, b):
        await process.watch("news")
    await b.publish("news", b"1")
    await asyncio.to_thread(group.caught_up)
    old = group.master
    group.sentinels[0].cli("SENTINEL", "FAILOVER", group.master_name)
    replica: RedisServer = group.replica

    async def moved() -> bool:
        try:
            return bool(replica.cli("ROLE")[0] == b"master" and old.cli("ROLE")[0] == b"slave")
        except (OSError, EOFError):
            # Sentinels cut the connections of a server whose role they change, this one's too.
            return False

    await until(moved, "they have changed places")
    group.master, group.replica = group.replica, group.master
    bodies = [b"1"]

    async def published() -> bool:
        try:
            await b.publish("news", b"2")
        except StoreUnavailable:
            return False
        return True

    await until(published, "it is published", SOON)
    bodies.append(b"2")
    for process in (a, b):
        await process.hears("news", *bodies)
        assert await process.bodies("news") == bodies
        assert not process.heard.gaps


async def test_a_sentinel_that_is_down_is_passed_over(house: House, group: Sentinels) -> None:
    sentinel = named(group)
    sentinel["sentinel"]["hosts"].insert(0, "127.0.0.1:1")
    process = await house.start(**sentinel)
    assert process.store.trouble == ""
    await process.publish("news")
