"""Event streams: ``polling: eventsource`` (HTML standard, section 9.2; DESIGN section 7).

Beside messages a client hears ``event: gap`` when some were missed, ``event: deleted`` when a channel was deleted and
``event: displaced`` when another subscriber has taken its place, each with ``{"channel"}`` for its data. It resumes by the header
Last-Event-ID, which goes before ``last_event_id`` or ``since`` in the query: a browser that comes back sends the query of its first
request again.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

from hbpush.core import jsontext
from hbpush.core.message import ChannelRef, Since
from hbpush.core.subscription import CloseReason
from hbpush.daemon.location import LocationContext
from hbpush.relay import positions
from hbpush.relay.forms import chunked_events, events
from hbpush.relay.leg import Leg, Outlet
from hbpush.relay.settings import SubscriberSettings
from hbpush.relay.stream import Stream
from hbpush.relay.streaming import Streaming
from hbpush.session.deadlines import Deadlines
from hbpush.web.carriers import chunk
from hbpush.web.eventstream import COMMENT, HEADERS, event, opening
from hbpush.web.exchange import Exchange, Writer

CHUNKED_COMMENT = chunk(COMMENT)
LAST = {CloseReason.DELETED: b"deleted", CloseReason.DISPLACED: b"displaced"}
"""The events after which a client is not to come back."""

STALLED = "the client of an event stream has stopped reading"


class EventSource(Streaming):
    """The place of event streams."""

    protocol = "eventsource"
    tells_place = True

    def __init__(self, owner: object, context: LocationContext, settings: SubscriberSettings) -> None:
        super().__init__(owner, context, settings)
        self.retry = settings.retry
        self.patience = settings.ping_timeout
        self.heartbeats: Deadlines[EventStream] = Deadlines(context.clock, context.wheel, settings.heartbeat_interval, EventStream.beat)

    def refusal(self, exchange: Exchange) -> bytes | None:
        return None

    def given(self, exchange: Exchange) -> bytes:
        return exchange.header(b"last-event-id") or super().given(exchange)

    def make(self, exchange: Exchange, refs: Sequence[ChannelRef], sinces: Sequence[Since], told: bool) -> Stream:
        return EventStream(self, exchange, refs, sinces, told)


class EventStream(Stream):
    """One event stream."""

    __slots__ = ("_stalled_at", "_taken", "_told", "_writer")

    place: EventSource

    def __init__(self, place: EventSource, exchange: Exchange, refs: Sequence[ChannelRef], sinces: Sequence[Since], told: bool) -> None:
        super().__init__(place, exchange, refs, sinces)
        self._told = told
        # What was taken at the last beat, and since when it has not become more; None while nothing waits.
        self._taken: int | None = None
        self._stalled_at = 0.0
        self._writer: Writer = cast("Writer", None)

    def begin(self, exchange: Exchange, missed: bool) -> Outlet | None:
        place = self.place
        writer = exchange.stream(200, HEADERS, self._gone, self.drained, place.outbox)
        if writer is None:
            return None
        self._writer = writer
        self.form = chunked_events if writer.chunked else events
        writer.write(self._framed(opening(place.retry, positions.text(self.ids()).encode() if self._told else b"")))
        if place.heartbeat_interval:
            place.heartbeats.put(self)
        return writer

    def has_room(self) -> bool:
        return self._writer.has_room()

    @property
    def waiting(self) -> int:
        return self._writer.waiting

    def tell_gap(self, leg: Leg) -> None:
        self.say(self._framed(_notice(b"gap", leg)))

    def tell_deleted(self, leg: Leg) -> None:
        self.say(self._framed(_notice(b"deleted", leg)))

    def finish(self, leg: Leg, reason: CloseReason, kept: bytes) -> None:
        last = LAST.get(reason)
        self._writer.end(kept if last is None else kept + self._framed(_notice(last, leg)))

    def beat(self) -> None:
        """A sign of life for proxies on the way, and for the system, which finds a peer gone that has left no word.

        Behind something that waits there is no use in it, and who takes nothing of that for `patience` is cut: where little is published
        no outbox would tell.
        """
        writer = self._writer
        if not writer.paused:
            writer.write(CHUNKED_COMMENT if writer.chunked else COMMENT)
        else:
            now, taken = self.place.clock.monotonic(), writer.taken
            if self._taken is None or taken > self._taken:
                self._taken, self._stalled_at = taken, now
            elif now - self._stalled_at >= self.place.patience:
                writer.cut(STALLED)
                return
        self.place.heartbeats.put(self)

    def drained(self) -> None:
        self._taken = None
        super().drained()

    def leave(self) -> None:
        self.place.heartbeats.take(self)
        # It has the stream's methods, to be called back.
        self._writer = cast("Writer", None)
        super().leave()

    def _gone(self) -> None:
        self.leave()

    def _framed(self, piece: bytes) -> bytes:
        return chunk(piece) if self._writer.chunked else piece


def _notice(name: bytes, leg: Leg) -> bytes:
    return event(b'{"channel":%b}' % jsontext.quote(leg.ref.id).encode(), b"", name)
