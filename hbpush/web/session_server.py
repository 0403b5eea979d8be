"""The books of a server with sessions: who is there, what carries them, and what goes over that. What its protocol is, others know."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Generic, TypeVar

from hbpush.core.clock import Clock, TimerWheel
from hbpush.core.counters import Counters
from hbpush.core.figures import Figure
from hbpush.session.deadlines import Deadlines
from hbpush.session.registry import Registry, Terms
from hbpush.session.session import Session
from hbpush.session.transport import End, Transport
from hbpush.web.carriers import PollCarrier

S = TypeVar("S", bound=Session)


class SessionServer(Generic[S]):
    """What the server of a protocol derives from. Made within the running loop that serves it.

    ``polling_timeout`` is how many seconds a poll waits. ``sent`` and ``received`` count packets, ``connections`` what carries sessions
    now (``most_connections`` at the same time), ``attached`` all that ever did. A protocol counts what it receives itself.
    ``now`` tells the time as heartbeats reckon it.
    """

    def __init__(self, clock: Clock, wheel: TimerWheel, counters: Counters, terms: Terms, polling_timeout: float) -> None:
        self.counters = counters
        self.now = clock.monotonic
        self.registry: Registry[S] = Registry(clock, wheel, counters, terms)
        self.polls: Deadlines[PollCarrier[Any, Any]] = Deadlines(clock, wheel, polling_timeout, PollCarrier.timed_out)
        self.sent = 0
        self.received = 0
        self.connections = self.most_connections = self.attached = 0

    def close(self, why: End) -> None:
        """End every session."""
        self.registry.close(why)

    def figures(self) -> Sequence[Figure]:
        """What the status page tells of it."""
        registry = self.registry
        return (
            Figure("sessions", len(registry), "Open sessions."),
            Figure("most_sessions", registry.most, "The most sessions that there were at the same time."),
            Figure("opened_sessions", registry.opened, "Sessions that there ever were.", True),
            Figure("carriers", self.connections, "Polls, streams and WebSockets that carry sessions now."),
            Figure("attached_carriers", self.attached, "Polls, streams and WebSockets that have ever carried a session.", True),
            Figure("sent_packets", self.sent, "Packets that were sent.", True),
            Figure("received_packets", self.received, "Packets that were received.", True),
        )

    def attach(self, session: Session, transport: Transport) -> None:
        """A transport carries a session from now on."""
        self.connections += 1
        self.attached += 1
        if self.connections > self.most_connections:
            self.most_connections = self.connections
        session.attach(transport)

    def detach(self, session: Session, transport: Transport) -> None:
        """The peer of a transport is gone. Harmless when it does not carry the session."""
        if session.transport is transport:
            self.connections -= 1
            session.detach(transport)
