"""Who may wait on a channel of a location: how many, and who before whom (relay specification 1.3, 7.2.9)."""

from __future__ import annotations

from hbpush.core.counters import Counters
from hbpush.core.hub import Hub
from hbpush.core.message import ChannelRef
from hbpush.core.result import Result
from hbpush.core.subscription import CloseReason, Subscriber
from hbpush.relay.rules import VARY
from hbpush.relay.settings import SubscriberSettings
from hbpush.stores.base import Claim
from hbpush.web.answers import Head, line

DISPLACED = Head(409, VARY)


class Waiting:
    """A relay's subscriber, which may displace others and be displaced. ``held`` while it waits."""

    __slots__ = ()

    held: bool


class Admission:
    """The rules of one location. ``bounded`` False lets everybody in, unasked."""

    __slots__ = ("_concurrency", "_counters", "_hub", "_most", "bounded")

    def __init__(self, hub: Hub, counters: Counters, settings: SubscriberSettings) -> None:
        self.bounded = settings.concurrency != "broadcast" or settings.max_subscribers > 0
        self._hub = hub
        self._counters = counters
        self._concurrency = settings.concurrency
        self._most = settings.max_subscribers

    def admit(self, ref: ChannelRef, waiting: Subscriber) -> Result[Claim] | bytes:
        """Whether one that has just joined may wait: those of this process that it displaces go, those elsewhere are asked or told.

        Returns the refusal, or what the store says, maybe later. Raises StoreUnavailable.
        """
        if self._concurrency != "broadcast":
            held = [other for other in self._hub.subscribers(ref) if other is not waiting and isinstance(other, Waiting) and other.held]
            if held and self._concurrency == "first":
                return DISPLACED.wire()
            for other in held:
                self._hub.close(ref, other, CloseReason.DISPLACED)
        return self.too_many(ref, 0) or self._hub.claim(ref, "any" if self._concurrency == "broadcast" else self._concurrency)

    def refusal(self, ref: ChannelRef, claim: Claim) -> bytes | None:
        """What one is told whom the store has answered; None when it is let in."""
        if not claim.number or claim.number < self._hub.newest_claim(ref):
            return DISPLACED.wire()
        return self.too_many(ref, claim.elsewhere)

    def too_many(self, ref: ChannelRef, elsewhere: int) -> bytes | None:
        """What one is told that makes too many; None when it does not."""
        if not self._most or self._hub.listening(ref) + elsewhere <= self._most:
            return None
        text = f"the channel has {self._most} subscribers already"
        self._counters.refuse("max_subscribers", text)
        return line(403, text)
