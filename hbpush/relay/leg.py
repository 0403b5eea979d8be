"""A stream's presence on one channel: what the hub delivers to (DESIGN section 3). The stream is in `hbpush.relay.stream`."""

from __future__ import annotations

from collections.abc import Sequence
from operator import attrgetter
from typing import TYPE_CHECKING, Protocol, cast

from hbpush.core.batch import Batch, Format
from hbpush.core.message import ChannelRef, Since
from hbpush.core.subscription import UNDECIDED, CloseReason
from hbpush.relay.admission import Waiting
from hbpush.web.outflow import THROUGH
from hbpush.web.write_each import write_each

if TYPE_CHECKING:
    from hbpush.relay.stream import Stream

OPENING, OPEN, OVER = range(3)
"""The states of a stream."""

_DESCRIPTOR = attrgetter("out.descriptor")


class Outlet(Protocol):
    """Where a leg writes: the stream's peer, or who keeps things for it."""

    @property
    def descriptor(self) -> int:
        """Where the system takes bytes past `write` at the moment (`hbpush.web.outflow.Outflow`); negative where it does not."""

    def write(self, wire: bytes) -> None: ...


class _Nowhere:
    descriptor = THROUGH

    def write(self, wire: bytes) -> None: ...


NOWHERE: Outlet = _Nowhere()
"""When nobody is there any more."""


class Leg(Waiting):
    """A stream's presence on its one channel: a `hbpush.core.subscription.Subscriber`.

    ``begun`` when its channel is known to exist; ``live`` when it has read its history; ``lost`` while the peer has to be told of a gap,
    once there is an answer.
    """

    __slots__ = ("begun", "claim", "format", "held", "index", "live", "lost", "out", "ref", "since", "stream")

    takes = None

    def __init__(self, stream: Stream, index: int, ref: ChannelRef, since: Since) -> None:
        self.stream = stream
        self.index = index
        self.ref = ref
        self.since = since
        # Nobody displaces it before its turn is known.
        self.claim: int | None = UNDECIDED if stream.place.admission.bounded else 0
        self.held = False
        self.begun = False
        self.live = False
        self.lost = False
        self.format: Format = cast("Format", None)
        self.out: Outlet | None = None

    @property
    def owner(self) -> object:
        return self.stream.place.owner

    @property
    def protocol(self) -> str:
        return self.stream.place.protocol

    def missed(self) -> None:
        if self.stream.state == OPENING:
            self.lost = True
        elif self.stream.state == OPEN:
            self.stream.tell_gap(self)

    def joined(self) -> None:
        self.live = True
        self.stream.joined(self)

    def deliver(self, batch: Batch) -> None:
        out = self.out
        if out is None:
            self.stream.keep(self, batch)
        elif batch.gathered is not None and out.descriptor >= 0:
            batch.gathered[self.format].append(self)
        elif out is not NOWHERE:
            out.write(batch.wires[self.format])

    def write_to_all(self, gathered: Sequence[Leg], wire: bytes, /) -> Sequence[tuple[int, int]]:
        # Where each of them writes is asked for now: others have been called since they were gathered, and may have ended some.
        return write_each(list(map(_DESCRIPTOR, gathered)), wire)

    def write(self, wire: bytes, /) -> None:
        cast("Outlet", self.out).write(wire)

    def has_room(self) -> bool:
        return self.stream.may_read(self)

    def closed(self, reason: CloseReason) -> None:
        self.stream.closed(self, reason)


class OneOfSeveral(Leg):
    """A stream's presence on one of its channels."""

    __slots__ = ()

    def deliver(self, batch: Batch) -> None:
        stream = self.stream
        out = self.out
        if out is None:
            stream.keep(self, batch)
        elif stream.standing is not None:
            out.write(batch.wires[stream.standing.format(self.index)])
            stream.standing = stream.standing.after(self.index, batch.messages[-1].id)
