"""What one flush delivers, with every wire form of it made once. Pure."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections import defaultdict
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from hbpush.core.message import Message

if TYPE_CHECKING:
    from hbpush.core.subscription import Gathered

Format = Callable[[Sequence[Message]], bytes]
"""Messages -> wire bytes. Hashable; its identity is the wire format, so it is interned and never made per connection.

It owns the joining: WebSocket frames follow each other, a poll takes the first message alone. What differs from request
to request is never in it.
"""

Packets = Callable[[Sequence[Message]], Sequence[str]]
"""Messages -> packets of a protocol, which a session queues one by one. As a Format, it is interned."""


Parts = Callable[[Sequence[Message]], Sequence[Any]]
"""Messages -> what is dear to make of them, one for each."""


class Composed(ABC):
    """A Format of many that differ in little: ``parts`` makes what they have in common, once for a batch; `join` makes the bytes of it."""

    __slots__ = ()

    parts: Parts

    @abstractmethod
    def join(self, messages: Sequence[Message], parts: Sequence[Any]) -> bytes:
        """Messages, and what ``parts`` has made of them -> wire bytes."""

    def __call__(self, messages: Sequence[Message]) -> bytes:
        return self.join(messages, self.parts(messages))


class Wires(dict[Format, bytes]):
    """By Format, the bytes of some messages: made when they are asked for the first time."""

    __slots__ = ("_messages", "_parts")

    def __init__(self, messages: Sequence[Message]) -> None:
        super().__init__()
        self._messages = messages
        self._parts: dict[Parts, Sequence[Any]] | None = None

    def __missing__(self, format: Format) -> bytes:
        wire = self[format] = self._joined(format) if isinstance(format, Composed) else format(self._messages)
        return wire

    def _joined(self, format: Composed) -> bytes:
        known = self._parts
        if known is None:
            known = self._parts = {}
        make = format.parts
        parts = known.get(make)
        if parts is None:
            parts = known[make] = make(self._messages)
        return format.join(self._messages, parts)


class Batch:
    """The messages that one flush brings to the subscribers of one channel: at least one, in order.

    ``wires[format]`` is their bytes in a Format, shared by all who ask: an item, for a method would cost every subscriber a call.

    In a turn of its delivery, ``gathered[format]`` are those to whom bytes are still to be written: instead of writing, a subscriber may
    add itself to others of its kind, and they are written to together at the end of the turn. Out of it ``gathered`` is None.
    """

    __slots__ = ("_packets", "gathered", "messages", "wires")

    def __init__(self, messages: Sequence[Message]) -> None:
        self.messages = messages
        self.wires = Wires(messages)
        self.gathered: defaultdict[Format, list[Gathered]] | None = None
        self._packets: dict[Packets, Sequence[str]] | None = None

    def packets(self, make: Packets) -> Sequence[str]:
        """The packets of this batch: made at the first call, shared by all that follow."""
        made = self._packets
        if made is None:
            made = self._packets = {}
        packets = made.get(make)
        if packets is None:
            packets = made[make] = make(self.messages)
        return packets
