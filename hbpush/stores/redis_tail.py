"""The newest messages of a channel as they were told here: what somebody who asks again gets without asking the server. Pure."""

from __future__ import annotations

from collections import deque

from hbpush.core.message import BEFORE_ALL, Message, MessageId, size_of
from hbpush.stores.base import Page

LENGTH = 100
"""Messages in one tail."""


class Tails:
    """What all tails of a process take: ``bytes`` (`size_of`), at most ``bound`` (0: any); none has more messages than a channel keeps."""

    __slots__ = ("bound", "bytes", "length")

    def __init__(self, bound: int, max_messages: int) -> None:
        self.bound = bound or float("inf")
        self.bytes = 0
        self.length = min(LENGTH, max_messages or LENGTH)


class Tail:
    """One tail. Nothing is missing between its messages; whoever has seen the id ``_start`` has missed none of them."""

    __slots__ = ("_messages", "_start", "_tails")

    def __init__(self, tails: Tails) -> None:
        self._tails = tails
        self._messages: deque[Message] = deque()
        self._start = BEFORE_ALL

    def add(self, message: Message) -> None:
        """The next message."""
        if not self._messages:
            self._start = message.previous
        self._messages.append(message)
        tails = self._tails
        tails.bytes += size_of(message)
        while self._messages and (tails.bytes > tails.bound or len(self._messages) > tails.length):
            dropped = self._messages.popleft()
            self._start = dropped.id
            tails.bytes -= size_of(dropped)

    def clear(self) -> None:
        """What comes next does not follow."""
        self._tails.bytes -= sum(map(size_of, self._messages))
        self._messages.clear()

    def page(self, since: MessageId, limit: int, now: float) -> Page | None:
        """At most ``limit`` messages after an id; None when some may be elsewhere, or are not to be had any more."""
        if since < self._start:
            return None
        messages = [message for message in self._messages if message.id > since]
        if not messages or any(message.expires and message.expires <= now for message in messages):
            return None
        return Page(messages[:limit], False, messages[-1].id, len(messages) > limit)
