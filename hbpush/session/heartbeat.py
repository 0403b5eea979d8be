"""Heartbeats: is somebody still there? Any packet that comes from a client is a sign of life."""

from __future__ import annotations

from typing import Protocol

from hbpush.core.clock import Clock, TimerWheel
from hbpush.session.deadlines import Deadlines

GRAIN = 0.05
"""The part of a period for which one postponement serves: a stream is not to pay for the book-keeping with each message."""


class Beating(Protocol):
    """Who gets heartbeats. ``unheard`` is the number of those since its last sign of life; whoever hears one sets it to 0.

    ``reckoned`` is for `Heartbeats` alone.
    """

    unheard: int
    reckoned: float

    def beat(self) -> None:
        """Send a heartbeat."""

    def silent(self) -> None:
        """No sign of life since too many heartbeats. It gets no more."""


class Heartbeats:
    """The heartbeats of all sessions of one kind.

    ``period`` is in seconds, 0 for none. Who has not been heard for ``missed`` heartbeats is silent when the next one is due.
    """

    def __init__(self, clock: Clock, wheel: TimerWheel, period: float, missed: int) -> None:
        self.period = period
        self._clock = clock
        self._missed = missed
        self._grain = period * GRAIN
        self._deadlines: Deadlines[Beating] = Deadlines(clock, wheel, period, self._due)

    def __len__(self) -> int:
        return len(self._deadlines)

    def start(self, client: Beating) -> None:
        """Let the first heartbeat come after one period."""
        if self.period:
            client.unheard = 0
            client.reckoned = 0.0
            self._deadlines.put(client)

    def postpone(self, client: Beating) -> None:
        """Something else was sent: the next heartbeat comes one period from now, or up to `GRAIN` of one earlier.

        Harmless for who gets none. What a stream calls for each piece that it sends.
        """
        now = self._clock.monotonic()
        if now >= client.reckoned:
            client.reckoned = now + self._grain
            self._deadlines.postpone(client)

    def stop(self, client: Beating) -> None:
        """No more of them."""
        self._deadlines.take(client)

    def clear(self) -> None:
        """No more for anybody."""
        self._deadlines.clear()

    def _due(self, client: Beating) -> None:
        if client.unheard >= self._missed:
            client.silent()
            return
        client.unheard += 1
        self._deadlines.put(client)
        client.beat()
