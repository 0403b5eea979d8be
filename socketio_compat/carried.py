"""Sessions that somebody else's object carries, in place of a transport of ours (TornadIO API, A5, B5)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Protocol

from hbpush.core.batch import Batch
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
