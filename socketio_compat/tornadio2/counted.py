"""The server below a router, whose figures are TornadIO2's (TornadIO API, B7)."""

from __future__ import annotations

from hbpush.session.session import Session
from hbpush.session.transport import Transport
from socketio_compat.tornadio2.stats import Figures, StatsCollector
from socketio_compat.v09.server import Server
from socketio_compat.v09.session import SocketSession


class RouterStats(StatsCollector):
    """The figures of one router. The server counts packets and connections; they are fetched when somebody looks, and every second."""

    def __init__(self) -> None:
        super().__init__()
        self._server: Server | None = None
        self._sent = 0
        self._received = 0

    def watch(self, server: Server) -> None:
        """Count what this server does from now on."""
        self._server = server
        self._sent, self._received = server.sent, server.received

    def dump(self) -> Figures:
        self.fetch()
        return super().dump()

    def fetch(self) -> None:
        """Take over what the server has counted since the last time."""
        server = self._server
        if server is None:
            return
        self.on_packet_sent(server.sent - self._sent)
        self.on_packet_recv(server.received - self._received)
        self._sent, self._received = server.sent, server.received
        self.active_connections = server.connections

    def _flush(self) -> None:
        self.fetch()
        super()._flush()


class CountedServer(Server):
    """A `Server` that tells `RouterStats` of its sessions and connections."""

    stats: RouterStats

    def count_into(self, stats: RouterStats) -> None:
        self.stats = stats
        stats.watch(self)

    def session_open(self, session: SocketSession) -> None:
        super().session_open(session)
        self.stats.session_opened()

    def session_over(self, session: SocketSession, was_open: bool) -> None:
        super().session_over(session, was_open)
        if was_open:
            self.stats.session_closed()

    def attach(self, session: Session, transport: Transport) -> None:
        # What was displaced or let go is not told: its number is right when the next one comes.
        self.stats.active_connections = self.connections
        self.stats.connection_opened()
        super().attach(session, transport)
