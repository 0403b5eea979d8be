"""Packets of Socket.IO 0.7-0.9 on the hub: what hbpushd's location runs (DESIGN section 7).

A client subscribes by connecting the endpoint ``/C``, perhaps ``/C?since=time-tag``, or on the root by an event ``subscribe`` with
a channel and, perhaps, an id. The id that an acknowledgement or a message brings is what it may go on with later. Beside messages
it hears ``gap`` when some are missing, ``deleted`` when its channel was, and ``unavailable`` when it hears no more of it; each brings
``{"channel"}``.
"""

from __future__ import annotations

import re
from collections.abc import Awaitable
from functools import partial
from typing import Any, NamedTuple
from urllib.parse import parse_qsl

from hbpush.core import jsontext
from hbpush.core.hub import Hub
from hbpush.core.message import BEFORE_ALL, NEWEST, ChannelRef, Draft, MessageId, Since
from hbpush.core.result import then
from hbpush.core.subscription import CloseReason
from hbpush.errors import HbpushError, ProtocolError
from hbpush.session.feed import Feed
from hbpush.stores.base import Page, Receipt
from hbpush.web.routes import CHANNEL_ID_BYTES, channel_id
from socketio_compat.v09 import codec
from socketio_compat.v09.contract import Application, Handler, No
from socketio_compat.v09.packet import Packet
from socketio_compat.v09.payload import clean
from socketio_compat.v09.session import SocketSession
from socketio_compat.v09.shapes import shape

_ID = re.compile(r"([0-9]{1,15})[:-](-1|[0-9]{1,15})")


class Rules(NamedTuple):
    """What clients may do. ``channels`` are the prefixes of ids that are open to them, none for all."""

    store: str
    channels: tuple[str, ...] = ()
    publish: bool = False
    max_subscriptions: int = 1000


class ChannelApplication(Application):
    """Channels of the hub as endpoints and events. ``owner`` is the location."""

    def __init__(self, hub: Hub, rules: Rules, owner: object) -> None:
        self.hub = hub
        self.rules = rules
        self.owner = owner

    def handler(self, session: SocketSession, endpoint: str) -> Handler | No:
        if not endpoint:
            return Root(self, session)
        if not endpoint.startswith("/"):
            return No.UNKNOWN
        try:
            ref = self.channel(channel_id(endpoint[1:].encode("utf-8", "surrogatepass")))
        except (ProtocolError, UnicodeError):
            return No.REFUSED
        return ChannelEndpoint(self, session, endpoint, ref)

    def channel(self, id: object) -> ChannelRef:
        """The channel that a client names. Raises ProtocolError for one that it may not have."""
        if not isinstance(id, str) or not id:
            raise ProtocolError("a channel is named by a text that is not empty")
        try:
            size = len(id.encode("utf-8", "surrogateescape"))
        except UnicodeEncodeError:
            raise ProtocolError("the channel's name is not text") from None
        if size > CHANNEL_ID_BYTES:
            raise ProtocolError(f"a channel's name has at most {CHANNEL_ID_BYTES} bytes")
        if self.rules.channels and not id.startswith(self.rules.channels):
            raise ProtocolError("this channel is not open to clients")
        return ChannelRef(self.rules.store, "", id)

    def publish(self, handler: Handler, packet: Packet, ref: ChannelRef, value: object) -> None:
        """Publish a text as text/plain, anything else as application/json, and acknowledge it. Raises ProtocolError, ValueError."""
        if isinstance(value, str):
            draft = Draft(clean(value).encode(), b"text/plain")
        else:
            draft = Draft(jsontext.encode(value).encode(), b"application/json")
        receipt = self.hub.publish(ref, draft)
        then(receipt, partial(_published, handler.session, packet, ref), partial(_failed, handler.session, packet))


class ChannelFeed(Feed):
    """A subscription of a session. ``endpoint`` is where its client hears of it; ``told_missed`` while a gap is known to the client."""

    __slots__ = ("endpoint", "told_missed")

    endpoint: str
    told_missed: bool

    def joined(self) -> None:
        super().joined()
        self.told_missed = False

    def tell(self, event: str) -> None:
        """Send an event about the channel."""
        self.session.send(codec.event(event, [{"channel": self.ref.id}], self.endpoint))


