"""What SethPusher tells the members of a channel of its own accord: one subscription of the process, handed on to those who are here.

The hub's table of a channel says who they are; nothing here remembers members.
"""

from __future__ import annotations

import asyncio
from asyncio import Future
from collections import deque
from collections.abc import Iterator
from typing import TYPE_CHECKING

from hbpush.core.batch import Batch
from hbpush.core.delivery import SLICE
from hbpush.core.message import NEWEST, Message
from hbpush.core.result import Result, resolve
from hbpush.core.subscription import CloseReason
from hbpush.session.transport import Shape
from sethpusher.envelope import channel_ref, notices_ref
from sethpusher.member import RETRY, Membership

if TYPE_CHECKING:
    from sethpusher.crowd import Crowd


class Notices:
    """A `hbpush.core.subscription.Subscriber` to all notices of a store, from `listen` on."""

    protocol = "sockjs"
    takes = None
    claim: int | None = None

    def __init__(self, crowd: Crowd, shape: Shape) -> None:
        self.owner = crowd.owner
        self._crowd = crowd
        self._shape = shape
        self._ref = notices_ref(crowd.store)
        self._wanted = False
        self._live = False
        self._waiting: Future[None] | None = None
        self._deliveries: deque[tuple[Batch, Iterator[Membership]]] = deque()

    def listen(self) -> Result[None]:
        """Listen, from the first call on. The result is there, or done, when everything that is published from then on is heard."""
        if not self._wanted:
            self._wanted = True
            self._join()
        if self._live:
            return None
        if self._waiting is None:
            self._waiting = asyncio.get_running_loop().create_future()
        return self._waiting

    def settle(self) -> None:
        """Hand on at once what has been published: whoever joins then does not hear it, whoever leaves does."""
        self._crowd.hub.settle(self._ref)

    def close(self) -> None:
        """Listen no more."""
        self._wanted = self._live = False
        self._deliveries.clear()
        self._crowd.hub.unsubscribe(self._ref, self)

    # What the hub calls

    def missed(self) -> None:
        """Notices are not worth another notice."""

    def joined(self) -> None:
        self._live = True
        waiting, self._waiting = self._waiting, None
        if waiting is not None:
            resolve(waiting, None)

    def has_room(self) -> bool:
        return True

    def closed(self, reason: CloseReason) -> None:
        self._live = False
        if not self._wanted or reason is CloseReason.SHUTDOWN:
            self._wanted = False
            return
        clock = self._crowd.clock
        if reason is CloseReason.UNAVAILABLE:
            clock.call_later(RETRY, self._join)
        else:
            clock.call_soon(self._join)

    def deliver(self, batch: Batch) -> None:
        by_channel: dict[str, list[Message]] = {}
        for message in batch.messages:
            by_channel.setdefault(message.event or "", []).append(message)
        crowd = self._crowd
        begun = bool(self._deliveries)
        for channel, messages in by_channel.items():
            here = crowd.hub.subscribers(channel_ref(crowd.store, channel))
            members = [each for each in here if isinstance(each, Membership) and each.owner is self.owner]
            self._deliveries.append((Batch(messages), iter(members)))
        if not begun:
            self._hand_on()

    def _hand_on(self) -> None:
        """Deliver to as many as the loop can do without; the others have their turn in the next."""
        left = SLICE
        deliveries = self._deliveries
        while deliveries:
            batch, members = deliveries[0]
            for member in members:
                if member.wanted:
                    self._give(member, batch)
                left -= 1
                if not left:
                    self._crowd.clock.call_soon(self._hand_on)
                    return
            deliveries.popleft()

    def _give(self, membership: Membership, batch: Batch) -> None:
        own = membership.member.own_notice
        if own is not None and any(message.id == own for message in batch.messages):
            others = [message for message in batch.messages if message.id != own]
            if not others:
                return
            batch = Batch(others)
        membership.session.broadcast(batch, self._shape)

    def _join(self) -> None:
        if self._wanted:
            self._crowd.hub.subscribe(self._ref, self, NEWEST)
