"""The containers of TornadIO and TornadIO2, for code that keeps sessions of its own (TornadIO API, A5, B5).

The server's sessions are not here: `hbpush.session.registry` keeps them.
"""

from __future__ import annotations

from heapq import heappop, heappush
from itertools import count
from time import time

from hbpush.session.registry import new_id


class SessionBase:
    """Something with an id that may expire. Times are unix seconds; without ``expiry``, which is in seconds, it never does."""

    def __init__(self, session_id: str | None = None, expiry: float | None = None) -> None:
        self.session_id = session_id or new_id()
        self.expiry = expiry
        self.promoted: float | None = None
        """When it expires, if it was promoted since its container looked at it."""
        self.expiry_date: float | None = None if expiry is None else time() + expiry

    def is_alive(self) -> bool:
        return self.expiry_date is None or self.expiry_date > time()

    def promote(self) -> None:
        """Its time begins anew."""
        if self.expiry is not None:
            self.promoted = time() + self.expiry

    def on_delete(self, forced: bool) -> None:
        """It is taken out: ``forced`` by `SessionContainer.remove`, else because it has expired. Promoted within, it stays."""


class SessionContainer:
    """Sessions by their ids, in the order in which they expire."""

    def __init__(self) -> None:
        self._items: dict[str, SessionBase] = {}
        self._queue: list[tuple[float, int, SessionBase]] = []
        self._order = count()

    def add(self, session: SessionBase) -> None:
        self._items[session.session_id] = session
        self._wait(session)

    def get(self, session_id: str) -> SessionBase | None:
        return self._items.get(session_id)

    def remove(self, session_id: str) -> bool:
        """Take a session out at once; whether it was there."""
        session = self._items.pop(session_id, None)
        if session is None:
            return False
        session.promoted = None
        session.on_delete(True)
        return True

    def expire(self, current_time: float | None = None) -> None:
        """Take out all whose time is over."""
        now = time() if current_time is None else current_time
        while self._queue and self._queue[0][0] <= now:
            session = heappop(self._queue)[2]
            if self._items.get(session.session_id) is not session:
                continue
            if session.promoted is None:
                session.on_delete(False)
            if session.promoted is not None:
                session.expiry_date, session.promoted = session.promoted, None
                self._wait(session)
            else:
                del self._items[session.session_id]

    def _wait(self, session: SessionBase) -> None:
        if session.expiry_date is not None:
            heappush(self._queue, (session.expiry_date, next(self._order), session))
