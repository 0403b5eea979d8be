"""Messages of the hub as packets (DESIGN section 7). Pure.

Whoever connected the endpoint ``/C`` gets there an event ``message`` with the arguments DATA and ``{"id", "channel"}``; whoever
subscribed by an event gets on the root an event ``message`` with one argument ``{"channel", "id", "data"}``. DATA is what
`hbpush.core.content` makes of the body; where that is base64, ``"encoding": "base64"`` stands beside the id.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from hbpush.core import jsontext
from hbpush.core.content import content
from hbpush.core.message import Message
from socketio_compat.v09.payload import encode_parts


def hub_packet(message: Message, endpoint: str = "") -> str:
    """One message as a packet for an endpoint, '' for the root. ASCII, on one line.

    A byte of the channel's id that is not UTF-8 is the escape of half a surrogate pair, ``\\udc80`` to ``\\udcff``: a client that sends the
    name back as JSON names the same channel.
    """
    data, is_base64 = content(message.body, message.content_type)
    channel = jsontext.quote(message.channel.id)
    encoding = ',"encoding":"base64"' if is_base64 else ""
    if endpoint:
        return f'5::{endpoint}:{{"name":"message","args":[{data},{{"id":"{message.id}","channel":{channel}{encoding}}}]}}'
    return f'5:::{{"name":"message","args":[{{"channel":{channel},"id":"{message.id}","data":{data}{encoding}}}]}}'


def hub_packets(messages: Sequence[Message], endpoint: str = "") -> list[str]:
    return [hub_packet(message, endpoint) for message in messages]


class PayloadFormat(msgspec.Struct, frozen=True, cache_hash=True):
    """A `hbpush.core.batch.Format`: a batch as parts of a payload, to be joined with others in the body of a poll.

    Equal for equal endpoints, so that a batch is encoded once for all sessions that poll one, whoever made the format.
    """

    endpoint: str = ""

    def __call__(self, messages: Sequence[Message]) -> bytes:
        return encode_parts(hub_packets(messages, self.endpoint))
