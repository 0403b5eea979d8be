"""One session on one channel: what the hub delivers to."""

from __future__ import annotations

from collections.abc import Callable

from hbpush.core.batch import Batch
from hbpush.core.hub import Hub
from hbpush.core.message import ChannelRef, Since
from hbpush.core.subscription import CloseReason
from hbpush.session.session import Session
from hbpush.session.transport import Shape

Told = Callable[["Feed", CloseReason | None], object]
"""Called when messages are missing (None), or when the hub has dropped the feed; ``owner`` is the feed's."""


class Feed:
    """A `hbpush.core.subscription.Subscriber`: messages of a channel become packets of a session, history at the pace of its client.

    ``owner`` is the location. `join` and `leave` are the two ends; ``told`` hears of what the client has to be told.
    """

    __slots__ = ("hub", "owner", "ref", "session", "shape", "told")

    takes = None
    claim: int | None = None

    def __init__(self, hub: Hub, ref: ChannelRef, session: Session, shape: Shape, owner: object, told: Told) -> None:
        self.hub = hub
        self.ref = ref
        self.session = session
        self.shape = shape
        self.owner = owner
        self.told = told

    def join(self, since: Since) -> None:
        """Subscribe. The hub may have dropped it when this returns."""
        self.hub.subscribe(self.ref, self, since)

    def leave(self) -> None:
        """Take no more messages."""
        self.hub.unsubscribe(self.ref, self)

    def resume(self) -> None:
        """The session has room again."""
        self.hub.resume(self.ref, self)

    # What the hub calls

    def missed(self) -> None:
        self.told(self, None)

    def joined(self) -> None:
        """Nobody has to know."""

    def deliver(self, batch: Batch) -> None:
        self.session.broadcast(batch, self.shape)

    def has_room(self) -> bool:
        return self.session.has_room()

    def closed(self, reason: CloseReason) -> None:
        self.told(self, reason)
