"""What sockets are sent and what a REST API is posted, as JSON (SethPusher specification 4, 5, 12). Pure.

A message of a channel is the hub's, whatever door it came by; around it goes ``{"message": ..., "sender_id": ...}``. What SethPusher tells
of its own accord, and what one user is sent, travels in the space `SPACE`, which nothing from outside can name.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

import msgspec

from hbpush.core import jsontext
from hbpush.core.content import content, is_json
from hbpush.core.message import ChannelRef, Message
from hbpush.errors import ProtocolError

SPACE = "seth"
COMMON_CHANNEL = "all"
"""The channel of everybody who has connected."""

JSON = b"application/json"

CONNECT, DISCONNECT, SUBSCRIBE, UNSUBSCRIBE = "connect", "disconnect", "subscribe", "unsubscribe"

SUBSCRIBER_LENGTH = 256
CHANNEL_LENGTH = 200

NOT_JSON = "Request body is not valid JSON."
NO_OBJECT = "Request body must be a JSON object."

_CONTROL = re.compile("[\x00-\x1f\x7f-\x9f]")
_USER = "@user:"
_NULL = "null"


class _Sent(msgspec.Struct):
    sender_id: msgspec.Raw = msgspec.Raw(b"null")


_SENT = msgspec.json.Decoder(_Sent)


# Names


def subscriber_name(value: object) -> str:
    """The id of a user; a whole number is taken as its text. Raises ValueError, which says what is wrong."""
    if isinstance(value, int) and not isinstance(value, bool):
        value = str(value)
    return _name(value, "subscriber_id", SUBSCRIBER_LENGTH)


def channel_name(value: object) -> str:
    """The name of a channel. Raises ValueError, which says what is wrong."""
    return _name(value, "channel", CHANNEL_LENGTH)


def _name(value: object, what: str, most: int) -> str:
    if not isinstance(value, str) or not value:
        raise ValueError(f"{what} must be a text that is not empty.")
    if len(value) > most:
        raise ValueError(f"{what} has at most {most} characters.")
    try:
        value.encode()
    except UnicodeEncodeError:
        raise ValueError(f"{what} must be Unicode text.") from None
    if _CONTROL.search(value):
        raise ValueError(f"{what} has no control characters.")
    return value


def channel_ref(store: str, channel: str) -> ChannelRef:
    """A channel as every protocol knows it."""
    return ChannelRef(store, "", channel)


def notices_ref(store: str) -> ChannelRef:
    """Where all notices travel, each with the channel that it is for as its event: joining a channel must not make one in the store."""
    return ChannelRef(store, SPACE, "notices")


def mail_ref(store: str, user: str) -> ChannelRef:
    """Where a user's private messages travel."""
    return ChannelRef(store, SPACE, _USER + user)


# What is posted


class Posted(dict[str, Any]):
    """The JSON object that somebody posted; ``raw`` are the bytes in which it came."""

    __slots__ = ("raw",)

    raw: bytes


def posted(body: bytes) -> Posted:
    """Read what was posted. Raises ProtocolError with the text of the refusal."""
    try:
        value = jsontext.decode(body)
    except ProtocolError:
        raise ProtocolError(NOT_JSON) from None
    if not isinstance(value, dict):
        raise ProtocolError(NO_OBJECT)
    message = Posted(value)
    message.raw = body
    return message


def body_of(message: Any) -> bytes:
    """The body of a message: as it was posted, unless somebody has changed it since. Raises what `jsontext.encode` raises."""
    text = jsontext.encode(message)
    if isinstance(message, Posted) and jsontext.encode(jsontext.decode(message.raw)) == text:
        return message.raw
    return text.encode()


# What is sent


def notice(kind: str, subscriber_id: str | None, channel: str = COMMON_CHANNEL) -> dict[str, Any]:
    """What the others in a channel are told of somebody."""
    done = {
        CONNECT: "connected.", DISCONNECT: "disconnected.",
        SUBSCRIBE: f"subscribed to {channel}", UNSUBSCRIBE: f"unsubscribed from {channel}",
    }[kind]  # fmt: skip
    return {"message": {"body": f"User: {subscriber_id} {done}", "subscriber_id": subscriber_id, "type": kind}}


def told(kind: str, channel: str, body: str) -> str:
    """What a socket is told about its own subscription: ``deleted`` or ``gap``."""
    return jsontext.encode({"message": {"body": body, "channel": channel, "type": kind}})


def acknowledgement(kind: str, **facts: str) -> str:
    """The answer to a message of a socket that asked for nothing wrong."""
    return jsontext.encode({"message": {"type": kind, **facts}})


def error(kind: object, message: str) -> str:
    """The answer to a message of a socket that cannot be taken."""
    return jsontext.encode({"error": {"type": kind if isinstance(kind, str) else None, "message": message}})


def channel_texts(messages: Sequence[Message]) -> list[str]:
    """Messages of a channel."""
    return [_channel_text(message) for message in messages]


def mail_texts(messages: Sequence[Message]) -> list[str]:
    """Private messages."""
    return [_mail_text(message) for message in messages]


def notice_texts(messages: Sequence[Message]) -> list[str]:
    """Notices, which are what they are."""
    return [message.body.decode() for message in messages]


def _channel_text(message: Message) -> str:
    found = content(message.body, message.content_type)
    if found.is_base64:
        return f'{{"message":{found.text},"sender_id":null,"encoding":"base64"}}'
    object_ = message.content_type is not None and is_json(message.content_type)
    return f'{{"message":{found.text},"sender_id":{_sender(found.text) if object_ else _NULL}}}'


def _mail_text(message: Message) -> str:
    text = content(message.body, JSON).text
    target = jsontext.quote(message.channel.id.removeprefix(_USER))
    return f'{{"message":{text},"target_id":{target},"sender_id":{_sender(text)}}}'


def _sender(text: str) -> str:
    """The sender that an object in compact JSON claims, as it is spelled there."""
    if not text.startswith("{") or ('"sender_id"' not in text and "\\u" not in text):
        return _NULL
    try:
        return bytes(_SENT.decode(text).sender_id).decode()
    except msgspec.DecodeError:
        # Half a surrogate pair somewhere in it.
        value = jsontext.decode(text)
        return jsontext.encode(value.get("sender_id")) if isinstance(value, dict) else _NULL
