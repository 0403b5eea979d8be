"""A clock that stands still until a test moves it."""

from __future__ import annotations

import heapq
from asyncio import AbstractEventLoop
from collections import deque
from collections.abc import Callable
from itertools import count

START = 1_700_000_000.0
"""The wall clock of a new `ManualClock`, in unix seconds."""


class ManualTimer:
    """A call that waits for `ManualClock.advance`."""

    __slots__ = ("callback", "when")

    def __init__(self, when: float, callback: Callable[[], object]) -> None:
        self.when = when
        self.callback: Callable[[], object] | None = callback

    def cancel(self) -> None:
        self.callback = None


class ManualClock:
    """`hbpush.core.clock.Clock`, driven by hand.

    With a loop, ``call_soon`` is the loop's own, so that real sockets work while timers wait for `advance`; without one
    it waits for `run_soon`.
    """

    def __init__(self, now: float = START, loop: AbstractEventLoop | None = None) -> None:
        self._monotonic = 1000.0
        self._offset = now - self._monotonic
        self._timers: list[tuple[float, int, ManualTimer]] = []
        self._order = count()
        self._soon: deque[Callable[[], object]] = deque()
        self._loop = loop

    def time(self) -> float:
        return self._monotonic + self._offset

    def monotonic(self) -> float:
        return self._monotonic

    def call_later(self, delay: float, callback: Callable[[], object]) -> ManualTimer:
        timer = ManualTimer(self._monotonic + max(0.0, delay), callback)
        heapq.heappush(self._timers, (timer.when, next(self._order), timer))
        return timer

    def call_soon(self, callback: Callable[[], object]) -> object:
        if self._loop is not None:
            return self._loop.call_soon(callback)
        self._soon.append(callback)
        return None

    def set_time(self, now: float) -> None:
        """Step the wall clock, forward or back, as somebody who sets the machine's clock does. No timer comes nearer by it."""
        self._offset = now - self._monotonic

    def advance(self, seconds: float) -> None:
        """Let time pass: run what falls due, in the order of its time, each at its time."""
        end = self._monotonic + seconds
        while self._timers and self._timers[0][0] <= end:
            when, _, timer = heapq.heappop(self._timers)
            self._monotonic = when
            callback, timer.callback = timer.callback, None
            if callback is not None:
                callback()
        self._monotonic = end

    def run_soon(self) -> int:
        """One turn of the loop: run what `call_soon` has queued, but not what that queues. Returns how many calls it was."""
        turn = len(self._soon)
        for _ in range(turn):
            self._soon.popleft()()
        return turn

    def run_until_idle(self, turns: int = 10_000) -> None:
        """Turn the loop until nothing is queued. Fails after ``turns``: something queues itself again and again."""
        for _ in range(turns):
            if not self.run_soon():
                return
        raise AssertionError(f"the loop is not idle after {turns} turns")

    def waiting(self) -> int:
        """How many timers wait."""
        return sum(timer.callback is not None for _, _, timer in self._timers)
