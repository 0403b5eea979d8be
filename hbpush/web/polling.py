"""A request that waits for one message: what the long polls of every protocol have in common.

A protocol says when a request may wait, and what its answers are; here is the way between the two.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Protocol

from hbpush.core.batch import Batch, Format
from hbpush.core.clock import TimerWheel, WheelEntry
from hbpush.core.hub import Hub
from hbpush.core.message import Since
from hbpush.core.subscription import CloseReason
from hbpush.web.exchange import Exchange


class PollPlace(Protocol):
    """What the polls of one location go by. ``timeout`` is in seconds, 0 for never; ``format`` makes a whole response."""

    @property
    def owner(self) -> object: ...
    @property
    def protocol(self) -> str: ...
    @property
    def hub(self) -> Hub: ...
    @property
    def wheel(self) -> TimerWheel: ...
    @property
    def timeout(self) -> float: ...
    @property
    def format(self) -> Format: ...

    def timed_out(self, since: Since) -> bytes:
        """The whole response to a poll that has waited for ``timeout``."""


class HeldPoll(ABC):
    """A long poll, from its request to its answer: a `hbpush.core.subscription.Subscriber`. ``held`` while it waits.

    `Exchange.args` is the `ChannelRef`. None but a subclass that sets ``claim`` may be displaced.
    """

    __slots__ = ("_exchange", "_place", "_since", "_timer", "claim", "held")

    takes = 1

    def __init__(self, place: PollPlace, exchange: Exchange, since: Since) -> None:
        self._place = place
        self._exchange = exchange
        self._since = since
        self._timer: WheelEntry | None = None
        self.claim: int | None = None
        self.held = False

    @property
    def owner(self) -> object:
        return self._place.owner

    @property
    def protocol(self) -> str:
        return self._place.protocol

    @abstractmethod
    def missed(self) -> None:
        """`Subscriber.missed`: what the answer says of it."""

    @abstractmethod
    def closed(self, reason: CloseReason) -> None:
        """`Subscriber.closed`: `forget`, then answer."""

    def joined(self) -> None:
        place = self._place
        exchange = self._exchange
        if not exchange.hold(self._gone):
            self.held = False
            place.hub.unsubscribe(exchange.args, self)
            return
        self.held = True
        if place.timeout:
            self._timer = place.wheel.after(place.timeout, self._timed_out)

    def deliver(self, batch: Batch) -> None:
        self.held = False
        if self._timer is not None:
            self._stop_timer()
        self._exchange.respond(batch.wires[self._place.format])

    def has_room(self) -> bool:
        return True

    def forget(self) -> None:
        """It does not wait any more."""
        self.held = False
        self._stop_timer()

    def leave(self, answer: bytes) -> None:
        """End before a message came."""
        self.forget()
        self._place.hub.unsubscribe(self._exchange.args, self)
        self._exchange.respond(answer)

    def _gone(self) -> None:
        self.forget()
        self._place.hub.unsubscribe(self._exchange.args, self)

    def _timed_out(self) -> None:
        self._timer = None
        # A message may have claimed it in this very tick, and its publisher was promised a taker.
        if not self._place.hub.claimed(self._exchange.args, self):
            self.leave(self._place.timed_out(self._since))

    def _stop_timer(self) -> None:
        timer, self._timer = self._timer, None
        if timer is not None:
            timer.cancel()
