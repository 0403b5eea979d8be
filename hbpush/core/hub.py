"""The hub: who listens to what in this process, and the way from a store's echo to every subscriber.

Only the echo of a store delivers: a publisher never touches a subscriber, so a local and a remote message take the same path.
The messages of one loop tick are joined into one `Batch` a channel, delivered at the next tick in slices (`hbpush.core.delivery`). What one
subscriber raises is logged, and ends that subscriber alone.
"""

from __future__ import annotations

import logging
from asyncio import Future
from collections.abc import Callable, Mapping
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING

from hbpush.core.batch import Batch
from hbpush.core.channel import Channel, close, counted
from hbpush.core.clock import Clock
from hbpush.core.delivery import Deliveries
from hbpush.core.message import HEADER_BYTES, ChannelRef, Draft, Message, Since, check_heads
from hbpush.core.result import Result, then
from hbpush.core.subscription import CloseReason, Subscriber, Subscription
from hbpush.errors import HbpushError, StoreUnavailable

if TYPE_CHECKING:
    # The hub is written against the contract of stores, which is written against the hub's values.
    from hbpush.stores.base import Claim, ClaimMode, Page, Receipt, Store

logger = logging.getLogger("hbpush")

PAGE = 100
"""Messages of history read at once for a stream."""


