"""The sessions that TornadIO and TornadIO2 show to programs, as far as they are alike, and what a program can let carry them (TornadIO API,
A5, B5)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Protocol

from hbpush.core.batch import Batch
from hbpush.errors import HbpushError
from hbpush.session.transport import End, Shape
from hbpush.web.session_server import SessionServer


class Carrier(Protocol):
    """What a session can be given to be carried by."""

    def session_closed(self) -> Any:
        """The session is over, or something else carries it."""


class Carried:
    """A transport that is somebody else's object: ``send_packets`` is the method of it that takes packets."""

    __slots__ = ("_send_packets", "_server", "carrier")

    single = False

    def __init__(self, server: SessionServer[Any], carrier: Carrier, send_packets: Callable[[Sequence[str]], Any]) -> None:
        self._server = server
        self._send_packets = send_packets
        self.carrier = carrier

    def has_room(self) -> bool:
        return True

    def send(self, packets: Sequence[str]) -> None:
        self._server.sent += len(packets)
        self._send_packets(packets)

    def broadcast(self, batch: Batch, shape: Shape) -> None:
        self.send(batch.packets(shape.packets))

    def displaced(self) -> None:
        self._server.connections -= 1
        self.carrier.session_closed()

    def end(self, packets: Sequence[str], why: End) -> None:
        self._server.connections -= 1
        if packets:
            self.send(packets)
        self.carrier.session_closed()


class Face:
    """What a program sees of ``below``, a session of the server's."""

    below: Any

    @property
    def handler(self) -> object | None:
        """What carries the session now: what `set_handler` was given, or a transport of the server's."""
        transport = self.below.transport
        return transport.carrier if isinstance(transport, Carried) else transport

    def flush(self) -> None:
        """Send what waits now, rather than in the next turn of the loop."""
        self.below.flush()

    def remove_handler(self, handler: Carrier) -> None:
        """It carries the session no more. Raises HbpushError when it did not."""
        transport = self.below.transport
        if not isinstance(transport, Carried) or transport.carrier is not handler:
            raise HbpushError("this handler does not carry the session")
        self.below.server.detach(self.below, transport)

    def is_alive(self) -> bool:
        return not self.below.state

    def promote(self) -> None:
        """Let the time in which it expires begin anew."""
        if self.below.transport is None:
            self.below.registry.detached(self.below)

    def on_delete(self, forced: bool) -> None:
        """Its time is over: it is closed, unless something carries it and nobody insists."""
        if forced or self.below.transport is None:
            self.below.close(End.EXPIRED)
