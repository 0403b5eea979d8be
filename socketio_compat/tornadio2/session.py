"""TornadIO2's session: the face that `socketio_compat.v09.session.SocketSession` shows to connections (TornadIO API, B5).

It keeps nothing of its own but the root connection: what is queued, expires or beats is the session's below.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Protocol

from tornado.httputil import HTTPServerRequest
from tornado.web import HTTPError

from hbpush.session.transport import End
from socketio_compat.carried import Carried, Face
from socketio_compat.tornadio2.sessioncontainer import SessionBase
from socketio_compat.v09.contract import Opening
from socketio_compat.v09.session import SocketSession

if TYPE_CHECKING:
    from socketio_compat.tornadio2.conn import ConnectionInfo, SocketConnection
    from socketio_compat.tornadio2.router import TornadioRouter


_log = logging.getLogger("hbpush.socketio")


class Carrier(Protocol):
    """What `Session.set_handler` takes: somebody else's transport."""

    def send_messages(self, messages: Sequence[str]) -> Any:
        """Send packets."""

    def session_closed(self) -> Any:
        """The session is over, or something else carries it."""


class Session(Face, SessionBase):
    """A client's session. ``conn`` is its root connection, ``server`` the router, ``info`` what the handshake told.

    Made by handshakes, by `TornadioRouter.create_session`, or with a class of connections for a root of its own: that is opened at
    once, and raises HTTPError when it refuses. ``expiry`` is in seconds, by default the router's.
    """

    below: SocketSession
    conn: SocketConnection
    info: ConnectionInfo

    expiry_date = promoted = None
    """Its registry knows when it expires."""

    _raises = False
    _fault: BaseException | None = None

    def __init__(
        self, conn: Callable[[Session], SocketConnection], server: TornadioRouter, request: HTTPServerRequest, expiry: float | None = None
    ) -> None:
        below = FacedSession(server.server, opening_of(request))
        self._stand_before(server, below)
        below.face, below.kind = self, conn
        verdict = below.open()
        if expiry is not None and not below.state:
            self.expiry = expiry
            below.registry.keep(below, expiry)
        if not isinstance(verdict, bool):
            # It is not there yet; when it is and refuses, the session is closed.
            future, running = asyncio.ensure_future(verdict), below.registry.running
            running.add(future)
            future.add_done_callback(running.discard)
            future.add_done_callback(_opened)
        elif not verdict:
            raise HTTPError(below.server.settings.refusal_status)

    @classmethod
    def of(cls, server: TornadioRouter, below: SocketSession) -> Session:
        """The face of a session that is there already; whoever makes it adds ``info`` and ``conn``."""
        face = cls.__new__(cls)
        face._stand_before(server, below)
        return face

    def _stand_before(self, server: TornadioRouter, below: SocketSession) -> None:
        self.server = server
        self.below = below
        self.session_id = below.id
        self.expiry = below.registry.terms.expiry

    @property
    def remote_ip(self) -> str:
        return self.below.opening.ip

    @property
    def is_closed(self) -> bool:
        return bool(self.below.state)

    @property
    def endpoints(self) -> Mapping[str, SocketConnection]:
        """The connections of the open endpoints, by their names: a copy."""
        names = self.below.endpoints or ()
        return {name: connection for name in names if (connection := self.get_connection(name)) is not None}

    @property
    def send_queue(self) -> Sequence[str]:
        """The packets that wait: a copy."""
        return list(self.below.outbox.packets)

    # Sending

    def send_message(self, pack: str) -> None:
        """Send a packet, as text. A no-op when the session is closed."""
        if pack:
            self.below.send(pack)

    # Carrying

    def set_handler(self, handler: Carrier) -> bool:
        """Let something carry the session; False when something does, or when ``handler.request`` comes from another address."""
        below = self.below
        ip = getattr(getattr(handler, "request", None), "remote_ip", None)
        if below.transport is not None or (below.server.settings.verify_ip and ip is not None and ip != self.remote_ip):
            return False
        below.server.attach(below, Carried(below.server, handler, handler.send_messages))
        return True

    # Receiving

    def raw_message(self, msg: str) -> None:
        """Take one packet of the client's. What its handler raises at once has closed the session, and is raised."""
        self._raises = True
        try:
            self.below.received(msg)
        finally:
            fault = self._fault
            self._raises, self._fault = False, None
        if fault is not None:
            raise fault

    def failed(self, error: BaseException) -> None:
        """A handler has raised: for whoever has called `raw_message`. Kept no longer, for it holds on to the places it came from."""
        if self._raises:
            self._fault = error

    def connect_endpoint(self, url: str) -> None:
        """As if the client had connected an endpoint; a query may follow its name."""
        self.raw_message(f"1::{url}")

    def disconnect_endpoint(self, name: str) -> None:
        """Close an endpoint. Harmless when it is not open."""
        if name:
            self.below.disconnect(name)

    def get_connection(self, name: str | None) -> SocketConnection | None:
        """The connection of an open endpoint, the root without a name; else None."""
        if not name:
            return self.conn
        return getattr(self.below.handler(name), "connection", None)

    # The end

    def close(self, endpoint: str | None = None) -> None:
        """Close one endpoint, or everything."""
        self.below.disconnect(endpoint or "")

    def fail(self) -> None:
        """Close everything, because something went wrong."""
        self.below.close(End.FAULT)

    def refuse(self, kind: str, detail: str) -> None:
        """Count something that its client did, and that leads nowhere; a warning tells of it, at most once a second for each kind."""
        self.below.registry.counters.refuse(kind, detail, logging.WARNING)

    # Time

    def time(self) -> float:
        """Now, in unix seconds."""
        return self.below.registry.clock.time()

    def reset_heartbeat(self) -> None:
        """Let the next heartbeat be one period from now, and others follow."""
        self.below.registry.heartbeats.start(self.below)

    def stop_heartbeat(self) -> None:
        self.below.registry.heartbeats.stop(self.below)

    def delay_heartbeat(self) -> None:
        """Let a period pass before the next heartbeat, if there is to be one."""
        self.below.registry.heartbeats.postpone(self.below)


class FacedSession(SocketSession):
    """A session whose face is there before it; ``kind`` is the class of its root."""

    __slots__ = ("face", "kind")

    face: Session
    kind: Callable[[Session], SocketConnection]


def opening_of(request: HTTPServerRequest) -> Opening:
    """What is kept of a request of Tornado's."""
    return Opening(request.remote_ip or "", request.protocol == "https", request.query or "", request.headers.get("Cookie", ""))


def _opened(future: asyncio.Future[bool]) -> None:
    if not future.cancelled() and (error := future.exception()) is not None:
        _log.error("a handshake failed", exc_info=error)
