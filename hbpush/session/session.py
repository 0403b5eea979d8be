"""A client of a polling-capable protocol, its bounded queue, and what carries it now."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar

from hbpush.core.batch import Batch
from hbpush.session.outbox import Outbox
from hbpush.session.registry import Registry, new_id
from hbpush.session.transport import End, Shape, Transport

if TYPE_CHECKING:
    from hbpush.session.feed import Feed

OPEN, OVERRUN, CLOSING, CLOSED = range(4)

GONE = frozenset((End.EXPIRED, End.LEFT))
"""Ends after which nobody asks for the last packets."""


class Session(ABC):
    """What a protocol's own session is made of: it adds what packets mean.

    It is kept in its registry from the beginning to the end. Packets are sent in the order of `send` and `broadcast`, whatever carries
    them: what is sent in one turn of the loop goes out together in the next, and waits while there is no transport.

    ``state`` is OPEN; OVERRUN when too much waits, until the next turn, which closes it; CLOSING when it was closed and something of it
    waits for a transport, until it expires; CLOSED.

    ``unheard`` and ``reckoned`` are for `hbpush.session.heartbeat`: whoever hears from the client sets the first to 0. A protocol whose
    heartbeats do not run all the time starts and stops them itself (``registry.heartbeats``).
    """

    __slots__ = ("__weakref__", "_unflushed", "feeds", "id", "outbox", "reckoned", "registry", "starved", "state", "transport", "unheard")

    def __init__(self, registry: Registry[Any], id: str | None = None) -> None:
        self.registry = registry
        self.id = id or new_id()
        self.state = OPEN
        self.transport: Transport | None = None
        self.outbox = Outbox()
        self.unheard = 0
        self.reckoned = 0.0
        self.feeds: dict[object, Feed] | None = None
        """Its subscriptions, by whatever their owner knows them by; None for none."""
        self.starved = False
        """Whether one of them waits for room."""
        self._unflushed = False
        registry.add(self)

    # What a protocol adds

    protocol: ClassVar[str] = "session"
    """`Subscriber.protocol` of its feeds."""

    @abstractmethod
    def beat(self) -> None:
        """A heartbeat is due: send one."""

    @abstractmethod
    def farewell(self, why: End) -> Sequence[str]:
        """The packets that tell the client that the session is over; none for what is told by the connection alone."""

    @abstractmethod
    def closed(self, why: End) -> None:
        """It is over: called once, when its transport was told."""

    @property
    def lingers(self) -> bool:
        """Whether it is kept when it is over, until it expires, to tell that to each transport that comes."""
        return False

    def finish(self, transport: Transport, why: End) -> None:
        """Give what is left to a transport, and end that. One that lingers stays as it is."""
        self.transport = None
        if self.lingers:
            self.registry.detached(self)
        else:
            self.state = CLOSED
            self.registry.remove(self)
        transport.end(self.outbox.take(), why)

    # Transports

    def attach(self, transport: Transport) -> None:
        """Be carried by this one from now on. What waits goes out within this call; a transport that was there is displaced.

        Of a session that is over it gets the last packets, if nothing has had them, and ends.
        """
        if self.state == OVERRUN:
            self.close(End.SLOW)
        before, self.transport = self.transport, transport
        self.registry.attached(self)
        if before is not None:
            before.displaced()
        if self.state:
            self.finish(transport, End.PEER)
        elif self.outbox.packets:
            self.flush()
        elif self.starved:
            self._feed()

    def detach(self, transport: Transport) -> None:
        """The peer of a transport is gone. Harmless when it carries the session no more."""
        if self.transport is transport:
            self.transport = None
            self.registry.detached(self)

    def drained(self) -> None:
        """The transport has room again."""
        if self.starved and not self.outbox.packets:
            self._feed()

    # Sending

    def send(self, packet: str) -> None:
        """Send a packet in the next turn of the loop, or when there is a transport. A no-op when the session is closed.

        What is sent in one turn fits if the outbox had room before; if it had none, the session is `overrun`. Never calls an application,
        which may be that of another session that sends to this one.
        """
        if self.state:
            return
        if not self._unflushed:
            self._begin_turn()
        if self.outbox.full:
            self.overrun()
        else:
            self.outbox.add(packet)

    def broadcast(self, batch: Batch, shape: Shape, history: bool = False) -> None:
        """Send messages that others get as well: at once where nothing was sent in this turn and nothing waits, else as `send` does.

        So whatever an application sends in a turn is one write, or two, and a transport has no reason to find its peer slow within one.
        ``history`` tells that they were asked for when there was room: they may be more than that, but close no session.
        """
        transport = self.transport
        if transport is None or self.outbox.packets or (self._unflushed and not transport.single):
            if not self.state:
                if not self._unflushed:
                    self._begin_turn()
                if self.outbox.full and not history:
                    self.overrun()
                else:
                    self.outbox.extend(batch.packets(shape.packets))
            return
        if transport.single:
            self._let_go()
        else:
            self._begin_turn()
        transport.broadcast(batch, shape)

    def flush(self) -> None:
        """Give what waits to the transport, if there is one."""
        transport = self.transport
        if transport is None or not self.outbox.packets:
            return
        packets = self.outbox.take()
        if transport.single:
            self._let_go()
        transport.send(packets)
        if self.starved:
            self._feed()

    def turned(self) -> None:
        """The turn of the loop in which something was sent is over."""
        self._unflushed = False
        if self.outbox.packets and not self.state:
            self.flush()

    def has_room(self) -> bool:
        """Whether it takes more history now. If not, its feeds are told when it does."""
        if self.outbox.under_half(self.registry.room) and (self.transport is None or self.transport.has_room()):
            return True
        self.starved = True
        return False

    # The end

    def overrun(self) -> None:
        """More waits than may: take nothing any more, and close as SLOW in the next turn. Harmless when it is over.

        For whoever sends: what is called in that turn, the application included, does not run within his call.
        """
        if self.state:
            return
        self.state = OVERRUN
        registry = self.registry
        registry.counters.refuse("slow_session", "a client does not take what is sent to it")
        # What there is no room for is lost, and packets around a hole would be a lie.
        self.outbox.take()
        self._leave_feeds()
        registry.clock.call_soon(partial(self.close, End.SLOW))

    def close(self, why: End) -> None:
        """End it: the application is told, what waits is still sent, and then the transport ends. Harmless when it is over."""
        if self.state > OVERRUN:
            return
        self.state = CLOSING
        registry = self.registry
        registry.heartbeats.stop(self)
        self._leave_feeds()
        outbox = self.outbox
        for packet in self.farewell(why):
            outbox.packets.append(packet)
        transport = self.transport
        if transport is not None:
            self.finish(transport, why)
        elif why in GONE or not (outbox.packets or self.lingers):
            outbox.take()
            self.state = CLOSED
            registry.remove(self)
        self.closed(why)

    def expire(self) -> None:
        """Its time without a transport is over."""
        if self.state <= OVERRUN:
            self.close(End.EXPIRED)
        else:
            self.state = CLOSED
            self.registry.remove(self)

    def silent(self) -> None:
        """Its client does not answer heartbeats."""
        self.registry.counters.refuse("silent_session", "a session's client does not answer heartbeats")
        self.close(End.SILENT)

    def _begin_turn(self) -> None:
        """Something is sent for the first time in this turn of the loop."""
        registry, outbox = self.registry, self.outbox
        self._unflushed = True
        if outbox.packets:
            outbox.turn(registry.room)
        registry.turn_soon(self)

    def _leave_feeds(self) -> None:
        feeds, self.feeds = self.feeds, None
        for feed in feeds.values() if feeds else ():
            feed.leave()

    def _let_go(self) -> None:
        self.transport = None
        self.registry.detached(self)

    def _feed(self) -> None:
        self.starved = False
        for feed in list(self.feeds.values()) if self.feeds else ():
            if not self.has_room():
                return
            feed.resume()
