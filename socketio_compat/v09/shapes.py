"""What messages of a channel look like on the wire: made once for all sessions that get them alike."""

from __future__ import annotations

from collections.abc import Sequence
from weakref import WeakValueDictionary

from hbpush.core.batch import Format
from hbpush.core.message import Message
from hbpush.web.answers import Head
from hbpush.web.carriers import chunk
from hbpush.web.websocket import frame
from socketio_compat.v09.forms import htmlfile_chunk
from socketio_compat.v09.hub_packet import hub_packets
from socketio_compat.v09.payload import encode_payload, packet_bytes

POLL = Head(200, b"Content-Type: text/plain; charset=UTF-8\r\nCache-Control: no-store\r\n")
"""The answer to an xhr poll."""


def frames(packets: Sequence[str]) -> bytes:
    """Packets for a WebSocket: one frame each."""
    return b"".join([frame(packet_bytes(packet), True) for packet in packets])


def script(packets: Sequence[str]) -> bytes:
    """Packets for an htmlfile stream."""
    return htmlfile_chunk(encode_payload(packets).decode())


class _Frames:
    """The Format of WebSockets."""

    __slots__ = ("_endpoint",)

    def __init__(self, endpoint: str) -> None:
        self._endpoint = endpoint

    def __call__(self, messages: Sequence[Message]) -> bytes:
        return frames(hub_packets(messages, self._endpoint))


class _Answer(_Frames):
    """The Format of xhr polls: the whole response."""

    __slots__ = ()

    def __call__(self, messages: Sequence[Message]) -> bytes:
        return POLL.wire(encode_payload(hub_packets(messages, self._endpoint)))


class _Script(_Frames):
    """The Format of htmlfile streams that are not chunked."""

    __slots__ = ()

    def __call__(self, messages: Sequence[Message]) -> bytes:
        return script(hub_packets(messages, self._endpoint))


class _Chunk(_Frames):
    """The Format of htmlfile streams that are."""

    __slots__ = ()

    def __call__(self, messages: Sequence[Message]) -> bytes:
        return chunk(script(hub_packets(messages, self._endpoint)))


class ChannelShape:
    """A `hbpush.session.transport.Shape`: messages as events on an endpoint ``/C``, or on the root.

    Its Formats are those of WebSockets, xhr polls, and htmlfile streams (``chunk`` on HTTP/1.1, ``script`` on 1.0). Made by `shape` only.
    """

    __slots__ = ("__weakref__", "chunk", "endpoint", "poll", "script", "websocket")

    def __init__(self, endpoint: str) -> None:
        self.endpoint = endpoint
        self.websocket: Format = _Frames(endpoint)
        self.poll: Format = _Answer(endpoint)
        self.script: Format = _Script(endpoint)
        self.chunk: Format = _Chunk(endpoint)

    def packets(self, messages: Sequence[Message]) -> Sequence[str]:
        """See `hbpush.session.transport.Shape`."""
        return hub_packets(messages, self.endpoint)


_shapes: WeakValueDictionary[str, ChannelShape] = WeakValueDictionary()


def shape(endpoint: str = "") -> ChannelShape:
    """The one shape for an endpoint, '' for the root, as long as anybody has it."""
    found = _shapes.get(endpoint)
    if found is None:
        found = _shapes[endpoint] = ChannelShape(endpoint)
    return found
