"""A Redis Cluster of three masters, whose slots a test moves and whose masters it kills."""

from __future__ import annotations

from contextlib import ExitStack
from types import TracebackType
from typing import Any

from tests.support.ports import HOST, free_port
from tests.support.redis_server import RedisServer
from tests.support.redis_wire import until

MASTERS = 3
SLOTS = 16_384
NODE_TIMEOUT = 1000
"""Milliseconds without an answer after which a node takes another for dead."""

MOVE_AT_ONCE = 100
MOVE_TIMEOUT = 5000
"""Keys that go from node to node in one command, and the milliseconds that it may take."""


class Node(RedisServer):
    """One server of a cluster."""

    def __init__(self) -> None:
        self.bus_port = free_port()
        super().__init__(
            appendonly=True,
            settings={
                "cluster-enabled": "yes",
                "cluster-port": str(self.bus_port),
                "cluster-announce-ip": HOST,
                "cluster-node-timeout": str(NODE_TIMEOUT),
                "repl-diskless-sync-delay": "0",
                # A replica is not named to clients before it has got something from its master, if only this.
                "repl-ping-replica-period": "1",
            },
        )


class Cluster:
    """Three masters that share the slots, each with ``replicas`` replicas. A context manager, ready on entry: after 2 seconds, since so
    long a node refuses writes after its start.

    ``nodes`` are all of them; the first three are the masters at the start, with a third of the slots each.
    """

    def __init__(self, replicas: int = 0) -> None:
        self.nodes = [Node() for _ in range(MASTERS * (1 + replicas))]
        self._ids: dict[Node, bytes] = {}
        self._open = ExitStack()

    @property
    def hosts(self) -> list[tuple[str, int]]:
        """The addresses of all nodes."""
        return [node.address for node in self.nodes]

    def __enter__(self) -> Cluster:
        with ExitStack() as opening:
            for number, node in enumerate(self.nodes):
                opening.enter_context(node)
                self._ids[node] = node.cli("CLUSTER", "MYID")
                node.cli("CLUSTER", "SET-CONFIG-EPOCH", number + 1)
                for earlier in self.nodes[:number]:
                    node.cli("CLUSTER", "MEET", *earlier.address, earlier.bus_port)
            for number, master in enumerate(self.nodes[:MASTERS]):
                master.cli("CLUSTER", "ADDSLOTSRANGE", SLOTS * number // MASTERS, SLOTS * (number + 1) // MASTERS - 1)
            for number, replica in enumerate(self.nodes[MASTERS:]):
                master = self.nodes[number % MASTERS]
                until(lambda: self._ids[master] in replica.cli("CLUSTER", "NODES"), "the replica knows its master")  # noqa: B023
                replica.cli("CLUSTER", "REPLICATE", self._ids[master])
            self.settle()
            self._open = opening.pop_all()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None) -> None:
        self._open.close()

    def settle(self) -> None:
        """Wait until all nodes that run take commands and agree on who has which slots and who stands by."""
        until(self._settled, "the nodes agree")

    @staticmethod
    def slot(key: str | bytes) -> int:
        """The slot of a key without braces."""
        return _crc16(key.encode() if isinstance(key, str) else key) % SLOTS

    def owner(self, slot: int) -> Node:
        """The master of a slot."""
        for first, last, ids in _slots(self._running()[0]):
            if first <= slot <= last:
                return self._node(ids[0])
        raise LookupError(f"slot {slot} has no master")

    def replicas(self, master: Node) -> list[Node]:
        """The replicas of a master, those that run."""
        found = {replica for _, _, ids in _slots(master) if ids[0] == self._ids[master] for replica in ids[1:]}
        return [node for node in self.nodes if self._ids[node] in found]

    def move_slot(self, slot: int, to: Node) -> None:
        """Move a slot with its keys to another master, and wait until all nodes know."""
        self.begin_move(slot, to)
        self.end_move(slot, to)

    def begin_move(self, slot: int, to: Node) -> None:
        """Open a slot for a move: keys that its master does not have are asked of the other (ASK), and no key has moved yet."""
        source = self.owner(slot)
        to.cli("CLUSTER", "SETSLOT", slot, "IMPORTING", self._ids[source])
        source.cli("CLUSTER", "SETSLOT", slot, "MIGRATING", self._ids[to])

    def end_move(self, slot: int, to: Node) -> None:
        """Move the keys and make ``to`` the master of the slot."""
        source = self.owner(slot)
        while keys := source.cli("CLUSTER", "GETKEYSINSLOT", slot, MOVE_AT_ONCE):
            source.cli("MIGRATE", *to.address, "", 0, MOVE_TIMEOUT, "KEYS", *keys)
        for node in (to, source):
            node.cli("CLUSTER", "SETSLOT", slot, "NODE", self._ids[to])
        self.settle()

    def fail_over(self, node: Node) -> Node:
        """Kill a master that has a replica, and wait until that stands in its place. Returns the new master."""
        slot = next(first for first, _, ids in _slots(node) if ids[0] == self._ids[node])
        node.kill()
        until(lambda: self.owner(slot) is not node, "a replica takes the place of the master")
        self.settle()
        return self.owner(slot)

    def _running(self) -> list[Node]:
        return [node for node in self.nodes if node.running]

    def _node(self, name: bytes) -> Node:
        return next(node for node in self.nodes if self._ids[node] == name)

    def _settled(self) -> bool:
        running = self._running()
        views = [_slots(node) for node in running]
        return (
            {name for view in views for _, _, ids in view for name in ids} == {self._ids[node] for node in running}
            and all(view == views[0] for view in views)
            and all(b"cluster_state:ok" in node.cli("CLUSTER", "INFO") for node in running)
            and not any(b"master_link_status:down" in node.cli("INFO", "replication") for node in running)
        )


def _slots(node: Node) -> list[tuple[int, int, list[bytes]]]:
    """First and last slot of each range, and the ids of its master and of its replicas, in order."""

    def names(servers: list[Any]) -> list[bytes]:
        master, *replicas = [server[2] for server in servers]
        return [master, *sorted(replicas)]

    return sorted((first, last, names(servers)) for first, last, *servers in node.cli("CLUSTER", "SLOTS"))


def _crc16(key: bytes) -> int:
    """The check-sum of the XMODEM protocol, by which a cluster spreads its keys."""
    value = 0
    for byte in key:
        value ^= byte << 8
        for _ in range(8):
            value = (value << 1 ^ 0x1021 if value & 0x8000 else value << 1) & 0xFFFF
    return value
