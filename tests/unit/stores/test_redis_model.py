"""A model of a channel in Redis and of the way to it, for tests of who watches it.

It gives ids as ``publish.lua`` does and finds what ``read.lua`` finds. Two connections lie between it and the `Watches` under test: one
that listens and can be cut at any place, one for reads that are executed when a test says so and answered later.
"""

from __future__ import annotations

import asyncio
from asyncio import Future
from collections.abc import Callable, Iterator
from copy import copy
from functools import partial
from typing import NamedTuple

from hbpush.core.message import NEWEST, ChannelRef, Message, MessageId, Since
from hbpush.errors import StoreError, StoreUnavailable
from hbpush.stores.base import Page
from hbpush.stores.redis_codec import Announcement, Found, names
from hbpush.stores.redis_tail import Tails
from hbpush.stores.redis_watch import Held
from hbpush.stores.redis_watches import Watches
from tests.support.clock import ManualClock

REF = ChannelRef("default", "", "news")
KEPT = 5
"""Messages that the model keeps at most."""


class Model:
    """One channel of a store in Redis."""

    def __init__(self) -> None:
        self.epoch = b"e1"
        self.second = 100
        self.floor = 100
        self.lost = 0
        self.generations = 7
        self.generation = 0
        self.last = MessageId(self.floor, -1)
        self.known_by_name = False
        self.kept: list[Message] = []

    def tip(self) -> MessageId:
        return self.last if self.known_by_name else MessageId(self.floor, -1)

    def create(self) -> None:
        if not self.generation:
            self.last = self.tip()
            self.known_by_name = True
            self.generations += 1
            self.generation = self.generations

    def publish(self, stored: bool, expires: float) -> Message:
        self.create()
        second = max(self.second, self.floor)
        given = MessageId(second, 0) if second > self.last.time else MessageId(self.last.time, self.last.tag + 1)
        message = Message(REF, given, self.last, b"%d-%d" % given, None, None, expires if stored else 0, stored)
        self.last = given
        if stored:
            self.kept = [*self.kept, message][-KEPT:]
        return message

    def delete(self) -> int:
        generation, self.generation = self.generation, 0
        self.kept = []
        # Of a name that never had an id nothing is remembered.
        self.known_by_name = self.last.tag >= 0
        return generation

    def flushed(self, epoch: bytes) -> None:
        self.new_epoch(epoch)
        self.generations += 1000
        self.generation = 0
        self.kept = []
        self.known_by_name = False

    def new_epoch(self, epoch: bytes) -> None:
        self.epoch = epoch
        self.second += 1
        self.floor = self.lost = self.second

    def read(self, since: Since, limit: int) -> Found:
        self.kept = [message for message in self.kept if not message.expires or message.expires > self.second]
        found: list[Message] = []
        more = False
        if isinstance(since, MessageId):
            for message in self.kept:
                if message.id > since:
                    if len(found) == limit or (found and message.previous != found[-1].id):
                        more = True
                        break
                    found.append(message)
        return Found(self.epoch, self.lost, self.generation, self.tip(), 0, more, found)


NAMES = names(REF, b"", b"0", 0)
PAGE = 3
"""Messages that are read at once at most."""


class Entry(NamedTuple):
    """A fact of the model: a message, or (``message`` None) a deletion, or (``generation`` 0) a new epoch."""

    message: Message | None
    generation: int


