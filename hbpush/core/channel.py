"""The hub's own records: a channel that somebody here listens to, and a batch on its way to its subscribers. Only the hub changes them."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from typing import TYPE_CHECKING

from hbpush.core.batch import Batch
from hbpush.core.message import ChannelRef, Message
from hbpush.core.result import Result
from hbpush.core.subscription import Subscriber, Subscription

if TYPE_CHECKING:
    # Stores are written against the values of this package.
    from hbpush.stores.base import Store


class Channel:
    """The local record of a channel: it is there while somebody here listens.

    ``watched`` is what `Store.watch` returned: history may be read only when it is None or done. ``running`` are the deliveries that may
    not have reached everybody, in their order.
    """

    __slots__ = ("catching", "pending", "polls", "ref", "running", "store", "streams", "watched")

    def __init__(self, ref: ChannelRef, store: Store) -> None:
        self.ref = ref
        self.store = store
        self.watched: Result[None] = None
        self.polls: dict[Subscriber, None] = {}
        self.streams: dict[Subscriber, None] = {}
        self.catching: dict[Subscriber, Subscription] = {}
        self.pending: list[Message] = []
        self.running: deque[Delivery] = deque()

    def listening(self) -> int:
        return len(self.polls) + len(self.streams) + len(self.catching)

    def ended(self, delivery: Delivery) -> None:
        """A delivery has reached everybody. Harmless when that is known."""
        if self.running and self.running[0] is delivery:
            self.running.popleft()

    def report(self, requested: float | None = None) -> None:
        self.store.report(self.ref, len(self.polls), len(self.streams) + len(self.catching), requested)


class Delivery:
    """One batch on its way to the subscribers that were there at the flush."""

    __slots__ = ("batch", "channel", "targets")

    def __init__(self, channel: Channel, batch: Batch, targets: Iterator[Subscriber]) -> None:
        self.channel = channel
        self.batch = batch
        self.targets = targets

    def run(self, budget: int) -> int:
        """Deliver to at most ``budget`` subscribers (-1: all). Return what is left of the budget: 0 means that more may follow."""
        batch = self.batch
        for subscriber in self.targets:
            subscriber.deliver(batch)
            budget -= 1
            if not budget:
                break
        return budget
