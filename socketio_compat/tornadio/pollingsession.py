"""TornadIO's session of a client: the face that `socketio_compat.v06.session.SocketSession` shows to connections (TornadIO API, A5).

In the original only polling transports had one; here it stands between a connection and every transport.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Protocol

from hbpush.session.transport import End
from socketio_compat.carried import Carried, Face
from socketio_compat.tornadio.session import Session
from socketio_compat.v06 import codec
from socketio_compat.v06.session import SocketSession

if TYPE_CHECKING:
    from socketio_compat.tornadio.conn import SocketConnection


class Carrier(Protocol):
    """What `PollingSession.set_handler` takes: somebody else's transport."""

    def data_available(self, raw_data: Sequence[str]) -> Any:
        """Send messages: the bodies of frames."""

    def session_closed(self) -> Any:
        """The session is over, or something else carries it."""


class PollingSession(Face, Session):
    """A client's session. ``connection`` is the application's side of it."""

    below: SocketSession
    connection: SocketConnection

    expiry_date = promoted = None
    """Its registry knows when it expires."""

    def __init__(self, below: SocketSession) -> None:
        self.below = below
        self.session_id = below.id
        self.expiry = below.registry.terms.expiry

    @property
    def is_closed(self) -> bool:
        return bool(self.below.state)

    def send(self, message: Any) -> None:
        """See `socketio_compat.tornadio.conn.SocketConnection.send`."""
        self.below.say(message)

    def raw_message(self, message: str | bytes) -> None:
        """Take frames as they come from the client. What is broken is left out."""
        bodies, _ = codec.decode_stream(message)
        for body in bodies:
            self.below.received(body)

    def close(self) -> None:
        self.below.close(End.APPLICATION)

    # Carrying

    def set_handler(self, handler: Carrier) -> bool:
        """Let something carry the session; False when something does."""
        below = self.below
        if below.transport is not None:
            return False
        below.server.attach(below, Carried(below.server, handler, handler.data_available))
        return True
