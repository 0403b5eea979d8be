"""sockjs-tornado's figures of a router: what there is now, and averages of the last ten seconds."""

from __future__ import annotations

from collections import Counter, deque

from hbpush.core.clock import TimerWheel, WheelEntry
from sethpusher.sockjs.server import Server

SECONDS = 10


class StatsCollector:
    """Looks every second at what a server has counted, from `watch` on.

    Sessions that are none of the server's tell of themselves, as sockjs-tornado's do, by the methods that begin with ``on_``.
    """

    def __init__(self) -> None:
        self._others: Counter[str] = Counter()
        self._connections = 0
        self._counted = [0, 0, 0]
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
        sessions = dict(self._others if server is None else server.open_sessions)
        if server is not None:
            for name, number in self._others.items():
                sessions[name] = sessions.get(name, 0) + number
        spans = max(1, len(totals) - 1)
        attached, sent, received = (
            ((last - first) / spans for first, last in zip(totals[0], totals[-1], strict=True)) if totals else (0.0, 0.0, 0.0)
        )
        return {
            "sessions_active": sum(sessions.values()),
            "connections_active": self._connections + (0 if server is None else server.connections),
            "connections_ps": attached,
            "packets_sent_ps": sent,
            "packets_recv_ps": received,
            **{f"transp_{name}": number for name, number in sessions.items()},
        }

    def on_sess_opened(self, transport: str) -> None:
        """A session that began with a transport is open."""
        self._others[transport] += 1

    def on_sess_closed(self, transport: str) -> None:
        """It is over."""
        self._others[transport] -= 1

    def on_conn_opened(self) -> None:
        """A connection carries a session."""
        self._connections += 1
        self._counted[0] += 1

    def on_conn_closed(self) -> None:
        """It does not any more."""
        self._connections -= 1

    def on_pack_sent(self, num: int) -> None:
        """So many packets were sent."""
        self._counted[1] += num

    def on_pack_recv(self, num: int) -> None:
        """So many packets have come."""
        self._counted[2] += num

    def _look(self) -> None:
        server = self._server
        if server is not None:
            attached, sent, received = self._counted
            self._totals.append((server.attached + attached, server.sent + sent, server.received + received))
            self._timer = self._wheel.after(1, self._look)
