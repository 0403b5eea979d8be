"""Subscriptions that go on: what EventSource and WebSocket have in common (relay specification 1.3, 7.2; DESIGN sections 3, 7).

A `Stream` is one request and what it becomes; on each of its channels it is present by a `Leg`, to which the hub delivers. It begins
closed: all its channels have to exist, and the location to let it in, before anything but a refusal is answered. What comes until then
is kept, no more than an outbox of it; what is beyond that is read again later.

History is given as the peer reads, to one leg at a time: no amount of it makes a reader slow, and what its other channels publish
meanwhile waits behind it. How the peer is spoken to is for those who derive.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING, ClassVar, cast

from hbpush.core.batch import Batch, Format
from hbpush.core.message import ChannelRef, MessageId, Since, size_of
from hbpush.core.result import then
from hbpush.core.subscription import CloseReason
from hbpush.errors import HbpushError
from hbpush.relay.admission import DISPLACED
from hbpush.relay.leg import NOWHERE, OPEN, OPENING, OVER, Leg, OneOfSeveral, Outlet
from hbpush.relay.positions import Form, Ids, Standing, standing
from hbpush.relay.rules import MISSED, VARY
from hbpush.stores.base import Claim, Receipt
from hbpush.web.answers import NOT_FOUND, Head, away, fail
from hbpush.web.exchange import Exchange
from hbpush.web.outflow import THROUGH

if TYPE_CHECKING:
    from hbpush.relay.streaming import Streaming

DELETED = Head(410, VARY)


class History:
    """Where legs of a stream write what they read of history."""

    __slots__ = ("_stream",)

    descriptor = THROUGH

    def __init__(self, stream: Stream) -> None:
        self._stream = stream

    def write(self, wire: bytes) -> None:
        """See `Stream.write_history`."""
        self._stream.write_history(wire)


class Stream(ABC):
    """A subscription, from its request to its end. ``state`` is OPENING, OPEN or OVER.

    ``form`` is set before the first message is written.
    """

    __slots__ = (
        "_early", "_exchange", "_hungry", "_kept", "_out", "_reading", "_undecided", "_waiting_bytes",
        "form", "legs", "place", "standing", "state",
    )  # fmt: skip

    form: Form
    descriptor: ClassVar[int] = THROUGH

    def __init__(self, place: Streaming, exchange: Exchange, refs: Sequence[ChannelRef], sinces: Sequence[Since]) -> None:
        self.place = place
        self.state = OPENING
        self.standing: Standing | None = None
        self._exchange = exchange
        self._early: list[tuple[Leg, Batch]] | None = []
        self._kept: list[bytes] | None = None
        self._hungry: list[Leg] | None = None
        self._reading: Leg | None = None
        self._waiting_bytes = 0
        self._out = NOWHERE
        kind = Leg if len(refs) == 1 else OneOfSeveral
        self.legs: tuple[Leg, ...] = tuple(
            [kind(self, index, ref, since) for index, (ref, since) in enumerate(zip(refs, sinces, strict=True))]
        )
        self._undecided = len(self.legs)

    # How the peer is spoken to

    @abstractmethod
    def begin(self, exchange: Exchange, missed: bool) -> Outlet | None:
        """Answer the request, and set ``form``: where to write from now on, None when the peer has left.

        ``missed`` tells that messages were; `tell_gap` follows, while ``state`` is OPENING still.
        """

    @abstractmethod
    def has_room(self) -> bool:
        """Whether the peer takes more."""

    @property
    @abstractmethod
    def waiting(self) -> int:
        """Bytes that wait for the peer."""

    @abstractmethod
    def tell_gap(self, leg: Leg) -> None:
        """Messages of a channel were missed."""

    @abstractmethod
    def tell_deleted(self, leg: Leg) -> None:
        """One channel of several is no more."""

    @abstractmethod
    def finish(self, leg: Leg, reason: CloseReason, kept: bytes) -> None:
        """The last thing that the peer hears, behind what was kept: why the hub dropped a leg."""

    # From the request to the first byte

    def start(self) -> None:
        """Subscribe to all channels."""
        hub = self.place.hub
        for leg in self.legs:
            hub.subscribe(leg.ref, leg, leg.since, must_exist=True)
            if self.state == OVER:
                return

    def keep(self, leg: Leg, batch: Batch) -> None:
        """A message that comes before the answer begins."""
        early = self._early
        if early is None:
            return
        size = sum(map(size_of, batch.messages))
        if early and self._waiting_bytes + size > self.place.outbox:
            self._put_off(leg, batch)
        else:
            early.append((leg, batch))
            self._waiting_bytes += size
        if not leg.begun and self.state == OPENING:
            self.begun(leg)

    def _put_off(self, leg: Leg, batch: Batch) -> None:
        """A leg is to read again, later, what there is no room for."""
        since = batch.messages[0].previous
        if all(kept is not leg for kept, _ in self._early or ()):
            leg.since = since
        leg.live = False
        self._wait(leg)
        # What is on its way to it is passed over.
        leg.out = NOWHERE
        self.place.hub.rewind(leg.ref, leg, since, not all(message.stored for message in batch.messages))
        leg.out = None

    def begun(self, leg: Leg) -> None:
        """A channel exists, and is heard."""
        leg.begun = True
        self._undecided -= 1
        if not self._undecided:
            self._admit()

    def _admit(self) -> None:
        admission = self.place.admission
        if not admission.bounded:
            for leg in self.legs:
                leg.held = True
            self._open()
            return
        self._undecided = len(self.legs)
        for leg in self.legs:
            leg.held = True
            try:
                admitted = admission.admit(leg.ref, leg)
            except HbpushError as error:
                self._not_decided(error)
                return
            if isinstance(admitted, bytes):
                self.refuse(admitted)
                return
            then(admitted, partial(self._claimed, leg), self._not_decided)
            if self.state == OVER:
                return

    def _claimed(self, leg: Leg, claim: Claim) -> None:
        if self.state != OPENING:
            return
        refusal = self.place.admission.refusal(leg.ref, claim)
        if refusal is not None:
            self.refuse(refusal)
            return
        leg.claim = claim.number
        self._undecided -= 1
        if not self._undecided:
            self._open()

    def _not_decided(self, _: BaseException) -> None:
        if self.state == OPENING:
            self.refuse(away())

    def _open(self) -> None:
        exchange = self._exchange
        out = self.begin(exchange, any(leg.lost for leg in self.legs))
        if out is None or self.state == OVER:
            self.leave()
            return
        self._exchange = cast("Exchange", None)
        self._out = out
        if len(self.legs) > 1:
            self.standing = standing(self.form, self.ids())
        early, self._early = self._early or [], None
        history = History(self)
        for leg in self.legs:
            leg.format = cast("Format", self.form)
            leg.out = history
        for leg in self.legs:
            if leg.lost:
                leg.lost = False
                self.tell_gap(leg)
        self.state = OPEN
        for leg, batch in early:
            leg.deliver(batch)
        for leg in self.legs:
            if leg.live:
                self.joined(leg)
        # They were kept from reading on while nothing could be written.
        self._resume()

    def refuse(self, answer: bytes) -> None:
        """End before the answer has begun, with another one."""
        exchange = self._exchange
        self.leave()
        exchange.respond(answer)

    def ids(self) -> Ids:
        """Where the subscription began."""
        return tuple([leg.since if isinstance(leg.since, MessageId) else None for leg in self.legs])

    # The peer

    def drained(self) -> None:
        """There is room again."""
        if self._kept is not None:
            self._pass_on()
        self._resume()

    def joined(self, leg: Leg) -> None:
        """A leg has read its history."""
        if self.state == OPEN:
            leg.out = self._out if self._kept is None else self
            if not self.has_room():
                self._hold_back(self.waiting)
            if self._reading is leg:
                self._reading = None
                if self._hungry:
                    self.place.clock.call_soon(self._resume)
        elif self.state == OPENING and not leg.begun:
            self.begun(leg)

    def may_read(self, leg: Leg) -> bool:
        """Whether a leg may read more history now. If not, it is told when it may."""
        if self.state == OPEN and self._reading in (None, leg) and self.has_room():
            self._reading = leg
            return True
        if self._reading is leg:
            self._reading = None
        if self.state != OVER:
            self._wait(leg)
        return False

    def write_history(self, wire: bytes) -> None:
        """Where legs write that are not live. It counts towards no bound, for it was asked for when there was room."""
        if self._kept is None and not self.has_room():
            self._hold_back(self.waiting)
        if self._kept is not None:
            self._kept.append(wire)
            return
        self._out.write(wire)
        if not self.has_room():
            self._hold_back(0)

    def _hold_back(self, behind: int) -> None:
        """Keep what comes until there is room: a page of history may fill the outbox, which is no fault of the reader's.

        ``behind`` is by how many bytes it has fallen behind itself.
        """
        if self._kept is None:
            self._kept = []
            self._waiting_bytes = behind
            for leg in self.legs:
                if leg.live:
                    leg.out = self

    def write(self, wire: bytes) -> None:
        """Where live legs write while there is no room: it is kept."""
        if self._kept is None:
            return
        self._kept.append(wire)
        self._waiting_bytes += len(wire)
        if self._waiting_bytes > self.place.outbox:
            # The one who writes sees to it, unless the peer has read on meanwhile.
            self._pass_on()

    def say(self, wire: bytes) -> None:
        """Something else than messages: not before those that came earlier."""
        (self._out if self._kept is None else self).write(wire)

    def _pass_on(self) -> None:
        kept, self._kept = self._kept or [], None
        for leg in self.legs:
            if leg.live:
                leg.out = self._out
        if kept:
            self._out.write(b"".join(kept))

    def _wait(self, leg: Leg) -> None:
        if self._hungry is None:
            self._hungry = []
        if leg not in self._hungry:
            self._hungry.append(leg)

    def _resume(self) -> None:
        """Let those read on that wait for it, each in its turn."""
        while self._hungry and self._reading is None and self.state == OPEN and self.has_room():
            leg = self._reading = self._hungry.pop(0)
            self.place.hub.resume(leg.ref, leg)

    def _forget(self, leg: Leg) -> None:
        """A leg is no more."""
        leg.out = NOWHERE
        self.legs = tuple([other for other in self.legs if other is not leg])
        if self._hungry and leg in self._hungry:
            self._hungry.remove(leg)
        if self._reading is leg:
            self._reading = None
            self._resume()

    def leave(self) -> None:
        """Take no more messages: the peer is gone, or was told that it is over."""
        self.state = OVER
        self._early = self._kept = self._hungry = self._reading = None
        self._exchange = cast("Exchange", None)
        self._out = NOWHERE
        self.standing = None
        legs, self.legs = self.legs, ()
        for leg in legs:
            leg.held = False
            leg.out = NOWHERE
            self.place.hub.unsubscribe(leg.ref, leg)

    # What the hub tells

    def absent(self, leg: Leg) -> None:
        """There is no such channel: make it, or refuse."""
        if not self.place.create:
            if leg.lost:
                self._exchange.extra += MISSED
            self.refuse(NOT_FOUND.wire())
            return
        # Who calls may be the hub or a Future's callback, neither of which would answer an error.
        try:
            made = self.place.hub.create(leg.ref, permanent=False)
        except HbpushError as error:
            self._failed(error)
        else:
            then(made, partial(self._created, leg), self._failed)

    def _created(self, leg: Leg, _: Receipt) -> None:
        if self.state == OPENING:
            self.place.hub.subscribe(leg.ref, leg, leg.since, must_exist=True)

    def _failed(self, error: BaseException) -> None:
        if self.state == OPENING:
            exchange = self._exchange
            self.leave()
            fail(exchange, error)

    def closed(self, leg: Leg, reason: CloseReason) -> None:
        """The hub has dropped a leg."""
        if self.state == OPENING:
            self._closed_early(leg, reason)
        elif self.state == OPEN:
            if reason is CloseReason.DELETED and len(self.legs) > 1:
                self.tell_deleted(leg)
                self._forget(leg)
                return
            self.state = OVER
            # What was published before is still heard, and history with it: no bound cuts these last words.
            self.finish(leg, reason, b"".join(self._kept or ()))
            self.leave()

    def _closed_early(self, leg: Leg, reason: CloseReason) -> None:
        match reason:
            case CloseReason.ABSENT:
                self.absent(leg)
            case CloseReason.DELETED:
                self.refuse(DELETED.wire())
            case CloseReason.DISPLACED:
                self.refuse(DISPLACED.wire())
            case _:
                self._exchange.keep = False
                self.refuse(away())
