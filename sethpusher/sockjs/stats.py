"""sockjs-tornado's figures of a router: what there is now, and averages of the last ten seconds."""

from __future__ import annotations

from collections import deque

from hbpush.core.clock import TimerWheel, WheelEntry
from sethpusher.sockjs.server import Server

SECONDS = 10


class StatsCollector:
    """Looks every second at what a server has counted, from `watch` on."""

    def __init__(self) -> None:
        self._server: Server | None = None
        self._wheel: TimerWheel
        self._timer: WheelEntry | None = None
        self._totals: deque[tuple[int, int, int]] = deque(maxlen=SECONDS + 1)

    def watch(self, server: Server, wheel: TimerWheel) -> None:
        """Begin."""
        self._server = server
        self._wheel = wheel
        self._totals.clear()
        self._look()

    def stop(self) -> None:
        """Look no more."""
        self._server = None
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def dump(self) -> dict[str, float]:
        """The figures by name; those in ``_ps`` are averages a second, those that begin with ``transp_`` open sessions of a transport."""
        server, totals = self._server, self._totals
        sessions = {} if server is None else server.open_sessions
        spans = max(1, len(totals) - 1)
        attached, sent, received = (
            ((last - first) / spans for first, last in zip(totals[0], totals[-1], strict=True)) if totals else (0.0, 0.0, 0.0)
        )
        return {
            "sessions_active": sum(sessions.values()),
            "connections_active": 0 if server is None else server.connections,
            "connections_ps": attached,
            "packets_sent_ps": sent,
            "packets_recv_ps": received,
            **{f"transp_{name}": number for name, number in sessions.items()},
        }

    def _look(self) -> None:
        server = self._server
        if server is not None:
            self._totals.append((server.attached, server.sent, server.received))
            self._timer = self._wheel.after(1, self._look)
