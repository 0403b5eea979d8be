"""How much goes through a hub: counted once for each batch of a channel, never for each message or subscriber. Pure."""

from __future__ import annotations

from collections import Counter

from hbpush.core.message import ChannelRef


class Traffic:
    """``messages`` were delivered to somebody in this process since its start; ``deliveries`` are messages times those who got them.

    Whoever wants to know which channels are busy adds a counter to ``tallies``, which then counts messages by channel, and takes it away
    in time: it grows with every channel that has a message.
    """

    __slots__ = ("deliveries", "messages", "tallies")

    def __init__(self) -> None:
        self.messages = 0
        self.deliveries = 0
        self.tallies: list[Counter[ChannelRef]] = []
