"""The WebSocket subprotocol ``hbpush.json``: one JSON object a frame (DESIGN section 7). Pure.

A message is ``{"channel", "id", "type", "data"}``, with ``"event"`` if it has a name and ``"encoding": "base64"`` where data is that.
``type`` is its Content-Type or null; ``data`` is what `hbpush.core.content` makes of its body. A subscription of several channels adds
``"resume"``, where it stands (`hbpush.relay.positions`). ``{"gap": true, "channel"}`` tells that messages of the channel were missed,
``{"deleted": true, "channel"}`` that it is no more.

A client that may publish sends ``{"publish": data}``, perhaps with ``type``, ``event``, ``encoding`` and ``channel``, and is answered
``{"published": id, "channel"}`` or ``{"error": text}``.
"""

from __future__ import annotations

from binascii import a2b_base64
from typing import Literal

import msgspec

from hbpush.core import jsontext
from hbpush.core.content import content, is_json
from hbpush.core.message import HEADER_VALUE, Draft, Message, MessageId
from hbpush.errors import ProtocolError

SUBPROTOCOL = "hbpush.json"

TEXT, JSON, BINARY = b"text/plain", b"application/json", b"application/octet-stream"
"""The types of what is published without one: a text, any other JSON, base64."""


def message_json(message: Message) -> bytes:
    """A message."""
    data, is_base64 = content(message.body, message.content_type)
    media = "null" if message.content_type is None else jsontext.quote(message.content_type.decode("latin-1"))
    more = ""
    if is_base64:
        more = ',"encoding":"base64"'
    if message.event is not None:
        more += f',"event":{jsontext.quote(message.event)}'
    return f'{{"channel":{jsontext.quote(message.channel.id)},"id":"{message.id}","type":{media},"data":{data}{more}}}'.encode()


def resumed(made: bytes, place: str | None) -> bytes:
    """A message that is made, with where a subscription of several channels stands after it."""
    return made if place is None else b'%b,"resume":"%b"}' % (made[:-1], place.encode())


def gap(channel: str) -> bytes:
    """Messages of the channel were missed."""
    return b'{"gap":true,"channel":%b}' % jsontext.quote(channel).encode()


def deleted(channel: str) -> bytes:
    """The channel is no more."""
    return b'{"deleted":true,"channel":%b}' % jsontext.quote(channel).encode()


def published(channel: str, id: MessageId) -> bytes:
    """The answer to what was published."""
    return b'{"published":"%b","channel":%b}' % (str(id).encode(), jsontext.quote(channel).encode())


def error(text: str) -> bytes:
    """The answer to what was not."""
    return b'{"error":%b}' % jsontext.quote(text).encode()


class Publication(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a client sends."""

    publish: msgspec.Raw
    type: str | None = None
    event: str | None = None
    encoding: Literal["base64"] | None = None
    channel: str | None = None


_decoder = msgspec.json.Decoder(Publication)


def publication(text: str) -> tuple[str | None, Draft]:
    """The channel that a client names, None for none, and what it publishes there. Raises ProtocolError.

    Data of a type of JSON is published as it is spelled, a text of any other type as its characters, and in base64 as its bytes.
    """
    try:
        given = _read(text)
        media = None if given.type is None else _value(given.type, "type")
        raw = bytes(given.publish)
        if given.encoding is not None:
            return given.channel, _draft(a2b_base64(_text(raw), strict_mode=True), media or BINARY, given.event)
        if raw.startswith(b'"') and (media is None or not is_json(media)):
            return given.channel, _draft(_text(raw).encode(), media or TEXT, given.event)
        return given.channel, _draft(raw, media or JSON, given.event)
    except msgspec.DecodeError as refused:
        raise ProtocolError(str(refused)) from None
    except UnicodeEncodeError:
        raise ProtocolError("half a surrogate pair is in a text, which has to be UTF-8") from None
    except ValueError:
        raise ProtocolError("what is published is not base64") from None
    except RecursionError:
        raise ProtocolError("JSON is nested too deeply") from None


def _draft(body: bytes, media: bytes, event: str | None) -> Draft:
    name = _value(event, "event").decode() if event else ""
    return Draft(body, media, name or None)


def _read(text: str) -> Publication:
    try:
        return _decoder.decode(text)
    except msgspec.ValidationError:
        raise
    except msgspec.DecodeError as refused:
        # Scripts write half a surrogate pair as an escape, which is JSON, and may be published as such.
        try:
            found = jsontext.members(text)
        except ProtocolError:
            raise refused from None
    given: dict[str, object] = {name: jsontext.decode(value) for name, value in found.items() if name != "publish"}
    if "publish" in found:
        given["publish"] = msgspec.Raw(found["publish"].encode())
    return msgspec.convert(given, Publication)


def _text(raw: bytes) -> str:
    text = jsontext.decode(raw)
    if not isinstance(text, str):
        raise ProtocolError("base64 is a text")
    return text


def _value(text: str, name: str) -> bytes:
    value = text.strip(" \t").encode()
    if not HEADER_VALUE.fullmatch(value):
        raise ProtocolError(f"{name} has a control character in it")
    return value
