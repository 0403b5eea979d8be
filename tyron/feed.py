"""Envelopes from a Redis pub/sub channel to channels of the hub.

Every process hears them all; where processes share the store, the one that has the lease publishes them, each once; who hears nothing
wants no lease. It is at most once, as Redis pub/sub is: what is published while nobody listens, or while the lease passes from a process
to another, is lost.
"""

from __future__ import annotations

import logging
from asyncio import Future
from functools import partial

from hbpush.core.clock import Clock
from hbpush.core.counters import Counters
from hbpush.core.hub import Hub
from hbpush.core.message import ChannelRef, Draft
from hbpush.core.result import then
from hbpush.errors import HbpushError, ProtocolError, StoreUnavailable
from hbpush.stores.base import Lease
from hbpush.stores.redis_listener import Listener
from tyron.envelope import envelope, shown
from tyron.settings import TyronSettings

logger = logging.getLogger("hbpush")

TEXT = b"text/plain; charset=utf-8"


class Feed:
    """The feed of one location, a `Hearer`. Raises ConfigError, its path an option of Redis, for a server that cannot be used."""

    def __init__(self, hub: Hub, clock: Clock, counters: Counters, settings: TyronSettings) -> None:
        self._hub = hub
        self._counters = counters
        self._store = settings.store
        self._largest = settings.max_payload
        self._stored = settings.buffer_seconds > 0
        self._kept = settings.buffer_seconds or None
        self.name = f"feed {settings.pubsub_channel}"
        channel = settings.pubsub_channel.encode("utf-8", "surrogateescape")
        self.listener = Listener(self.name, settings.redis, channel, self, clock)
        self._channel = settings.pubsub_channel
        self._lease: Lease | None = None
        self._shared = False
        self._caught_up = False

    def start(self) -> Future[None]:
        """Listen. Done when the first try has succeeded or failed. Raises StoreUnavailable for a store that is not there."""
        self._shared = self._hub.store(self._store).shared
        # Processes may have other names for it; were each to think of another feed, each would store every envelope.
        self.listener.has_to_know = self._shared
        return self.listener.start()

    async def stop(self) -> None:
        """Listen no more; another process may go on at once."""
        self.deaf()
        await self.listener.stop()

    @property
    def trouble(self) -> str:
        """Why messages do not arrive now, in one line; empty when they do."""
        if self.listener.trouble:
            return self.listener.trouble
        try:
            return self._hub.store(self._store).trouble
        except StoreUnavailable as error:
            return str(error)

    def subscribed(self) -> None:
        """What is published can be heard: want to be the one who brings it to the hub."""
        self._lease = self._hub.store(self._store).lease(f"tyron {self.listener.server} {self._channel}", self._granted)

    def deaf(self) -> None:
        """It cannot be heard here any more: whoever hears it is to go on."""
        lease, self._lease = self._lease, None
        if lease is not None:
            lease.end()

    def heard(self, payload: bytes) -> None:
        """A payload of the channel: publish what it says, if that is this process's to do."""
        lease = self._lease
        if not self._caught_up or lease is None or not lease.held:
            return
        try:
            channel, body = envelope(payload, self._largest)
        except ProtocolError as error:
            self._counters.refuse("bad_envelope", f"{self.name}: {error}: {shown(payload)}", logging.WARNING)
            return
        ref = ChannelRef(self._store, "", channel)
        if not self._stored and not self._shared and not self._hub.listening(ref):
            # Nobody could ever get it: it is not to make a channel, of which there may be as many as there were users.
            self._counters.add("unheard_envelope")
            return
        try:
            published = self._hub.publish(ref, Draft(body, TEXT, stored=self._stored, timeout=self._kept))
        except HbpushError as error:
            self._failed(channel, error)
        else:
            then(published, _nothing, partial(self._failed, channel))

    def _granted(self) -> None:
        # What was published before is the former holder's, and may be on its way to this process yet; unless nothing was heard so far.
        self._caught_up = self._lease is None
        if not self._caught_up:
            self.listener.catch_up(self._begin)

    def _begin(self) -> None:
        self._caught_up = True

    def _failed(self, channel: str, error: BaseException) -> None:
        self._counters.refuse("lost_envelope", f"{self.name}: a message for {channel[:80]!a} was lost: {error}", logging.WARNING)


def _nothing(_: object) -> None:
    """Who gets it is told by the hub."""