class Network:
    """Both connections, as `hbpush.stores.redis_link.Link` has them, and what is told at their end."""

    def __init__(self, runner: asyncio.Runner) -> None:
        self.model = Model()
        self.log: list[Entry] = []
        self.told: list[Message | str] = []
        self.began_at: int | None = None
        self.begun_generation = 0
        self.reads = 0
        self.read: list[Message] = []
        """What was in the stream when it was read for the watch."""
        self.asked_for: list[Future[Page]] = []
        self.came: list[tuple[Page, int]] = []
        self.epochs = 1
        self.trimmed = MessageId(0, -1)
        self.snapshot = copy(self.model)
        self.tails = Tails(0, KEPT)
        self.clock = ManualClock()
        self.epoch = self.model.epoch
        self.opening = False
        self.listening = True
        self.subscribed = False
        self.wire: list[Announcement | str | Callable[[], object]] = []
        self.sent: list[Callable[[], Callable[[], object]]] = []
        self.replies: list[Callable[[], object]] = []
        self.failing: list[Callable[[StoreError], object]] = []
        self.loop = runner.get_loop()
        self.watches = runner.run(self._make())
        self.watches.watch(REF, NAMES)
        watch = self.watches.get(REF)
        assert watch is not None
        self.watch = watch

    async def _make(self) -> Watches:
        watches = Watches(self, self._read, self.clock, 10, self.tails)
        watches.events = self
        return watches

    # `StoreEvents`

    def deliver(self, message: Message) -> None:
        self.told.append(message)

    def deleted(self, ref: ChannelRef) -> None:
        self.told.append("deleted")

    def gap(self, ref: ChannelRef) -> None:
        self.told.append("gap")

    def displaced(self, ref: ChannelRef, number: int) -> None:
        raise AssertionError("nobody claims here")

    # `Listening`, and the reads

    @property
    def ready(self) -> bool:
        return True

    def subscribe(self, names: list[bytes]) -> None:
        if self.listening and names:
            self.subscribed = True
            self.wire.append("subscribed")

    def unsubscribe(self, names: list[bytes]) -> None:
        self.subscribed = False

    def catch_up(self, then: Callable[[], object]) -> None:
        if self.listening:
            self.wire.append(then)
        else:
            then()

    def _read(self, ref: ChannelRef, since: Since, limit: int, answered: Callable[[Found | StoreError], object]) -> None:
        self.reads += 1
        self.failing.append(answered)
        self.sent.append(partial(self._executed, since, min(limit, PAGE), answered))

    def _executed(self, since: Since, limit: int, answered: Callable[[Found | StoreError], object]) -> Callable[[], object]:
        return partial(self._answered, self.model.read(since, limit), len(self.log), answered)

    def _answered(self, found: Found, at: int, answered: Callable[[Found | StoreError], object]) -> None:
        self.failing.remove(answered)
        first = self.watch.tip is None
        if first:
            self.began_at = at
            self.begun_generation = found.generation
        self._seen(found.epoch)
        if not first:
            self.read += found.messages
        answered(found)

    def _seen(self, epoch: bytes) -> None:
        if epoch != self.epoch and not self.opening:
            self.opening = True
            self.sent.append(lambda: partial(self._opened, self.model.epoch))

    def _opened(self, epoch: bytes) -> None:
        self.opening = False
        before, self.epoch = self.epoch, epoch
        if before != epoch:
            self.watches.look_at_all()

    # What happens at the server

    def publish(self, stored: bool, lasting: int = 0) -> None:
        message = self.model.publish(stored, self.model.second + lasting if lasting else 0)
        self._announce(message.id, self.model.generation, message)

    def delete(self) -> None:
        if self.model.generation:
            self._announce(self.model.last, self.model.delete(), None)

    def trim(self) -> None:
        if self.model.kept:
            oldest, *self.model.kept = self.model.kept
            self.trimmed = max(self.trimmed, oldest.id)

    def forget(self) -> None:
        """A minute has passed since another channel was deleted: ids of names that nobody remembers begin above its last."""
        if self.model.known_by_name and self.model.last.tag >= 0:
            self.model.floor = self.model.second = self.model.second + 1

    def flush(self) -> None:
        self.epochs += 1
        self.model.flushed(b"e%d" % self.epochs)
        self.log.append(Entry(None, 0))

    def remember(self) -> None:
        self.snapshot = copy(self.model)

    def fail_over(self) -> None:
        """A server takes over that knows nothing since `remember`; all connections are lost."""
        self.cut()
        self.lose_commands()
        second, self.model = self.model.second, copy(self.snapshot)
        self.model.second = second
        self.epochs += 1
        self.model.new_epoch(b"e%d" % self.epochs)
        self.remember()
        # What was gone and comes back is of the past.
        self.trimmed = max(self.trimmed, self.watch.tip or self.trimmed)
        self.log.append(Entry(None, 0))

    def _announce(self, last: MessageId, generation: int, message: Message | None) -> None:
        self.log.append(Entry(message, generation))
        if self.subscribed:
            self.wire.append(Announcement(self.model.epoch, generation, 0, last, message))

    # What happens on the way

    def execute(self) -> None:
        if self.sent:
            self.replies.append(self.sent.pop(0)())

    def answer(self) -> None:
        if not self.replies:
            self.execute()
        if self.replies:
            self.replies.pop(0)()

    def hear(self) -> None:
        if not self.wire:
            return
        what = self.wire.pop(0)
        if isinstance(what, Announcement):
            self._seen(what.epoch)
            self.watches.heard(self.watch, what)
        elif what == "subscribed":
            self.watches.subscribed(NAMES.announced)
        else:
            what()

    def cut(self) -> None:
        pongs = [what for what in self.wire if callable(what)]
        self.wire.clear()
        self.listening = self.subscribed = False
        for pong in pongs:
            pong()

    def lose_commands(self) -> None:
        self.sent.clear()
        self.replies.clear()
        self.opening = False
        failing, self.failing = self.failing, []
        for answered in failing:
            answered(StoreUnavailable("lost"))
        self.watches.disconnected()

    def connect(self) -> None:
        if self.listening:
            return
        self.listening = True
        self._opened(self.model.epoch)
        self.watches.connected()

    def ask(self, back: int) -> None:
        """`Store.read_after` of somebody whose id is the last but so many."""
        future: Future[Page] = Future(loop=self.loop)
        ids = [entry.message.id for entry in self.log if entry.message]
        since = ids[-back] if back <= len(ids) else self.model.tip()

        def answered(found: Found | StoreError) -> None:
            if isinstance(found, Found):
                self.failing.remove(answered)
                page = Page(found.messages, found.missed(since), found.last, found.more, found.generation != 0)
                self.watches.hold_back(REF, Held(page, found.epoch, future))
            else:
                future.cancel()

        self.failing.append(answered)
        self.sent.append(lambda: partial(answered, self.model.read(since, PAGE)))
        self.asked_for.append(future)

    def note_pages_that_came(self) -> None:
        for future in [future for future in self.asked_for if future.done()]:
            self.asked_for.remove(future)
            if not future.cancelled() and future.exception() is None:
                self.came.append((future.result(), len(self.told)))

    # Looking back

    def messages(self) -> list[Message]:
        return [what for what in self.told if isinstance(what, Message)]

    def place(self, message: Message) -> int:
        return next(place for place, entry in enumerate(self.log) if entry.message == message)

    def settle(self) -> None:
        """Everything arrives, and a last time it is read."""
        for last in (False, True):
            self.connect()
            if last:
                self.watches.look_at_all()
            budget = self.reads + 50 + len(self.log)
            while self.wire or self.sent or self.replies:
                assert self.reads < budget, "it reads on and on"
                self.hear()
                self.answer()
            self.watches.sweep()

    def intervals(self) -> Iterator[tuple[int, int, int, list[str]]]:
        """For each run of what is told between two messages: where in the log, the generation before it, and what is told."""
        assert self.began_at is not None
        start, generation = self.began_at, self.begun_generation
        between: list[str] = []
        for what in self.told:
            if isinstance(what, Message):
                place = self.place(what)
                yield start, place, generation, between
                start, generation, between = place + 1, self.log[place].generation, []
            else:
                between.append(what)
        yield start, len(self.log), generation, between


