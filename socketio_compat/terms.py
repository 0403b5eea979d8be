"""The terms that sessions are kept under, from the settings of a server of any version."""

from __future__ import annotations

from typing import Protocol

from hbpush.session.outbox import Room
from hbpush.session.registry import Terms


class Kept(Protocol):
    """What the settings of every version have. Times in seconds."""

    @property
    def session_expiry(self) -> float: ...
    @property
    def heartbeat_interval(self) -> float: ...
    @property
    def max_sessions(self) -> int: ...
    @property
    def max_waiting(self) -> int: ...
    @property
    def room(self) -> Room: ...


def terms(settings: Kept, missed: int) -> Terms:
    """Their terms; ``missed`` is how many heartbeats may stay unanswered."""
    return Terms(settings.session_expiry, settings.heartbeat_interval, missed, settings.max_sessions, settings.room, settings.max_waiting)
