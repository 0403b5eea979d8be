"""The hub's own records: the channels that somebody here listens to, and how it counts its own subscribers in.

Only the hub and its deliveries (`hbpush.core.delivery`) change them.
"""

from __future__ import annotations

import logging
from asyncio import Future
from collections import deque
from functools import partial
from typing import TYPE_CHECKING

from hbpush.core.message import ChannelRef, Message
from hbpush.core.result import Result
from hbpush.core.subscription import CloseReason, Subscriber, Subscription

if TYPE_CHECKING:
    from hbpush.core.delivery import Delivery

    # Stores are written against the values of this package.
    from hbpush.stores.base import Receipt, Store


logger = logging.getLogger("hbpush")


class Channel:
    """The local record of a channel: it is there while somebody here listens.

    ``watched`` is what `Store.watch` returned: history may be read only when it is None or done. ``running`` are the deliveries that may
    not have reached everybody, in their order.
    """

    __slots__ = ("catching", "claimed", "displaceable", "pending", "polls", "ref", "running", "store", "streams", "watched")

    def __init__(self, ref: ChannelRef, store: Store) -> None:
        self.ref = ref
        self.store = store
        self.watched: Result[None] = None
        self.polls: dict[Subscriber, None] = {}
        self.streams: dict[Subscriber, None] = {}
        self.catching: dict[Subscriber, Subscription] = {}
        self.pending: list[Message] = []
        self.running: deque[Delivery] = deque()
        self.claimed = 0
        """The number of the newest claim that displaces those before it."""
        self.displaceable = 0
        """How many of the streams may be displaced."""

    def listening(self) -> int:
        return len(self.polls) + len(self.streams) + len(self.catching)

    def join(self, subscriber: Subscriber) -> None:
        """The subscriber has read its history, and is told of."""
        del self.catching[subscriber]
        if subscriber.takes is not None:
            self.polls[subscriber] = None
        else:
            self.streams[subscriber] = None
            if subscriber.claim is not None:
                self.displaceable += 1
        self.report()

    def remove(self, subscriber: Subscriber) -> bool:
        """Whether the subscriber was there."""
        if subscriber in self.polls:
            del self.polls[subscriber]
        elif subscriber in self.streams:
            del self.streams[subscriber]
            if subscriber.claim is not None:
                self.displaceable -= 1
        elif subscriber in self.catching:
            del self.catching[subscriber]
        else:
            return False
        return True

    def ended(self, delivery: Delivery) -> None:
        """A delivery has reached everybody. Harmless when that is known."""
        if self.running and self.running[0] is delivery:
            self.running.popleft()

    def report(self, requested: float | None = None) -> None:
        # Who still reads history takes no message that is published now, and has not yet been let in.
        # A stream that may be displaced holds its place as a poll does: who comes first elsewhere has to know.
        self.store.report(self.ref, len(self.polls) + self.displaceable, len(self.streams) - self.displaceable, requested)


def counted(result: Result[Receipt], listening: int, takers: int = 0) -> Result[Receipt]:
    """Add the subscribers of this process to what the store counted elsewhere."""
    if isinstance(result, Future):
        # Callbacks run in the order they were added: whoever waits for the result sees the sum.
        result.add_done_callback(partial(_add_when_done, listening, takers))
    else:
        result.subscribers += listening
        result.takers += takers
    return result


def _add_when_done(listening: int, takers: int, future: Future[Receipt]) -> None:
    if not future.cancelled() and future.exception() is None:
        receipt = future.result()
        receipt.subscribers += listening
        receipt.takers += takers


def close(subscriber: Subscriber, reason: CloseReason) -> None:
    """Tell a subscriber that is in no table any more."""
    try:
        subscriber.closed(reason)
    except Exception:
        logger.exception("a subscriber failed when it was closed as %s", reason.value)
