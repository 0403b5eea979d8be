"""Sentinels and clusters that tests use: who is the master, where a key is, and what is lost, is as they say."""

from __future__ import annotations

import hiredis
import pytest

from tests.support.redis_cluster import SLOTS, Cluster
from tests.support.redis_sentinels import Sentinels
from tests.support.redis_server import missing

pytestmark = pytest.mark.skipif(missing() is not None, reason=missing() or "")


@pytest.mark.parametrize("count", [1, pytest.param(3, marks=pytest.mark.full)])
def test_sentinels_put_the_replica_in_the_place_of_the_master_and_back(count: int) -> None:
    with Sentinels(count) as group:
        first, second = group.master, group.replica
        assert len(group.hosts) == count
        first.cli("SET", "a", "kept")
        group.caught_up()
        assert group.fail_over() is group.master is second
        assert second.cli("GET", "a") == b"kept"
        second.cli("SET", "b", "since")
        assert group.rejoin() is group.replica is first
        assert first.cli("MGET", "a", "b") == [b"kept", b"since"]
        with pytest.raises(hiredis.ReplyError, match="READONLY"):
            first.cli("SET", "a", 1)
        assert group.fail_over() is first
        assert first.cli("MGET", "a", "b") == [b"kept", b"since"]
    assert not any(process.running for process in (first, second, *group.sentinels))


def test_what_a_replica_that_is_cut_off_has_not_got_is_lost() -> None:
    with Sentinels() as group:
        group.master.cli("SET", "a", "early")
        group.caught_up()
        group.cut_replication()
        group.master.cli("SET", "a", "late")
        group.fail_over()
        assert group.master.cli("GET", "a") == b"early"
        group.rejoin()
        assert group.replica.cli("GET", "a") == b"early"


def test_a_slot_moves_with_its_keys() -> None:
    with Cluster() as cluster:
        slot = cluster.slot("a")
        source = cluster.owner(slot)
        target, other = (node for node in cluster.nodes if node is not source)
        tag = "{a}"
        assert all(source.cli("CLUSTER", "KEYSLOT", key) == cluster.slot(key) for key in ("a", "b", "", "123456789", "ü"))
        keys = [f"{tag}{number}" for number in range(250)]
        for key in keys:
            source.cli("SET", key, key)
        with pytest.raises(hiredis.ReplyError, match=f"MOVED {slot} 127.0.0.1:{source.port}"):
            target.cli("GET", keys[0])

        cluster.begin_move(slot, target)
        assert source.cli("GET", keys[0]) == keys[0].encode()
        with pytest.raises(hiredis.ReplyError, match=f"ASK {slot} 127.0.0.1:{target.port}"):
            source.cli("GET", "a")
        with target.wire() as wire:
            wire.call("ASKING")
            assert wire.call("SET", "a", "new") == b"OK"
        cluster.end_move(slot, target)

        assert cluster.owner(slot) is target
        assert target.cli("MGET", *keys) == [key.encode() for key in keys]
        assert target.cli("GET", "a") == b"new"
        for node in (source, other):
            with pytest.raises(hiredis.ReplyError, match=f"MOVED {slot} 127.0.0.1:{target.port}"):
                node.cli("GET", "a")
        cluster.move_slot(slot, other)
        assert other.cli("DBSIZE") == len(keys) + 1
        assert source.cli("DBSIZE") == target.cli("DBSIZE") == 0


def test_a_replica_takes_the_place_of_a_master_of_a_cluster() -> None:
    with Cluster(replicas=1) as cluster:
        assert len(cluster.hosts) == 6
        for slot in (0, SLOTS // 2, SLOTS - 1):
            assert len(cluster.replicas(cluster.owner(slot))) == 1
        slot = cluster.slot("a")
        master = cluster.owner(slot)
        [replica] = cluster.replicas(master)
        with master.wire() as wire:
            wire.call("SET", "a", 1)
            assert wire.call("WAIT", 1, 20_000) == 1
        assert cluster.fail_over(master) is replica
        assert replica.cli("GET", "a") == b"1"
        master.start()
        cluster.settle()
        assert cluster.replicas(replica) == [master]
