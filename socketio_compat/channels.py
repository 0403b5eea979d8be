"""What clients of every version may do with channels of the hub, and how a session is subscribed to one (DESIGN section 7).

How a client asks, and in which words it is told, is the version's own.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Hashable
from functools import partial
from typing import NamedTuple

from hbpush.core import jsontext
from hbpush.core.hub import Hub
from hbpush.core.message import NEWEST, ChannelRef, Draft, MessageId, Since
from hbpush.core.subscription import CloseReason
from hbpush.errors import ProtocolError
from hbpush.session.feed import Feed
from hbpush.session.session import Session
from hbpush.session.transport import Shape
from hbpush.stores.base import Page
from hbpush.web.routes import CHANNEL_ID_BYTES
from socketio_compat.framing import text_bytes


class Rules(NamedTuple):
    """What clients may do. ``channels`` are the prefixes of ids that are open to them, none for all."""

    store: str
    channels: tuple[str, ...] = ()
    publish: bool = False
    max_subscriptions: int = 1000

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
        if self.channels and not id.startswith(self.channels):
            raise ProtocolError("this channel is not open to clients")
        return ChannelRef(self.store, "", id)

    def check_publish(self) -> None:
        """Raise ProtocolError if clients may not publish."""
        if not self.publish:
            raise ProtocolError("clients may not publish here")

    def check_subscriptions(self, session: Session, key: Hashable, asked: int = 0) -> None:
        """Raise ProtocolError if a session has as many subscriptions as it may, and none of this key among them.

        ``asked`` is how many the store is being asked about, which count as well: a store may be slow.
        """
        feeds = session.feeds or {}
        most = self.max_subscriptions
        if most and (asked >= most or (len(feeds) + asked >= most and key not in feeds)):
            raise ProtocolError(f"a session has at most {most} subscriptions")


class Asked:
    """The channels that the store is being asked about for one client, who may lose interest meanwhile."""

    __slots__ = ("_refs",)

    def __init__(self) -> None:
        self._refs: dict[object, ChannelRef] = {}

    def __len__(self) -> int:
        return len(self._refs)

    def begin(self, ref: ChannelRef) -> object:
        """A question is asked; what it is known by."""
        key = object()
        self._refs[key] = ref
        return key

    def end(self, key: object) -> bool:
        """It is answered. Whether the answer is still wanted."""
        return self._refs.pop(key, None) is not None

    def give_up(self, ref: ChannelRef) -> None:
        """No answer about this channel is wanted any more."""
        for key in [key for key, asked in self._refs.items() if asked == ref]:
            del self._refs[key]


def since_of(text: object) -> Since:
    """Where a client wants to go on: after an id, ``time:tag`` or ``time-tag``; with what comes next for None. Raises ProtocolError."""
    if text is None or text == "":
        return NEWEST
    if not isinstance(text, str):
        raise ProtocolError("an id is a text, time:tag")
    try:
        return MessageId.parse(text)
    except ValueError as error:
        raise ProtocolError(str(error)) from None


def position(since: Since, page: Page) -> MessageId:
    """The id that a client goes on after, given what its channel was when it asked. One from the future means the last one."""
    return min(since, page.last) if isinstance(since, MessageId) else page.last


def draft(value: object) -> Draft:
    """What a client publishes: a text as text/plain, anything else as application/json. Raises ValueError."""
    if isinstance(value, str):
        return Draft(text_bytes(value), b"text/plain")
    return Draft(jsontext.encode(value).encode(), b"application/json")


class ChannelFeed(Feed, ABC):
    """A subscription of a session, which knows it by ``key`` (`Session.feeds`); ``missed`` tells that its client knows of a gap."""

    __slots__ = ("_missed", "key")

    def __init__(self, hub: Hub, ref: ChannelRef, session: Session, shape: Shape, owner: object, key: Hashable, missed: bool) -> None:
        super().__init__(hub, ref, session, shape, owner, _told)
        self.key = key
        self._missed = missed

    @abstractmethod
    def tell(self, event: str) -> None:
        """Tell the client of its channel: ``gap``, ``deleted``, ``unavailable``."""

    def begin(self, since: Since, place: MessageId) -> None:
        """Subscribe the session: ``since`` is what its client said, ``place`` the `position` that this means.

        A subscription with the same key ends, unless it is asked for what comes next: then it goes on in its place, for what is on its
        way must not be lost between two of them.
        """
        feeds = self.session.feeds
        if feeds is None:
            feeds = self.session.feeds = {}
        before = feeds.get(self.key)
        if before is not None:
            if since is NEWEST:
                return
            before.leave()
        feeds[self.key] = self
        self.join(place)

    def is_current(self) -> bool:
        """Whether it is the session's subscription still."""
        feeds = self.session.feeds
        return feeds is not None and feeds.get(self.key) is self

    def joined(self) -> None:
        super().joined()
        self._missed = False

    def rejoin(self) -> None:
        """Begin again with what comes next, if it is still wanted."""
        if self.is_current():
            self.join(NEWEST)

    def hear(self, reason: CloseReason | None) -> None:
        """The hub has something to tell."""
        if reason is None:
            if not self._missed:
                self.tell("gap")
        elif reason is CloseReason.SHUTDOWN or not self.is_current():
            return
        elif reason is CloseReason.DELETED:
            self.tell("deleted")
            # The subscription stays: whoever makes the channel again finds its clients there. Within this call the channel still goes.
            self.session.registry.clock.call_soon(partial(ChannelFeed.rejoin, self))
        else:
            feeds = self.session.feeds
            if feeds is not None:
                del feeds[self.key]
            self.tell("unavailable")


def leave(session: Session, key: Hashable) -> None:
    """End a subscription. Harmless when there is none."""
    feed = (session.feeds or {}).pop(key, None)
    if feed is not None:
        feed.leave()


def _told(feed: Feed, reason: CloseReason | None) -> None:
    assert isinstance(feed, ChannelFeed)  # noqa: S101 - no other is given this
    feed.hear(reason)
