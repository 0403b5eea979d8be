"""What messages of a channel look like on the wire: made once for all sessions that get them."""

from __future__ import annotations

from collections.abc import Sequence

from hbpush.core.message import Message
from hbpush.web.answers import Head
from hbpush.web.carriers import chunk
from hbpush.web.websocket import frame
from socketio_compat.v06.forms import TEXT, htmlfile_chunk, part
from socketio_compat.v06.hub_message import hub_bodies
from socketio_compat.v06.stream import encode_stream

POLL = Head(200, b"Content-Type: %b\r\nCache-Control: no-store\r\n" % TEXT)
"""The answer to an xhr poll."""


def socket_frame(bodies: Sequence[str]) -> bytes:
    """Bodies for a WebSocket: one frame of its own kind around all of theirs."""
    return frame(encode_stream(bodies), True)


def script(bodies: Sequence[str]) -> bytes:
    """Bodies for an htmlfile stream."""
    return htmlfile_chunk(encode_stream(bodies))


def parts(bodies: Sequence[str]) -> bytes:
    """Bodies for an xhr-multipart stream."""
    return part(encode_stream(bodies))


class ChannelShape:
    """A `hbpush.session.transport.Shape`, the only one of this version; the functions below are its Formats."""

    __slots__ = ()

    def packets(self, messages: Sequence[Message]) -> Sequence[str]:
        """See `hbpush.session.transport.Shape`."""
        return hub_bodies(messages)


SHAPE = ChannelShape()


def as_frame(messages: Sequence[Message]) -> bytes:
    """The Format of WebSockets."""
    return socket_frame(hub_bodies(messages))


def as_answer(messages: Sequence[Message]) -> bytes:
    """The Format of xhr polls: the whole response."""
    return POLL.wire(encode_stream(hub_bodies(messages)))


def as_script(messages: Sequence[Message]) -> bytes:
    """The Format of htmlfile streams that are not chunked."""
    return script(hub_bodies(messages))


def as_script_chunk(messages: Sequence[Message]) -> bytes:
    """The Format of htmlfile streams that are."""
    return chunk(script(hub_bodies(messages)))


def as_part(messages: Sequence[Message]) -> bytes:
    """The Format of xhr-multipart streams that are not chunked."""
    return parts(hub_bodies(messages))


def as_part_chunk(messages: Sequence[Message]) -> bytes:
    """The Format of xhr-multipart streams that are."""
    return chunk(parts(hub_bodies(messages)))
