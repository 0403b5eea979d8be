"""The channels that a process listens to in one partition: subscribing, lingering, reading what was missed, and reads that wait to be told.

What order things come in is decided by `Watch`; here is when to read for it.
"""

from __future__ import annotations

from asyncio import Future, get_running_loop
from collections import OrderedDict
from collections.abc import Callable
from functools import partial
from typing import Protocol

from hbpush.core.clock import Clock
from hbpush.core.message import NEWEST, ChannelRef, Since
from hbpush.core.result import fail, resolve
from hbpush.errors import StoreError, StoreUnavailable
from hbpush.stores.base import Receipt, StoreEvents
from hbpush.stores.redis_codec import Announcement, Found, Names
from hbpush.stores.redis_tail import Tails
from hbpush.stores.redis_watch import Ending, Held, Watch

LINGERING = 10_000
"""Channels that are listened to though nobody here is subscribed."""

PAGE = 100
"""Messages that are read at once."""

LOOKS = 64
"""Channels that are looked at at once when every one has to be: others want to ask the server too."""

Read = Callable[[ChannelRef, Since, int, Callable[[Found | StoreError], object]], object]
"""Read a page; the callback gets it. Raises StoreUnavailable."""


class Listening(Protocol):
    """The connection that listens (`hbpush.stores.redis_link.Link`)."""

    @property
    def ready(self) -> bool:
        """Whether the server can be asked."""

    def subscribe(self, names: list[bytes]) -> None:
        """Ask for what is announced under names."""

    def unsubscribe(self, names: list[bytes]) -> None:
        """Hear no more of names."""

    def catch_up(self, then: Callable[[], object]) -> None:
        """Call when everything was heard that is announced by now."""


