"""The contract of what carries a session at the moment: a held poll, a stream, a WebSocket."""

from __future__ import annotations

import enum
from collections.abc import Sequence
from typing import Any, Protocol

from hbpush.core.batch import Batch
from hbpush.core.message import Message


class End(enum.Enum):
    """Why a session ends. Every protocol maps these to its own words (DESIGN 7)."""

    PEER = "the client has said goodbye"
    LEFT = "the client has left, and will not ask again"
    APPLICATION = "the application has closed it"
    EXPIRED = "its client did not come back"
    SILENT = "its client does not answer heartbeats"
    SLOW = "its client does not keep up"
    FAULT = "something failed"
    SHUTDOWN = "the server goes"


class Shape(Protocol):
    """What messages of a channel look like to the sessions of a protocol.

    One object to a shape, shared by all sessions that get it. A protocol gives its shapes a Format for each kind of transport whose bytes
    can be shared; `packets` is what all others are served with.
    """

    def packets(self, messages: Sequence[Message]) -> Sequence[str]:
        """The packets for some messages, in order."""


class Transport(Protocol):
    """What carries a session from its attachment to the end of the connection, of the poll, or of its turn.

    An implementer makes one per connection, gives it to `Session.attach`, and calls `Session.detach` when the peer is gone. The session
    calls back here; nothing may raise or wait. After `displaced` and `end`, and for a poll after the first `send` or `broadcast`, nothing
    is called any more.
    """

    @property
    def single(self) -> bool:
        """Whether one payload ends it, as it does a poll. The session has let go of it by the time it is called with that payload."""

    def has_room(self) -> bool:
        """Whether less than half of its outbox waits. A stream calls `Session.drained` when that is so again."""

    def send(self, packets: Sequence[str]) -> None:
        """Send packets, at least one, in one write. Over its own bound of waiting bytes it cuts the connection, and then detaches."""

    def broadcast(self, batch: Batch, shape: Any) -> None:
        """Send messages of a channel: bytes that `Batch.wires` has once for all sessions, where this kind of transport has some.

        ``shape`` is a `Shape`, of the kind that the protocol has.
        """

    def displaced(self) -> None:
        """Another transport has taken its place: end it in a way that does not make its client come back."""

    def end(self, packets: Sequence[str], why: End) -> None:
        """The session is over: send the last packets, if there are any, and end the connection."""
