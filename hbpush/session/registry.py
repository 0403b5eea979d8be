"""All sessions of one kind in one place: their ids, how many there may be, when they expire, and the turn of the loop that flushes them."""

from __future__ import annotations

import asyncio
import secrets
from collections import deque
from typing import TYPE_CHECKING, Any, Generic, NamedTuple, TypeVar

from hbpush.core.clock import Clock, TimerWheel
from hbpush.core.counters import Counters
from hbpush.session.deadlines import Deadlines
from hbpush.session.heartbeat import Heartbeats
from hbpush.session.outbox import Room
from hbpush.session.transport import End

if TYPE_CHECKING:
    from hbpush.session.session import Session

ID_BYTES = 16
"""Bytes of chance in an id: whoever knows it is the client."""

FLUSHED_AT_ONCE = 1000
"""Sessions that are flushed in one turn of the loop; the rest follows in the next."""


class Terms(NamedTuple):
    """What sessions are kept under. Times in seconds; ``heartbeat`` 0 and ``max_sessions`` 0 are for none.

    ``expiry`` is how long a session is kept without a transport, ``missed`` how many heartbeats may stay unanswered, ``max_waiting`` how
    many packets of one client may wait for a handler that is busy when it sends more; so do as many bytes as ``room`` has.
    """

    expiry: float = 30.0
    heartbeat: float = 12.0
    missed: int = 2
    max_sessions: int = 0
    room: Room = Room()
    max_waiting: int = 10_000


S = TypeVar("S", bound="Session")


class Registry(Generic[S]):
    """Sessions by their ids. ``opened`` counts those there ever were, ``most`` how many there were at the same time."""

    def __init__(self, clock: Clock, wheel: TimerWheel, counters: Counters, terms: Terms) -> None:
        self.clock = clock
        self.counters = counters
        self.terms = terms
        self.room = terms.room
        self.heartbeats = Heartbeats(clock, wheel, terms.heartbeat, terms.missed)
        self.running: set[asyncio.Future[Any]] = set()
        """Calls of the application that have not come to their end."""
        self.opened = 0
        self.most = 0
        self._sessions: dict[str, S] = {}
        self._wheel = wheel
        self._kept: dict[str, Deadlines[Session]] = {}
        """The few that expire on terms of their own."""
        self._leaving: Deadlines[Session] = Deadlines(clock, wheel, terms.expiry, _expire)
        self._unflushed: deque[Session] = deque()
        self._scheduled = False

    def __len__(self) -> int:
        return len(self._sessions)

    def get(self, id: str) -> S | None:
        """The session with an id, closed ones with something left to send included."""
        return self._sessions.get(id)

    def sessions(self) -> list[S]:
        """All of them, the oldest first."""
        return list(self._sessions.values())

    def full(self) -> bool:
        """Whether there may be no more. Then the refusal is counted, and the client is to be told."""
        most = self.terms.max_sessions
        if not most or len(self._sessions) < most:
            return False
        self.counters.refuse("max_sessions", f"{most} sessions are open already")
        return True

    def add(self, session: S) -> None:
        """Keep a new session; without a transport it expires."""
        self._sessions[session.id] = session
        self.opened += 1
        self.most = max(self.most, len(self._sessions))
        self._leaving.put(session)

    def keep(self, session: Session, expiry: float) -> None:
        """Let a session without a transport expire after another time than the others."""
        self._expiry(session).take(session)
        self._kept[session.id] = Deadlines(self.clock, self._wheel, expiry, _expire)
        if session.transport is None:
            self.detached(session)

    def remove(self, session: Session) -> None:
        """Forget a session. Harmless when it is not there."""
        self._leaving.take(session)
        kept = self._kept.pop(session.id, None)
        if kept is not None:
            kept.clear()
        self.heartbeats.stop(session)
        self._sessions.pop(session.id, None)

    def attached(self, session: Session) -> None:
        """It has a transport, and does not expire."""
        self._expiry(session).take(session)

    def detached(self, session: Session) -> None:
        """It has none any more: its time begins, unless it is not kept here."""
        if session.id in self._sessions:
            self._expiry(session).put(session)

    def turn_soon(self, session: Session) -> None:
        """Call `Session.turned` in the next turn of the loop."""
        self._unflushed.append(session)
        if not self._scheduled:
            self._schedule()

    def close(self, why: End) -> None:
        """Close every session: the server, or their place in it, goes."""
        for session in self.sessions():
            session.close(why)
        for session in self.sessions():
            self.remove(session)
        self._leaving.clear()
        self.heartbeats.clear()

    def _expiry(self, session: Session) -> Deadlines[Session]:
        return self._kept.get(session.id, self._leaving)

    def _schedule(self) -> None:
        self._scheduled = True
        self.clock.call_soon(self._flush)

    def _flush(self) -> None:
        self._scheduled = False
        unflushed = self._unflushed
        try:
            for _ in range(min(len(unflushed), FLUSHED_AT_ONCE)):
                unflushed.popleft().turned()
        finally:
            if unflushed:
                self._schedule()


def new_id() -> str:
    """A session id that nobody can guess: 32 hexadecimal digits."""
    return secrets.token_hex(ID_BYTES)


def _expire(session: Session) -> None:
    session.expire()
