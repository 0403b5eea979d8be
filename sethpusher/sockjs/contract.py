"""What an application is to the SockJS server: implemented by whoever has connections of his own.

An implementer derives from `Application` and `Handler`. The server makes a `SockSession` for every client and asks the application for
its handler, which hears what the client sends and speaks by its session::

    class Echo(Handler):
        def message(self, message):
            self.session.send(codec.text_of(message))

Everything is called in the loop of the server, one call after the other: ``opened`` first, then each message in its order, then
``closed``. A method may return an awaitable: what the client sends then waits until that is done. What a handler raises is logged, and
closes the session.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Awaitable
from typing import TYPE_CHECKING

import msgspec

from hbpush.session.transport import End
from hbpush.web.exchange import HeaderLines

if TYPE_CHECKING:
    from sethpusher.sockjs.session import SockSession


class Opening(msgspec.Struct, frozen=True, gc=False):
    """Who has come: what is kept of the first request. ``target`` is its path with the query, ``headers`` are its header lines as they
    came, each ended by CRLF: one object, for there is one to every session."""

    ip: str
    secure: bool
    transport: str
    target: bytes
    headers: HeaderLines


class Handler(ABC):
    """The application's side of one session."""

    __slots__ = ("session",)

    def __init__(self, session: SockSession) -> None:
        self.session = session

    def opened(self, opening: Opening) -> bool | Awaitable[bool]:
        """The client is there, and knows that it is connected. False closes the session again."""
        return True

    @abstractmethod
    def message(self, message: object) -> Awaitable[object] | None:
        """What the client has sent: a text, of well-behaved clients; any JSON value, of others; bytes, of a raw WebSocket."""

    def closed(self, why: End) -> None:  # noqa: B027 - many have nothing to put away
        """It is over: called once, whoever ended it. What is sent here goes nowhere."""


class Application(ABC):
    """What a server runs."""

    @abstractmethod
    def handler(self, session: SockSession) -> Handler:
        """The handler of a new session."""
