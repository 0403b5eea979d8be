"""Channel information: its four forms, and which of them a request asks for (relay specification 1.6, 7.1.2). Pure."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import lru_cache
from typing import NamedTuple

from hbpush.core.message import MessageId

NEVER = -1
"""``requested`` when no subscriber has ever asked."""

Render = Callable[[int, int, int, "MessageId | None"], bytes]
"""Messages kept, seconds since a subscriber asked, subscribers, and the last id or None -> a body."""


class Info(NamedTuple):
    """One form of channel information, under the media type that was asked for."""

    media: bytes
    render: Render


def plain(messages: int, requested: int, subscribers: int, last: MessageId | None) -> bytes:
    return b"queued messages: %d\r\nlast requested: %d sec. ago\r\nactive subscribers: %d\r\nlast message id: %d:%d" % (
        messages,
        requested,
        subscribers,
        *(last or (0, 0)),
    )


def json(messages: int, requested: int, subscribers: int, last: MessageId | None) -> bytes:
    return b'{"messages": %d, "requested": %d, "subscribers": %d, "last_message_id": %b }' % (
        messages,
        requested,
        subscribers,
        b"null" if last is None else b'"%d:%d"' % last,
    )


def yaml(messages: int, requested: int, subscribers: int, last: MessageId | None) -> bytes:
    return b"---\r\nmessages: %d\r\nrequested: %d\r\nsubscribers: %d\r\nlast_message_id: %b\r\n\r\n" % (
        messages,
        requested,
        subscribers,
        b"null" if last is None else b'"%d:%d"' % last,
    )


def xml(messages: int, requested: int, subscribers: int, last: MessageId | None) -> bytes:
    return (
        b'<?xml version="1.0" encoding="UTF-8" ?>\r\n<channel>\r\n  <messages>%d</messages>\r\n  <requested>%d</requested>\r\n'
        b"  <subscribers>%d</subscribers>\r\n  <last_message_id>%d:%d</last_message_id>\r\n</channel>"
    ) % (messages, requested, subscribers, *(last or (0, 0)))


_FORMS: dict[bytes, Render] = {b"plain": plain, b"json": json, b"x-json": json, b"yaml": yaml, b"x-yaml": yaml, b"xml": xml}

# In the order in which a wildcard takes them.
OFFERED = tuple(
    Info(kind + b"/" + subtype, render)
    for kind, subtypes in ((b"text", _FORMS), (b"application", [*list(_FORMS)[1:], b"plain"]))
    for subtype, render in ((subtype, _FORMS[subtype]) for subtype in subtypes)
)
PLAIN = OFFERED[0]

_QUALITY = re.compile(rb"0(?:\.[0-9]{0,3})?|1(?:\.0{0,3})?")
_CACHED_LENGTH = 512


def negotiate(accept: bytes | None) -> Info:
    """The form that an Accept header prefers (RFC 9110 section 12.5.1).

    Of equal preferences the first listed wins. Without the header, or when it allows nothing that there is, the plain one.
    """
    if not accept:
        return PLAIN
    return _cached(accept) if len(accept) <= _CACHED_LENGTH else _negotiate(accept)


def _negotiate(accept: bytes) -> Info:
    wanted: dict[bytes, tuple[float, int]] = {}
    for place, item in enumerate(accept.split(b",")):
        media, *parameters = (part.strip(b" \t").lower() for part in item.split(b";"))
        wanted.setdefault(media, (_quality(parameters), -place))
    best, best_rank = PLAIN, (0.0, 0)
    for info in OFFERED:
        kind = info.media.partition(b"/")[0]
        # The most specific range speaks for a type, whatever the wider ones say.
        rank = wanted.get(info.media) or wanted.get(kind + b"/*") or wanted.get(b"*/*")
        if rank is not None and rank > best_rank:
            best, best_rank = info, rank
    return best


_cached = lru_cache(256)(_negotiate)


def _quality(parameters: list[bytes]) -> float:
    """The weight of a range; 0, which is to say never, when it cannot be read."""
    for parameter in parameters:
        name, _, value = parameter.partition(b"=")
        if name.strip(b" \t") == b"q":
            value = value.strip(b" \t")
            return float(value) if _QUALITY.fullmatch(value) else 0.0
    return 1.0
