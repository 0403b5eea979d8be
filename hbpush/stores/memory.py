"""The store that keeps everything in the memory of this process: nothing survives a restart, and every answer is there at once.

A channel is a `Log`. Three things outlive a log: who watches its name, for a minute its last id (a tombstone), and after that one
floor for all names, so that ids never go back. What is below the floor counts as dropped, and so do all ids from before the start of the
store, be it in the very second of it: nobody here knows any more which channel they were of.
"""

from __future__ import annotations

import sys
from bisect import bisect_right
from collections import OrderedDict
from collections.abc import Callable, Iterator, Sequence
from itertools import islice
from typing import ClassVar

from hbpush.core.clock import Timer
from hbpush.core.figures import Figure
from hbpush.core.message import OLDEST, ChannelRef, Draft, Last, Message, MessageId, Since, size_of
from hbpush.errors import ChannelNotFound, MessageTooLarge, StoreError, StoreFull
from hbpush.stores.base import UNHEARD_TIMEOUT, Page, Receipt, Store, StoreContext, StoreEvents, StoreSettings
from hbpush.stores.memory_log import Log, id_of

TOMBSTONE_SECONDS = 60
TOMBSTONES = 10_000
"""How long, and for how many removed channels, the last id is known by name."""

SWEEP = 1.0
"""Seconds between two sweeps. What is idle or expired is freed within a round of them."""

ROUND = 32
"""Sweeps in which every channel is looked at once, when there are more than a sweep looks at anyhow."""

SWEPT_AT_LEAST = 1000

_UNLIMITED = sys.maxsize
_new_id: Callable[[type[MessageId], tuple[int, int]], MessageId] = tuple.__new__