class Watches:
    """The table of watches. ``linger`` is in seconds."""

    def __init__(self, link: Listening, read: Read, clock: Clock, linger: float, tails: Tails) -> None:
        self.events: StoreEvents | None = None
        """Who is told; None while the store does not run."""
        self._link = link
        self._read = read
        self._clock = clock
        self._linger = linger
        self._tails = tails
        self._loop = get_running_loop()
        self._watches: dict[ChannelRef, Watch] = {}
        self._by_name: dict[bytes, Watch] = {}
        self._lingering: OrderedDict[Watch, float] = OrderedDict()
        self._to_look: OrderedDict[Watch, None] = OrderedDict()
        self._looking = 0

    def __len__(self) -> int:
        return len(self._watches)

    def get(self, ref: ChannelRef) -> Watch | None:
        """The watch of a channel, though it may only linger."""
        return self._watches.get(ref)

    def named(self, name: bytes) -> Watch | None:
        """The watch of a pub/sub name."""
        return self._by_name.get(name)

    def watch(self, ref: ChannelRef, names: Names) -> Future[None] | None:
        """`Store.watch`."""
        watch = self._watches.get(ref)
        told = watch is not None and watch.tip is not None
        if not told and not self._link.ready:
            raise StoreUnavailable("the store cannot be reached")
        if watch is not None:
            self._lingering.pop(watch, None)
            watch.watched = True
            if told:
                return None
        elif self.events is None:
            raise StoreUnavailable("the store does not run")
        else:
            watch = self._watches[ref] = self._by_name[names.announced] = Watch(ref, names, self.events, self._tails)
            self._link.subscribe([names.announced])
        if watch.asked is None:
            watch.asked = self._loop.create_future()
            # Whoever asked may have left when it fails.
            watch.asked.add_done_callback(_retrieve)
        return watch.asked

    def unwatch(self, ref: ChannelRef) -> bool:
        """`Store.unwatch`. Returns whether it was watched."""
        watch = self._watches.get(ref)
        if watch is None or not watch.watched:
            return False
        watch.watched = False
        self._lingering[watch] = self._clock.monotonic() + self._linger
        if len(self._lingering) > LINGERING:
            self._leave(1)
        return True

    def sweep(self) -> None:
        """Leave the channels that have lingered long enough, and look again where it failed. To be called once a second."""
        self._look_on()
        now = self._clock.monotonic()
        gone = 0
        for until in self._lingering.values():
            if until > now:
                break
            gone += 1
        if gone:
            self._leave(gone)

    def _leave(self, count: int) -> None:
        leaving = []
        for _ in range(count):
            watch, _ = self._lingering.popitem(last=False)
            del self._watches[watch.ref]
            del self._by_name[watch.names.announced]
            watch.end()
            self._to_look.pop(watch, None)
            self._let_go(watch)
            leaving.append(watch.names.announced)
        self._link.unsubscribe(leaving)

    def stop(self) -> None:
        """The store ends: nobody is to wait for what does not come any more."""
        for watch in self._watches.values():
            self._let_go(watch)
        self._watches.clear()
        self._by_name.clear()
        self._lingering.clear()
        self._to_look.clear()

    def _let_go(self, watch: Watch) -> None:
        """A channel is not listened to any more: what was found need not be told here."""
        for held in watch.waiting:
            resolve(held.future, held.page)
        self._fail(watch, StoreUnavailable("the store does not listen any more"))

    # Reading

    def hold_back(self, ref: ChannelRef, held: Held) -> None:
        """Let a page go when all that it knows of was told: at once, or soon."""
        page, _, future = held
        watch = self._watches.get(ref)
        if watch is None or watch.tip is None or watch.tip >= page.last:
            resolve(future, page)
            return
        watch.waiting.append(held)
        if len(watch.waiting) == 1:
            self._link.catch_up(partial(self._caught_up, watch))

    def end(self, ref: ChannelRef, generation: int, future: Future[Receipt], receipt: Receipt) -> None:
        """A channel was deleted: let the receipt go when that, and all before it, was told."""
        watch = self._watches.get(ref)
        if watch is None or self.events is None:
            resolve(future, receipt)
            return
        ending = Ending(generation, future, receipt)
        watch.ending.append(ending)
        self._link.catch_up(partial(self._end_heard, watch, ending))

    def _end_heard(self, watch: Watch, ending: Ending) -> None:
        watch.end_heard(ending)
        if ending in watch.ending:
            self.look(watch)

    def _caught_up(self, watch: Watch) -> None:
        """All that was announced before is heard. Reads that still wait have found what was not."""
        if watch.waiting:
            self.look(watch)

    def look(self, watch: Watch) -> bool:
        """Read what comes after the tip, or where the tip is; unless that is being done. Returns False when it cannot be."""
        if watch.reading:
            return True
        watch.reading = True
        self._looking += 1
        since: Since = NEWEST if watch.tip is None else watch.tip
        try:
            self._read(watch.ref, since, PAGE, partial(self._looked, watch))
        except StoreUnavailable as error:
            self._looked(watch, error)
            return False
        return True

    def _looked(self, watch: Watch, reply: Found | StoreError) -> None:
        self._looking -= 1
        if self._to_look and not isinstance(reply, StoreError):
            self._look_on()
        if self.events is None or self._watches.get(watch.ref) is not watch:
            return
        if not isinstance(reply, Found):
            watch.reading = False
            self._to_look[watch] = None
            self._fail(watch, reply)
        elif watch.tip is None:
            self._found(watch, reply)
        else:
            # What was announced before is on its way: only what is not heard then was missed.
            self._link.catch_up(partial(self._found, watch, reply))

    def _found(self, watch: Watch, found: Found) -> None:
        if self.events is None or self._watches.get(watch.ref) is not watch:
            return
        again = watch.found(found)
        if watch.asked is not None:
            asked, watch.asked = watch.asked, None
            resolve(asked, None)
        if again or watch.waiting:
            self.look(watch)

    def look_at_all(self) -> None:
        """Something may have been missed on every channel."""
        self._to_look.update((watch, None) for watch in self._watches.values() if watch.tip is not None)
        self._look_on()

    def _look_on(self) -> None:
        while self._to_look and self._looking < LOOKS and self._link.ready:
            watch, _ = self._to_look.popitem(last=False)
            # What is being read may have been asked for too early.
            watch.overrun = watch.reading
            if not self.look(watch):
                break

    # What the link tells

    def connected(self) -> None:
        """Subscribe anew: each confirmation is followed by a look."""
        self._link.subscribe([watch.names.announced for watch in self._watches.values()])

    def disconnected(self) -> None:
        """Nobody is to wait for an answer that may take long."""
        for watch in self._watches.values():
            self._fail(watch, StoreUnavailable("the store cannot be reached"))

    def subscribed(self, name: bytes) -> None:
        """The server has confirmed: what comes before has to be read, what comes after will be heard."""
        watch = self._by_name.get(name)
        if watch is not None:
            self._to_look[watch] = None
            self._look_on()

    def heard(self, watch: Watch, said: Announcement) -> None:
        """Something was announced."""
        if watch.heard(said):
            self.look(watch)

    def _fail(self, watch: Watch, error: StoreError) -> None:
        if watch.asked is not None:
            asked, watch.asked = watch.asked, None
            fail(asked, error)
        waiting, watch.waiting = watch.waiting, []
        for held in waiting:
            fail(held.future, error)
        # These are done, whoever was told of it.
        endings, watch.ending = watch.ending, []
        for ending in endings:
            resolve(ending.future, ending.receipt)


def _retrieve(future: Future[None]) -> None:
    if not future.cancelled():
        future.exception()
