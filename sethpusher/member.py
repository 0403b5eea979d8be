"""One socket in channels: its subscriptions of the hub, each of which goes on until the socket leaves it.

What is delivered goes through the session below the socket, which sends the same bytes to all; anything else that has ``send`` is a
subscriber too, and is sent one text after the other.
"""

from __future__ import annotations

import logging
from asyncio import Future
from functools import partial
from typing import TYPE_CHECKING, Any

from hbpush.core.batch import Batch
from hbpush.core.message import NEWEST, ChannelRef, MessageId
from hbpush.core.result import resolve
from hbpush.core.subscription import CloseReason
from hbpush.session.feed import Feed
from hbpush.session.transport import Shape
from sethpusher.envelope import told

if TYPE_CHECKING:
    from sethpusher.crowd import Crowd

logger = logging.getLogger("hbpush.sethpusher")

RETRY = 1.0
"""Seconds until a subscription is tried again that the store could not make."""


class Sender:
    """What carries a subscriber that has no session of ours: its own ``send``."""

    protocol = "python"
    feeds: dict[object, Feed] | None = None
    transport = None
    state = 0
    """It is never over."""

    def __init__(self, subscriber: Any) -> None:
        self._subscriber = subscriber

    def has_room(self) -> bool:
        return True

    def broadcast(self, batch: Batch, shape: Shape, history: bool = False) -> None:
        try:
            for packet in batch.packets(shape.packets):
                self._subscriber.send(packet)
        except Exception:
            # The others in the channel are to have it all the same.
            logger.exception("a subscriber could not be sent to")


class Membership(Feed):
    """A subscription of a member. ``waiting`` is done when it is live for the first time."""

    __slots__ = ("channel", "member", "waiting")

    def __init__(self, member: Member, ref: ChannelRef, channel: str, shape: Shape) -> None:
        super().__init__(member.crowd.hub, ref, member.session, shape, member.crowd.owner, _told)
        self.member = member
        self.channel = channel
        self.waiting: Future[None] | None = None

    @property
    def wanted(self) -> bool:
        """Whether the member has not left."""
        return self.member.channels.get(self.channel) is self or self.member.mail is self

    def joined(self) -> None:
        super().joined()
        waiting, self.waiting = self.waiting, None
        if waiting is not None:
            resolve(waiting, None)

    def leave(self) -> None:
        super().leave()
        self.live = False
        waiting, self.waiting = self.waiting, None
        if waiting is not None:
            waiting.cancel()

    def rejoin(self) -> None:
        """Subscribe again, unless the member has left meanwhile."""
        if self.wanted:
            self.join(NEWEST)


class Member:
    """A socket that is in at least one channel. ``user`` is who it is, None for one that has not connected."""

    __slots__ = ("channels", "crowd", "mail", "session", "subscriber", "user")

    def __init__(self, crowd: Crowd, subscriber: Any) -> None:
        self.crowd = crowd
        self.subscriber = subscriber
        self.session: Any = crowd.session_of(subscriber)
        self.channels: dict[str, Membership] = {}
        self.mail: Membership | None = None
        self.user: str | None = None

    @property
    def own_notice(self) -> MessageId | None:
        """The notice of its own connecting, which it is not to hear; the process may hear it after the member has joined."""
        found = getattr(self.subscriber, "own_notice", None)
        return found if isinstance(found, MessageId) else None

    def subscribe(self, membership: Membership) -> None:
        """Let it begin. Its session resumes it when there is room, and ends it at its own end."""
        session = self.session
        if session.feeds is None:
            session.feeds = {}
        session.feeds[membership.ref] = membership
        membership.join(NEWEST)

    def unsubscribe(self, membership: Membership) -> None:
        """Let it end."""
        if self.session.feeds is not None:
            self.session.feeds.pop(membership.ref, None)
        membership.leave()

    def send(self, text: str) -> None:
        """Tell the socket something."""
        self.subscriber.send(text)


def _told(feed: Feed, reason: CloseReason | None) -> None:
    """The hub has something to tell about a subscription."""
    assert isinstance(feed, Membership)  # noqa: S101 - no other are made here
    if not feed.wanted or reason is CloseReason.SHUTDOWN:
        return
    member, clock = feed.member, feed.member.crowd.clock
    public = feed is not member.mail
    if reason is None:
        if public:
            member.send(told("gap", feed.channel, f"Messages of {feed.channel} were missed"))
    elif reason is CloseReason.DELETED:
        if public:
            member.send(told("deleted", feed.channel, f"Channel {feed.channel} was deleted"))
        # The membership stays: whoever makes the channel again finds it there. Within this call the channel still goes.
        clock.call_soon(partial(_rejoin, feed))
    else:
        clock.call_later(RETRY, partial(_rejoin, feed))


def _rejoin(membership: Membership) -> None:
    membership.rejoin()
