"""A subscriber that keeps what it is told."""

from __future__ import annotations

from collections.abc import Callable

from hbpush.core.batch import Batch
from hbpush.core.message import Message
from hbpush.core.subscription import CloseReason


class Listener:
    """`hbpush.core.subscription.Subscriber` as a list: ``told`` has batches of bodies, ``"missed"``, ``"joined"`` and close reasons.

    ``full_after`` is how many deliveries it has room for; ``on_deliver`` and the like are called after the fact.
    """

    protocol = "list"

    def __init__(self, takes: int | None = None, owner: object = None, full_after: int | None = None) -> None:
        self.takes = takes
        self.claim: int | None = None
        self.owner = owner
        self.told: list[list[bytes] | CloseReason | str] = []
        self.messages: list[Message] = []
        self.batches: list[Batch] = []
        self.room = full_after
        self.on_deliver: Callable[[], object] = _nothing
        self.on_joined: Callable[[], object] = _nothing
        self.on_missed: Callable[[], object] = _nothing
        self.on_closed: Callable[[], object] = _nothing

    def missed(self) -> None:
        self.told.append("missed")
        self.on_missed()

    def joined(self) -> None:
        self.told.append("joined")
        self.on_joined()

    def deliver(self, batch: Batch) -> None:
        assert batch.messages
        if self.room is not None:
            self.room -= 1
        self.batches.append(batch)
        messages = batch.messages[: self.takes]
        self.messages.extend(messages)
        self.told.append([message.body for message in messages])
        self.on_deliver()

    def has_room(self) -> bool:
        return self.room is None or self.room > 0

    def closed(self, reason: CloseReason) -> None:
        self.told.append(reason)
        self.on_closed()

    @property
    def bodies(self) -> list[bytes]:
        return [message.body for message in self.messages]


def poll(owner: object = None) -> Listener:
    return Listener(takes=1, owner=owner)


def _nothing() -> None:
    pass