def test_it_gives_ids_and_finds_messages() -> None:
    model = Model()
    assert model.read(NEWEST, 1) == Found(b"e1", 0, 0, MessageId(100, -1), 0, False, [])
    first, second, third = model.publish(True, 0), model.publish(False, 0), model.publish(True, 0)
    assert [each.id for each in (first, second, third)] == [MessageId(100, tag) for tag in range(3)]
    assert (model.read(first.previous, 9).messages, model.read(first.previous, 9).more) == ([first], True)
    assert (model.read(first.id, 9).messages, model.read(first.id, 9).more) == ([third], False)
    assert model.delete() == 8
    assert model.read(first.id, 9) == Found(b"e1", 0, 0, third.id, 0, False, [])
    model.second += 1
    assert model.publish(True, 0).previous == third.id
    assert (model.generation, model.last) == (9, MessageId(101, 0))


def test_it_begins_anew_above_all_ids_when_it_was_flushed() -> None:
    model = Model()
    model.publish(True, 101)
    model.flushed(b"e2")
    assert model.read(NEWEST, 1) == Found(b"e2", 101, 0, MessageId(101, -1), 0, False, [])
    assert model.publish(True, 101).id == MessageId(101, 0)
    assert model.read(MessageId(100, 0), 1).messages == []
