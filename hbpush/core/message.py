"""The values everything else speaks of: ids, messages, channels, where to start reading. Pure."""

from __future__ import annotations

import enum
import re
from typing import NamedTuple

import msgspec

from hbpush.errors import ProtocolError

HEADER_VALUE = re.compile(rb"[\t\x20-\x7e\x80-\xff]*")
"""All that a header can carry (RFC 9110 section 5.5); whoever writes another value splits his response."""

HEADER_BYTES = 1024
"""So long are a content type and the name of an event at most. They go before the body of every poll that is answered, and what is between
takes only so much: nginx by itself 4 KiB for all headers together, so that two of these fit. What is longer would make a channel
unreadable for all who come by there, for as long as the message is kept.
"""


class MessageId(NamedTuple):
    """The place of a message in its channel: a unix second and a counter within it, ordered as a pair.

    On HTTP its two faces are Last-Modified and Etag; in text it is ``time:tag``.
    """

    time: int
    tag: int

    def __str__(self) -> str:
        return f"{self.time}:{self.tag}"

    @classmethod
    def parse(cls, text: str) -> MessageId:
        """Read ``time:tag`` or ``time-tag``. Raises ValueError for anything else.

        The tag may be -1, which no message has: it stands before all of its second, and is what a client is given that begins on a
        channel on which nothing was published yet.
        """
        time, colon, tag = text.partition(":")
        if not colon:
            time, colon, tag = text.partition("-")
        number = "1" if tag == "-1" else tag
        if not (colon and time.isascii() and time.isdigit() and number.isascii() and number.isdigit()):
            raise ValueError("a message id is two whole numbers, time:tag")
        if len(time) > 15 or len(tag) > 15:
            raise ValueError("a message id has at most 15 digits a part")
        return cls(int(time), int(tag))


BEFORE_ALL = MessageId(0, -1)
"""Smaller than every id that is ever given."""


class Edge(enum.Enum):
    """The two ends of a channel's history, as places to start reading from."""

    OLDEST = "oldest"
    NEWEST = "newest"


OLDEST = Edge.OLDEST
NEWEST = Edge.NEWEST


class Last(NamedTuple):
    """Start with the newest ``messages`` that are kept: how many."""

    messages: int


Since = Edge | Last | MessageId
"""Where a reader starts: at an end, with the last n, or after the id it has. An id beyond the last one means the last one."""


class ChannelRef(NamedTuple):
    """The name of a channel.

    ``store`` is the configured name of the store. ``space`` is empty for public channels; what a protocol keeps to
    itself lives in a space of its own, which nothing that comes from outside can name. ``id`` is a str with
    surrogateescape: any bytes.
    """

    store: str
    space: str
    id: str


class Draft(msgspec.Struct, frozen=True, gc=False):
    """A message that has no id yet.

    ``content_type`` is the header's value as it came, or None for none; neither it nor ``event`` has more than `HEADER_BYTES` bytes
    (`check_heads`, which `Hub.publish` sees to). ``stored`` False delivers to those who listen now and keeps nothing. ``timeout`` is how
    long it is kept, in seconds: None takes the store's, 0 is for ever. With ``create`` False an absent channel is ChannelNotFound instead
    of being made. With ``if_heard`` it is for those who listen: where there is no channel and nobody listens in any process, it is lost
    and leaves nothing behind; a channel that it makes is idle after a minute.
    """

    body: bytes
    content_type: bytes | None = None
    event: str | None = None
    stored: bool = True
    timeout: float | None = None
    create: bool = True
    if_heard: bool = False


class Message(msgspec.Struct, frozen=True, gc=False):
    """A published message.

    ``previous`` is the id that its channel gave just before this one: whoever has seen that one has missed nothing.
    ``expires`` is in unix seconds, 0 for never.
    """

    channel: ChannelRef
    id: MessageId
    previous: MessageId
    body: bytes
    content_type: bytes | None = None
    event: str | None = None
    expires: float = 0
    stored: bool = True


OVERHEAD = 256
"""Bytes that a message counts on top of its body, for what a process or a server needs to hold it."""

HEADS = 64
"""Bytes of its content type and its event name that the overhead has room for."""


def size_of(message: Draft | Message) -> int:
    """What a message counts towards every bound: its body, `OVERHEAD`, and what its content type and its event name have beyond `HEADS`.

    A store counts so what it keeps, whoever has a queue of messages what waits there. ``channel.lua`` has the same for Redis.
    """
    media, event = message.content_type, message.event
    size = len(message.body) + OVERHEAD
    if event is None and (media is None or len(media) <= HEADS):
        # Nearly all of them, and each pays for it twice: when it is published and when it is dropped.
        return size
    return size + max(0, len(media or b"") + event_bytes(event or "") - HEADS)


def event_bytes(event: str) -> int:
    """The bytes of an event's name; one that came in a header and is no text counts three for each byte that is none."""
    return len(event) if event.isascii() else len(event.encode("utf-8", "surrogatepass"))


def check_heads(draft: Draft) -> None:
    """Refuse a draft with a content type or an event of more than `HEADER_BYTES` bytes. Raises ProtocolError."""
    if draft.content_type is not None and len(draft.content_type) > HEADER_BYTES:
        raise ProtocolError(f"a content type has at most {HEADER_BYTES} bytes")
    if draft.event is not None and event_bytes(draft.event) > HEADER_BYTES:
        raise ProtocolError(f"the name of an event has at most {HEADER_BYTES} bytes")


def fits_header(value: bytes) -> bool:
    """Whether a header can carry a content type or an event's name. What was kept before there was a bound may be too long."""
    return len(value) <= HEADER_BYTES and HEADER_VALUE.fullmatch(value) is not None
