"""What an application is to the server of Socket.IO 0.7-0.9: implemented by hbpushd's location, and by whoever has connections of his own.

An implementer derives from `Application` and `Handler`. The server makes a `SocketSession` for every handshake, and asks the application
for a handler of its root, then for one of each endpoint that the client connects. A handler hears what the client sends there; it speaks
by its session::

    class Echo(Handler):
        def message(self, value, packet):
            self.session.send(codec.message(value, self.endpoint))

Everything is called in the loop of the server, one call after the other. A handler's method may return an awaitable: the packets that
follow in the same session then wait for it, and so does the acknowledgement. What a handler raises is logged, and closes the whole session.
"""

from __future__ import annotations

import enum
from abc import ABC, abstractmethod
from collections.abc import Awaitable
from typing import TYPE_CHECKING, Any

import msgspec

from hbpush.session.transport import End
from socketio_compat.v09.packet import Packet

if TYPE_CHECKING:
    from socketio_compat.v09.session import SocketSession


class Opening(msgspec.Struct, frozen=True, gc=False):
    """Who has come: what is kept of a handshake. ``query`` and ``cookie`` are as they came, ``query`` without the question mark."""

    ip: str
    secure: bool = False
    query: str = ""
    cookie: str = ""


class No(enum.Enum):
    """Why there is no handler."""

    UNKNOWN = "there is no such endpoint: the client hears nothing"
    REFUSED = "the client is told that it may not"


class Handler(ABC):
    """The application's side of one endpoint of one session; ``endpoint`` is '' for the root."""

    __slots__ = ("endpoint", "session")

    def __init__(self, session: SocketSession, endpoint: str) -> None:
        self.session = session
        self.endpoint = endpoint

    def opened(self, query: str) -> bool | Awaitable[bool]:
        """The client is there: for the root within the handshake, for an endpoint at every connect packet, with the packet's query.

        False refuses it. Packets that are sent here reach the client after the one that says that it is connected.
        """
        return True

    @abstractmethod
    def message(self, value: Any, packet: Packet) -> Awaitable[object] | None:
        """A text, or the value of a json packet. It is acknowledged, if the client wants that, when this is over."""

    @abstractmethod
    def event(self, name: str, args: list[Any], packet: Packet) -> Awaitable[object] | None:
        """An event; ``name`` is the client's, and may be any. `SocketSession.acknowledge` answers it, now or later."""

    def acknowledged(self, id: int, args: list[Any]) -> Awaitable[object] | None:
        """The client has acknowledged a packet, or pretends to: ``id`` need not be one that was sent."""
        return None

    def closed(self, why: End) -> None:  # noqa: B027 - many have nothing to put away
        """It is over: once for every handler that was opened, except one that refused its handshake. What is sent here goes nowhere."""


class Application(ABC):
    """What a server runs."""

    @abstractmethod
    def handler(self, session: SocketSession, endpoint: str) -> Handler | No:
        """The handler for an endpoint, '' for the root, asked for once while it is open. ``endpoint`` begins with ``/`` otherwise.

        Never trust the name: a client may ask for any, and for as many as `Settings.max_endpoints`.
        """
