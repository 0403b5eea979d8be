"""TornadIO's sessions and their container, for code that keeps some of its own (TornadIO API, A5).

The server's sessions are not here: `hbpush.session.registry` keeps them, and `RouterSessions` lets a program look at them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any, TypeVar

from hbpush.session.registry import new_id
from hbpush.session.transport import End
from socketio_compat import containers

if TYPE_CHECKING:
    from socketio_compat.tornadio.pollingsession import PollingSession
    from socketio_compat.v06.server import Server

S = TypeVar("S", bound="Session")


class Session(containers.SessionBase):
    """Something with an id that may expire. ``expiry`` is in seconds; without it, it never does."""

    def __init__(self, session_id: str, expiry: float | None = None) -> None:
        super().__init__(session_id, expiry)


class SessionContainer(containers.SessionContainer):
    """Sessions by their ids, in the order in which they expire."""

    def create(self, session: Callable[..., S], expiry: float | None = None, **kwargs: Any) -> S:
        """Make a session of a class, with an id that nobody can guess, and keep it. ``kwargs`` are the class's own."""
        made = session(new_id(), expiry, **kwargs)
        self.add(made)
        return made


class RouterSessions:
    """The open sessions of a router, as a container that nothing can be put into: they come and expire by themselves."""

    def __init__(self, server: Callable[[], Server | None], face: Callable[[Any], PollingSession | None]) -> None:
        self._server = server
        self._face = face

    def get(self, session_id: str) -> PollingSession | None:
        """The session with an id, or None."""
        server = self._server()
        below = None if server is None else server.registry.get(session_id)
        return None if below is None else self._face(below)

    def remove(self, session_id: str) -> bool:
        """Close a session; whether it was there."""
        found = self.get(session_id)
        if found is None:
            return False
        found.below.close(End.APPLICATION)
        return True

    def expire(self, current_time: float | None = None) -> None:
        """Nothing to be done: sessions expire when their time comes."""

    def __iter__(self) -> Iterator[PollingSession]:
        server = self._server()
        faces = map(self._face, () if server is None else server.registry.sessions())
        return (face for face in faces if face is not None)

    def __len__(self) -> int:
        return sum(1 for _ in self)
