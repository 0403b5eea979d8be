"""Who listens to what in this process, counted when somebody asks.

The hub's tables are walked in slices, so that the loop keeps breathing however many there are; a walk that takes more than one is shared
by all who ask within a second.
"""

from __future__ import annotations

import asyncio
import heapq
from collections import Counter
from collections.abc import Iterator
from itertools import islice

from hbpush.core.clock import Clock
from hbpush.core.hub import Hub
from hbpush.core.message import ChannelRef
from hbpush.core.result import Result, resolve

SLICE = 2000
"""Subscribers and channels that are counted in one turn of the loop: less than a millisecond's work."""

PAUSE = 0.005
"""Seconds between two slices."""

SHARED = 1.0
"""Seconds for which a count that took more than one slice is given to others."""

Protocols = tuple[tuple[str, int], ...]
"""How many subscribers of each protocol, the most first."""


class Count:
    """How things were. ``places`` has (owner, protocol) -> subscribers, ``channels`` who is on each. What protocols keep to themselves, in
    spaces of their own, is not counted.

    ``largest`` are the channels with the most subscribers, in no order.
    """

    def __init__(self) -> None:
        self.places: Counter[tuple[object, str]] = Counter()
        self.channels: dict[ChannelRef, Protocols] = {}
        self.largest: list[ChannelRef] = []
        self.subscribers = 0

    @property
    def protocols(self) -> Counter[str]:
        """Subscribers by their protocols."""
        found: Counter[str] = Counter()
        for (_, protocol), number in self.places.items():
            found[protocol] += number
        return found


class Census:
    """Counts the subscribers of one hub. ``largest`` is how many of the largest channels are found."""

    def __init__(self, hub: Hub, clock: Clock, largest: int = 0) -> None:
        self._most = largest
        self._hub = hub
        self._clock = clock
        self._shared: Count | None = None
        self._future: asyncio.Future[Count] | None = None

    def take(self) -> Result[Count]:
        """Count. Where there are few, the count is returned at once."""
        if self._future is not None:
            return self._future
        if self._shared is not None:
            return self._shared
        count = Count()
        walk = self._walk(count)
        if _is_over(walk):
            return count
        self._future = asyncio.get_running_loop().create_future()
        self._clock.call_later(PAUSE, lambda: self._go_on(walk, count))
        return self._future

    def _go_on(self, walk: Iterator[None], count: Count) -> None:
        if not _is_over(walk):
            self._clock.call_later(PAUSE, lambda: self._go_on(walk, count))
            return
        self._shared = count
        self._clock.call_later(SHARED, self._forget)
        future, self._future = self._future, None
        if future is not None:
            resolve(future, count)

    def _forget(self) -> None:
        # It has an entry for each channel, and holds locations that may be gone.
        self._shared = None

    def _walk(self, count: Count) -> Iterator[None]:
        hub, places = self._hub, count.places
        # Thousands of channels have the same few subscribers: what is said of them is one object.
        same: dict[Protocols, Protocols] = {}
        largest: list[tuple[int, ChannelRef]] = []
        for ref in list(hub.channels):
            if ref.space:
                continue
            protocols: Counter[str] = Counter()
            for subscriber in hub.subscribers(ref):
                protocol = getattr(subscriber, "protocol", "python")
                places[subscriber.owner, protocol] += 1
                protocols[protocol] += 1
                yield
            if protocols:
                told = tuple(protocols.most_common())
                count.channels[ref] = same.setdefault(told, told)
                if len(largest) < self._most:
                    heapq.heappush(largest, (protocols.total(), ref))
                elif largest and protocols.total() > largest[0][0]:
                    heapq.heapreplace(largest, (protocols.total(), ref))
            count.subscribers += protocols.total()
            yield
        count.largest = [ref for _, ref in largest]


def _is_over(walk: Iterator[None]) -> bool:
    return sum(1 for _ in islice(walk, SLICE)) < SLICE
