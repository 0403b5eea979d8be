"""The way from a channel to those who listen: what comes in one tick is one batch, which goes out in slices, in the order of ids.

This room knows channels and subscribers, and no store. Who is in which table, and what becomes of those that fail, is the hub's business.
"""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Callable, Iterator
from itertools import islice
from operator import length_hint
from typing import TYPE_CHECKING

from hbpush.core.batch import Batch
from hbpush.core.clock import Clock
from hbpush.core.subscription import Gathered, Subscriber
from hbpush.core.traffic import Traffic

if TYPE_CHECKING:
    from hbpush.core.channel import Channel

SLICE = 1000
"""Deliveries in one turn of the loop; the rest follows in the next, so that other work gets its turn."""

RUNNING = 8
"""Batches of a channel that may be on their way at a time, when subscribers that join keep them from being joined into one."""

Failed = Callable[["Channel", Subscriber, bool], object]
"""What is done about a subscriber that raised; the last argument tells whether to log it: one batch may be too much for all of them."""


class Delivery:
    """One batch on its way to the subscribers that were there when it began. ``owed`` is what could not be written to all at once."""

    __slots__ = ("batch", "channel", "failures", "owed", "targets")

    def __init__(self, channel: Channel, batch: Batch, targets: Iterator[Subscriber]) -> None:
        self.channel = channel
        self.batch = batch
        self.targets = targets
        self.failures = 0
        self.owed: deque[tuple[Gathered, bytes]] = deque()

    def run(self, budget: int, failed: Failed) -> int:
        """Deliver to at most ``budget`` subscribers (-1: all). Return what is left of the budget: 0 means that more may follow.

        ``failed`` is called within the except clause for those that raise.
        """
        batch = self.batch
        if batch.gathered is None:
            batch.gathered = defaultdict(list)
        targets = self.targets
        # Who is called may run this to its end: all turns share one iterator, which tells how far they are.
        begin = length_hint(targets)
        end = 0 if budget < 0 else max(0, begin - budget)
        while True:
            # The guard is around the loop, which goes on where it was: around each call it would cost every subscriber.
            try:
                for subscriber in islice(targets, max(0, length_hint(targets) - end)):
                    subscriber.deliver(batch)
            except Exception:  # noqa: BLE001 - the wall between subscribers: ``failed`` logs it
                self._fail(subscriber, failed)
            else:
                break
        self.write(failed)
        batch.gathered = None
        return max(0, budget - begin + length_hint(targets))

    def write(self, failed: Failed) -> None:
        """Write to those that are gathered. Who is called meanwhile may call this, too: what is owed is known to both."""
        batch = self.batch
        owed = self.owed
        while batch.gathered:
            wire_format, gathered = batch.gathered.popitem()
            try:
                wire = batch.wires[wire_format]
            except Exception:  # noqa: BLE001 - as above; it is the fault of all of them
                for subscriber in gathered:
                    self._fail(subscriber, failed)
                continue
            try:
                owed += [(gathered[index], wire[sent:]) for index, sent in gathered[0].write_to_all(gathered, wire)]
            except Exception:  # noqa: BLE001 - whose fault it is shows when each is written to by itself
                owed += [(subscriber, wire) for subscriber in gathered]
        while owed:
            subscriber, rest = owed.popleft()
            try:
                subscriber.write(rest)
            except Exception:  # noqa: BLE001 - as above
                self._fail(subscriber, failed)

    def _fail(self, subscriber: Subscriber, failed: Failed) -> None:
        failed(self.channel, subscriber, self.failures == 0)
        self.failures += 1


class Deliveries:
    """All that is on its way in one loop.

    ``failed`` hears of subscribers that raise, ``ended`` of a channel on which a batch has reached everybody.
    """

    def __init__(self, clock: Clock, failed: Failed, ended: Callable[[Channel], object]) -> None:
        self._clock = clock
        self.traffic = Traffic()
        self._failed = failed
        self._ended = ended
        self._dirty: list[Channel] = []
        self._running: deque[Delivery] = deque()
        self._scheduled = False

    def wake(self, channel: Channel) -> None:
        """The first message since the last batch is about to be pending: see to it at the next tick."""
        self._dirty.append(channel)
        self._schedule()

    def divide(self, channel: Channel) -> None:
        """Fix who gets what is pending: those who are there now, in their turn.

        Whoever joins after this does so on a clean boundary: what was pending is history to it, and what comes next is not.
        """
        if len(channel.running) >= RUNNING:
            # Messages and those who join may take turns for long, and would have batches pile up.
            self._finish(channel)
        if channel.pending:
            self._begin(channel)

    def settle(self, channel: Channel) -> None:
        """Deliver at once what is pending and what is on its way, however many listen. It holds the loop up that long."""
        if channel.pending:
            self._begin(channel)
        while channel.running:
            self._finish(channel)

    def write(self, channel: Channel) -> None:
        """Write to those of a channel that are gathered, who are not to be ended without."""
        if channel.running:
            channel.running[0].write(self._failed)

    def _schedule(self) -> None:
        if not self._scheduled:
            self._scheduled = True
            self._clock.call_soon(self._flush)

    def _flush(self) -> None:
        self._scheduled = False
        dirty, self._dirty = self._dirty, []
        for channel in dirty:
            if channel.pending and not channel.running:
                self._begin(channel)
        budget = SLICE
        try:
            while self._running and budget:
                budget = self._running[0].run(budget, self._failed)
                if budget:
                    delivery = self._running.popleft()
                    channel = delivery.channel
                    channel.ended(delivery)
                    if channel.pending and not channel.running:
                        self._begin(channel)  # all that came while it ran, which could not go out before
                    self._ended(channel)
        finally:
            if self._running:
                self._schedule()

    def _begin(self, channel: Channel) -> None:
        """Take what is pending, and fix who gets it: polls leave the table, later ones wait for the next message."""
        messages, channel.pending = channel.pending, []
        for subscription in channel.catching.values():
            subscription.arrived(messages)
        count = len(messages)
        traffic = self.traffic
        traffic.messages += count
        traffic.deliveries += count * len(channel.streams) + len(channel.polls)
        for tally in traffic.tallies:
            tally[channel.ref] += count
        targets = [*channel.polls, *channel.streams]
        if channel.polls:
            channel.polls = {}
            channel.report()
        delivery = Delivery(channel, Batch(messages), iter(targets))
        channel.running.append(delivery)
        self._running.append(delivery)

    def _finish(self, channel: Channel) -> None:
        """Bring the oldest batch of a channel to its end."""
        # It stays in front while it runs: who settles meanwhile has it brought to its end first.
        delivery = channel.running[0]
        delivery.run(-1, self._failed)
        channel.ended(delivery)