class Hub:
    """Channels, their subscribers, and the stores behind them. One to a loop.

    ``stores`` maps configured names to stores: the ``store`` of a `ChannelRef` is a key of it. Its owner may change it while the hub
    runs, after `release` of what used a store that goes; who asks for it afterwards gets StoreUnavailable.
    """

    def __init__(self, stores: Mapping[str, Store], clock: Clock) -> None:
        self._stores = stores
        self._clock = clock
        self.channels: dict[ChannelRef, Channel] = {}
        """Those that somebody in this process is on; for others to look at only."""
        self._deliveries = Deliveries(clock, self._failed, self._forget_if_empty)
        self.traffic = self._deliveries.traffic

    # Publishing

    def publish(self, ref: ChannelRef, draft: Draft) -> Result[Receipt]:
        """Publish a message. Errors are those of `Store.publish`, and ProtocolError for a content type or an event that is too long.

        In the receipt, ``subscribers`` are those that listened before, and ``takers`` those that get this message: streams, and
        polls that no earlier message of this tick has claimed.
        """
        media = draft.content_type
        if draft.event is not None or (media is not None and len(media) > HEADER_BYTES):
            # Every door comes by here; nearly all messages pass for the price of one comparison.
            check_heads(draft)
        channel = self.channels.get(ref)
        if channel is None:
            return self.store(ref.store).publish(ref, draft)
        listening = channel.listening()
        takers = len(channel.streams) + (0 if channel.pending else len(channel.polls))
        return counted(channel.store.publish(ref, draft), listening, takers)

    def create(self, ref: ChannelRef, permanent: bool) -> Result[Receipt]:
        """`Store.create`, with the subscribers of this process counted in."""
        return counted(self.store(ref.store).create(ref, permanent), self.listening(ref))

    def info(self, ref: ChannelRef) -> Result[Receipt]:
        """`Store.info`, with the subscribers of this process counted in. Raises ChannelNotFound."""
        return counted(self.store(ref.store).info(ref), self.listening(ref))

    def delete(self, ref: ChannelRef) -> Result[Receipt]:
        """`Store.delete`: when it returns or completes, every subscriber here was closed with DELETED. Raises ChannelNotFound."""
        listening = self.listening(ref)
        return counted(self.store(ref.store).delete(ref), listening)

    def read(self, ref: ChannelRef, since: Since, limit: int) -> Result[Page]:
        """`Store.read_after`, for whoever asks without subscribing. Raises StoreUnavailable."""
        return self.store(ref.store).read_after(ref, since, limit)

    # Subscribing

    def subscribe(self, ref: ChannelRef, subscriber: Subscriber, since: Since, must_exist: bool = False) -> None:
        """Deliver what follows ``since``, then what is published from here on. Never creates a channel, never raises.

        With ``must_exist`` an absent channel closes the subscriber with ABSENT; a store that cannot be read does so with
        UNAVAILABLE. With a store that answers at once, all this happens before the call returns.
        """
        channel = self.channels.get(ref)
        if channel is not None and channel.pending:
            self._deliveries.divide(channel)
            # Those who were served meanwhile may have left, and the record with the last of them.
            channel = self.channels.get(ref)
        if channel is None:
            try:
                store = self.store(ref.store)
                channel = Channel(ref, store)
                channel.watched = store.watch(ref)
            except HbpushError:
                close(subscriber, CloseReason.UNAVAILABLE)
                return
            self.channels[ref] = channel
        if channel.watched is not None or subscriber.takes is None:
            self._catch_up(channel, subscriber, since, must_exist)
            return
        # The way of nearly every poll: with history at hand there is nothing to remember between it and live.
        try:
            page = channel.store.read_watched(ref, since, 1)
        except HbpushError:
            self._forget_if_empty(channel)
            close(subscriber, CloseReason.UNAVAILABLE)
            return
        if isinstance(page, Future):
            self._catch_up(channel, subscriber, since, must_exist, page)
            return
        self._try(channel, subscriber, self._begin_poll, channel, subscriber, page, must_exist)

    def resume(self, ref: ChannelRef, subscriber: Subscriber) -> None:
        """The subscriber has room again: go on reading history for it. Harmless when it is live."""
        channel = self.channels.get(ref)
        subscription = None if channel is None else channel.catching.get(subscriber)
        if channel is not None and subscription is not None and not subscription.reading:
            self._read(channel, subscriber, subscription, False)

    def rewind(self, ref: ChannelRef, subscriber: Subscriber, since: Since, lost: bool = False) -> None:
        """A stream could not take what it was given: it reads again what follows ``since``, when it calls `resume`.

        Until this returns it is given more that is on its way, which it has to ignore. ``lost`` tells that some of it is in no history.
        """
        self.settle(ref)
        channel = self.channels.get(ref)
        if channel is not None and channel.remove(subscriber):
            subscription = channel.catching[subscriber] = Subscription(since, PAGE)
            subscription.lost = lost
            channel.report()

    def unsubscribe(self, ref: ChannelRef, subscriber: Subscriber) -> None:
        """The subscriber has left, or wants no more. Harmless when it is not there."""
        channel = self.channels.get(ref)
        if channel is not None and channel.remove(subscriber):
            channel.report()
            self._forget_if_empty(channel)

    def listening(self, ref: ChannelRef) -> int:
        """How many subscribers of this process are on the channel."""
        return self.channels[ref].listening() if ref in self.channels else 0

    def subscribers(self, ref: ChannelRef) -> list[Subscriber]:
        """The subscribers of this process on the channel, the oldest poll first."""
        channel = self.channels.get(ref)
        return [] if channel is None else [*channel.polls, *channel.streams, *channel.catching]

    def settle(self, ref: ChannelRef) -> None:
        """Deliver at once what is pending or on its way on a channel, to all of it: before what must come after it, such as an end."""
        channel = self.channels.get(ref)
        if channel is not None:
            self._deliveries.settle(channel)

    def claimed(self, ref: ChannelRef, poll: Subscriber) -> bool:
        """Whether a message of this tick, or one on its way, is for a poll that waits: then that is not to end without it."""
        channel = self.channels.get(ref)
        return channel is not None and (bool(channel.pending) or poll not in channel.polls)

    def touch(self, ref: ChannelRef) -> None:
        """A subscriber asked for the channel without subscribing (an interval poll)."""
        channel = self.channels.get(ref)
        if channel is None:
            with suppress(StoreUnavailable):
                self.store(ref.store).report(ref, 0, 0, self._clock.time())
        else:
            channel.report(self._clock.time())

    def claim(self, ref: ChannelRef, mode: ClaimMode) -> Result[Claim]:
        """`Store.claim`, for a poll that is subscribed: those of other processes are asked or told. Raises StoreUnavailable."""
        return self.store(ref.store).claim(ref, mode)

    def close(self, ref: ChannelRef, subscriber: Subscriber, reason: CloseReason) -> None:
        """Drop one subscriber and tell it why, behind what was delivered to it."""
        if ref in self.channels:
            self._deliveries.write(self.channels[ref])
        if ref in self.channels:
            self._drop(self.channels[ref], [subscriber], reason)

    def release(self, reason: CloseReason, owner: object = None) -> None:
        """Drop every subscriber of an owner (None: every one), after what is on its way to it was delivered."""
        for ref in list(self.channels):
            self.settle(ref)
            channel = self.channels.get(ref)
            if channel is not None:
                self._drop(channel, [s for s in self.subscribers(ref) if owner is None or s.owner is owner], reason)

    def store(self, name: str) -> Store:
        """A store by its configured name, for what is not of one channel: leases, whether it serves. Raises StoreUnavailable without it."""
        store = self._stores.get(name)
        if store is None:
            # A request may outlive the configuration that it came under.
            raise StoreUnavailable("the store is not there any more")
        return store

    # What stores tell (`hbpush.stores.base.StoreEvents`)

    def deliver(self, message: Message) -> None:
        """A message of a watched channel: it claims the polls that wait, and goes out with the flush of this tick."""
        channel = self.channels.get(message.channel)
        if channel is None:
            return
        if not channel.pending:
            self._deliveries.wake(channel)
        channel.pending.append(message)

    def deleted(self, ref: ChannelRef) -> None:
        """The channel is no more: what was published before is delivered, then every subscriber is closed."""
        self.settle(ref)
        if ref in self.channels:
            self._drop(self.channels[ref], self.subscribers(ref), CloseReason.DELETED)

    def gap(self, ref: ChannelRef) -> None:
        """Messages of the channel were lost on the way: its subscribers are told."""
        self.settle(ref)
        channel = self.channels.get(ref)
        if channel is None:
            return
        for subscriber in [*channel.polls, *channel.streams]:
            self._try(channel, subscriber, subscriber.missed)
        for subscription in channel.catching.values():
            subscription.lost = True

    def displaced(self, ref: ChannelRef, number: int) -> None:
        """A poll has claimed the channel as the last one: those here that were earlier leave."""
        if ref in self.channels:
            self.channels[ref].claimed = max(self.channels[ref].claimed, number)
        for subscriber in self.subscribers(ref):
            if subscriber.claim is not None and subscriber.claim < number:
                self.close(ref, subscriber, CloseReason.DISPLACED)

    def newest_claim(self, ref: ChannelRef) -> int:
        """The greatest number that `displaced` has told since somebody here listens."""
        return self.channels[ref].claimed if ref in self.channels else 0

    # From history to live

    def _begin_poll(self, channel: Channel, subscriber: Subscriber, page: Page, must_exist: bool) -> None:
        if page.missed:
            subscriber.missed()
        if not page.messages and (page.exists or not must_exist):
            channel.polls[subscriber] = None
            channel.report(self._clock.time())
            subscriber.joined()
        elif page.messages:
            channel.report(self._clock.time())
            subscriber.deliver(Batch(page.messages))
            self._forget_if_empty(channel)
        else:
            self._forget_if_empty(channel)
            close(subscriber, CloseReason.ABSENT)

    def _catch_up(self, channel: Channel, subscriber: Subscriber, since: Since, must_exist: bool, page: Result[Page] | None = None) -> None:
        subscription = channel.catching[subscriber] = Subscription(since, subscriber.takes or PAGE)
        channel.report(self._clock.time())
        self._read(channel, subscriber, subscription, must_exist, page)

    def _read(
        self, channel: Channel, subscriber: Subscriber, subscription: Subscription, must_exist: bool, page: Result[Page] | None = None
    ) -> None:
        subscription.reading = True
        if channel.catching.get(subscriber) is not subscription:
            return
        failed = partial(self._read_failed, channel, subscriber, subscription)
        if channel.watched is not None:
            # Between reading history and hearing the echo there must be no gap: the echo comes first.
            then(channel.watched, partial(self._watching, channel, subscriber, subscription, must_exist), failed)
            return
        try:
            if page is None:
                page = channel.store.read_watched(channel.ref, subscription.ask(), subscription.limit)
        except HbpushError as error:
            failed(error)
        else:
            then(page, partial(self._page_read, channel, subscriber, subscription, must_exist), failed)

    def _watching(self, channel: Channel, subscriber: Subscriber, subscription: Subscription, must_exist: bool, _: None) -> None:
        channel.watched = None
        self._read(channel, subscriber, subscription, must_exist)

    def _page_read(self, channel: Channel, subscriber: Subscriber, subscription: Subscription, must_exist: bool, page: Page) -> None:
        if channel.catching.get(subscriber) is not subscription:
            return
        if must_exist and not page.exists:
            if page.missed:
                self._try(channel, subscriber, subscriber.missed)
            self._drop(channel, [subscriber], CloseReason.ABSENT)
            return
        if channel.pending:
            self._deliveries.divide(channel)
            # That may have called others, who may have made this one leave.
            if channel.catching.get(subscriber) is not subscription:
                return
        self._try(channel, subscriber, self._take_page, channel, subscriber, subscription, page)

    def _take_page(self, channel: Channel, subscriber: Subscriber, subscription: Subscription, page: Page) -> None:
        fitting = subscription.fitting(page.messages)
        messages, live = subscription.page(fitting, page.last, page.more or len(fitting) < len(page.messages))
        if page.missed or subscription.lost:
            subscription.lost = False
            subscriber.missed()
        # Whoever was called since may have made this subscriber leave.
        if channel.catching.get(subscriber) is not subscription:
            return
        if messages and subscriber.takes is not None:
            channel.remove(subscriber)
            channel.report()
            subscriber.deliver(Batch(messages))
            self._forget_if_empty(channel)
            return
        if messages:
            subscriber.deliver(Batch(messages))
            if channel.catching.get(subscriber) is not subscription:
                return
        if live:
            channel.join(subscriber)
            subscriber.joined()
        elif subscriber.has_room():
            self._clock.call_soon(partial(self._read, channel, subscriber, subscription, False))
        else:
            subscription.reading = False

    def _read_failed(self, channel: Channel, subscriber: Subscriber, subscription: Subscription, _: BaseException) -> None:
        if channel.catching.get(subscriber) is subscription:
            self._drop(channel, [subscriber], CloseReason.UNAVAILABLE)

    # The table

    def _drop(self, channel: Channel, leaving: list[Subscriber], reason: CloseReason) -> None:
        leaving = [subscriber for subscriber in leaving if channel.remove(subscriber)]
        channel.report()
        self._forget_if_empty(channel)
        for subscriber in leaving:
            close(subscriber, reason)

    def _try(self, channel: Channel, subscriber: Subscriber, call: Callable[..., object], *args: object) -> None:
        try:
            call(*args)
        except Exception:  # noqa: BLE001 - the wall between subscribers: a fault ends the one that has it, and is logged
            self._failed(channel, subscriber)

    def _failed(self, channel: Channel, subscriber: Subscriber, log: bool = True) -> None:
        """Within an except clause: a subscriber raised. It is dropped, and nobody else hears of it."""
        if log:
            logger.exception("a subscriber of channel %r failed and is dropped", channel.ref.id)
        if channel.remove(subscriber):
            channel.report()
        self._forget_if_empty(channel)
        # Its peer is not to wait for ever; and one fault is one line, though the subscriber be broken altogether.
        with suppress(Exception):
            subscriber.closed(CloseReason.UNAVAILABLE)

    def _forget_if_empty(self, channel: Channel) -> None:
        if channel.polls or channel.streams or channel.catching or channel.pending or channel.running:
            return
        if self.channels.get(channel.ref) is channel:
            del self.channels[channel.ref]
            # A store that is away announces nothing, asked or not; and whoever has just left is not to hear of it.
            with suppress(HbpushError):
                channel.store.unwatch(channel.ref)
