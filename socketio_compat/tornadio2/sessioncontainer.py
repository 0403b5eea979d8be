"""TornadIO2's container of things that expire, for programs that use it (TornadIO API, B5). The server has its own registry."""

from __future__ import annotations

import time
from heapq import heappop, heappush
from itertools import count

from hbpush.session.registry import new_id


class SessionBase:
    """Something with an id that may expire: ``expiry`` is in seconds, None for never."""

    def __init__(self, session_id: str | None = None, expiry: float | None = None) -> None:
        self.session_id = session_id or new_id()
        self.expiry = expiry
        self.promoted: float | None = None
        self.expiry_date: float | None = None if expiry is None else time.time() + expiry

    def is_alive(self) -> bool:
        """Whether its time is not over."""
        return self.expiry_date is None or self.expiry_date > time.time()

    def promote(self) -> None:
        """Let its time begin anew."""
        if self.expiry is not None:
            self.promoted = time.time() + self.expiry

    def on_delete(self, forced: bool) -> None:
        """It is taken out: because it expired, or, with ``forced``, because somebody wanted that. One that promotes itself stays."""


class SessionContainer:
    """Sessions by their ids, and in the order in which they expire."""

    def __init__(self) -> None:
        self._items: dict[str, SessionBase] = {}
        self._queue: list[tuple[float, int, SessionBase]] = []
        self._order = count()

    def add(self, session: SessionBase) -> None:
        self._items[session.session_id] = session
        self._enqueue(session)

    def get(self, session_id: str) -> SessionBase | None:
        return self._items.get(session_id)

    def remove(self, session_id: str) -> bool:
        """Whether it was there."""
        session = self._items.pop(session_id, None)
        if session is None:
            return False
        session.promoted = -1
        session.on_delete(True)
        return True

    def expire(self, current_time: float | None = None) -> None:
        """Take out what has expired."""
        now = time.time() if current_time is None else current_time
        while self._queue and self._queue[0][0] <= now:
            _, _, session = heappop(self._queue)
            if self._items.get(session.session_id) is not session:
                continue
            if session.promoted is None:
                session.on_delete(False)
            if session.promoted is not None and session.promoted > now:
                session.expiry_date, session.promoted = session.promoted, None
                self._enqueue(session)
            else:
                del self._items[session.session_id]

    def _enqueue(self, session: SessionBase) -> None:
        if session.expiry_date is not None:
            heappush(self._queue, (session.expiry_date, next(self._order), session))
