"""Messages of Socket.IO 0.6 on the hub: what hbpushd's location runs (DESIGN section 7).

What a client sends is JSON with a ``type``, and so is what it hears:

- ``{"type": "subscribe", "channel": C}``, perhaps with ``"since": id``; answered ``subscribed`` with ``channel``, ``id`` and ``missed``
- ``{"type": "unsubscribe", "channel": C}``; answered ``unsubscribed`` with ``channel``
- ``{"type": "publish", "channel": C, "data": value}``; answered ``published`` with ``channel`` and ``id``
- each of them, refused: ``error`` with ``request``, the type of what is refused, ``channel``, and ``error``, a text

A message comes as `socketio_compat.v06.hub_message` has it. The id that an answer or a message brings is what a client may go on with
later. Beside messages it hears ``gap`` when some are missing, ``deleted`` when its channel was, and ``unavailable`` when it hears no more
of it; each brings the ``channel``. What has no type is for an application, and goes nowhere here.
"""

from __future__ import annotations

from collections.abc import Awaitable
from functools import partial
from typing import Any

from hbpush.core.hub import Hub
from hbpush.core.message import BEFORE_ALL, ChannelRef, Since
from hbpush.core.result import then
from hbpush.errors import HbpushError, ProtocolError
from hbpush.session.session import Session
from hbpush.stores.base import Page, Receipt
from socketio_compat.channels import Asked, ChannelFeed, Rules, draft, leave, position, since_of
from socketio_compat.v06 import codec
from socketio_compat.v06.contract import Application, Handler, Opening
from socketio_compat.v06.session import SocketSession
from socketio_compat.v06.shapes import SHAPE

SHOWN = 1024
"""Characters of a name that is no channel's, for a client to know which of its requests was refused."""


class ChannelApplication(Application):
    """Channels of the hub by messages. ``owner`` is the location."""

    def __init__(self, hub: Hub, rules: Rules, owner: object) -> None:
        self.hub = hub
        self.rules = rules
        self.owner = owner

    def connection(self, session: SocketSession, opening: Opening) -> Handler:
        return Client(session, self)


class MessageFeed(ChannelFeed):
    """A subscription whose client hears of it in messages. The session knows it by the channel's id."""

    __slots__ = ()

    def tell(self, event: str) -> None:
        _say(self.session, event, channel=self.ref.id)


class Client(Handler):
    """What one client asks for. ``asked`` are the channels that the store is being asked about."""

    __slots__ = ("_application", "asked")

    def __init__(self, session: SocketSession, application: ChannelApplication) -> None:
        super().__init__(session)
        self._application = application
        self.asked = Asked()

    def message(self, value: Any) -> Awaitable[object] | None:
        if not isinstance(value, dict) or "type" not in value:
            return None
        try:
            self._act(value)
        except (HbpushError, ValueError) as error:
            self._refuse(value, error)
        return None

    def _act(self, value: dict[str, Any]) -> None:
        rules = self._application.rules
        match value["type"]:
            case "subscribe":
                ref = rules.channel(value.get("channel"))
                rules.check_subscriptions(self.session, ref.id, len(self.asked))
                since = since_of(value.get("since"))
                page = self._application.hub.read(ref, since, 1)
                key = self.asked.begin(ref)
                then(page, partial(self._join, key, ref, since, value), partial(self._not_read, key, value))
            case "unsubscribe":
                ref = rules.channel(value.get("channel"))
                self.asked.give_up(ref)
                leave(self.session, ref.id)
                _say(self.session, "unsubscribed", channel=ref.id)
            case "publish":
                rules.check_publish()
                ref = rules.channel(value.get("channel"))
                if "data" not in value:
                    raise ProtocolError("publish takes a channel and data")
                receipt = self._application.hub.publish(ref, draft(value["data"]))
                then(receipt, partial(self._published, ref), partial(self._refuse, value))
            case _:
                raise ProtocolError("a type is subscribe, unsubscribe or publish")

    def _join(self, key: object, ref: ChannelRef, since: Since, value: dict[str, Any], page: Page) -> None:
        """It is known where the channel stands: subscribe there."""
        session = self.session
        is_wanted = self.asked.end(key)
        if session.state:
            return
        if not is_wanted:
            self._refuse(value, ProtocolError("it was unsubscribed meanwhile"))
            return
        place = position(since, page)
        _say(session, "subscribed", channel=ref.id, id=str(place), missed=page.missed)
        application = self._application
        MessageFeed(application.hub, ref, session, SHAPE, application.owner, ref.id, page.missed).begin(since, place)

    def _not_read(self, key: object, value: dict[str, Any], error: BaseException) -> None:
        self.asked.end(key)
        self._refuse(value, error)

    def _published(self, ref: ChannelRef, receipt: Receipt) -> None:
        _say(self.session, "published", channel=ref.id, id=str(receipt.last or BEFORE_ALL))

    def _refuse(self, value: dict[str, Any], error: BaseException) -> None:
        shown = {key: _shown(value.get(name)) for key, name in (("request", "type"), ("channel", "channel"))}
        _say(self.session, "error", **shown, error=str(error) or "it was given up")


def _shown(name: object) -> str | None:
    return name if isinstance(name, str) and len(name) <= SHOWN else None


def _say(session: Session, kind: str, **fields: object) -> None:
    session.send(codec.json({"type": kind, **fields}))
