"""Periodic calls and the figures of a server, on a loop whose time is moved by hand."""

from __future__ import annotations

from typing import cast

import pytest
from tornado.ioloop import IOLoop

from socketio_compat.tornadio2.periodic import Callback
from socketio_compat.tornadio2.stats import MovingAverage, StatsCollector
from tests.support.clock import ManualClock, ManualTimer


class HandLoop:
    """What a `Callback` wants of an IOLoop, over a `ManualClock`."""

    def __init__(self) -> None:
        self.clock = ManualClock()
        self.time = self.clock.monotonic

    def call_at(self, when: float, callback: object) -> ManualTimer:
        return self.clock.call_later(when - self.clock.monotonic(), callback)  # type: ignore[arg-type]

    def remove_timeout(self, timer: ManualTimer) -> None:
        timer.cancel()


@pytest.fixture
def loop() -> HandLoop:
    return HandLoop()


def periodic(loop: HandLoop, callback: object, milliseconds: float = 1000) -> Callback:
    return Callback(callback, milliseconds, cast("IOLoop", loop))  # type: ignore[arg-type]


def test_called_every_period_until_stopped(loop: HandLoop) -> None:
    calls: list[float] = []
    ticks = periodic(loop, lambda: calls.append(loop.time()))
    ticks.start()
    loop.clock.advance(3.5)
    assert calls == [1001, 1002, 1003]
    ticks.stop()
    ticks.stop()
    loop.clock.advance(10)
    assert len(calls) == 3
    assert loop.clock.waiting() == 0


def test_started_twice_it_runs_once(loop: HandLoop) -> None:
    calls: list[float] = []
    ticks = periodic(loop, lambda: calls.append(loop.time()))
    ticks.start()
    ticks.start(loop.time() + 0.25)
    loop.clock.advance(2)
    assert calls == [1000.25, 1001.25]
    assert loop.clock.waiting() == 1


def test_delay_slides_the_next_run(loop: HandLoop) -> None:
    calls: list[float] = []
    ticks = periodic(loop, lambda: calls.append(loop.time()))
    ticks.start()
    loop.clock.advance(0.75)
    ticks.delay()
    loop.clock.advance(0.5)
    ticks.delay()
    loop.clock.advance(0.75)
    assert calls == []
    loop.clock.advance(1.5)
    assert calls == [1002.25, 1003.25]


def test_a_callback_may_name_its_next_time(loop: HandLoop) -> None:
    calls: list[float] = []

    def callback() -> float | None:
        calls.append(loop.time())
        return loop.time() + 5 if len(calls) == 1 else None

    periodic(loop, callback).start()
    loop.clock.advance(8)
    assert calls == [1001, 1006, 1007, 1008]


def test_a_callback_may_stop_and_start_itself(loop: HandLoop) -> None:
    calls: list[float] = []

    def callback() -> None:
        calls.append(loop.time())
        ticks.stop()
        if len(calls) == 1:
            ticks.start(loop.time() + 3)

    ticks = periodic(loop, callback)
    ticks.start()
    loop.clock.advance(20)
    assert calls == [1001, 1004]
    assert loop.clock.waiting() == 0


def test_a_callback_that_fails_is_called_again(loop: HandLoop) -> None:
    def callback() -> None:
        raise ZeroDivisionError

    periodic(loop, callback).start()
    for _ in range(2):
        with pytest.raises(ZeroDivisionError):
            loop.clock.advance(1)


def test_moving_average() -> None:
    average = MovingAverage(3)
    assert average.last_average == 0
    for number, mean in ((3, 3), (6, 4.5), (0, 3), (0, 2)):
        average.add(number)
        average.flush()
        assert average.last_average == mean
    average.add(1)
    assert average.last_average == 2


def test_figures(loop: HandLoop) -> None:
    stats = StatsCollector()
    assert stats.start_time is None
    stats.start(cast("IOLoop", loop))
    assert stats.start_time is not None
    for _ in range(2):
        stats.session_opened()
        stats.connection_opened()
    stats.session_closed()
    stats.connection_closed()
    stats.on_packet_sent(3)
    stats.on_packet_recv(5)
    loop.clock.advance(2)
    assert stats.dump() == {
        "active_sessions": 1,
        "max_sessions": 2,
        "active_connections": 1,
        "max_connections": 2,
        "connections_ps": 1,
        "packets_sent_ps": 1.5,
        "packets_recv_ps": 2.5,
    }
    stats.start(cast("IOLoop", loop))
    assert loop.clock.waiting() == 1
    stats.stop()
    assert loop.clock.waiting() == 0
