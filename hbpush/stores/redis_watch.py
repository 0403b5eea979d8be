"""A channel that a process listens to, and how it hears every message once and in order: the stream is the truth, announcements wake.

Each announcement names the id before it. One that follows the last id told (the tip) is told in its turn; one that does not shows that
something was missed, and waits until that has been read. Nothing here knows a connection: the owner of a watch reads for it.
"""

from __future__ import annotations

from asyncio import Future
from typing import NamedTuple

from hbpush.core.message import ChannelRef, Message, MessageId, Since
from hbpush.core.result import resolve
from hbpush.stores.base import Page, Receipt, StoreEvents
from hbpush.stores.redis_codec import Announcement, Found, Names
from hbpush.stores.redis_tail import Tail, Tails

PENDING = 1000
"""Announcements that wait for what is missing before them. Beyond, they are dropped and read from the store instead."""


class Step(NamedTuple):
    """Something that is told in its turn: what was read, what was announced, and the end of what was read. Sorted by the first three.

    Of one id there is first the message, then the deletions of channels after it; the end of what was read comes before the deletion of
    the channel that was found there.
    """

    id: MessageId
    rank: int
    generation: int
    message: Message | None
    said: Announcement | None


MESSAGE, DELETION, END, LATER_DELETION = range(4)


class Held(NamedTuple):
    """A page that is let go when all that it knows of was told."""

    page: Page
    epoch: bytes
    future: Future[Page]


class Ending:
    """A deletion that was asked for here, and its receipt, which comes after its news. ``heard``: all announced before it was heard."""

    __slots__ = ("future", "generation", "heard", "receipt")

    def __init__(self, generation: int, future: Future[Receipt], receipt: Receipt) -> None:
        self.generation = generation
        self.future = future
        self.receipt = receipt
        self.heard = False


