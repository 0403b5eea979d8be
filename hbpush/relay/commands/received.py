"""A message as a subscriber has it, whichever way it came, and how it is shown. Pure.

As JSON it has the shape of the subprotocol ``hbpush.json`` (`hbpush.relay.socket_json`), so that programs need to know one.
"""

from __future__ import annotations

from binascii import Error, a2b_base64, b2a_base64
from collections.abc import Sequence
from typing import NamedTuple

import msgspec

from hbpush.core import jsontext
from hbpush.core.content import content, is_json
from hbpush.errors import ProtocolError
from hbpush.relay.commands.events import Event
from hbpush.relay.commands.responses import Head
from hbpush.relay.rules import parse_date, parse_tag

BASE64 = "base64"
NOTICES = ("gap", "deleted", "displaced")


class Received(NamedTuple):
    """``id`` is the message's own; ``resume`` what asks for those after it. An event stream does not tell the ``type``.

    ``channel`` and ``event`` have what is no UTF-8 as halves of surrogate pairs (`surrogateescape`).
    """

    channel: str
    id: str
    resume: str
    type: str | None
    event: str | None
    body: bytes


class Notice(NamedTuple):
    """What a server says of a channel: ``gap`` when messages were missed, ``deleted`` when it is no more, ``displaced`` when another
    subscriber has taken the place."""

    kind: str
    channel: str


class _Frame(msgspec.Struct):
    channel: str = ""
    id: str = ""
    type: str | None = None
    event: str | None = None
    data: msgspec.Raw = msgspec.Raw(b"null")
    encoding: str | None = None
    resume: str = ""
    gap: bool = False
    deleted: bool = False


_frames = msgspec.json.Decoder(_Frame)


def from_frame(payload: bytes) -> Received | Notice | None:
    """What a frame of ``hbpush.json`` says; None for what is no concern of a subscriber. Raises ProtocolError."""
    try:
        said = _frame(payload)
        if said.gap or said.deleted:
            return Notice("gap" if said.gap else "deleted", said.channel)
        if not said.id:
            return None
        body = bytes(said.data)
        if said.encoding == BASE64:
            body = a2b_base64(msgspec.json.decode(body, type=str), strict_mode=True)
        elif body.startswith(b'"') and not (said.type is not None and is_json(said.type.encode())):
            body = msgspec.json.decode(body, type=str).encode()
    except (msgspec.DecodeError, Error, UnicodeError, ProtocolError):
        raise ProtocolError("the server has sent a frame that is no message") from None
    return Received(said.channel, said.id, said.resume or said.id, said.type, said.event, body)


def _frame(payload: bytes) -> _Frame:
    try:
        return _frames.decode(payload)
    except (msgspec.DecodeError, UnicodeError):
        # Half a surrogate pair is JSON, and how names are written that are no text; msgspec takes none. The server has read such a body
        # and written it anew, so that it may be done once more.
        values = _object(payload)
    body = jsontext.encode(values.pop("data", None)).encode()
    said = msgspec.convert(values, _Frame)
    said.data = msgspec.Raw(body)
    return said


def _object(text: str | bytes) -> dict[str, object]:
    """A JSON object. Raises ProtocolError."""
    values = jsontext.decode(text)
    if not isinstance(values, dict):
        raise ProtocolError("not a JSON object")
    return values


def from_event(event: Event, channels: Sequence[str]) -> Received | Notice | None:
    """What an event of a stream of these channels says; None for one of nobody's. Raises ProtocolError."""
    if not event.id:
        if event.name not in NOTICES:
            return None
        try:
            channel = _object(event.data).get("channel", "")
        except ProtocolError:
            channel = None
        if not isinstance(channel, str):
            raise ProtocolError("the server has sent an event that is none of its own")
        return Notice(event.name, channel)
    channel, own = channels[0], event.id
    for index, part in enumerate(event.id.split(",")):
        if part.startswith("[") and part.endswith("]") and index < len(channels):
            channel, own = channels[index], part[1:-1]
    name, _, encoding = event.name.rpartition(";")
    body = event.data.encode("utf-8", "surrogateescape")
    if encoding == BASE64:
        try:
            body = a2b_base64(body, strict_mode=True)
        except Error:
            # The name of an event is up to its publisher.
            name = event.name
    else:
        name = event.name
    return Received(channel, own, event.id, None, name or None, body)


def from_response(head: Head, body: bytes, channel: str, asked: str) -> Received | None:
    """The message that a poll is answered with; None for an answer without one. ``asked`` is the id that was asked with.

    Raises ProtocolError.
    """
    told = id_of(head)
    media = head.headers.get("content-type")
    event = head.headers.get("x-relay-event")
    # A poll whose time is over may be answered 200: with the id that it has, or that it may begin with, and nothing else.
    if head.status != 200 or not told or told == asked or not (body or media or event or asked):
        return None
    return Received(channel, told, told, media, event and event.encode("latin-1").decode("utf-8", "surrogateescape"), body)


def id_of(head: Head) -> str:
    """The id that an answer to a poll brings, empty for none. Raises ProtocolError."""
    date, tag = head.headers.get("last-modified"), head.headers.get("etag")
    if date is None:
        return ""
    second = parse_date(date.encode("latin-1"))
    return f"{second}:{-1 if tag is None else parse_tag(tag.encode('latin-1'))}"


def as_json(message: Received) -> bytes:
    """One line of JSON in ASCII, without its end."""
    data, is_base64 = content(message.body, None if message.type is None else message.type.encode())
    more = ',"encoding":"base64"' if is_base64 else ""
    if message.event is not None:
        more += f',"event":{jsontext.quote(message.event)}'
    media = "null" if message.type is None else jsontext.quote(message.type)
    return f'{{"channel":{jsontext.quote(message.channel)},"id":{jsontext.quote(message.id)},"type":{media},"data":{data}{more}}}'.encode()


def as_text(message: Received) -> str:
    """One line for a person: id, channel, the event in brackets if it has one, and the text, or its base64 where it is none."""
    try:
        text = message.body.decode()
    except UnicodeDecodeError:
        text = f"{BASE64} {b2a_base64(message.body, newline=False).decode()}"
    event = "" if message.event is None else f"[{message.event}] "
    return f"{message.id} {message.channel} {event}{text}"
