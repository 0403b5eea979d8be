"""Packets of Socket.IO 0.7-0.9 on the hub: what hbpushd's location runs (DESIGN section 7).

A client subscribes by connecting the endpoint ``/C``, perhaps ``/C?since=time-tag``, or on the root by an event ``subscribe`` with
a channel and, perhaps, an id. The id that an acknowledgement or a message brings is what it may go on with later. Beside messages
it hears ``gap`` when some are missing, ``deleted`` when its channel was, and ``unavailable`` when it hears no more of it; each brings
``{"channel"}``.
"""

from __future__ import annotations

from collections.abc import Awaitable
from functools import partial
from typing import Any
from urllib.parse import parse_qsl

from hbpush.core.hub import Hub
from hbpush.core.message import BEFORE_ALL, ChannelRef, Since
from hbpush.core.result import then
from hbpush.errors import HbpushError, ProtocolError
from hbpush.stores.base import Page, Receipt
from hbpush.web.routes import channel_id
from socketio_compat.channels import Asked, ChannelFeed, Rules, draft, leave, position, since_of
from socketio_compat.v09 import codec
from socketio_compat.v09.contract import Application, Handler, No
from socketio_compat.v09.packet import Packet
from socketio_compat.v09.session import SocketSession
from socketio_compat.v09.shapes import shape


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
            ref = self.rules.channel(channel_id(endpoint[1:].encode("utf-8", "surrogatepass")))
        except (ProtocolError, UnicodeError):
            return No.REFUSED
        return ChannelEndpoint(self, session, endpoint, ref)

    def publish(self, handler: Handler, packet: Packet, ref: ChannelRef, value: object) -> None:
        """Publish a value and acknowledge it. Raises ProtocolError, ValueError."""
        receipt = self.hub.publish(ref, draft(value))
        then(receipt, partial(_published, handler.session, packet, ref), partial(_failed, handler.session, packet))


class EventFeed(ChannelFeed):
    """A subscription whose client hears of it as events on an endpoint."""

    __slots__ = ("endpoint",)

    endpoint: str

    def tell(self, event: str) -> None:
        self.session.send(codec.event(event, [{"channel": self.ref.id}], self.endpoint))


class _ChannelHandler(Handler):
    """What root and endpoints have in common. ``asked`` are the channels that the store is being asked about."""

    __slots__ = ("application", "asked")

    def __init__(self, application: ChannelApplication, session: SocketSession, endpoint: str) -> None:
        super().__init__(session, endpoint)
        self.application = application
        self.asked = Asked()

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
        key = self.asked.begin(ref)
        then(page, partial(self._join, key, ref, since, packet), partial(self._not_read, key, ref, packet))

    def _join(self, key: object, ref: ChannelRef, since: Since, packet: Packet | None, page: Page) -> None:
        session = self.session
        is_wanted = self.asked.end(key)
        if session.state or session.handler(self.endpoint) is not self:
            return
        if not is_wanted:
            if packet is not None:
                _failed(session, packet, ProtocolError("it was unsubscribed meanwhile"))
            return
        place = position(since, page)
        if packet is not None:
            session.acknowledge(packet, [{"channel": ref.id, "id": str(place), "missed": page.missed}])
        elif page.missed:
            session.send(codec.event("gap", [{"channel": ref.id}], self.endpoint))
        application = self.application
        known_by = (self.endpoint, ref.id)
        feed = EventFeed(application.hub, ref, session, shape(self.endpoint), application.owner, known_by, page.missed)
        feed.endpoint = self.endpoint
        feed.begin(since, place)

    def _not_read(self, key: object, ref: ChannelRef, packet: Packet | None, error: BaseException) -> None:
        self.asked.end(key)
        if packet is not None:
            _failed(self.session, packet, error)
        elif not self.session.state:
            self.session.send(codec.event("unavailable", [{"channel": ref.id}], self.endpoint))

    def leave(self, ref: ChannelRef) -> None:
        """Unsubscribe, also from what the store is still being asked about. Harmless without a subscription."""
        self.asked.give_up(ref)
        leave(self.session, (self.endpoint, ref.id))


class Root(_ChannelHandler):
    """The root: subscriptions by events."""

    __slots__ = ("_is_handshake_read",)

    def __init__(self, application: ChannelApplication, session: SocketSession) -> None:
        super().__init__(application, session, "")
        self._is_handshake_read = False

    def since_of_handshake(self) -> str | None:
        """What the handshake's query says of ``since``, told once. Raises ProtocolError.

        Clients put there what they were given behind the name of the endpoint that they connected first; it is no other's.
        """
        is_read, self._is_handshake_read = self._is_handshake_read, True
        return None if is_read else _argument(self.session.opening.query, "since")

    def act(self, name: str, args: list[Any], packet: Packet) -> None:
        application = self.application
        if name == "publish":
            application.rules.check_publish()
            if len(args) != 2:
                raise ProtocolError("publish takes a channel and a message")
            application.publish(self, packet, application.rules.channel(args[0]), args[1])
        elif name == "subscribe":
            if len(args) not in (1, 2):
                raise ProtocolError("subscribe takes a channel and, perhaps, an id")
            ref = application.rules.channel(args[0])
            application.rules.check_subscriptions(self.session, ("", ref.id), len(self.asked))
            self.subscribe(ref, since_of(args[1] if len(args) == 2 else None), packet)
        elif name == "unsubscribe":
            if len(args) != 1:
                raise ProtocolError("unsubscribe takes a channel")
            ref = application.rules.channel(args[0])
            self.leave(ref)
            self.session.acknowledge(packet, [{"channel": ref.id}])
        else:
            raise ProtocolError("an event is subscribe, unsubscribe or publish")


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
        root = self.session.root
        try:
            since = since_of(_argument(query, "since") or (root.since_of_handshake() if isinstance(root, Root) else None))
        except ProtocolError as error:
            self.session.registry.counters.refuse("bad_since", f"an endpoint with a ?since that is no id: {error}")
            return False
        try:
            self.subscribe(self._ref, since, None)
        except HbpushError as error:
            self._not_read(None, self._ref, None, error)
        return True

    def act(self, name: str, args: list[Any], packet: Packet) -> None:
        if name == "publish":
            self.application.rules.check_publish()
            if len(args) != 1:
                raise ProtocolError("publish takes a message")
            self.application.publish(self, packet, self._ref, args[0])
        else:
            raise ProtocolError("an event is publish")

    def closed(self, why: object) -> None:
        self.leave(self._ref)


def _argument(query: str, name: str) -> str | None:
    if not query:
        return None
    try:
        fields = parse_qsl(query, errors="replace", max_num_fields=100)
    except ValueError:
        raise ProtocolError("a query has too many fields") from None
    return next((value for key, value in fields if key == name), None)


def _published(session: SocketSession, packet: Packet, ref: ChannelRef, receipt: Receipt) -> None:
    session.acknowledge(packet, [{"channel": ref.id, "id": str(receipt.last or BEFORE_ALL)}])


def _failed(session: SocketSession, packet: Packet, error: BaseException) -> None:
    session.acknowledge(packet, [{"error": str(error) or "it was given up"}])
