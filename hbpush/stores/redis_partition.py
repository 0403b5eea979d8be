"""Channels whose keys are in one hash slot, on whatever server has it: all of a store's on a single server, a part of them on a cluster.

Every operation is one script, run on the server. What is announced goes through a `Watch`, which brings it into order; what is read of a
watched channel waits until all of it was told.
"""

from __future__ import annotations

from asyncio import AbstractEventLoop, Future, get_running_loop
from collections.abc import Callable
from functools import partial
from typing import Protocol

from hbpush.core.clock import Timer
from hbpush.core.message import ChannelRef, Draft, MessageId, Since
from hbpush.core.result import fail, resolve
from hbpush.errors import ChannelNotFound, MessageTooLarge, StoreError, StoreFull, StoreUnavailable
from hbpush.stores.base import Claim, Page, Receipt, StoreContext, StoreEvents
from hbpush.stores.redis_codec import Displacement, Found, Names, announcement, found, head, names, parse_id, since_text, store_keys
from hbpush.stores.redis_leases import RedisLeases
from hbpush.stores.redis_link import Link
from hbpush.stores.redis_place import Place
from hbpush.stores.redis_presence import Presence
from hbpush.stores.redis_scripts import Scripts, milliseconds
from hbpush.stores.redis_settings import RedisSettings
from hbpush.stores.redis_tail import Tails
from hbpush.stores.redis_watch import Held
from hbpush.stores.redis_watches import Watches
from hbpush.stores.redis_wire import ConnectionLost, Reply

BEAT = 1.0
"""Seconds between two signs of life."""

BEAT_AGAIN = 0.1
"""Seconds, while more is due than one beat brings."""

DUE_AT_ONCE = 100

PAGE_BYTES = 1024 * 1024
"""About how many bytes of messages are read at once."""

NAMES = 10_000
"""Channels whose names are remembered."""

REFUSALS: dict[bytes, tuple[type[StoreError], str, str]] = {
    b"LARGE": (MessageTooLarge, "the message is larger than a channel may be", "message_too_large"),
    b"CHANNELS": (StoreFull, "the store has no room for another channel", "store_full"),
    b"BYTES": (StoreFull, "the store is full", "store_full"),
}


class Owner(Protocol):
    """The store that a partition is of."""

    def elsewhere(self, partition: Partition) -> tuple[int, int]:
        """Bytes and channels in the other partitions."""

    def away(self, partition: Partition, reason: str) -> None:
        """It cannot be reached."""

    def back(self, partition: Partition) -> None:
        """It can be reached, again or at all."""


