"""What the page is told, as JSON: ids and texts as they are, in ASCII with surrogates kept, messages as other protocols give them. Pure."""

from __future__ import annotations

from binascii import a2b_base64
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Literal

import msgspec

from hbpush.core import jsontext
from hbpush.core.content import content
from hbpush.core.message import HEADER_VALUE, Draft, Message, MessageId
from hbpush.errors import ProtocolError

SHOWN = 64 * 1024
"""Bytes of a message up to which the page is shown all of it."""


class Published(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What the page publishes."""

    data: str
    type: str = ""
    event: str = ""
    encoding: Literal["text", "base64"] = "text"


_published = msgspec.json.Decoder(Published)


def draft(body: bytes) -> Draft:
    """What a request of the page publishes. Raises ProtocolError."""
    try:
        given = _published.decode(body)
        data = a2b_base64(given.data, strict_mode=True) if given.encoding == "base64" else given.data.encode()
    except (msgspec.DecodeError, ValueError) as error:
        raise ProtocolError(f"what is published cannot be read: {error}") from None
    media, event = given.type.strip(" \t").encode(), given.event.strip(" \t")
    if any(not HEADER_VALUE.fullmatch(value) for value in (media, event.encode()) if value):
        raise ProtocolError("a type or an event has a control character in it")
    return Draft(data, media or None, event or None)


def message(given: Message) -> str:
    """A message: ``{"id", "type", "event", "data"}``, with ``encoding`` where data is base64, ``cut`` where it is too long to be shown."""
    body = given.body
    media = None if given.content_type is None else given.content_type.decode("latin-1")
    told: dict[str, Any] = {"id": str(given.id), "type": media, "event": given.event, "bytes": len(body)}
    if len(body) > SHOWN:
        told |= {"cut": True, "data": body[:SHOWN].decode("utf-8", "replace")}
        return jsontext.encode(told)
    data, is_base64 = content(body, given.content_type)
    if is_base64:
        told["encoding"] = "base64"
    return f'{jsontext.encode(told)[:-1]},"data":{data}}}'


def channel(told: Mapping[str, Any], messages: Sequence[Message]) -> bytes:
    """A channel and its newest messages, the newest first."""
    listed = ",".join([message(each) for each in reversed(messages)])
    return f'{jsontext.encode(told)[:-1]},"recent":[{listed}]}}\n'.encode()


def anything(told: Mapping[str, Any]) -> bytes:
    """Anything else."""
    return jsontext.encode(told).encode() + b"\n"


def id_text(id: MessageId | None) -> str | None:
    """An id, or nothing."""
    return None if id is None else str(id)


def relative(path: str, base: str) -> str:
    """The way from a page at ``base``, which ends with a slash, to an absolute path.

    A proxy may have put something in front of both, or taken it away: what is between them stays.
    """
    here, there = base.split("/")[:-1], path.split("/")
    same = _same(here, there[:-1])
    return "../" * (len(here) - same) + "/".join(there[same:]) if same < len(here) else "./" + "/".join(there[same:])


def _same(one: Sequence[str], other: Iterable[str]) -> int:
    count = 0
    for left, right in zip(one, other, strict=False):
        if left != right:
            break
        count += 1
    return count
