"""What messages look like on a stream: a `hbpush.relay.positions.Form` for each kind, which is also the Format of one channel."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import repeat

from hbpush.core.message import Message
from hbpush.relay import socket_json
from hbpush.web.carriers import chunk
from hbpush.web.eventstream import message_pieces
from hbpush.web.websocket import frame


def events(messages: Sequence[Message], resumes: Sequence[str] | None = None) -> bytes:
    """For an event stream on HTTP/1.0."""
    return b"".join(_pieces(messages, resumes))


def chunked_events(messages: Sequence[Message], resumes: Sequence[str] | None = None) -> bytes:
    """For an event stream."""
    return chunk(*_pieces(messages, resumes))


def _pieces(messages: Sequence[Message], resumes: Sequence[str] | None) -> list[bytes]:
    if resumes is None:
        resumes = [str(message.id) for message in messages]
    pieces: list[bytes] = []
    for message, resume in zip(messages, resumes, strict=True):
        pieces += message_pieces(message, resume.encode())
    return pieces


def plain_frames(messages: Sequence[Message], resumes: Sequence[str] | None = None) -> bytes:
    """For a WebSocket without a subprotocol: bodies, as text where they are UTF-8."""
    return b"".join([frame(message.body, _is_text(message.body)) for message in messages])


def json_frames(messages: Sequence[Message], resumes: Sequence[str] | None = None) -> bytes:
    """For a WebSocket with the subprotocol ``hbpush.json``."""
    places = repeat(None) if resumes is None else resumes
    return b"".join([frame(socket_json.message_json(message, place), True) for message, place in zip(messages, places, strict=False)])


def _is_text(body: bytes) -> bool:
    try:
        body.decode()
    except UnicodeDecodeError:
        return False
    return True