class _ChannelHandler(Handler):
    """What root and endpoints have in common. ``asked`` are channels that the store is being asked about, each by a key of its own."""

    __slots__ = ("application", "asked")

    def __init__(self, application: ChannelApplication, session: SocketSession, endpoint: str) -> None:
        super().__init__(session, endpoint)
        self.application = application
        self.asked: dict[object, ChannelRef] = {}

    def message(self, value: Any, packet: Packet) -> Awaitable[object] | None:
        """Messages are for an application; here they go nowhere."""
        return None

    def event(self, name: str, args: list[Any], packet: Packet) -> Awaitable[object] | None:
        try:
            self.act(name, args, packet)
        except (HbpushError, ValueError) as error:
            _failed(self.session, packet, error)
        return None

    def act(self, name: str, args: list[Any], packet: Packet) -> None:
        """Do what an event asks for. Raises HbpushError or ValueError, whose text the client is told."""
        raise NotImplementedError

    def subscribe(self, ref: ChannelRef, since: Since, packet: Packet | None) -> None:
        """Ask the store where the channel stands, then join it there. Raises StoreUnavailable."""
        page = self.application.hub.read(ref, since, 1)
        key = object()
        self.asked[key] = ref
        then(page, partial(self._join, key, ref, since, packet), partial(self._not_read, key, ref, packet))

    def _join(self, key: object, ref: ChannelRef, since: Since, packet: Packet | None, page: Page) -> None:
        session = self.session
        is_wanted = self.asked.pop(key, None) is not None
        if session.state or session.handler(self.endpoint) is not self:
            return
        if not is_wanted:
            if packet is not None:
                _failed(session, packet, ProtocolError("it was unsubscribed meanwhile"))
            return
        if session.feeds is None:
            session.feeds = {}
        place = (self.endpoint, ref.id)
        before = session.feeds.get(place)
        position = min(since, page.last) if isinstance(since, MessageId) else page.last
        if packet is not None:
            session.acknowledge(packet, [{"channel": ref.id, "id": str(position), "missed": page.missed}])
        elif page.missed:
            session.send(codec.event("gap", [{"channel": ref.id}], self.endpoint))
        if before is not None:
            if since is NEWEST:
                # It goes on: what is on its way to it must not be lost between two subscriptions.
                return
            before.leave()
        feed = ChannelFeed(self.application.hub, ref, session, shape(self.endpoint), self.application.owner, _told)
        feed.endpoint = self.endpoint
        feed.told_missed = page.missed
        session.feeds[place] = feed
        feed.join(position)

    def _not_read(self, key: object, ref: ChannelRef, packet: Packet | None, error: BaseException) -> None:
        self.asked.pop(key, None)
        if packet is not None:
            _failed(self.session, packet, error)
        elif not self.session.state:
            self.session.send(codec.event("unavailable", [{"channel": ref.id}], self.endpoint))

    def leave(self, ref: ChannelRef) -> None:
        """Unsubscribe, also from what the store is still being asked about. Harmless without a subscription."""
        for key in [key for key, asked in self.asked.items() if asked == ref]:
            del self.asked[key]
        feed = (self.session.feeds or {}).pop((self.endpoint, ref.id), None)
        if feed is not None:
            feed.leave()