class Partition:
    """``tag`` is what decides the slot; ``process`` names this process among the others."""

    def __init__(
        self,
        owner: Owner,
        settings: RedisSettings,
        context: StoreContext,
        place: Place,
        scripts: Scripts,
        tag: bytes,
        process: bytes,
        tails: Tails,
    ) -> None:
        self.bytes = 0
        self.channels = 0
        self._owner = owner
        self._settings = settings
        self._context = context
        self._scripts = scripts
        self._prefix = settings.key_prefix.encode()
        self._database = place.login.database
        self._tag = tag
        self._process = process
        self._loop: AbstractEventLoop = get_running_loop()
        keys = store_keys(self._prefix, tag)
        self._beat_keys = keys[:3]
        self._canary = b"%b{%b}:canary:%b" % (self._prefix, tag, process)
        self._link = Link(place, scripts, keys, self._canary, self)
        self._presence = Presence(context.clock, self._tell)
        self.leases = RedisLeases(self._link.run, scripts.lease, context.clock, process, self._lease_key)
        self._running = False
        self._names: dict[ChannelRef, Names] = {}
        self._watches = Watches(self._link, self._read, context.clock, settings.linger, tails)
        self._timer: Timer | None = None
        self._beating = False

    # Its life

    def start(self, events: StoreEvents) -> Future[None]:
        self._watches.events = events
        self._running = True
        self._timer = self._context.clock.call_later(BEAT, self._beat)
        return self._link.start()

    async def stop(self) -> None:
        self._watches.events = None
        self._running = False
        if self._timer is not None:
            self._timer.cancel()
        self._presence.stop()
        self.leases.stop()
        await self._link.stop(self._process)
        self._watches.stop()

    # What the store does

    def publish(self, ref: ChannelRef, draft: Draft) -> Future[Receipt]:
        name = self._name(ref)
        other_bytes, other_channels = self._owner.elsewhere(self)
        timeout = draft.timeout
        future: Future[Receipt] = self._loop.create_future()
        self._link.run(
            self._scripts.publish,
            name.keys,
            (
                self._process,
                name.id,
                draft.body,
                head(draft.content_type, draft.event),
                b"1" if draft.stored else b"0",
                b"" if timeout is None else milliseconds(timeout),
                b"1" if draft.create else b"0",
                other_bytes,
                other_channels,
                b"1" if draft.if_heard else b"0",
            ),
            partial(self._published, ref, future),
        )
        return future

    def _published(self, ref: ChannelRef, future: Future[Receipt], reply: Reply) -> None:
        if reply == b"UNHEARD":
            resolve(future, Receipt())
            return
        if isinstance(reply, list):
            self._link.known(reply[6], int(reply[5]), parse_id(reply[2]))
        self._receipt(ref, future, reply)

    def create(self, ref: ChannelRef, permanent: bool) -> Future[Receipt]:
        name = self._name(ref)
        _, other_channels = self._owner.elsewhere(self)
        future: Future[Receipt] = self._loop.create_future()
        arguments = (self._process, name.id, b"1" if permanent else b"0", other_channels)
        self._link.run(self._scripts.create, name.keys, arguments, partial(self._receipt, ref, future))
        return future

    def info(self, ref: ChannelRef) -> Future[Receipt]:
        future: Future[Receipt] = self._loop.create_future()
        self._link.run(self._scripts.info, self._name(ref).keys, (self._process,), partial(self._receipt, ref, future))
        return future

    def delete(self, ref: ChannelRef) -> Future[Receipt]:
        future: Future[Receipt] = self._loop.create_future()
        self._link.run(self._scripts.delete, self._name(ref).keys, (self._process,), partial(self._deleted, ref, future))
        return future

    def _deleted(self, ref: ChannelRef, future: Future[Receipt], reply: Reply) -> None:
        if isinstance(reply, list):
            self._watches.end(ref, int(reply[5]), future, self._receipt_of(ref, reply))
            self._presence.deleted(ref)
        else:
            fail(future, self._refusal(reply))

    def read_after(self, ref: ChannelRef, since: Since, limit: int) -> Future[Page]:
        future: Future[Page] = self._loop.create_future()
        self._read(ref, since, limit, partial(self._page_read, ref, since, future))
        return future

    def read_watched(self, ref: ChannelRef, since: Since, limit: int) -> Page | Future[Page]:
        watch = self._watches.get(ref)
        if watch is not None:
            page = watch.page(since, limit, self._context.clock.time())
            if page is not None:
                return page
        return self.read_after(ref, since, limit)

    def _page_read(self, ref: ChannelRef, since: Since, future: Future[Page], reply: Found | StoreError) -> None:
        if isinstance(reply, Found):
            page = Page(reply.messages, reply.missed(since), reply.last, reply.more, reply.generation != 0)
            self._watches.hold_back(ref, Held(page, reply.epoch, future))
        else:
            fail(future, reply)

    def _read(self, ref: ChannelRef, since: Since, limit: int, answered: Callable[[Found | StoreError], object]) -> None:
        """Raises StoreUnavailable."""

        def read(reply: Reply) -> None:
            if isinstance(reply, list):
                page = found(ref, reply)
                self._link.known(page.epoch, page.given, page.last)
                self._link.seen(page.epoch)
                answered(page)
            else:
                answered(reply)

        self._link.run(self._scripts.read, self._name(ref).keys, (since_text(since), limit, PAGE_BYTES), read)

    def claim(self, ref: ChannelRef, mode: str) -> Future[Claim]:
        future: Future[Claim] = self._loop.create_future()
        held, streaming = self._presence.claim(ref)
        arguments = (self._process, held, streaming, mode.encode())
        self._link.run(self._scripts.claim, self._name(ref).keys, arguments, partial(self._claimed, ref, held, streaming, future))
        return future

    def _claimed(self, ref: ChannelRef, held: int, streaming: int, future: Future[Claim], reply: Reply) -> None:
        if not isinstance(reply, list):
            self._presence.claim_ended(ref, None)
            fail(future, reply)
            return
        number, others_held, others_streaming = reply
        self._presence.claim_ended(ref, (held, streaming) if number else None)
        resolve(future, Claim(number, others_held + others_streaming))

    def report(self, ref: ChannelRef, held: int, streaming: int, requested: float | None) -> None:
        self._presence.report(ref, held, streaming, requested)

    def watch(self, ref: ChannelRef) -> Future[None] | None:
        result = self._watches.watch(ref, self._name(ref))
        self._presence.watch(ref, True)
        return result

    def unwatch(self, ref: ChannelRef) -> None:
        if self._watches.unwatch(ref):
            self._presence.watch(ref, False)

    @property
    def watched(self) -> int:
        """Channels that are listened to."""
        return len(self._watches)

    @property
    def waiting_bytes(self) -> int:
        """Bytes of commands without a reply."""
        return self._link.waiting_bytes

    # What the link tells

    def connected(self) -> None:
        # Whom the store does not know is not counted.
        self._send_beat()
        self.leases.renew()
        self._watches.connected()
        self._presence.tell_all()

    def disconnected(self, reason: str) -> None:
        self._watches.disconnected()
        self._owner.away(self, reason)

    def refused(self, reason: str) -> None:
        self._context.counters.refuse("store_refused", f"store {self._context.name}: Redis refuses: {reason}")

    def history_lost(self) -> None:
        self._watches.look_at_all()
        self.leases.lost()
        # What the others know of this process is lost too.
        self._send_beat()
        self._presence.tell_all()

    def subscribed(self, name: bytes) -> None:
        self._watches.subscribed(name)

    def heard(self, name: bytes, payload: bytes) -> None:
        watch = self._watches.named(name)
        events = self._watches.events
        if watch is None or events is None:
            return
        try:
            said = announcement(watch.ref, payload)
        except ValueError:
            self._context.counters.refuse("foreign_announcement", f"store {self._context.name}: something else publishes to its names")
            return
        if isinstance(said, Displacement):
            if watch.watched:
                events.displaced(watch.ref, said.number)
            return
        self._link.known(said.epoch, said.given, said.last)
        self._link.seen(said.epoch)
        if said.message is None:
            self._presence.deleted(watch.ref)
        self._watches.heard(watch, said)

    # Once a second

    def _beat(self) -> None:
        self._timer = None
        if not self._running:
            return
        self._timer = self._context.clock.call_later(BEAT, self._beat)
        self._link.check(self._settings.timeout)
        self._watches.sweep()
        if self._link.ready:
            self.leases.renew()
            self._presence.beat()
            self._send_beat()

    def _send_beat(self) -> None:
        if self._beating or not self._link.ready:
            return
        self._beating = True
        try:
            self._link.run(self._scripts.beat, self._beat_keys, (self._process, self._canary), self._beat_answered)
        except StoreUnavailable:
            self._beating = False

    def _beat_answered(self, reply: Reply) -> None:
        self._beating = False
        if not isinstance(reply, list):
            if self._running and self._link.ready and not isinstance(reply, ConnectionLost):
                # The server is there, and refuses what keeps the store going.
                self._owner.away(self, str(reply))
            return
        self._link.useful = True
        self._owner.back(self)
        if not reply:
            self._link.seen(b"")
            return
        epoch, given, newest, total, channels, *due = reply
        self._link.seen(epoch)
        self._link.known(epoch, int(given), MessageId(int(newest), 0))
        self.bytes = int(total)
        self.channels = int(channels)
        try:
            for key in due:
                keys = (key + b":s", key + b":m", key + b":x", key + b":w", *self._beat_keys)
                self._link.run(self._scripts.look, keys, (), _nothing)
        except StoreUnavailable:
            return
        if len(due) == DUE_AT_ONCE:
            self._context.clock.call_later(BEAT_AGAIN, self._send_beat)

    def _tell(self, ref: ChannelRef, present: tuple[int, int] | None, requested: float | None) -> bool:
        held, streaming = (b"", b"") if present is None else (b"%d" % present[0], b"%d" % present[1])
        asked = b"" if requested is None else repr(requested).encode()
        try:
            self._link.run(self._scripts.report, self._name(ref).keys, (self._process, held, streaming, asked), partial(self._told, ref))
        except StoreUnavailable:
            return False
        return True

    def _told(self, ref: ChannelRef, reply: Reply) -> None:
        if isinstance(reply, StoreError):
            self._presence.untold(ref)

    # Small things

    def _lease_key(self, name: str) -> bytes:
        return b"%b{%b}:lease:%b" % (self._prefix, self._tag, name.encode("utf-8", "surrogateescape"))

    def _name(self, ref: ChannelRef) -> Names:
        name = self._names.get(ref)
        if name is None:
            if len(self._names) >= NAMES:
                self._names.clear()
            name = self._names[ref] = names(ref, self._prefix, self._tag, self._database)
        return name

    def _receipt(self, ref: ChannelRef, future: Future[Receipt], reply: Reply) -> None:
        if isinstance(reply, list):
            resolve(future, self._receipt_of(ref, reply))
        else:
            fail(future, self._refusal(reply))

    def _receipt_of(self, ref: ChannelRef, reply: list[Reply]) -> Receipt:
        messages, requested, last, held, streaming = reply[:5]
        asked = float(requested) if requested else None
        here = self._presence.requested(ref)
        if here is not None and (asked is None or here > asked):
            asked = here
        others = held + streaming
        return Receipt(messages, asked, parse_id(last) if last else None, others, others)

    def _refusal(self, reply: Reply) -> StoreError | ChannelNotFound:
        if isinstance(reply, StoreError):
            return reply
        if reply == b"ABSENT":
            return ChannelNotFound("there is no such channel")
        kind, text, counter = REFUSALS[reply]
        self._context.counters.refuse(counter, f"store {self._context.name}: {text}")
        return kind(text)


def _nothing(_: Reply) -> None:
    """What could not be looked at is still due with the next beat."""
