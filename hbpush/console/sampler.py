"""How busy a server is, sampled once a second while somebody looks, and not at all while nobody does.

All viewers share a sample. What it costs does not grow with them, and is walked through in slices (`hbpush.daemon.census`).
"""

from __future__ import annotations

import asyncio
import heapq
from collections import Counter, deque
from collections.abc import Iterable
from functools import partial
from itertools import chain, islice
from typing import NamedTuple

from hbpush.core.clock import Clock, Timer
from hbpush.core.hub import Hub
from hbpush.core.message import ChannelRef
from hbpush.core.result import Result, fail, resolve, then
from hbpush.daemon.census import Census, Count, Protocols
from hbpush.errors import StoreUnavailable

PERIOD = 1.0
"""Seconds between two samples."""

LINGER = 10.0
"""Seconds for which sampling goes on after somebody has looked."""

HISTORY = 120
"""Samples whose rates are remembered, for the plot."""

SEARCHES = 8
"""Different texts that are searched for in one sample; who comes later finds channels by their whole ids only."""

SEARCHED = 20_000
"""Ids that a search looks at."""


class Row(NamedTuple):
    """A channel. ``rate`` is in messages a second."""

    ref: ChannelRef
    rate: float
    protocols: Protocols


class Rates(NamedTuple):
    """What has gone through in one period, a second."""

    messages: float
    deliveries: float


class Sample:
    """How things were in one period. ``number`` counts samples since somebody began to look; ``busiest`` are the first rows."""

    def __init__(self, number: int, count: Count, tally: Counter[ChannelRef], seconds: float, history: Iterable[Rates], most: int) -> None:
        self.number = number
        self.count = count
        self.history = list(history)
        self.shared: dict[str, bytes] = {}
        """What was made of it for all who look, by what they search for."""
        self._tally = tally
        self._seconds = seconds
        self._most = most
        self.busiest = self._rows({*tally, *count.largest})

    def find(self, text: str, stores: Iterable[str]) -> list[Row]:
        """Channels whose ids have a text in them, the busiest first; those with that very id, one in each store, before all others."""
        channels, tally = self.count.channels, self._tally
        named = (ChannelRef(store, "", text) for store in stores)
        found = {ref for ref in named if ref in channels or ref in tally}
        if len(self.shared) < SEARCHES:
            found |= {ref for ref in islice(chain(tally, channels), SEARCHED) if text in ref.id}
        return self._rows(found, text)

    def _rows(self, refs: Iterable[ChannelRef], first: str | None = None) -> list[Row]:
        channels = self.count.channels
        rows = [Row(ref, self._tally[ref] / self._seconds, channels.get(ref, ())) for ref in refs if not ref.space]
        return heapq.nlargest(
            self._most, rows, key=lambda row: (row.ref.id == first, row.rate, sum([number for _, number in row.protocols]), row.ref)
        )


class Sampler:
    """The samples of one hub. ``most`` is how many rows a sample has."""

    def __init__(self, hub: Hub, clock: Clock, most: int) -> None:
        self._hub = hub
        self._clock = clock
        self._most = most
        self._census = Census(hub, clock, most)
        self._tally: Counter[ChannelRef] | None = None
        self._looked = 0.0
        self._began = 0.0
        self._before = (0, 0)
        self._sample: Sample | None = None
        self._first: asyncio.Future[Sample] | None = None
        self._history: deque[Rates] = deque(maxlen=HISTORY)
        self._timer: Timer | None = None

    @property
    def is_running(self) -> bool:
        """Whether it samples."""
        return self._tally is not None

    def look(self) -> Result[Sample]:
        """The newest sample. Whoever comes first begins, and gets one without rates."""
        self._looked = self._clock.monotonic()
        if self._tally is None:
            self._tally = Counter()
            self._hub.traffic.tallies.append(self._tally)
            self._begin_period()
            self._first = asyncio.get_running_loop().create_future()
            self._take()
        if self._sample is not None:
            return self._sample
        assert self._first is not None  # noqa: S101 - either of them is there while it runs
        return self._first

    def stop(self) -> None:
        """Sample no more, until somebody looks."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._tally is not None:
            tallies, tally = self._hub.traffic.tallies, self._tally
            tallies[:] = [other for other in tallies if other is not tally]
        self._tally = self._sample = None
        self._history.clear()
        first, self._first = self._first, None
        if first is not None:
            fail(first, StoreUnavailable("the console goes"))

    def _begin_period(self) -> None:
        traffic = self._hub.traffic
        self._began = self._clock.monotonic()
        self._before = (traffic.messages, traffic.deliveries)

    def _tick(self) -> None:
        self._timer = None
        if self._clock.monotonic() - self._looked >= LINGER:
            self.stop()
        else:
            self._take()

    def _take(self) -> None:
        asked = self._tally
        then(self._census.take(), partial(self._taken, asked), partial(self._not_taken, asked))

    def _taken(self, asked: Counter[ChannelRef] | None, count: Count) -> None:
        # It may have been stopped meanwhile, and begun anew.
        if self._tally is None or self._tally is not asked:
            return
        tally = Counter(self._tally)
        self._tally.clear()
        traffic, (messages, deliveries) = self._hub.traffic, self._before
        seconds = max(self._clock.monotonic() - self._began, PERIOD / 10)
        if self._sample is not None:
            self._history.append(Rates((traffic.messages - messages) / seconds, (traffic.deliveries - deliveries) / seconds))
        number = 1 if self._sample is None else self._sample.number + 1
        self._begin_period()
        self._sample = Sample(number, count, tally, seconds, self._history, self._most)
        self._timer = self._clock.call_later(PERIOD, self._tick)
        first, self._first = self._first, None
        if first is not None:
            resolve(first, self._sample)

    def _not_taken(self, asked: Counter[ChannelRef] | None, error: BaseException) -> None:
        if self._tally is not asked:
            return
        if self._first is not None:
            fail(self._first, error)
        self.stop()