class Root(_ChannelHandler):
    """The root: subscriptions by events."""

    __slots__ = ()

    def __init__(self, application: ChannelApplication, session: SocketSession) -> None:
        super().__init__(application, session, "")

    def act(self, name: str, args: list[Any], packet: Packet) -> None:
        application = self.application
        if name == "publish":
            if not application.rules.publish:
                raise ProtocolError("clients may not publish here")
            if len(args) != 2:
                raise ProtocolError("publish takes a channel and a message")
            application.publish(self, packet, application.channel(args[0]), args[1])
        elif name == "subscribe":
            if len(args) not in (1, 2):
                raise ProtocolError("subscribe takes a channel and, perhaps, an id")
            ref = application.channel(args[0])
            feeds, asked = self.session.feeds or {}, len(self.asked)
            most = application.rules.max_subscriptions
            if most and (asked >= most or (len(feeds) + asked >= most and ("", ref.id) not in feeds)):
                raise ProtocolError(f"a session has at most {most} subscriptions")
            self.subscribe(ref, since_of(args[1] if len(args) == 2 else None), packet)
        elif name == "unsubscribe":
            if len(args) != 1:
                raise ProtocolError("unsubscribe takes a channel")
            ref = application.channel(args[0])
            self.leave(ref)
            self.session.acknowledge(packet, [{"channel": ref.id}])


class ChannelEndpoint(_ChannelHandler):
    """The endpoint ``/C``: connected, it is a subscription. An event ``publish`` has one argument here."""

    __slots__ = ("_ref",)

    def __init__(self, application: ChannelApplication, session: SocketSession, endpoint: str, ref: ChannelRef) -> None:
        super().__init__(application, session, endpoint)
        self._ref = ref

    def opened(self, query: str) -> bool | Awaitable[bool]:
        if self.asked:
            # It was connected twice, and hears of the channel soon.
            return True
        # What clients write behind an endpoint's name travels with the handshake of the first one only.
        try:
            since = since_of(_argument(query, "since") or _argument(self.session.opening.query, "since"))
        except ProtocolError:
            return False
        try:
            self.subscribe(self._ref, since, None)
        except HbpushError as error:
            self._not_read(None, self._ref, None, error)
        return True

    def act(self, name: str, args: list[Any], packet: Packet) -> None:
        if name == "publish":
            if not self.application.rules.publish:
                raise ProtocolError("clients may not publish here")
            if len(args) != 1:
                raise ProtocolError("publish takes a message")
            self.application.publish(self, packet, self._ref, args[0])

    def closed(self, why: object) -> None:
        self.leave(self._ref)


def since_of(text: object) -> Since:
    """Where a client wants to go on: after an id, ``time:tag`` or ``time-tag``; with what comes next for None. Raises ProtocolError."""
    if text is None or text == "":
        return NEWEST
    found = _ID.fullmatch(text) if isinstance(text, str) else None
    if found is None:
        raise ProtocolError("an id is two whole numbers, time:tag")
    return MessageId(int(found[1]), int(found[2]))


def _argument(query: str, name: str) -> str | None:
    if not query:
        return None
    try:
        fields = parse_qsl(query, errors="replace", max_num_fields=100)
    except ValueError:
        raise ProtocolError("a query has too many fields") from None
    return next((value for key, value in fields if key == name), None)


def _told(feed: Feed, reason: CloseReason | None) -> None:
    """The hub has something to tell a session."""
    assert isinstance(feed, ChannelFeed)  # noqa: S101 - no other are made here
    session = feed.session
    if reason is None:
        if not feed.told_missed:
            feed.tell("gap")
        return
    if reason is CloseReason.SHUTDOWN:
        return
    if session.feeds is None or session.feeds.get((feed.endpoint, feed.ref.id)) is not feed:
        return
    if reason is CloseReason.DELETED:
        feed.tell("deleted")
        # The subscription stays: whoever makes the channel again finds its clients there. Within this call the channel still goes.
        session.registry.clock.call_soon(partial(_rejoin, feed))
    else:
        del session.feeds[(feed.endpoint, feed.ref.id)]
        feed.tell("unavailable")


def _rejoin(feed: ChannelFeed) -> None:
    feeds = feed.session.feeds
    if feeds is not None and feeds.get((feed.endpoint, feed.ref.id)) is feed:
        feed.join(NEWEST)


def _published(session: SocketSession, packet: Packet, ref: ChannelRef, receipt: Receipt) -> None:
    session.acknowledge(packet, [{"channel": ref.id, "id": str(receipt.last or BEFORE_ALL)}])


def _failed(session: SocketSession, packet: Packet, error: BaseException) -> None:
    session.acknowledge(packet, [{"error": str(error) or "it was given up"}])
