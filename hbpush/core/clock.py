"""Time, and coarse time-outs: one timer for any number of them.

Nothing else in the project asks the system for the time, so a test can drive it by hand (`tests.support.clock`).
"""

from __future__ import annotations

import logging
import time
from asyncio import AbstractEventLoop
from collections.abc import Callable
from functools import partial
from typing import Protocol

logger = logging.getLogger("hbpush")


class Timer(Protocol):
    """A call that waits for its time."""

    def cancel(self) -> None:
        """Never make the call. Harmless when it was made already."""


class Clock(Protocol):
    """The source of time for one loop."""

    def time(self) -> float:
        """Now, in unix seconds. May step back when somebody sets the machine's clock."""

    def monotonic(self) -> float:
        """Seconds that only ever grow: what time-outs are reckoned in."""

    def call_later(self, delay: float, callback: Callable[[], object]) -> Timer:
        """Call once, ``delay`` seconds from now."""

    def call_soon(self, callback: Callable[[], object]) -> object:
        """Call in the next turn of the loop."""


class LoopClock:
    """The clock of a running asyncio loop."""

    def __init__(self, loop: AbstractEventLoop) -> None:
        self.time = time.time
        self.monotonic = loop.time
        self.call_later = loop.call_later
        self.call_soon = loop.call_soon


def end_program(clock: Clock, error: BaseException) -> None:
    """Let what is meant to end the program be raised in the next turn of the loop, and anything else be.

    Raised where it comes up, it would meet a transport, which takes it for a fault of its connection, and whoever was being served would
    be left without an answer.
    """
    if isinstance(error, KeyboardInterrupt | SystemExit):
        clock.call_soon(partial(_raise, error))


def _raise(error: BaseException) -> None:
    raise error


class WheelEntry:
    """One time-out in the wheel."""

    __slots__ = ("_bucket", "_callback")

    def __init__(self, callback: Callable[[], object], bucket: dict[WheelEntry, None]) -> None:
        self._callback: Callable[[], object] | None = callback
        self._bucket = bucket

    def cancel(self) -> None:
        self._callback = None
        self._bucket.pop(self, None)

    def fire(self) -> None:
        callback, self._callback = self._callback, None
        if callback is not None:
            callback()


class TimerWheel:
    """Time-outs that are never early and up to two ticks late, for about the price of a dictionary entry each.

    The timer behind it runs only while something waits. A callback that raises is logged; the others are called all the same.
    """

    def __init__(self, clock: Clock, tick: float = 0.5) -> None:
        self._clock = clock
        self._tick = tick
        self._buckets: dict[int, dict[WheelEntry, None]] = {}
        self._turned = 0
        self._timer: Timer | None = None

    def after(self, delay: float, callback: Callable[[], object]) -> WheelEntry:
        """Call once, at least ``delay`` seconds from now."""
        now = self._clock.monotonic()
        slot = int((now + delay) / self._tick) + 1
        bucket = self._buckets.get(slot)
        if bucket is None:
            bucket = self._buckets[slot] = {}
            if self._timer is None:
                self._turned = int(now / self._tick)
                self._timer = self._clock.call_later(self._tick, self._turn)
        entry = WheelEntry(callback, bucket)
        bucket[entry] = None
        return entry

    def stop(self) -> None:
        """Forget everything that waits."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        for bucket in self._buckets.values():
            bucket.clear()
        self._buckets.clear()

    def _turn(self) -> None:
        self._timer = None
        now = int(self._clock.monotonic() / self._tick)
        if now - self._turned > len(self._buckets):
            due = sorted(slot for slot in self._buckets if slot <= now)
        else:
            due = [slot for slot in range(self._turned + 1, now + 1) if slot in self._buckets]
        self._turned = now
        for slot in due:
            bucket = self._buckets.get(slot)
            while bucket:
                entry, _ = bucket.popitem()
                try:
                    entry.fire()
                except Exception:
                    # One timer serves everybody: out of here, a fault would take the time-outs of all others with it.
                    logger.exception("a time-out failed")
            self._buckets.pop(slot, None)
        if self._buckets and self._timer is None:
            self._timer = self._clock.call_later(self._tick, self._turn)
