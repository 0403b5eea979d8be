"""A client of SockJS (SockJS specification 4)."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import count
from typing import TYPE_CHECKING, Protocol, cast

from hbpush.session.transport import End
from hbpush.session.turns import TurnSession
from sethpusher.sockjs import codec
from sethpusher.sockjs.contract import Handler, Opening

if TYPE_CHECKING:
    from sethpusher.sockjs.server import Server

GO_AWAY = (3000, "Go away!")
OPEN_ALREADY = (2010, "Another connection still open")
OTHER_ADDRESS = (2010, "Attempted to connect to session from different IP")
LAST_WORDS = 1024
"""Bytes that are kept for the end of one for whom too much waits."""

_ENDS = {End.SLOW: (3008, "Too slow")}

_unnamed = count()


class Teller(Protocol):
    """What a carrier of SockJS has beyond a `hbpush.session.transport.Transport`."""

    @property
    def single(self) -> bool: ...

    def tell(self, frame: str) -> None:
        """Send a frame that is no message; of a poll it is the answer."""


class SockSession(TurnSession[object]):
    """One session; its packets are messages, as texts. ``opening`` tells who has come, ``ending`` is what its client is told at the end.

    Its ``handler`` is asked for when it opens, unless it has one. ``named`` sessions have an id of the client's, by which requests find
    them; one on a WebSocket ends with that.
    """

    protocol = "sockjs"

    __slots__ = ("ending", "fresh", "handler", "named", "opening", "server")

    def __init__(self, server: Server, opening: Opening, id: str | None = None) -> None:
        # No id of a client's has a dot in it.
        super().__init__(server.registry, f".{next(_unnamed)}" if id is None else id)
        self.server = server
        self.opening = opening
        self.named = id is not None
        self.fresh = True
        """Whether its client does not know yet that it is connected."""
        self.handler: Handler | None = None
        self.ending: tuple[int, str] | None = None

    @property
    def close_frame(self) -> str:
        """What its client is told at the end."""
        return codec.close(*(self.ending or GO_AWAY))

    # The application's side

    def dismiss(self, code: int, reason: str) -> None:
        """Close it: what was sent goes out, then the code and the reason. Harmless when it is over."""
        if not self.state:
            self.ending = (code, reason)
            self.close(End.APPLICATION)

    # The client's side

    def open(self) -> None:
        """The client knows that it is connected: so may the application."""
        server = self.server
        self.fresh = False
        server.session_open(self)
        try:
            if self.handler is None:
                self.handler = server.application.handler(self)
            verdict = self.handler.opened(self.opening)
        except BaseException as error:  # noqa: BLE001 - the wall between sessions: it is logged, and ends the one that has it
            self.failed(error)
            return
        if isinstance(verdict, bool):
            self._settle(verdict)
        else:
            self.wait(verdict, self._settle, True)

    def received(self, messages: Sequence[object]) -> None:
        """Messages have come."""
        if not self.hears():
            return
        self.server.received += len(messages)
        for message in messages:
            if self.state:
                return
            self.turn(message, len(message) if isinstance(message, str | bytes) else 1)

    def take(self, packet: object) -> None:
        if self.handler is not None:
            self.ask(self.handler.message, packet)

    # What a session asks of a protocol

    @property
    def lingers(self) -> bool:
        return self.named

    def beat(self) -> None:
        transport = self.transport
        if transport is not None:
            cast("Teller", transport).tell(codec.HEARTBEAT)

    def farewell(self, why: End) -> Sequence[str]:
        # Not a packet: carriers put the last frame behind those.
        if self.ending is None:
            self.ending = _ENDS.get(why, GO_AWAY)
        return ()

    def closed(self, why: End) -> None:
        self.ended()
        handler, self.handler = self.handler, None
        if handler is not None:
            self.tell_closed(handler.closed, why)
        if not self.fresh:
            self.server.session_over(self)

    def _settle(self, verdict: bool) -> None:
        if not verdict:
            self.dismiss(*GO_AWAY)
