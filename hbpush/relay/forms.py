"""What messages look like on a stream: a `hbpush.relay.positions.Form` for each kind, which is also the Format of one channel."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import repeat

from hbpush.core.message import Message
from hbpush.relay import socket_json
from hbpush.relay.positions import Form
from hbpush.web.carriers import chunk
from hbpush.web.eventstream import named_data, pieces
from hbpush.web.websocket import frame

Event = tuple[bytes, bytes]
"""A name, and data."""

Resumes = Sequence[str] | None
"""Where a subscription of several channels stands after each message."""


def _events(messages: Sequence[Message]) -> list[Event]:
    return [named_data(message) for message in messages]


def _joined_events(messages: Sequence[Message], parts: Sequence[Event], resumes: Resumes) -> bytes:
    return b"".join(_pieces(messages, parts, resumes))


def _chunked_events(messages: Sequence[Message], parts: Sequence[Event], resumes: Resumes) -> bytes:
    return chunk(*_pieces(messages, parts, resumes))


def _pieces(messages: Sequence[Message], parts: Sequence[Event], resumes: Resumes) -> list[bytes]:
    if resumes is None:
        resumes = [str(message.id) for message in messages]
    found: list[bytes] = []
    for (name, data), resume in zip(parts, resumes, strict=True):
        found += pieces(name, data, resume.encode())
    return found


def _bodies(messages: Sequence[Message]) -> list[bytes]:
    return [frame(message.body, _is_text(message.body)) for message in messages]


def _joined_bodies(_: Sequence[Message], parts: Sequence[bytes], __: Resumes) -> bytes:
    return b"".join(parts)


def _objects(messages: Sequence[Message]) -> list[bytes]:
    return [socket_json.message_json(message) for message in messages]


def _joined_objects(_: Sequence[Message], parts: Sequence[bytes], resumes: Resumes) -> bytes:
    return b"".join([frame(socket_json.resumed(part, place), True) for part, place in zip(parts, resumes or repeat(None), strict=False)])


def _is_text(body: bytes) -> bool:
    try:
        body.decode()
    except UnicodeDecodeError:
        return False
    return True


events = Form(_events, _joined_events)
"""For an event stream on HTTP/1.0."""

chunked_events = Form(_events, _chunked_events)
"""For an event stream."""

plain_frames = Form(_bodies, _joined_bodies)
"""For a WebSocket without a subprotocol: bodies, as text where they are UTF-8."""

json_frames = Form(_objects, _joined_objects)
"""For a WebSocket with the subprotocol ``hbpush.json``."""
