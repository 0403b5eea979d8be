"""The timer wheel, and the clocks that drive it."""

from __future__ import annotations

import asyncio
import sys
import time
from collections.abc import Callable
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hbpush.core.clock import Clock, LoopClock, TimerWheel
from tests.support.clock import ManualClock


def test_a_loop_clock_is_the_loops() -> None:
    called: list[str] = []

    async def main() -> None:
        loop = asyncio.get_running_loop()
        clock: Clock = LoopClock(loop)
        assert abs(clock.time() - time.time()) < 5
        assert abs(clock.monotonic() - loop.time()) < 5
        done = loop.create_future()
        clock.call_later(0.01, lambda: done.set_result(None))
        clock.call_later(0.005, lambda: called.append("cancelled")).cancel()
        clock.call_soon(lambda: called.append("soon"))
        await asyncio.wait_for(done, 10)

    asyncio.run(main())
    assert called == ["soon"]


@given(
    st.floats(0.1, 2.0),
    st.floats(0, 3),
    st.lists(st.tuples(st.floats(0, 2), st.floats(0, 30)), min_size=1, max_size=20),
    st.lists(st.floats(0.01, 5), min_size=1, max_size=10),
)
def test_a_time_out_is_never_early_and_at_most_two_ticks_late(
    tick: float, phase: float, delays: list[tuple[float, float]], steps: list[float]
) -> None:
    clock = ManualClock()
    clock.advance(phase)
    wheel = TimerWheel(clock, tick)
    late: list[float] = []

    def add(delay: float) -> None:
        due = clock.monotonic() + delay
        wheel.after(delay, lambda: late.append(clock.monotonic() - due))

    for pause, delay in delays:
        clock.advance(pause)
        add(delay)
    for step in steps:
        clock.advance(step)
    clock.advance(40)
    assert len(late) == len(delays)
    assert min(late) >= 0
    assert max(late) <= 2 * tick + 1e-6
    assert clock.waiting() == 0


def test_a_cancelled_time_out_does_not_come() -> None:
    clock = ManualClock()
    wheel = TimerWheel(clock)
    fired: list[str] = []
    kept = wheel.after(1, lambda: fired.append("kept"))
    gone = wheel.after(1, lambda: fired.append("gone"))
    held = sys.getrefcount(gone)
    gone.cancel()
    gone.cancel()
    assert sys.getrefcount(gone) < held
    clock.advance(5)
    assert fired == ["kept"]
    kept.cancel()


def test_a_time_out_may_cancel_another_of_its_time() -> None:
    clock = ManualClock()
    wheel = TimerWheel(clock)
    fired: list[int] = []

    def fire(which: int) -> None:
        fired.append(which)
        entries[1 - which].cancel()

    entries = [wheel.after(1, lambda: fire(0)), wheel.after(1, lambda: fire(1))]
    clock.advance(5)
    assert len(fired) == 1


def test_a_time_out_may_set_itself_again() -> None:
    clock = ManualClock()
    wheel = TimerWheel(clock, tick=0.5)
    fired: list[float] = []

    def again() -> None:
        fired.append(clock.monotonic())
        if len(fired) < 5:
            wheel.after(0, again)
            wheel.after(1, lambda: None)
        assert clock.waiting() <= 1

    wheel.after(0, again)
    clock.advance(20)
    assert len(fired) == 5
    assert all(later > earlier for earlier, later in pairwise(fired))
    assert clock.waiting() == 0
    wheel.after(1, again)
    clock.advance(5)
    assert len(fired) == 6


def test_the_timer_runs_only_while_something_waits() -> None:
    clock = ManualClock()
    wheel = TimerWheel(clock)
    assert clock.waiting() == 0
    for _ in range(1000):
        wheel.after(3, lambda: None)
    assert clock.waiting() == 1
    clock.advance(10)
    assert clock.waiting() == 0


def test_a_loop_that_was_held_up_fires_everything_that_is_due_in_the_order_of_time() -> None:
    clock = ManualClock()
    wheel = TimerWheel(clock, tick=0.5)
    fired: list[float] = []
    for delay in (40.0, 3.0, 20.0, 10.0, 1.0):
        wheel.after(delay, lambda delay=delay: fired.append(delay))  # type: ignore[misc]
    monotonic = clock.monotonic
    # The machine slept: the one timer comes at its time, and finds the clock far on.
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(clock, "monotonic", lambda: monotonic() + 100)
        clock.advance(0.5)
    assert fired == [1.0, 3.0, 10.0, 20.0, 40.0]


def test_a_time_out_that_raises_stops_no_other(expected_logs: Callable[[str], None]) -> None:
    expected_logs("a time-out failed\n(?s:.*)ZeroDivisionError")
    clock = ManualClock()
    wheel = TimerWheel(clock, tick=0.5)
    fired: list[float] = []
    for delay in (1.0, 1.0, 1.0, 1.6, 20.0):
        wheel.after(delay, lambda delay=delay: fired.append(delay))  # type: ignore[misc]
        wheel.after(delay, lambda: 1 / 0)
    clock.advance(10)
    wheel.after(20, lambda: fired.append(30))
    clock.advance(40)
    assert fired == [1.0, 1.0, 1.0, 1.6, 20.0, 30]
    assert clock.waiting() == 0


@pytest.mark.parametrize("inside", [False, True])
def test_stop_forgets_everything(inside: bool) -> None:
    clock = ManualClock()
    wheel = TimerWheel(clock)
    fired: list[int] = []

    def first() -> None:
        fired.append(1)
        wheel.stop()

    wheel.after(1, first)
    for delay in (1.0, 1.6, 5.0):
        # Whichever of one moment comes first, it stops the others.
        wheel.after(delay, first)
    if not inside:
        wheel.stop()
    clock.advance(20)
    assert fired == ([1] if inside else [])
    assert clock.waiting() == 0
    wheel.after(1, lambda: fired.append(2))
    clock.advance(5)
    assert fired[-1:] == [2]
