"""One session on one channel: what the hub delivers to."""

from __future__ import annotations

from collections.abc import Callable

from hbpush.core.batch import Batch
from hbpush.core.hub import Hub
from hbpush.core.message import ChannelRef, MessageId, Since
from hbpush.core.subscription import CloseReason
from hbpush.session.session import Session
from hbpush.session.transport import Shape

Told = Callable[["Feed", CloseReason | None], object]
"""Called when messages are missing (None), or when the hub has dropped the feed; ``owner`` is the feed's."""


class Feed:
    """A `hbpush.core.subscription.Subscriber`: messages of a channel become packets of a session, history at the pace of its client.

    ``owner`` is the location. `join` and `leave` are the two ends; ``told`` hears of what the client has to be told.
    """

    __slots__ = ("_left", "_since", "hub", "live", "owner", "ref", "session", "shape", "told")

    takes = None
    claim: int | None = None

    def __init__(self, hub: Hub, ref: ChannelRef, session: Session, shape: Shape, owner: object, told: Told) -> None:
        self.hub = hub
        self.ref = ref
        self.session = session
        self.shape = shape
        self.owner = owner
        self.told = told
        self.live = False
        """Whether history is read."""
        self._left = False
        self._since: MessageId | None = None
        """Where to begin when there is room."""

    @property
    def protocol(self) -> str:
        return self.session.protocol

    def join(self, since: Since) -> None:
        """Subscribe: at once, or, where there is history to come, when the session has room. The hub may drop it within this call."""
        self.live = False
        if isinstance(since, MessageId) and not self.session.has_room():
            self._since = since
        else:
            self.hub.subscribe(self.ref, self, since)

    def leave(self) -> None:
        """Take no more messages, for ever."""
        self._left = True
        self._since = None
        self.hub.unsubscribe(self.ref, self)

    def resume(self) -> None:
        """The session has room again."""
        since, self._since = self._since, None
        if since is None:
            self.hub.resume(self.ref, self)
        else:
            self.hub.subscribe(self.ref, self, since)

    # What the hub calls

    def missed(self) -> None:
        if not self._left:
            self.told(self, None)

    def joined(self) -> None:
        self.live = True

    def deliver(self, batch: Batch) -> None:
        if self._left:
            # It was on its way. Another subscription of the session may have it in its history.
            return
        session = self.session
        transport = session.transport
        if transport is None or transport.single or session.outbox.packets:
            session.broadcast(batch, self.shape, not self.live)
        else:
            # What `Session.broadcast` comes to on a stream that keeps up: the way of nearly every message.
            transport.broadcast(batch, self.shape)

    def has_room(self) -> bool:
        return self.session.has_room()

    def closed(self, reason: CloseReason) -> None:
        self.told(self, reason)
