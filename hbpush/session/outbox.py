"""What waits for a transport: packets in their order, bounded in bytes and in number.

The bound is held against what has waited since an earlier turn of the loop. What is sent in one turn counts as one packet does, which
always fits when there is room before it: no client can help that an application has much to say at a time, and one that reads has no
chance to do so within a turn. How much that may be is for the application to see to. Where each message that a client sends goes to all
others, one turn brings each of them no more than a body of that client's may hold, and all of them that much times their number.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple


class Room(NamedTuple):
    """The bounds of an outbox: when so much has waited since an earlier turn of the loop, nothing more fits."""

    bytes: int = 1024 * 1024
    packets: int = 10_000


class Outbox:
    """The packets of one session that have not been given to a transport. ``size`` is in bytes, as UTF-8.

    ``full`` tells that nothing more fits: whoever adds looks at it, and calls `turn` before the first packet of each turn of the loop.
    """

    __slots__ = ("full", "packets", "size")

    def __init__(self) -> None:
        self.packets: list[str] = []
        self.size = 0
        self.full = False

    def turn(self, room: Room) -> None:
        """A turn of the loop begins: what waits by now decides whether there is room for what it brings."""
        self.full = self.size >= room.bytes or len(self.packets) >= room.packets

    def add(self, packet: str) -> None:
        """Queue a packet."""
        self.packets.append(packet)
        self.size += _size(packet)

    def extend(self, packets: Sequence[str]) -> None:
        """Queue all packets of a batch."""
        self.packets += packets
        self.size += sum(map(_size, packets))

    def take(self) -> Sequence[str]:
        """Everything, which then does not wait any more."""
        packets, self.packets = self.packets, []
        self.size = 0
        self.full = False
        return packets

    def under_half(self, room: Room) -> bool:
        """Whether more may be asked for."""
        return self.size * 2 < room.bytes and len(self.packets) * 2 < room.packets


def _size(packet: str) -> int:
    return len(packet) if packet.isascii() else len(packet.encode("utf-8", "replace"))
