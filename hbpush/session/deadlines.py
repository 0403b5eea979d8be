"""Time-outs of equal length for any number of members: a queue, and one entry in the timer wheel for its front.

Heartbeats, the expiry of sessions and the time-outs of polls are each one of these: a member costs an entry in a dictionary, to put in,
to postpone and to take out.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from itertools import islice
from math import inf
from typing import Generic, TypeVar

from hbpush.core.clock import Clock, TimerWheel, WheelEntry

T = TypeVar("T")

AT_ONCE = 500
"""Members whose time is over that are called in one turn of the loop."""

logger = logging.getLogger("hbpush")


class Deadlines(Generic[T]):
    """Calls ``due`` with each member ``delay`` seconds after it was put in: never early, up to two ticks of the wheel late.

    A member is known by its hash, is in it once, and is out when it is called. One whose call raises is logged.
    """

    def __init__(self, clock: Clock, wheel: TimerWheel, delay: float, due: Callable[[T], object]) -> None:
        self.delay = delay
        self._clock = clock
        self._wheel = wheel
        self._due = due
        self._ends: dict[T, float] = {}
        self._entry: WheelEntry | None = None

    def __len__(self) -> int:
        return len(self._ends)

    def __contains__(self, member: object) -> bool:
        return member in self._ends

    def put(self, member: T) -> None:
        """Let its time begin, anew if it was in already."""
        ends = self._ends
        ends.pop(member, None)
        ends[member] = self._clock.monotonic() + self.delay
        if self._entry is None:
            self._entry = self._wheel.after(self.delay, self._turn)

    def postpone(self, member: T) -> None:
        """Let its time begin anew if it is in."""
        ends = self._ends
        if ends.pop(member, None) is not None:
            ends[member] = self._clock.monotonic() + self.delay

    def take(self, member: T) -> None:
        """Do not call it. Harmless when it is not in."""
        self._ends.pop(member, None)

    def clear(self) -> None:
        """Forget all members."""
        self._ends.clear()
        if self._entry is not None:
            self._entry.cancel()
            self._entry = None

    def _turn(self) -> None:
        self._entry = None
        ends = self._ends
        now = self._clock.monotonic()
        # Gathered first: to look for the front after each call would pass over all that were taken out before.
        over = [member for member, end in islice(ends.items(), AT_ONCE) if end <= now]
        for member in over:
            # Whoever was called before may have put it in again, or taken it out.
            if ends.get(member, inf) > now:
                continue
            del ends[member]
            try:
                self._due(member)
            except Exception:
                # The others wait in the same queue.
                logger.exception("a time-out failed")
        if ends and self._entry is None:
            wait = next(iter(ends.values())) - now
            self._entry = self._wheel.after(max(0.0, wait), self._turn)
