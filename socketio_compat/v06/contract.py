"""What an application is to the server of Socket.IO 0.6: implemented by hbpushd's location, and by whoever has connections of his own.

An implementer derives from `Application` and `Handler`. The server makes a `SocketSession` when a request without a session id comes, and
asks the application for its handler: one to a session, from its first request to its end. A handler hears what the client sends; it
speaks by its session::

    class Echo(Handler):
        def message(self, value):
            self.session.say(value)

    class Echoes(Application):
        def connection(self, session, opening):
            return Echo(session)

    server = Server(Echoes(), Settings(), clock, wheel, counters, Origins("*"))
    routes = places.routes("socket.io", server.request, server.settings.max_body)

What a session offers to its handler: ``id``, which the client gets as its first message; `SocketSession.say` (any value, by the rules of
`socketio_compat.v06.message.bodies`) and `SocketSession.send` (one body as it goes into a frame); `SocketSession.close` with a
`hbpush.session.transport.End`, mostly ``End.APPLICATION``; ``state``, 0 while it is open; and, for heartbeats, `start_heartbeats`,
`stop_heartbeats`, `postpone_heartbeat` and `beat`. Nothing of this waits, and all of it is harmless when the session is over. What is sent
in one turn of the loop goes out together in the next.

Several servers may stand beside each other, each with a resource and an application of its own. `places.routes` takes a text for the
resource; `places.ResourcePattern` takes regular expressions, for what stands behind the resource as well, and `places.pattern_routes`
makes the one route of it. Transports that `Settings.transports` leaves out are answered 403; paths without a transport are no paths of
the server.

Everything is called in the loop of the server, one call after the other. A handler's method may return an awaitable (it may be an ``async
def``): what comes from the same client then waits until that is done, other sessions do not. What a handler raises is logged, and closes
its session; a post is answered 500 if a handler raised before its answer.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Awaitable, Sequence
from typing import TYPE_CHECKING, Any

import msgspec

from hbpush.session.transport import End
from socketio_compat.v06.places import Path

if TYPE_CHECKING:
    from socketio_compat.v06.session import SocketSession


class Opening(msgspec.Struct, frozen=True):
    """Who has come, and how: the request that made a session. Handed to the application, and not kept by the server.

    ``path`` has the resource, the extra part, the transport and the other segments (`Path`); its session id is empty. ``target`` and
    ``headers`` are as they came; ``ip`` and ``secure`` are the client's, or what a trusted proxy says.
    """

    path: Path
    ip: str
    secure: bool = False
    method: bytes = b"GET"
    target: bytes = b"/"
    headers: Sequence[tuple[bytes, bytes]] = ()

    @property
    def query(self) -> str:
        """The query without its question mark, percent-encoded; '' for none."""
        return self.target.partition(b"?")[2].decode("latin-1")

    def header(self, name: bytes) -> str | None:
        """The first value of a header, or None. ``name`` is in lower case."""
        return next((value.decode("latin-1") for key, value in self.headers if key.lower() == name), None)

    @property
    def cookie(self) -> str:
        """The Cookie header as it came; '' for none."""
        return self.header(b"cookie") or ""


class Handler(ABC):
    """The application's side of one session."""

    __slots__ = ("session",)

    def __init__(self, session: SocketSession) -> None:
        self.session = session

    def opened(self) -> Awaitable[object] | None:
        """The client is there. What is sent here reaches it behind its session id, in the first answer unless it is awaited for.

        Called before anything is answered. To refuse a client, close the session.
        """
        return None

    @abstractmethod
    def message(self, value: Any) -> Awaitable[object] | None:
        """A message: a text as str, anything else as the value of its JSON. Heartbeats, and what is no JSON, never come here."""

    def closed(self, why: End) -> Awaitable[object] | None:
        """It is over: called once for every handler, also when the application closed the session itself or `opened` raised.

        What is sent here goes nowhere. Nothing waits for an awaitable.
        """
        return None


class Application(ABC):
    """What a server runs."""

    @abstractmethod
    def connection(self, session: SocketSession, opening: Opening) -> Handler:
        """The handler of a new session. What this raises refuses the client with 500, and there is no session."""