class MemoryStore(Store):
    """Channels in the memory of this process (relay specification 7.3.4). Every method returns the value itself.

    A message counts what `size_of` says. Over ``max_bytes`` the oldest messages of the channel that publishes are dropped, and if
    that is not enough the message is refused. What has expired is never returned nor counted; it is freed when the channel is next
    used, or within a round of sweeps. An idle channel is removed at most a round of sweeps after its time.
    """

    type_name: ClassVar[str] = "memory"

    settings: StoreSettings

    def __init__(self, settings: StoreSettings, context: StoreContext) -> None:
        super().__init__(settings, context)
        self._time = context.clock.time
        self._max_messages = settings.max_messages or _UNLIMITED
        self._max_channel_bytes = settings.max_channel_bytes or _UNLIMITED
        self._max_bytes = settings.max_bytes or _UNLIMITED
        self._max_channels = settings.max_channels or _UNLIMITED
        self._largest = min(self._max_channel_bytes, self._max_bytes)
        self._spared = settings.min_messages
        self._timeout = settings.message_timeout
        self._events: StoreEvents | None = None
        self._deliver: Callable[[Message], None] = _announce_nothing
        self._logs: dict[ChannelRef, Log] = {}
        self._bytes = 0
        # Watched names, with the time of the last request as long as there is no log to hold it.
        self._watched: dict[ChannelRef, float | None] = {}
        self._floor = _before(self._time())
        self._tombstones: OrderedDict[ChannelRef, tuple[MessageId, float]] = OrderedDict()
        self._timer: Timer | None = None
        self._swept = context.clock.monotonic()
        self._freed = self._swept - SWEEP
        self._hand: Iterator[ChannelRef] = iter(())

    def start(self, events: StoreEvents) -> None:
        self._events = events
        self._deliver = events.deliver

    def stop(self) -> None:
        self._events = None
        self._deliver = _announce_nothing
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def publish(self, ref: ChannelRef, draft: Draft) -> Receipt:
        log = self._logs.get(ref)
        if log is None and not draft.create:
            raise ChannelNotFound("there is no such channel")
        if log is None and draft.if_heard and ref not in self._watched:
            return Receipt()
        stored = draft.stored
        size = size_of(draft) if stored else 0
        if size > self._largest:
            raise self._refused(MessageTooLarge("the message is larger than a channel may be"), "message_too_large")
        if self._bytes + size > self._max_bytes:
            self._make_room(log, size)
        if log is None:
            log = self._add(ref)
            log.passing = draft.if_heard
        now = self._time()
        second = int(now)
        previous = log.last
        last, tag = previous
        # Twice as fast as calling the class, and every message pays for it.
        next_id = _new_id(MessageId, (second, 0) if second > last else (last, tag + 1))
        timeout = self._timeout if draft.timeout is None else draft.timeout
        expires = now + timeout if timeout else 0.0
        message = Message(log.ref, next_id, previous, draft.body, draft.content_type, draft.event, expires, stored)
        log.last = next_id
        log.given = True
        log.used = self._swept
        if stored:
            log.messages.append(message)
            log.bytes += size
            self._bytes += size
            if expires or self._spared:
                log.may_expire(self._spared)
        if log.soonest and log.soonest <= now:
            self._bytes -= log.expire(now, self._spared)
        count = len(log.messages) - log.start
        while count > self._max_messages or log.bytes > self._max_channel_bytes:
            self._bytes -= log.drop_oldest()
            count -= 1
        receipt = Receipt(count, log.requested, next_id)
        if log.watched:
            self._deliver(message)
        return receipt

    def read_after(self, ref: ChannelRef, since: Since, limit: int) -> Page:
        log = self._logs.get(ref)
        if log is None:
            return self._absent(ref, since)
        if log.soonest and log.soonest <= self._time():
            self._bytes -= log.expire(self._time(), self._spared)
        messages = log.messages
        end = len(messages)
        if isinstance(since, MessageId):
            last = log.last
            if since >= last:
                return log.at_tip()
            if end == log.start or messages[-1].id <= since:
                return Page(missed=True, last=last)
            if messages[-1].previous <= since:
                index = end - 1
            else:
                index = bisect_right(messages, since, log.start, key=id_of)
            missed = messages[index].previous > since
        else:
            missed = False
            if isinstance(since, Last):
                index = max(log.start, end - since.messages)
            else:
                index = log.start if since is OLDEST else end
            if index == end:
                return log.at_tip()
        stop = min(index + limit, end)
        run = messages[index:stop]
        for place in range(1, len(run)):
            if run[place].previous != run[place - 1].id:
                stop = index + place
                del run[place:]
                break
        return Page(run, missed, log.last, stop < end)

    def create(self, ref: ChannelRef, permanent: bool) -> Receipt:
        log = self._logs.get(ref) or self._add(ref)
        log.permanent |= permanent
        log.used = self._swept
        return self._current(log).receipt()

    def delete(self, ref: ChannelRef) -> Receipt:
        log = self._existing(ref)
        receipt = log.receipt()
        self._remove(log)
        if log.watched and self._events is not None:
            self._events.deleted(ref)
        return receipt

    def info(self, ref: ChannelRef) -> Receipt:
        return self._existing(ref).receipt()

    def watch(self, ref: ChannelRef) -> None:
        self._watched[ref] = None
        log = self._logs.get(ref)
        if log is not None:
            log.watched = True

    def unwatch(self, ref: ChannelRef) -> None:
        self._watched.pop(ref, None)
        log = self._logs.get(ref)
        if log is not None:
            log.watched = False
            log.used = self._swept

    def report(self, ref: ChannelRef, held: int, streaming: int, requested: float | None) -> None:
        log = self._logs.get(ref)
        if log is not None:
            log.listening = held + streaming
            log.used = self._swept
            if requested is not None:
                log.requested = requested
        elif requested is not None and ref in self._watched:
            self._watched[ref] = requested

    def figures(self) -> Sequence[Figure]:
        return (
            Figure("channels", len(self._logs), "Channels in the store."),
            Figure("bytes", self._bytes, "What the kept messages count, with 256 bytes for each."),
            Figure("watched_channels", len(self._watched), "Channels that somebody here listens to."),
            Figure("tombstones", len(self._tombstones), "Channels that were removed of late, whose last ids are still known."),
        )

    # Channels come and go

    def _existing(self, ref: ChannelRef) -> Log:
        log = self._logs.get(ref)
        if log is None:
            raise ChannelNotFound("there is no such channel")
        return self._current(log)

    def _current(self, log: Log) -> Log:
        now = self._time()
        if log.soonest and log.soonest <= now:
            self._bytes -= log.expire(now, self._spared)
        return log

    def _add(self, ref: ChannelRef) -> Log:
        if len(self._logs) >= self._max_channels:
            raise self._refused(StoreFull("the store has no room for another channel"), "store_full")
        if self._timer is None and self._events is not None:
            self._swept = self.context.clock.monotonic()
            self._timer = self.context.clock.call_later(SWEEP, self._sweep)
        before, _ = self._tombstones.pop(ref, (self._floor, 0.0))
        log = self._logs[ref] = Log(ref, before, self._swept)
        if ref in self._watched:
            log.watched = True
            log.requested = self._watched[ref]
        return log

    def _remove(self, log: Log) -> None:
        del self._logs[log.ref]
        self._bytes -= log.bytes
        if log.watched:
            self._watched[log.ref] = None
        if log.last > self._floor:
            self._tombstones[log.ref] = log.last, self.context.clock.monotonic() + TOMBSTONE_SECONDS
            if len(self._tombstones) > TOMBSTONES:
                self._forget_tombstone()

    def _forget_tombstone(self) -> None:
        _, (last, _) = self._tombstones.popitem(last=False)
        self._floor = max(self._floor, last)

    def _absent(self, ref: ChannelRef, since: Since) -> Page:
        last, _ = self._tombstones.get(ref, (self._floor, 0.0))
        return Page(missed=isinstance(since, MessageId) and since < last, last=last, exists=False)

    # Bounds

    def _make_room(self, log: Log | None, size: int) -> None:
        """Free what is over ``max_bytes``, or raise StoreFull and leave every message that has not expired where it is."""
        if self._swept - self._freed >= SWEEP:
            # A walk over every channel: at most one between two sweeps, however many publishers are refused.
            self._freed = self._swept
            for each in self._logs.values():
                self._current(each)
        elif log is not None:
            self._current(log)
        over = self._bytes + size - self._max_bytes
        if over > (0 if log is None else log.bytes):
            raise self._refused(StoreFull("the store is full"), "store_full")
        while log is not None and over > 0:
            freed = log.drop_oldest()
            self._bytes -= freed
            over -= freed

    def _refused(self, error: StoreError, kind: str) -> StoreError:
        self.context.counters.refuse(kind, f"store {self.context.name}: {error}")
        return error

    # The sweep

    def _sweep(self) -> None:
        """Look at a part of the channels; free what has expired in them, and remove those that are idle."""
        self._timer = None
        self._swept = now = self.context.clock.monotonic()
        timeout = self.settings.idle_channel_timeout
        # ``used`` is up to a sweep too old.
        idle_since = now - timeout - SWEEP if timeout else float("-inf")
        passing_since = max(idle_since, now - UNHEARD_TIMEOUT - SWEEP)
        many = max(SWEPT_AT_LEAST, len(self._logs) // ROUND + 1)
        seen = 0
        for ref in islice(self._hand, many):
            seen += 1
            log = self._logs.get(ref)
            if log is None:
                continue
            self._current(log)
            if log.used <= (passing_since if log.passing else idle_since) and not (log.permanent or log.watched or log.listening):
                self._remove(log)
        if seen < many:
            self._hand = iter(list(self._logs))
        while self._tombstones and next(iter(self._tombstones.values()))[1] <= now:
            self._forget_tombstone()
        if self._logs or self._tombstones:
            self._timer = self.context.clock.call_later(SWEEP, self._sweep)


def _before(now: float) -> MessageId:
    """An id above all that a store before this one has given, unless the clock was set back since.

    In the second that has begun its tags began at 0, and it has not published once a microsecond: what that takes is a multiple.
    """
    second = int(now)
    return MessageId(second, int((now - second) * 1_000_000) - 1)


def _announce_nothing(_: Message) -> None:
    """What is published while the store is not started."""
