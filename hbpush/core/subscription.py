"""One subscriber on one channel, and how it gets from history to live without losing or doubling a message. Pure."""

from __future__ import annotations

import enum
from collections.abc import Sequence
from operator import attrgetter
from typing import Any, Protocol

from hbpush.core.batch import Batch
from hbpush.core.message import BEFORE_ALL, NEWEST, Message, MessageId, Since, size_of

UNSTORED_KEPT = 100
"""How many messages that no store keeps are held for a subscriber that is still reading history."""


PAGE_BYTES = 256 * 1024
"""Bytes, as `size_of` counts them, that go to a stream at once when it is given history: a part of what an outbox has room for."""

UNDECIDED = 2**63
"""A claim later than all others, which nothing displaces."""


class CloseReason(enum.Enum):
    """Why a subscription ends before its subscriber left. Every protocol maps these to its own codes (DESIGN 7)."""

    ABSENT = "absent"
    DELETED = "deleted"
    DISPLACED = "displaced"
    SLOW = "slow"
    SHUTDOWN = "shutdown"
    UNAVAILABLE = "unavailable"


class Subscriber(Protocol):
    """What the hub delivers to: a held poll, a stream, a session, a list in a test.

    Nothing here may raise, await, or write to a channel; one that raises is dropped, and closed with UNAVAILABLE. ``deliver`` and
    ``closed`` may still be called soon after the subscriber has unsubscribed, by what was on its way to it; they are then to be ignored.
    A subscriber is known by its identity.
    """

    @property
    def owner(self) -> object:
        """The location that it belongs to: what `Hub.release` goes by."""

    @property
    def protocol(self) -> str:
        """What whoever looks at the server is told that it speaks, in one word: ``long``, ``eventsource``, ``socketio``.

        One that lacks it counts as ``python``.
        """

    @property
    def takes(self) -> int | None:
        """1 for a poll, which the first delivery ends (no unsubscribe is needed then); None for a stream."""

    @property
    def claim(self) -> int | None:
        """The number of its claim on the channel (`hbpush.stores.base.Claim`), 0 without one; None for what is never displaced.

        A stream that may be has a number from the start: `UNDECIDED` while its claim is.
        """

    def missed(self) -> None:
        """Messages between its ``since`` and what comes next are gone. Called before the delivery, or before `joined`."""

    def joined(self) -> None:
        """History is read: from here on it is live, and every new message of the channel reaches it."""

    def deliver(self, batch: Batch) -> None:
        """Messages for it, in order. A poll takes the first one."""

    def has_room(self) -> bool:
        """Whether it takes more history now. If not, it calls `Hub.resume` when its outbox is under half."""

    def closed(self, reason: CloseReason) -> None:
        """The hub has dropped it, perhaps within `Hub.subscribe`."""


class Gathered(Subscriber, Protocol):
    """A subscriber that may add itself to `Batch.gathered`. All that do so under one Format are of one class."""

    def write_to_all(self, gathered: Sequence[Any], wire: bytes, /) -> Sequence[tuple[int, int]]:
        """Called on the first of those gathered, with all of them: write what the system takes at once.

        Returns ``(index, sent)`` for those that have not taken everything. What raises must have written nothing.
        """

    def write(self, wire: bytes, /) -> None:
        """Take bytes as they are: what the system has not taken."""


class Subscription:
    """The time between subscribing and being live.

    The hub reads pages of history from `ask` and hands them to `page`; messages that arrive meanwhile go to `arrived`. Of the stored ones
    only the newest id is remembered, to read up to it; messages that no store keeps are held themselves, the last `UNSTORED_KEPT`
    of them. ``since`` is where the next page starts, ``limit`` how many messages it is to have, of at most ``most``; ``lost`` tells
    that something could not be kept or comes too late.
    """

    __slots__ = (
        "_asked",
        "_before",
        "_delivered",
        "_met",
        "_most",
        "_newest",
        "_overtaken",
        "_seen",
        "_unstored",
        "limit",
        "lost",
        "reading",
        "since",
    )

    def __init__(self, since: Since, most: int) -> None:
        self.since: Since = since
        self.limit = self._most = most
        self.reading = False
        self.lost = False
        self._newest: MessageId | None = None
        self._asked: MessageId | None = None
        self._before: MessageId | None = None
        self._met: MessageId | None = None
        self._seen: MessageId | None = None
        self._overtaken = False
        self._delivered = BEFORE_ALL
        self._unstored: list[Message] = []

    def arrived(self, messages: Sequence[Message]) -> None:
        """Live messages of the channel that come while history is read."""
        # An id from the future, or NEWEST, means the last one at subscription, not what is the last when the page is read.
        previous = max(messages[0].previous, self._delivered)
        if self.since is NEWEST:
            self.since = previous
            self._overtaken = True
        elif isinstance(self.since, MessageId) and self.since > previous and self._before is None:
            self._before = previous
        for message in messages:
            if message.id == self.since and self._seen is None:
                # It may not be from the future: another process, where it was had, has heard of it before this one.
                self._met = message.id
            if message.stored:
                self._newest = message.id
            elif message.id > self._delivered:
                self._unstored.append(message)
            else:
                self.lost = True
        if len(self._unstored) > UNSTORED_KEPT:
            del self._unstored[:-UNSTORED_KEPT]
            self.lost = True

    def ask(self) -> Since:
        """A page is about to be read: from where."""
        self._asked = self._newest
        self._overtaken = False
        return self.since

    def fitting(self, messages: Sequence[Message]) -> Sequence[Message]:
        """As many messages of a page as may go out at once, at least one. The next page is asked for accordingly."""
        size = 0
        for count, message in enumerate(messages):
            size += size_of(message)
            if size > PAGE_BYTES and count:
                self.limit = count
                return messages[:count]
        self.limit = min(2 * self.limit, self._most)
        return messages

    def page(self, messages: Sequence[Message], last: MessageId, more: bool) -> tuple[Sequence[Message], bool]:
        """A page of history was read from ``since``.

        ``last`` is the channel's last id at the time of reading; ``more`` tells that the store holds more behind this page.
        Returns what to deliver now, in order, and whether the subscription is live after that.
        """
        if self._overtaken:
            return (), False
        before, self._before = self._before, None
        if before is not None and (self._met is None or self._met > last):
            self.since = before
            self._met = None
            return (), False
        if self._seen is None:
            self._seen = self._met or BEFORE_ALL
        seen = self._seen
        if not more and self._asked is not None and self._asked > last:
            # It was announced before this page was asked for, and the store has never heard of it: its history was lost.
            self.lost = True
            if self._newest == self._asked:
                self._newest = None
        # A page that nothing follows leads to the last id: what is not in it cannot be read any more.
        self.since = since = messages[-1].id if more else last
        live = not more and (self._newest is None or self._newest <= since)
        out = messages
        if self._unstored:
            ready = [m for m in self._unstored if live or m.id < since]
            self._unstored = self._unstored[len(ready) :]
            out = sorted([*messages, *(m for m in ready if m.id > seen)], key=attrgetter("id"))
        if out:
            self._delivered = out[-1].id
        return out, live
