"""A cluster: channels over all of it, slots that move and masters that die while it is used, and bounds of the whole."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterator

import pytest

from hbpush.core.message import OLDEST
from hbpush.errors import StoreFull, StoreUnavailable
from hbpush.stores.redis import PARTITIONS
from tests.conftest import ExpectedLogs
from tests.integration.stores.conftest import House, Outages, Process, missed, ref, until
from tests.integration.stores.test_redis_options import LEAST
from tests.support.ports import free_port
from tests.support.redis_cluster import Cluster, Node
from tests.support.redis_server import RedisServer

CHANNELS = [f"channel {number}" for number in range(60)]
"""So many that each partition has some."""

SLOTS_ASKED = re.compile(rb"^cmdstat_cluster\|slots:calls=(\d+)", re.MULTILINE)
"""How often a node was asked who has which slots."""

SOON = 5.0
"""Seconds in which a store finds who has a slot now."""


@pytest.fixture(scope="module")
def cluster() -> Iterator[Cluster]:
    with Cluster() as cluster:
        yield cluster


def keys_of(cluster: Cluster, house: House) -> list[tuple[bytes, Node]]:
    """The keys of a test and the masters that have them."""
    masters = [node for node in cluster.nodes if node.cli("ROLE")[0] == b"master"]
    return [(key, node) for node in masters for key in node.cli("KEYS", f"{house.prefix}*")]


def partition_nodes(cluster: Cluster, house: House) -> dict[bytes, Node]:
    """The master of each partition, by its tag."""
    return {tag(key): node for key, node in keys_of(cluster, house)}


def channel_tags(cluster: Cluster, house: House) -> dict[str, bytes]:
    """The tags of the partitions that channels are in."""
    return {node.cli("HGET", key, "i").decode(): tag(key) for key, node in keys_of(cluster, house) if key.endswith(b":m")}


def tag(key: bytes) -> bytes:
    return key.partition(b"{")[2].partition(b"}")[0]


async def test_channels_are_all_over_it(house: House, cluster: Cluster) -> None:
    a, b = await house.start(cluster.nodes[0], cluster=True), await house.start(cluster.nodes[1], cluster=True)
    await a.watch(*CHANNELS)
    ids = {}
    for number, channel in enumerate(CHANNELS):
        ids[channel] = [await b.id_of(channel, b"%d" % number), await b.id_of(channel, b"again")]
    for number, channel in enumerate(CHANNELS):
        await a.hears(channel, b"%d" % number, b"again")
        assert missed(await a.read(channel, ids[channel][0])) == ([b"again"], False)
        assert (await b.info(channel)).messages == 2
    streams = {key: node for key, node in keys_of(cluster, house) if key.endswith(b":s")}
    assert len(streams) == len(CHANNELS)
    assert set(streams.values()) == set(cluster.nodes)
    assert len({tag(key) for key in streams}) == PARTITIONS
    await b.delete(CHANNELS[0])
    await until(lambda: a.heard.removed, "the deletion is told")
    assert a.heard.removed == [ref(CHANNELS[0])]
    a.report(CHANNELS[1], 1, 1, 5.0)
    await a.settled()
    await a.info(CHANNELS[1])
    assert (await b.publish(CHANNELS[1])).takers == 2
    assert (await a.claim(CHANNELS[1], "first")).number
    b.report(CHANNELS[1], 1, 0)
    assert not (await b.claim(CHANNELS[1], "first")).number
    assert not a.heard.gaps


async def test_its_partitions_ask_together_who_has_what(house: House, cluster: Cluster) -> None:
    for node in cluster.nodes:
        node.cli("CONFIG", "RESETSTAT")
    a = await house.start(cluster.nodes[0], cluster=True)
    await a.watch(*CHANNELS)
    asked = sum(int(calls) for node in cluster.nodes for calls in SLOTS_ASKED.findall(node.cli("INFO", "commandstats")))
    assert 0 < asked < PARTITIONS


async def test_the_least_that_a_user_has_to_be_allowed(house: House, cluster: Cluster) -> None:
    allowed = [*LEAST.replace("+select ", "").split(), "+cluster|slots", "+command"]
    for node in cluster.nodes:
        node.cli("ACL", "SETUSER", "hbpush", "reset", "on", ">secret", f"~{house.prefix}*", f"&{house.prefix}*", *allowed)
    a = await house.start(cluster.nodes[0], cluster=True, username="hbpush", password="secret")
    await a.watch(*CHANNELS)
    for channel in CHANNELS:
        await a.publish(channel, b"1")
        await a.hears(channel, b"1")
        # Where somebody listens is known on the node that has the channel.
        await a.delete(channel)
        await a.publish(channel, b"2", if_heard=True)
        await a.hears(channel, b"1", b"2")
        assert (await a.publish(f"nobody in {channel}", if_heard=True)).last is None
    for node in cluster.nodes:
        assert node.cli("ACL", "LOG") == []


class Publisher:
    """Publishes numbers to channels in turn, and keeps what became of each."""

    def __init__(self, process: Process, name: bytes, channels: list[str]) -> None:
        self.accepted: dict[str, list[bytes]] = {channel: [] for channel in channels}
        self.unknown: dict[str, set[bytes]] = {channel: set() for channel in channels}
        self._process = process
        self._name = name
        self._ended = False
        self._task = asyncio.get_running_loop().create_task(self._publish())

    async def _publish(self) -> None:
        number = 0
        while not self._ended:
            for channel in self.accepted:
                number += 1
                body = b"%b %d" % (self._name, number)
                try:
                    await self._process.publish(channel, body)
                except StoreUnavailable:
                    self.unknown[channel].add(body)
                else:
                    self.accepted[channel].append(body)
            await asyncio.sleep(0.002)

    async def publishes(self, more: int = 3) -> None:
        """Wait until so many more were accepted on each channel."""
        counts = {channel: len(accepted) + more for channel, accepted in self.accepted.items()}
        await until(lambda: all(len(self.accepted[channel]) >= count for channel, count in counts.items()), "it publishes", SOON)

    async def end(self) -> None:
        self._ended = True
        await self._task


async def check(watchers: list[Process], publishers: list[Publisher], channels: list[str]) -> None:
    """Whatever was accepted is there and was told to all, once and in order; what was refused is so at most once."""
    for channel in channels:
        for watcher in watchers:
            await until(lambda w=watcher, c=channel: ends(w, c), "the end is there")  # type: ignore[misc]
        kept = await watchers[0].bodies(channel)
        assert len(set(kept)) == len(kept)
        for publisher in publishers:
            own = [body for body in kept if body in publisher.accepted[channel]]
            assert own == publisher.accepted[channel]
        assert set(kept) <= {b"end"}.union(*(p.unknown[channel].union(p.accepted[channel]) for p in publishers))
        for watcher in watchers:
            assert watcher.told(channel) == kept
            assert ref(channel) not in watcher.heard.gaps
            ids = [message.id for message in watcher.messages(channel)]
            assert ids == sorted(set(ids))


def ends(watcher: Process, channel: str) -> bool:
    return watcher.told(channel)[-1:] == [b"end"]


async def works(process: Process, channel: str) -> bool:
    try:
        await process.read(channel, OLDEST, 1)
    except StoreUnavailable:
        return False
    return True


async def test_a_slot_moves_while_it_is_published_to_and_watched(house: House, cluster: Cluster, expected_logs: ExpectedLogs) -> None:
    expected_logs("cannot be reached: (TRYAGAIN|MOVED|ASK)")
    stores = [await house.start(node, cluster=True) for node in cluster.nodes[:2]]
    for process in stores:
        await process.watch(*CHANNELS)
    for channel in CHANNELS:
        await stores[0].create(channel)
    tags = channel_tags(cluster, house)
    moving = tags[CHANNELS[0]]
    slot = cluster.slot(moving)
    channels = [channel for channel in CHANNELS if tags[channel] == moving][:2] + [c for c in CHANNELS if tags[c] != moving][:2]
    publishers = [Publisher(process, b"%d" % number, channels) for number, process in enumerate(stores)]
    for publisher in publishers:
        await publisher.publishes()
    targets = [node for node in cluster.nodes if node is not cluster.owner(slot)]
    for target in targets:
        await asyncio.to_thread(cluster.begin_move, slot, target)
        if target is targets[0]:
            await until(lambda: all(process.store.trouble for process in stores), "an open slot cannot be used")
        await asyncio.to_thread(cluster.end_move, slot, target)
        for publisher in publishers:
            await publisher.publishes()
    for publisher in publishers:
        await publisher.end()
    for channel in channels:
        await stores[1].publish(channel, b"end")
    await check(stores, publishers, channels)


@pytest.mark.parametrize("bound", ["max_channels", "max_bytes"])
async def test_bounds_hold_for_the_whole_within_a_second(house: House, cluster: Cluster, bound: str) -> None:
    most = {"max_channels": 20, "max_bytes": 20 * 1000}[bound]
    a, b = [await house.start(node, cluster=True, **{bound: most}) for node in cluster.nodes[:2]]
    body = b"x" * 744

    async def is_full() -> bool:
        """Whether every partition refuses another channel."""
        for number in range(3 * PARTITIONS):
            try:
                await b.publish(f"beyond {number}", body)
            except StoreFull:
                continue
            await b.delete(f"beyond {number}")
            return False
        return True

    for channel in CHANNELS[:20]:
        await a.publish(channel, body)
    await until(is_full, "it is full", SOON)
    for channel in CHANNELS[:20]:
        assert (await b.info(channel)).messages == 1
    await a.delete(CHANNELS[0])

    async def has_room() -> bool:
        return not await is_full()

    await until(has_room, "it has room", SOON)


async def test_a_master_that_dies_is_replaced(house: House, expected_logs: ExpectedLogs) -> None:
    expected_logs("cannot be reached")
    with Cluster(replicas=1) as cluster:
        # It is the one that the stores were told of, too: only the others can say who has its slots now.
        dying = cluster.nodes[0]
        stores = [await house.start(dying, cluster=True) for _ in range(2)]
        for process in stores:
            await process.watch(*CHANNELS)
        for channel in CHANNELS:
            await stores[0].create(channel)
        keys = partition_nodes(cluster, house)
        tags = channel_tags(cluster, house)
        hit = [channel for channel in CHANNELS if keys[tags[channel]] is dying][:3]
        spared = [channel for channel in CHANNELS if keys[tags[channel]] is not dying][:3]
        first = {channel: await stores[0].id_of(channel, b"1") for channel in hit + spared}
        for process in stores:
            for channel in hit + spared:
                await process.hears(channel, b"1")
        with dying.wire() as wire:
            wire.call("SET", b"{%b}mark" % tags[hit[0]], 1)
            assert wire.call("WAIT", 1, 5000) == 1
        await asyncio.to_thread(cluster.fail_over, dying)
        # A cluster that has not all its slots refuses the others too.
        for channel in hit + spared:
            await until(lambda c=channel: works(stores[1], c), "it has found the new master")  # type: ignore[misc]
            await stores[1].publish(channel, b"2")
        for process in stores:
            for channel in hit + spared:
                await until(lambda p=process, c=channel: works(p, c), "it has found the new master")  # type: ignore[misc]
                await process.hears(channel, b"1", b"2")
                assert missed(await process.read(channel, first[channel])) == ([b"2"], False)
            assert not process.heard.gaps


async def test_a_cluster_that_is_none(house: House, shared_server: RedisServer, outages: Outages, expected_logs: ExpectedLogs) -> None:
    expected_logs("cannot be reached")
    process = await house.start(shared_server, cluster=True)
    assert "luster mode is not enabled" in process.store.trouble
    assert len(outages.lines()) == 1


async def test_a_wrong_password_for_a_cluster(house: House, outages: Outages, expected_logs: ExpectedLogs) -> None:
    expected_logs("cannot be reached")
    settings = {"cluster-enabled": "yes", "cluster-port": str(free_port())}
    with RedisServer(settings=settings, requirepass="another") as server:
        process = await house.start(server, cluster=True, password="sesame-4711")
        assert process.store.trouble
        [line] = outages.lines()
        assert "sesame" not in line
