"""What waits for a transport: packets in their order, bounded in bytes and in number."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple


class Room(NamedTuple):
    """The bounds of an outbox."""

    bytes: int = 1024 * 1024
    packets: int = 10_000


class Outbox:
    """The packets of one session that have not been given to a transport. ``size`` is in bytes, as UTF-8."""

    __slots__ = ("packets", "size")

    def __init__(self) -> None:
        self.packets: list[str] = []
        self.size = 0

    def add(self, packet: str, room: Room) -> bool:
        """Queue a packet; False when it has no room. One that is alone always fits, however large: its sender has bounds of his own."""
        size = _size(packet)
        packets = self.packets
        if packets and (self.size + size > room.bytes or len(packets) >= room.packets):
            return False
        packets.append(packet)
        self.size += size
        return True

    def extend(self, packets: Sequence[str]) -> None:
        """Queue all packets of a batch, whatever their size: ask `is_full` before, where nobody has made sure that there is room."""
        self.packets += packets
        self.size += sum(map(_size, packets))

    def is_full(self, room: Room) -> bool:
        """Whether nothing more fits."""
        return self.size >= room.bytes or len(self.packets) >= room.packets

    def take(self) -> Sequence[str]:
        """Everything, which then does not wait any more."""
        packets, self.packets = self.packets, []
        self.size = 0
        return packets

    def under_half(self, room: Room) -> bool:
        """Whether more may be asked for."""
        return self.size * 2 < room.bytes and len(self.packets) * 2 < room.packets


def _size(packet: str) -> int:
    return len(packet) if packet.isascii() else len(packet.encode("utf-8", "replace"))
