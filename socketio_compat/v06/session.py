"""A client of Socket.IO 0.6: its handler, its heartbeats, and what its frames mean (specification 1, 5, 7)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from hbpush.errors import ProtocolError
from hbpush.session.transport import End
from hbpush.session.turns import TurnSession
from socketio_compat.v06 import codec
from socketio_compat.v06.contract import Handler, Opening

if TYPE_CHECKING:
    from socketio_compat.v06.server import Server


class SocketSession(TurnSession[Any]):
    """One session, from the request that made it to its end. Packets are bodies of frames; the first one is its id.

    ``handler`` is the application's side of it while it is open; ``fault`` tells that its handler raised, which ended it.
    """

    protocol = "socketio06"

    __slots__ = ("_beats", "_heartbeats", "fault", "handler", "server")

    def __init__(self, server: Server) -> None:
        super().__init__(server.registry)
        self.server = server
        self.fault = False
        self.handler: Handler | None = None
        self._heartbeats = server.registry.heartbeats
        self._beats = 0

    # The application's side

    def say(self, value: object) -> None:
        """Send a value: see `socketio_compat.v06.message.bodies`, also for what it raises."""
        for body in codec.bodies(value):
            self.send(body)

    def start_heartbeats(self, period: float | None = None) -> None:
        """Let the next heartbeat come one period from now: ``period`` seconds from now on, or what it was before.

        A stream does this when it begins to carry the session, and stops them at its end. Nothing else has a use for them.
        """
        if self.state:
            return
        self._heartbeats.stop(self)
        if period is not None:
            self._heartbeats = self.server.heartbeats(period)
        self._heartbeats.start(self)

    def stop_heartbeats(self) -> None:
        """No more of them. Harmless when there are none."""
        self._heartbeats.stop(self)

    def postpone_heartbeat(self) -> None:
        """Something was sent: let the next one come one period from now. Harmless when there are none."""
        self._heartbeats.postpone(self)

    def beat(self) -> None:
        """Send a heartbeat now. Heartbeats are numbered from 1."""
        self._beats += 1
        self.send(codec.heartbeat(self._beats))

    # The client's side

    def open(self, opening: Opening) -> None:
        """Send the id, and let the application have a handler for it."""
        self.send(self.id)
        try:
            handler = self.server.application.connection(self, opening)
            if self.state:
                # It was closed before it began.
                return
            self.handler = handler
            outcome = handler.opened()
        except BaseException as error:  # noqa: BLE001 - the wall between sessions: it is logged, and ends the one that has it
            # Nobody was told the id, so nobody comes for what waits.
            self.outbox.take()
            self.failed(error)
        else:
            if outcome is not None:
                self.wait(outcome)

    def received(self, body: str) -> None:
        """The body of one frame has come."""
        if self.state:
            return
        self.unheard = 0
        self.server.received += 1
        try:
            kind, value = codec.read(body)
        except ProtocolError as error:
            self.registry.counters.refuse("malformed_packet", f"a message is ignored: {error}")
            return
        if kind != codec.HEARTBEAT:
            self.turn(value, len(body))

    # What carries it

    def flush(self) -> None:
        if self.transport is not None and self.outbox.packets:
            super().flush()
            self._heartbeats.postpone(self)

    # What a session asks of a protocol

    def take(self, packet: Any) -> None:
        if self.handler is not None:
            self.ask(self.handler.message, packet)

    def farewell(self, why: End) -> Sequence[str]:
        return ()

    def closed(self, why: End) -> None:
        handler, self.handler = self.handler, None
        self.fault = why is End.FAULT
        self._heartbeats.stop(self)
        self.ended()
        if handler is not None:
            self.tell_closed(handler.closed, why)
