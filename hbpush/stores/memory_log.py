"""A channel of the memory store: the kept messages in the order of ids, and what bounds and expiry need to know without walking them.

It knows no clock, no name but its own and no other channel.
"""

from __future__ import annotations

from bisect import bisect_left
from heapq import heapify, heappop, heappush
from operator import attrgetter

import msgspec

from hbpush.core.message import BEFORE_ALL, ChannelRef, Message, MessageId, size_of
from hbpush.stores.base import Page, Receipt

DELETIONS = 128
"""So many single deletions from a long list cost less than one walk over it."""

FEW = 64
"""How many expiries of dropped messages are borne in any channel, before they are as many as the messages."""

id_of = attrgetter("id")

_NOTHING = Page()
_DROPPED = Message(ChannelRef("", "", ""), BEFORE_ALL, BEFORE_ALL, b"")


class Log(msgspec.Struct, gc=False, eq=False):
    """One channel.

    ``messages`` counts from ``start``: what lies before was dropped. ``last`` is the last id of the name, its own when ``given``.
    ``soonest`` is no later than the first expiry among the messages that may expire, 0 for none. As long as they expire in the
    order of ids, ``expiries`` is None; else it is a heap of (expiry, id) of those that may expire, and of some that were dropped.
    ``used`` is the time of the last sweep before a publish or a request; ``passing`` channels are idle sooner after it.
    """

    ref: ChannelRef
    last: MessageId
    used: float
    watched: bool = False
    given: bool = False
    permanent: bool = False
    passing: bool = False
    start: int = 0
    bytes: int = 0
    listening: int = 0
    soonest: float = 0.0
    requested: float | None = None
    tip: Page = _NOTHING
    messages: list[Message] = msgspec.field(default_factory=list)
    expiries: list[tuple[float, MessageId]] | None = None

    def receipt(self) -> Receipt:
        return Receipt(len(self.messages) - self.start, self.requested, self.last if self.given else None)

    def at_tip(self) -> Page:
        """The page for those who have everything: one object until the next publish."""
        tip = self.tip
        if tip.last is not self.last:
            tip = self.tip = Page(last=self.last)
        return tip

    def drop_oldest(self) -> int:
        """Drop a message; return what it counted."""
        messages = self.messages
        start = self.start
        size = size_of(messages[start])
        messages[start] = _DROPPED
        start += 1
        if start * 2 > len(messages):
            del messages[:start]
            start = 0
        self.start = start
        self.bytes -= size
        return size

    def may_expire(self, spared: int) -> None:
        """A message was added: note when the one that ``spared`` no longer protects expires, and whether the order holds."""
        messages = self.messages
        count = len(messages) - self.start
        expires = messages[-1].expires
        if self.expiries is None and expires and count > 1 and not 0 < messages[-2].expires <= expires:
            self.note_expiries(spared)
        if count > spared:
            leaving = messages[-1 - spared]
            expires = leaving.expires
            if not expires:
                return
            if not self.soonest or expires < self.soonest:
                self.soonest = expires
            if self.expiries is not None:
                heappush(self.expiries, (expires, leaving.id))
                if len(self.expiries) > 2 * count + FEW:
                    self.note_expiries(spared)

    def note_expiries(self, spared: int) -> None:
        """Make ``expiries`` anew, without messages that were dropped. What is in it twice does no harm."""
        end = max(self.start, len(self.messages) - spared)
        self.expiries = [(message.expires, message.id) for message in self.messages[self.start : end] if message.expires]
        heapify(self.expiries)

    def expire(self, now: float, spared: int) -> int:
        """Drop what has expired, but for the newest ``spared``; return what it counted."""
        messages = self.messages
        freed = 0
        count = len(messages) - self.start
        if self.expiries is None:
            count -= spared
            while count > 0 and 0 < messages[self.start].expires <= now:
                freed += self.drop_oldest()
                count -= 1
            self.soonest = messages[self.start].expires if count > 0 else 0.0
            return freed
        expiries = self.expiries
        expired = []
        while expiries and expiries[0][0] <= now:
            expired.append(heappop(expiries)[1])
        if len(expired) * DELETIONS > count:
            freed = self.drop(set(expired))
        else:
            for each in expired:
                index = bisect_left(messages, each, self.start, key=id_of)
                if index < len(messages) and messages[index].id == each:
                    freed += size_of(messages[index])
                    del messages[index]
            self.bytes -= freed
        self.soonest = expiries[0][0] if expiries else 0.0
        if len(messages) == self.start:
            self.expiries = None
        return freed

    def drop(self, ids: set[MessageId]) -> int:
        """Drop the messages of these ids, in one walk; return what they counted."""
        before = self.bytes
        self.messages = [message for message in self.messages[self.start :] if message.id not in ids]
        self.start = 0
        self.bytes = sum(map(size_of, self.messages))
        return before - self.bytes
