"""WebSockets: ``polling: websocket`` (DESIGN section 7).

Without a subprotocol a frame is the body of a message and nothing else: text where it is UTF-8, else binary. What was missed before the
first frame is told by X-Relay-Missed in the answer; what is missed later, by the end of the socket with the code 4001: such a client has
no other way to hear of it. The subprotocol ``hbpush.json`` (`hbpush.relay.socket_json`) has words for everything.

Pages of other origins than the server's own are let in where ``allow_origin`` says so: no browser asks before it opens a WebSocket.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import ClassVar, cast

from hbpush.core.counters import Counters
from hbpush.core.message import BEFORE_ALL, ChannelRef, Draft, Since
from hbpush.core.result import then
from hbpush.core.subscription import CloseReason
from hbpush.daemon.location import LocationContext
from hbpush.errors import HbpushError, MessageTooLarge, ProtocolError, StoreFull, StoreUnavailable
from hbpush.relay import socket_json
from hbpush.relay.forms import json_frames, plain_frames
from hbpush.relay.leg import OPEN, Leg, Outlet
from hbpush.relay.positions import Form
from hbpush.relay.rules import MISSED
from hbpush.relay.settings import SubscriberSettings
from hbpush.relay.stream import Stream
from hbpush.relay.streaming import Streaming
from hbpush.stores.base import Receipt
from hbpush.web import cors
from hbpush.web.answers import line
from hbpush.web.exchange import Exchange, WebSocket
from hbpush.web.websocket import frame
from hbpush.web.websocket_handshake import refusal, tokens

UNSUPPORTED, POLICY, TOO_LARGE, FAULT, RESTART, TRY_LATER = 1003, 1008, 1009, 1011, 1012, 1013
SLOW, MISSING, CHANNEL_DELETED, CHANNEL_DISPLACED = 4000, 4001, 4500, 4501
"""Close codes: 4000 to 4499 mean to come back, 4500 to 4999 not to."""

CODES = {
    CloseReason.DELETED: (CHANNEL_DELETED, "the channel was deleted"),
    CloseReason.DISPLACED: (CHANNEL_DISPLACED, "another subscriber has taken its place"),
    CloseReason.SHUTDOWN: (RESTART, "the server goes"),
}
AWAY = (TRY_LATER, "the store cannot be reached")


class SocketPlace(Streaming):
    """The place of WebSockets."""

    protocol = "websocket"

    def __init__(self, owner: object, context: LocationContext, settings: SubscriberSettings) -> None:
        super().__init__(owner, context, settings)
        self.counters: Counters = context.counters
        self.publish = settings.publish
        self.max_message = settings.max_message
        self.ping_timeout = settings.ping_timeout
        origins = cors.listed(settings.allow_origin)
        self._origins = None if cors.ANY in origins else frozenset(origin.encode() for origin in origins)

    def refusal(self, exchange: Exchange) -> bytes | None:
        origin = exchange.header(b"origin")
        if origin is not None and not self._lets_in(origin, exchange):
            self.counters.refuse("bad_origin", "a WebSocket of a page of another origin")
            return line(403, "pages of this origin may not use this WebSocket")
        return refusal(exchange)

    def make(self, exchange: Exchange, refs: Sequence[ChannelRef], sinces: Sequence[Since], told: bool) -> Stream:
        offered = tokens(exchange.header(b"sec-websocket-protocol"))
        kind = JsonStream if socket_json.SUBPROTOCOL.encode() in offered else PlainStream
        return kind(self, exchange, refs, sinces)

    def _lets_in(self, origin: bytes, exchange: Exchange) -> bool:
        if self._origins is None or origin in self._origins:
            return True
        return origin.partition(b"://")[2].lower() == (exchange.header(b"host") or b"").lower()


class SocketStream(Stream):
    """One WebSocket: its `hbpush.web.exchange.WebSocketListener`."""

    __slots__ = ("socket",)

    place: SocketPlace
    subprotocol: ClassVar[str | None] = None
    wire_form: ClassVar[Form]

    def __init__(self, place: SocketPlace, exchange: Exchange, refs: Sequence[ChannelRef], sinces: Sequence[Since]) -> None:
        super().__init__(place, exchange, refs, sinces)
        self.socket: WebSocket = cast("WebSocket", None)

    def begin(self, exchange: Exchange, missed: bool) -> Outlet | None:
        place = self.place
        self.form = type(self).wire_form
        if missed:
            exchange.extra += MISSED
        exchange.websocket(self, self.subprotocol, place.max_message, place.outbox, place.heartbeat_interval, place.ping_timeout)
        return self.socket

    def has_room(self) -> bool:
        return self.socket.has_room()

    @property
    def waiting(self) -> int:
        return self.socket.waiting

    def finish(self, leg: Leg, reason: CloseReason, kept: bytes) -> None:
        self.socket.close(*CODES.get(reason, AWAY), kept)

    # The socket's side

    def opened(self, socket: WebSocket) -> None:
        socket.slow_code = SLOW
        self.socket = socket

    def received(self, message: str | bytes) -> None:
        """A message of the client."""
        raise NotImplementedError

    def gone(self, code: int) -> None:
        self.leave()

    def publish(self, ref: ChannelRef, draft: Draft) -> None:
        """Publish, and tell what became of it."""
        try:
            receipt = self.place.hub.publish(ref, draft)
        except HbpushError as error:
            self.not_published(error)
        else:
            then(receipt, partial(self.published, ref), self.not_published)

    def published(self, ref: ChannelRef, receipt: Receipt) -> None:
        """It has an id."""

    def not_published(self, error: BaseException) -> None:
        """It was refused, or nobody knows what became of it."""
        raise NotImplementedError


class PlainStream(SocketStream):
    """Bodies, and nothing else."""

    __slots__ = ()

    wire_form = plain_frames

    def tell_gap(self, leg: Leg) -> None:
        if self.state == OPEN:
            self.leave()
            self.socket.close(MISSING, "messages were missed")

    def tell_deleted(self, leg: Leg) -> None:
        """Nothing can be said of one channel among several."""

    def received(self, message: str | bytes) -> None:
        if not self.place.publish:
            self._end(POLICY, "clients may not publish here")
        elif len(self.legs) > 1:
            self._end(POLICY, f"with several channels, {socket_json.SUBPROTOCOL} is needed to publish")
        elif self.legs:
            body, media = (message.encode(), socket_json.TEXT) if isinstance(message, str) else (message, socket_json.BINARY)
            self.publish(self.legs[0].ref, Draft(body, media))

    def not_published(self, error: BaseException) -> None:
        match error:
            case MessageTooLarge():
                self._end(TOO_LARGE, str(error))
            case StoreUnavailable() | StoreFull():
                self._end(TRY_LATER, str(error))
            case _:
                self._end(FAULT, str(error))

    def _end(self, code: int, reason: str) -> None:
        self.leave()
        self.socket.close(code, reason)


class JsonStream(SocketStream):
    """Objects that say what they are."""

    __slots__ = ()

    subprotocol = socket_json.SUBPROTOCOL
    wire_form = json_frames

    def tell_gap(self, leg: Leg) -> None:
        self._say(socket_json.gap(leg.ref.id))

    def tell_deleted(self, leg: Leg) -> None:
        self._say(socket_json.deleted(leg.ref.id))

    def received(self, message: str | bytes) -> None:
        if isinstance(message, bytes):
            self.leave()
            self.socket.close(UNSUPPORTED, "this subprotocol has text frames only")
            return
        try:
            if not self.place.publish:
                raise ProtocolError("clients may not publish here")
            channel, draft = socket_json.publication(message)
            self.publish(self._ref(channel), draft)
        except ProtocolError as error:
            self.not_published(error)

    def published(self, ref: ChannelRef, receipt: Receipt) -> None:
        self._say(socket_json.published(ref.id, receipt.last or BEFORE_ALL))

    def not_published(self, error: BaseException) -> None:
        self._say(socket_json.error(str(error) or "it was given up"))

    def _ref(self, channel: str | None) -> ChannelRef:
        """Which of its channels a client means. Raises ProtocolError."""
        if channel is None and len(self.legs) == 1:
            return self.legs[0].ref
        for leg in self.legs:
            if leg.ref.id == channel:
                return leg.ref
        raise ProtocolError("name the channel: there are several" if channel is None else "this is not a stream of that channel")

    def _say(self, text: bytes) -> None:
        self.say(frame(text, True))
