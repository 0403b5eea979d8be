"""A channel that a process listens to, and how it hears every message once and in order: the stream is the truth, announcements wake.

Each announcement names the id before it. One that follows the last id told (the tip) is told in its turn; one that does not shows that
something was missed, and waits until that has been read. Nothing here knows a connection: the owner of a watch reads for it.
"""

from __future__ import annotations

from asyncio import Future
from collections import deque

from hbpush.core.message import ChannelRef, Message, MessageId, Since
from hbpush.core.result import resolve
from hbpush.stores.base import Page, StoreEvents
from hbpush.stores.redis_codec import Announcement, Found, Names

PENDING = 1000
"""Announcements that wait for what is missing before them. Beyond, they are dropped and read from the store instead."""

TAIL = 100
"""Messages in the tail of one channel."""

OVERHEAD = 256


class Tails:
    """What all tails of a process take: ``bytes`` of at most ``bound`` (0: any). One has as many messages as a channel keeps, or `TAIL`."""

    __slots__ = ("bound", "bytes", "length")

    def __init__(self, bound: int, max_messages: int) -> None:
        self.bound = bound or float("inf")
        self.bytes = 0
        self.length = min(TAIL, max_messages or TAIL)


class Watch:
    """One channel that is listened to.

    ``tip`` is the last id that was told, None until the first look at the store. ``generation`` tells which channel of that name it was,
    0 for none.
    ``watched`` False: nobody here listens now, but may come back. ``reading``: something is being read for it; announcements
    wait. ``overrun``: what is being read cannot be all that was missed.
    ``asked`` is done after the first look. ``waiting`` are reads that found ids which are still to be told.
    """

    __slots__ = (
        "_deleted", "_epoch", "_events", "_pending", "_tail", "_tail_start", "_tails", "asked", "generation", "names", "overrun", "reading",
        "ref", "tip", "waiting", "watched",
    )  # fmt: skip

    def __init__(self, ref: ChannelRef, names: Names, events: StoreEvents, tails: Tails) -> None:
        self.ref = ref
        self.names = names
        self.tip: MessageId | None = None
        self.generation = 0
        self.watched = True
        self.reading = False
        self.overrun = False
        self.asked: Future[None] | None = None
        self.waiting: list[tuple[MessageId, Future[Page], Page]] = []
        self._events = events
        self._epoch = b""
        self._deleted = 0
        self._pending: list[Announcement] = []
        self._tails = tails
        self._tail: deque[Message] = deque()
        self._tail_start: MessageId | None = None

    # What is announced

    def heard(self, said: Announcement) -> bool:
        """Take an announcement. Returns whether something is missing before it: then the store has to be read, unless it is being read."""
        if self.reading or self.tip is None or said.epoch != self._epoch:
            self._pending.append(said)
            if len(self._pending) > PENDING:
                self._pending.clear()
                self.overrun = True
            return not self.reading and self.tip is not None
        message = said.message
        if message is None:
            self._told_deleted(said.generation)
        elif message.previous == self.tip:
            self.generation = said.generation
            self._tell(message)
        elif message.id > self.tip:
            self._pending.append(said)
            return True
        return False

    def _begin(self, found: Found) -> bool:
        """The first look at the store: what is announced from here on is told. Returns whether to read after the tip."""
        self.reading = False
        self.tip = found.last
        self.generation = found.generation
        self._epoch = found.epoch
        self._forget_tail(found.last)
        pending, self._pending = self._pending, []
        again, self.overrun = self.overrun, False
        missing = [self.heard(said) for said in pending]
        return again or any(missing)

    def found(self, found: Found) -> bool:
        """What was read after the tip, or to find it: tell it, with what was announced meanwhile. Returns whether to read on."""
        if self.tip is None:
            return self._begin(found)
        self.reading = False
        pending, self._pending = self._pending, []
        gap_told = found.epoch != self._epoch
        if gap_told:
            # What is missing nobody knows. The channel was not deleted, whatever has become of it.
            self._epoch = found.epoch
            self.tip = min(self.tip, found.last)
            self._gap()
        pending = [said for said in pending if said.epoch == found.epoch]
        deletion_heard = any(said.message is None and said.generation >= self.generation for said in pending)
        if not gap_told and not deletion_heard and self.generation not in (0, found.generation):
            self._told_deleted(self.generation)
        self.generation = found.generation

        again = found.more or self.overrun
        self.overrun = False
        # Of one id there is a message, and perhaps the deletion that came next.
        steps: dict[tuple[MessageId, bool], Announcement | Message] = {(message.id, False): message for message in found.messages}
        for said in pending:
            steps.setdefault((said.last, said.message is None), said)
        end = found.messages[-1].id if found.more and found.messages else None
        for place in sorted(steps):
            step = steps[place]
            message = step if isinstance(step, Message) else step.message
            if isinstance(step, Announcement) and end is not None and step.last > end:
                self._pending.append(step)
            elif message is None:
                self._told_deleted(steps[place].generation)  # type: ignore[union-attr]
            elif message.id <= self.tip:
                continue
            elif isinstance(step, Announcement) and message.previous > max(self.tip, found.last):
                # It was announced after this was read, and so was what is missing before it.
                self._pending.append(step)
                again = True
            else:
                if message.previous != self.tip and not gap_told:
                    self._gap()
                gap_told = False
                if isinstance(step, Announcement):
                    self.generation = step.generation
                self._tell(message)
        if not again and self.tip < found.last:
            if not gap_told:
                self._gap()
            self.tip = found.last
            self._forget_tail(self.tip)
        self.release()
        return again

    # What is told

    def _tell(self, message: Message) -> None:
        self.tip = message.id
        if message.stored:
            self._keep(message)
        else:
            self._forget_tail(message.id)
        if self.watched:
            self._events.deliver(message)
        self.release()

    def _gap(self) -> None:
        if self.tip is not None:
            self._forget_tail(self.tip)
        if self.watched:
            self._events.gap(self.ref)

    def _told_deleted(self, generation: int) -> None:
        if generation <= self._deleted:
            return
        self._deleted = generation
        if self.generation <= generation:
            self.generation = 0
        if self.tip is not None:
            self._forget_tail(self.tip)
        if self.watched:
            self._events.deleted(self.ref)

    def was_deleted(self, generation: int) -> None:
        """The channel of that generation is gone, as the reply to its deletion tells."""
        self._told_deleted(generation)

    def release(self) -> None:
        """Let go of the reads whose ids were all told."""
        if not self.waiting:
            return
        waiting, self.waiting = self.waiting, []
        for each in waiting:
            if self.tip is not None and each[0] <= self.tip:
                resolve(each[1], each[2])
            else:
                self.waiting.append(each)

    # The tail

    def page(self, since: Since, limit: int, now: float) -> Page | None:
        """History as far as it was heard; None when the store has to be asked."""
        tip = self.tip
        if tip is None or self.reading or not self.generation or not isinstance(since, MessageId) or since > tip:
            return None
        if since == tip:
            return Page(last=tip)
        if self._tail_start is None or since < self._tail_start:
            return None
        messages = [message for message in self._tail if message.id > since]
        if not messages or any(message.expires and message.expires <= now for message in messages):
            return None
        return Page(messages[:limit], False, tip, len(messages) > limit)

    def _keep(self, message: Message) -> None:
        size = len(message.body) + OVERHEAD
        self._tail.append(message)
        tails = self._tails
        tails.bytes += size
        while self._tail and (tails.bytes > tails.bound or len(self._tail) > tails.length):
            dropped = self._tail.popleft()
            self._tail_start = dropped.id
            tails.bytes -= len(dropped.body) + OVERHEAD

    def _forget_tail(self, start: MessageId) -> None:
        self._tails.bytes -= sum(len(message.body) + OVERHEAD for message in self._tail)
        self._tail.clear()
        self._tail_start = start

    def end(self) -> None:
        """It is listened to no more."""
        if self.tip is not None:
            self._forget_tail(self.tip)
