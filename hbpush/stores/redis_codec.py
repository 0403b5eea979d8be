"""What the Redis store writes and reads, as bytes: names of keys, ids, messages, announcements, pages. Pure.

The scripts in ``scripts/`` have the other half: ``channel.lua`` lists the keys and what is in them.
"""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import blake2b
from typing import Any, NamedTuple

import msgspec

from hbpush.core.message import OLDEST, ChannelRef, Last, Message, MessageId, Since


class Names(NamedTuple):
    """How a channel is called in Redis: the common part of its keys, its pub/sub name, its keys, and its own id as it was given."""

    key: bytes
    announced: bytes
    keys: tuple[bytes, ...]
    id: bytes


def names(ref: ChannelRef, prefix: bytes, tag: bytes, database: int) -> Names:
    """The names of a channel. All keys of one ``tag`` are in one hash slot."""
    space = ref.space.encode("utf-8", "surrogatepass")
    # An escaped byte is not the character that it would be part of: their digests differ, though both are shown alike.
    digest = blake2b(space + b"\0" + ref.id.encode("utf-8", "surrogatepass"), digest_size=16).hexdigest().encode()
    key = b"%b{%b}%b" % (prefix, tag, digest)
    store, due, processes, _ = store_keys(prefix, tag)
    keys = (key + b":s", key + b":m", key + b":x", key + b":w", store, due, processes)
    shown = ref.id.encode("utf-8", "surrogatepass" if _is_lone(ref.id) else "surrogateescape")
    return Names(key, b"%b:%d" % (key, database), keys, space + b"\0" + shown if space else shown)


def store_keys(prefix: bytes, tag: bytes) -> tuple[bytes, bytes, bytes, bytes]:
    """The keys of what all channels of a tag share: the store's record, what is due, the processes, the runs of the server."""
    start = b"%b{%b}" % (prefix, tag)
    return start + b":store", start + b":due", start + b":processes", start + b":runs"


def _is_lone(text: str) -> bool:
    try:
        text.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:
        return True
    return False


# Ids


def id_text(message_id: MessageId) -> bytes:
    """An id as the scripts have it: ``time-tag``."""
    return b"%d-%d" % message_id


def parse_id(text: bytes) -> MessageId:
    """The id of a text of ours; a tag may be -1."""
    time, _, tag = text.partition(b"-")
    return MessageId(int(time), int(tag))


def since_text(since: Since) -> bytes:
    """Where to start reading, for ``read.lua``."""
    if isinstance(since, MessageId):
        return id_text(since)
    if isinstance(since, Last):
        return b"last %d" % since.messages
    return b"oldest" if since is OLDEST else b"newest"


# Messages


def head(content_type: bytes | None, event: str | None) -> bytes:
    """What comes before a body: two lengths (-1 for none) in a line, the content type, the event."""
    if event is None:
        if content_type is None:
            return b"-1 -1\n"
        return b"%d -1\n%b" % (len(content_type), content_type)
    name = event.encode("utf-8", "surrogatepass")
    return b"%d %d\n%b%b" % (-1 if content_type is None else len(content_type), len(name), content_type or b"", name)


def _split_head(data: bytes, start: int) -> tuple[bytes | None, str | None, int]:
    """Content type and event of a head that starts there, and where it ends."""
    end = data.index(b"\n", start)
    type_length, event_length = data[start:end].split(b" ")
    content_type = event = None
    end += 1
    if type_length != b"-1":
        content_type = data[end : end + int(type_length)]
        end += int(type_length)
    if event_length != b"-1":
        event = data[end : end + int(event_length)].decode("utf-8", "surrogatepass")
        end += int(event_length)
    return content_type, event, end


# Announcements


class Announcement(msgspec.Struct, frozen=True, gc=False):
    """What a process hears of a channel. ``given`` counts the ids that the store has given.

    ``message`` None tells that the channel was deleted, with ``last`` as the last id before; otherwise ``last`` is the message's own.
    """

    epoch: bytes
    generation: int
    given: int
    last: MessageId
    message: Message | None


class Displacement(msgspec.Struct, frozen=True, gc=False):
    """A poll has claimed the channel: those with a smaller number go."""

    number: int


def announcement(ref: ChannelRef, payload: bytes) -> Announcement | Displacement:
    """Read what a script announced. Raises ValueError for anything else."""
    kind = payload[:2]
    if kind == b"m ":
        end = payload.index(b"\n")
        _, epoch, generation, given, id_, previous, expires, stored = payload[:end].split(b" ")
        content_type, event, end = _split_head(payload, end + 1)
        last = parse_id(id_)
        message = Message(
            ref,
            last,
            parse_id(previous),
            payload[end:],
            content_type,
            event,
            int(expires) / 1000 if expires != b"0" else 0.0,
            stored == b"1",
        )
        return Announcement(epoch, int(generation), int(given), last, message)
    if kind == b"d ":
        _, epoch, generation, given, last_text = payload.split(b" ")
        return Announcement(epoch, int(generation), int(given), parse_id(last_text), None)
    if kind == b"x ":
        _, _, _, number = payload.split(b" ")
        return Displacement(int(number))
    raise ValueError("not an announcement")


# Pages


class Found(msgspec.Struct, frozen=True):
    """What ``read.lua`` found. ``lost``: ids of earlier seconds are of a history that is not whole any more."""

    epoch: bytes
    lost: int
    generation: int
    last: MessageId
    given: int
    more: bool
    messages: Sequence[Message]

    def missed(self, since: Since) -> bool:
        """Whether ids between ``since`` and the first message, or the end, are gone."""
        if not isinstance(since, MessageId):
            return False
        return since < (self.lost, -1) or since < (self.messages[0].previous if self.messages else self.last)


def found(ref: ChannelRef, reply: Sequence[Any]) -> Found:
    """Read the reply of ``read.lua``."""
    epoch, lost, generation, last, given, more, *parts = reply
    messages = []
    for place in range(0, len(parts), 5):
        id_, previous, expires, head_, body = parts[place : place + 5]
        content_type, event, _ = _split_head(head_, 0)
        messages.append(
            Message(
                ref,
                parse_id(id_),
                parse_id(previous),
                body,
                content_type,
                event,
                int(expires) / 1000 if expires else 0.0,
            )
        )
    return Found(epoch, int(lost), int(generation), parse_id(last), int(given), bool(more), messages)
