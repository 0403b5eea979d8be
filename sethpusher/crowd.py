"""Users and members of channels on the hub: everything that is published, joined and left goes through here.

The public classes of the kit, the REST API and hbpushd's location are skins over one `Crowd`. Who is where is what the hub's tables say:
a process that dies leaves no ghosts.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping
from functools import partial
from typing import Any

from hbpush.core.clock import Clock
from hbpush.core.counters import Counters
from hbpush.core.hub import Hub
from hbpush.core.message import Draft
from hbpush.core.result import Result, resolve, then
from hbpush.session.session import Session
from hbpush.stores.base import Receipt
from sethpusher import envelope
from sethpusher.envelope import COMMON_CHANNEL, channel_ref, mail_ref, notices_ref
from sethpusher.member import Member, Membership, Sender
from sethpusher.notices import Notices
from sethpusher.sockjs.shapes import TextShape

CHANNEL = TextShape(envelope.channel_texts)
MAIL = TextShape(envelope.mail_texts)
NOTICE = TextShape(envelope.notice_texts)


class Crowd:
    """The members of the channels of one store in this process.

    A **subscriber** is a socket (`sethpusher.ws.views.SethSocketHandler`), or whatever has ``send(text)`` and, if it is somebody's,
    ``dispatcher.subscriber_id``. ``owner`` is what `Hub.release` knows them by; ``bound`` how many channels a subscriber may be in. Without
    ``keeps_unheard`` nothing is kept of what is posted to a channel that nobody listens to: where no other protocol reads the store.
    """

    def __init__(
        self,
        hub: Hub,
        clock: Clock,
        counters: Counters,
        store: str = "default",
        owner: object = None,
        bound: int = 1000,
        keeps_unheard: bool = True,
    ) -> None:
        self.hub = hub
        self.clock = clock
        self.counters = counters
        self.store = store
        self.owner = self if owner is None else owner
        self.bound = bound
        self._keeps_unheard = keeps_unheard
        self.notices = Notices(self, NOTICE)
        self._members: dict[object, Member] = {}

    def quiet(self) -> None:
        """Hand on no more notices: everybody here is about to leave, and nobody is to be told of each."""
        self.notices.close()

    def close(self) -> None:
        """Deliver no more."""
        self.quiet()
        for member in list(self._members.values()):
            for channel in list(member.channels):
                self.leave(channel, member.subscriber)

    # Publishing: every door of the kit comes here

    def post(self, channel: str, body: bytes) -> Result[Receipt]:
        """Publish JSON to a channel, for the subscribers of every protocol. Raises StoreError."""
        return self.hub.publish(channel_ref(self.store, channel), Draft(body, envelope.JSON, if_heard=not self._keeps_unheard))

    def mail(self, user: str, body: bytes) -> Result[Receipt]:
        """Send JSON to all sockets of a user, in every process. Nothing is kept for one who is not there. Raises StoreError."""
        return self.hub.publish(mail_ref(self.store, user), Draft(body, envelope.JSON, stored=False, if_heard=True))

    def tell(self, channel: str, text: str) -> Result[Receipt]:
        """Send a text to the members of a channel, in every process; no other protocol hears of it. Raises StoreError."""
        return self.hub.publish(notices_ref(self.store), Draft(text.encode(), envelope.JSON, channel, stored=False))

    # Coming and going

    def join(self, channel: str, subscriber: Any) -> Result[None]:
        """Let a subscriber into a channel; in `COMMON_CHANNEL` it also gets its user's mail. Harmless when it is in.

        The result is there, or done, when everything that is published from then on reaches it; a Future is cancelled if it leaves before.
        Raises ValueError for a name that cannot be, and when it is in too many channels.
        """
        envelope.channel_name(channel)
        member = self._members.get(subscriber)
        if member is not None and channel in member.channels:
            return None
        if member is not None and len(member.channels) >= self.bound and channel != COMMON_CHANNEL:
            raise ValueError(f"A socket may be in {self.bound} channels.")
        listening = self.notices.listen()
        self.notices.settle()
        if member is None:
            member = self._members[subscriber] = Member(self, subscriber)
        member.channels[channel] = membership = Membership(member, channel_ref(self.store, channel), channel, CHANNEL)
        if channel == COMMON_CHANNEL:
            self._identify(member)
        member.subscribe(membership)
        if membership.live and listening is None:
            return None
        joined = asyncio.get_running_loop().create_future()
        if not membership.live:
            membership.waiting = asyncio.get_running_loop().create_future()
        then(membership.waiting, partial(_then_heard, listening, joined), partial(_left, joined))
        return joined

    def leave(self, channel: str, subscriber: Any) -> bool:
        """Take a subscriber out of a channel, after what was published before; whether it was in."""
        member = self._members.get(subscriber)
        membership = None if member is None else member.channels.get(channel)
        if member is None or membership is None:
            return False
        if not member.session.state:
            # One whose session is over has no use for it, and many may go at once.
            self.hub.settle(membership.ref)
            self.notices.settle()
        del member.channels[channel]
        member.unsubscribe(membership)
        if channel == COMMON_CHANNEL:
            self._forget(member)
        if not member.channels:
            self._members.pop(subscriber, None)
        return True

    def is_in(self, channel: str, subscriber: Any) -> bool:
        """Whether a subscriber is in a channel."""
        member = self._members.get(subscriber)
        return member is not None and channel in member.channels

    def _identify(self, member: Member) -> None:
        user = getattr(getattr(member.subscriber, "dispatcher", None), "subscriber_id", None)
        if isinstance(user, str):
            member.user = user
            member.mail = mail = Membership(member, mail_ref(self.store, user), "", MAIL)
            member.subscribe(mail)

    def _forget(self, member: Member) -> None:
        mail, member.mail = member.mail, None
        if mail is None:
            return
        if not member.session.state:
            self.hub.settle(mail.ref)
        member.unsubscribe(mail)

    # Who is here

    def channels(self) -> Mapping[str, set[Any]]:
        """The channels that somebody here is in, each with its subscribers."""
        found: dict[str, set[Any]] = {}
        for member in self._members.values():
            for channel in member.channels:
                found.setdefault(channel, set()).add(member.subscriber)
        return found

    def listing(self, channel: str | None = None) -> dict[str, list[str | None]]:
        """The ids of the members here, of one channel or of each; None stands for one who has not connected."""
        found: dict[str, list[str | None]] = {} if channel is None else {channel: []}
        for member in self._members.values():
            user = getattr(getattr(member.subscriber, "dispatcher", None), "subscriber_id", None)
            for name in member.channels if channel is None else [channel] if channel in member.channels else []:
                found.setdefault(name, []).append(user)
        for users in found.values():
            users.sort(key=lambda user: (user is not None, str(user)))
        return dict(sorted(found.items()))

    def count(self, channel: str | None = None) -> int:
        """How many members here a channel has; without a name, how many memberships there are."""
        if channel is None:
            return sum(len(member.channels) for member in self._members.values())
        return sum(1 for _ in self._memberships(channel_ref(self.store, channel)))

    def connections(self, user: str) -> list[Any]:
        """The sockets of a user here, the oldest first."""
        return [membership.member.subscriber for membership in self._memberships(mail_ref(self.store, user))]

    def _memberships(self, ref: Any) -> Iterator[Membership]:
        return (each for each in self.hub.subscribers(ref) if isinstance(each, Membership) and each.owner is self.owner)

    def session_of(self, subscriber: Any) -> Any:
        """What carries a subscriber."""
        session = getattr(getattr(subscriber, "session", None), "below", None)
        return session if isinstance(session, Session) else Sender(subscriber)


def _then_heard(listening: Result[None], joined: asyncio.Future[None], _: None) -> None:
    then(listening, partial(resolve, joined), partial(_left, joined))


def _left(joined: asyncio.Future[None], _: BaseException) -> None:
    joined.cancel()
