"""A client of a polling-capable protocol, its bounded queue, and what carries it now."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from hbpush.core.batch import Batch
from hbpush.session.outbox import Outbox
from hbpush.session.registry import Registry, new_id
from hbpush.session.transport import End, Shape, Transport

if TYPE_CHECKING:
    from hbpush.session.feed import Feed

OPEN, CLOSING, CLOSED = range(3)

GONE = frozenset((End.EXPIRED, End.LEFT))
"""Ends after which nobody asks for the last packets."""


class Session(ABC):
    """What a protocol's own session is made of: it adds what packets mean.

    It is kept in its registry from the beginning to the end. Packets are sent in the order of `send` and `broadcast`, whatever carries
    them: what is sent in one turn of the loop goes out together in the next, and waits while there is no transport. ``state`` is OPEN;
    CLOSING when it was closed and something of it waits for a transport, until it expires; CLOSED.

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

        Whoever sends more than the outbox takes while nothing carries it away closes the session as SLOW.
        """
        if self.state:
            return
        self._queued(self.outbox.add(packet, self.registry.room))

    def broadcast(self, batch: Batch, shape: Shape, history: bool = False) -> None:
        """Send messages that others get as well: at once where nothing waits before them.

        ``history`` tells that they were asked for when there was room: they may be more than that, but close no session.
        """
        transport = self.transport
        if transport is None or self.outbox.packets:
            if not self.state:
                fits = history or not self.outbox.is_full(self.registry.room)
                if fits:
                    self.outbox.extend(batch.packets(shape.packets))
                self._queued(fits)
            return
        if transport.single:
            self._let_go()
        transport.broadcast(batch, shape)

    def flush(self) -> None:
        """Give what waits to the transport, if there is one."""
        self._unflushed = False
        transport = self.transport
        if transport is None or not self.outbox.packets:
            return
        packets = self.outbox.take()
        if transport.single:
            self._let_go()
        transport.send(packets)
        if self.starved:
            self._feed()

    def has_room(self) -> bool:
        """Whether it takes more history now. If not, its feeds are told when it does."""
        if self.outbox.under_half(self.registry.room) and (self.transport is None or self.transport.has_room()):
            return True
        self.starved = True
        return False

    # The end

    def close(self, why: End) -> None:
        """End it: the application is told, what waits is still sent, and then the transport ends. Harmless when it is over."""
        if self.state:
            return
        self.state = CLOSING
        registry = self.registry
        registry.heartbeats.stop(self)
        feeds, self.feeds = self.feeds, None
        for feed in feeds.values() if feeds else ():
            feed.leave()
        outbox = self.outbox
        if why is End.SLOW:
            # What there is no room for is lost, and packets around a hole would be a lie.
            outbox.take()
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
        if self.state == OPEN:
            self.close(End.EXPIRED)
        else:
            self.state = CLOSED
            self.registry.remove(self)

    def silent(self) -> None:
        """Its client does not answer heartbeats."""
        self.registry.counters.refuse("silent_session", "a session's client does not answer heartbeats")
        self.close(End.SILENT)

    def _queued(self, fits: bool) -> None:
        if not fits:
            self.registry.counters.refuse("slow_session", "a session's outbox is full")
            self.close(End.SLOW)
        elif not self._unflushed and self.transport is not None:
            self._unflushed = True
            self.registry.flush_soon(self)

    def _let_go(self) -> None:
        self.transport = None
        self.registry.detached(self)

    def _feed(self) -> None:
        self.starved = False
        for feed in list(self.feeds.values()) if self.feeds else ():
            if not self.has_room():
                return
            feed.resume()
