"""TornadIO2's figures of a server: sessions, connections, packets a second (TornadIO API, B7)."""

from __future__ import annotations

from collections import deque
from datetime import datetime
from typing import TypedDict

from tornado.ioloop import IOLoop

from socketio_compat.tornadio2.periodic import Callback

TICK = 1000
"""Milliseconds between two looks."""


class Figures(TypedDict):
    """What `StatsCollector.dump` returns; those in ``_ps`` are averages a second."""

    active_sessions: int
    max_sessions: int
    active_connections: int
    max_connections: int
    connections_ps: float
    packets_sent_ps: float
    packets_recv_ps: float


class MovingAverage:
    """The mean of the last ``period`` intervals, each of which ends with `flush`."""

    def __init__(self, period: int = 10) -> None:
        self.last_average: float = 0
        self._intervals: deque[float] = deque(maxlen=period)
        self._current: float = 0

    def add(self, n: float) -> None:
        self._current += n

    def flush(self) -> None:
        self._intervals.append(self._current)
        self._current = 0
        self.last_average = sum(self._intervals) / len(self._intervals)


class StatsCollector:
    """Counts what the server tells it. ``start_time`` is when `start` was called, None before."""

    def __init__(self) -> None:
        self.start_time: datetime | None = None
        self.active_sessions = 0
        self.max_sessions = 0
        self.active_connections = 0
        self.max_connections = 0
        self.connections_ps = MovingAverage()
        self.packets_sent_ps = MovingAverage()
        self.packets_recv_ps = MovingAverage()
        self._ticks: Callback | None = None

    def start(self, io_loop: IOLoop | None = None) -> None:
        """Begin to look every second."""
        self.stop()
        self.start_time = datetime.now()
        self._ticks = Callback(self._flush, TICK, io_loop)
        self._ticks.start()

    def stop(self) -> None:
        if self._ticks is not None:
            self._ticks.stop()
            self._ticks = None

    def session_opened(self) -> None:
        self.active_sessions += 1
        self.max_sessions = max(self.max_sessions, self.active_sessions)

    def session_closed(self) -> None:
        self.active_sessions -= 1

    def connection_opened(self) -> None:
        self.active_connections += 1
        self.max_connections = max(self.max_connections, self.active_connections)
        self.connections_ps.add(1)

    def connection_closed(self) -> None:
        self.active_connections -= 1

    def on_packet_sent(self, num: int) -> None:
        self.packets_sent_ps.add(num)

    def on_packet_recv(self, num: int) -> None:
        self.packets_recv_ps.add(num)

    def dump(self) -> Figures:
        return Figures(
            active_sessions=self.active_sessions,
            max_sessions=self.max_sessions,
            active_connections=self.active_connections,
            max_connections=self.max_connections,
            connections_ps=self.connections_ps.last_average,
            packets_sent_ps=self.packets_sent_ps.last_average,
            packets_recv_ps=self.packets_recv_ps.last_average,
        )

    def _flush(self) -> None:
        for average in (self.connections_ps, self.packets_sent_ps, self.packets_recv_ps):
            average.flush()