class Watch:
    """One channel that is listened to.

    - ``tip``: the last id that was told, None until the first look at the store
    - ``generation``: which channel of that name it was, 0 for none
    - ``watched`` False: nobody here listens now, but may come back
    - ``reading``: something is being read for it; announcements wait
    - ``overrun``: what is being read cannot be all that was missed
    - ``asked``: is done after the first look
    - ``waiting``: reads that found ids which are still to be told; ``ending``: deletions that are
    """

    __slots__ = (
        "_deleted", "_epoch", "_events", "_lost", "_pending", "_tail", "asked", "ending", "generation", "names", "overrun", "reading",
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
        self.waiting: list[Held] = []
        self.ending: list[Ending] = []
        self._events = events
        self._epoch = b""
        self._lost = 0
        self._deleted = 0
        self._pending: list[Announcement] = []
        self._tail = Tail(tails)

    # What is announced

    def heard(self, said: Announcement) -> bool:
        """Take an announcement. Returns whether something is missing before it: then the store has to be read, unless it is being read."""
        tip = self.tip
        if self.reading or tip is None or said.epoch != self._epoch:
            self._wait(said)
            return not self.reading and tip is not None
        message = said.message
        if said.last < tip or said.generation < self.generation:
            return False
        if message is None:
            if not _follows(said.last, tip):
                self._wait(said)
                return True
            self._tell_deleted(said.generation)
        elif _follows(message.previous, tip):
            self._enter(said.generation)
            self._tell(message)
        elif message.id > tip:
            self._wait(said)
            return True
        self._release()
        return False

    def found(self, found: Found) -> bool:
        """What was read after the tip, or to find it: tell it, with what was announced meanwhile. Returns whether to read on."""
        self.reading = False
        gap_told = False
        if self.tip is None:
            self.tip = found.last
            self.generation = found.generation
        elif found.epoch != self._epoch:
            # What is missing nobody knows. The channel was not deleted, whatever has become of it.
            gap_told = True
            self.tip = min(self.tip, found.last)
            self.generation = self._deleted = 0
            self._gap()
        self._epoch = found.epoch
        self._lost = found.lost
        again, self.overrun = found.more or self.overrun, False
        for step in self._steps(found):
            message, said = step.message, step.said
            if message is not None:
                if step.id <= self.tip:
                    continue
                if said is not None and message.previous > max(self.tip, found.last):
                    # It was announced after this was read, and so was what is missing before it.
                    self._wait(said)
                    again = True
                    continue
                self._enter(step.generation)
                if not gap_told and not _follows(message.previous, self.tip):
                    self._gap()
                gap_told = False
                self._tell(message)
            elif said is None:
                if self.tip < found.last:
                    if not gap_told and not _follows(found.last, self.tip):
                        self._gap()
                    self.tip = found.last
                    self._tail.clear()
                if self.generation != step.generation:
                    self._tell_deleted(self.generation)
                    self.generation = step.generation
            elif step.generation > self._deleted and step.generation >= self.generation:
                if step.id > max(self.tip, found.last):
                    self._wait(said)
                    again = True
                else:
                    self._tell_deleted(step.generation)
        self._end()
        self._release(found.epoch)
        return again

    def end_heard(self, ending: Ending) -> None:
        """All that was announced before a deletion was heard, and that is to be told before it comes first."""
        ending.heard = True
        if not self.reading and not self._pending:
            self._end()
            self._release()

    def _end(self) -> None:
        """Deletions whose announcement did not come are told of by now."""
        for ending in self.ending:
            if ending.heard:
                if ending.generation >= self.generation:
                    self._tell_deleted(ending.generation)
                resolve(ending.future, ending.receipt)
        self.ending = [ending for ending in self.ending if not ending.heard]

    def _steps(self, found: Found) -> list[Step]:
        """What there is to tell, in order; what was announced of ids beyond a page that is not the last one goes on waiting."""
        pending, self._pending = self._pending, []
        beyond = found.messages[-1].id if found.more and found.messages else None
        steps = {(message.id, MESSAGE, 0): Step(message.id, MESSAGE, found.generation, message, None) for message in found.messages}
        for said in pending:
            if said.epoch != found.epoch:
                continue
            if beyond is not None and said.last > beyond:
                self._wait(said)
            elif said.message is not None:
                steps.setdefault((said.last, MESSAGE, 0), Step(said.last, MESSAGE, said.generation, said.message, said))
            else:
                rank = LATER_DELETION if said.last == found.last and said.generation >= found.generation > 0 else DELETION
                steps[said.last, rank, said.generation] = Step(said.last, rank, said.generation, None, said)
        if not found.more:
            steps[found.last, END, 0] = Step(found.last, END, found.generation, None, None)
        return [steps[place] for place in sorted(steps)]

    def _wait(self, said: Announcement) -> None:
        self._pending.append(said)
        if len(self._pending) > PENDING:
            self._pending.clear()
            self.overrun = True

    # What is told

    def _enter(self, generation: int) -> None:
        """What comes is of that generation: the deletion of the one before may not have been heard."""
        if generation > self.generation:
            self._tell_deleted(self.generation)
            self.generation = generation

    def _tell(self, message: Message) -> None:
        self.tip = message.id
        if message.stored:
            self._tail.add(message)
        else:
            self._tail.clear()
        if self.watched:
            self._events.deliver(message)

    def _gap(self) -> None:
        self._tail.clear()
        if self.watched:
            self._events.gap(self.ref)

    def _tell_deleted(self, generation: int) -> None:
        if generation <= self._deleted:
            return
        self._deleted = generation
        if self.generation <= generation:
            self.generation = 0
        self._tail.clear()
        if self.watched:
            self._events.deleted(self.ref)

    def _release(self, epoch: bytes = b"") -> None:
        """Let go of the reads and deletions that were all told. What was read in another epoch than a given one is not waited for."""
        if self.waiting:
            waiting, self.waiting = self.waiting, []
            for held in waiting:
                if self.tip is not None and (held.page.last <= self.tip or (epoch and held.epoch != epoch)):
                    resolve(held.future, held.page)
                else:
                    self.waiting.append(held)
        for ending in self.ending:
            if ending.generation <= self._deleted:
                resolve(ending.future, ending.receipt)

    def page(self, since: Since, limit: int, now: float) -> Page | None:
        """History as far as it was told here; None when the store has to be asked."""
        tip = self.tip
        if (
            tip is None
            or self.reading
            or not self.generation
            or not isinstance(since, MessageId)
            or since > tip
            or since < (self._lost, -1)
        ):
            return None
        if since == tip:
            return Page(last=tip)
        return self._tail.page(since, limit, now)

    def end(self) -> None:
        """It is listened to no more."""
        self._tail.clear()


def _follows(id_: MessageId, tip: MessageId) -> bool:
    """Whether nothing lies between the tip and an id. A tag of -1 is of a name that nothing was given to: its second may only rise."""
    return id_ == tip or (id_.tag == tip.tag == -1 and id_ > tip)
