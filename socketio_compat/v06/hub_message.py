"""Messages of the hub for clients of Socket.IO 0.6 (DESIGN section 7). Pure.

Each is a JSON message ``{"type": "message", "channel", "id", "data"}``. The data is what `hbpush.core.content` makes of the body; where
that is base64, ``"encoding": "base64"`` stands behind it.
"""

from __future__ import annotations

from collections.abc import Sequence

from hbpush.core import jsontext
from hbpush.core.content import content
from hbpush.core.message import Message
from socketio_compat.v06.message import JSON


def hub_body(message: Message) -> str:
    """One message as a body. ASCII, on one line.

    A byte of the channel's id that is not UTF-8 is the escape of half a surrogate pair, ``\\udc80`` to ``\\udcff``: a client that sends the
    name back as JSON names the same channel.
    """
    data, is_base64 = content(message.body, message.content_type)
    encoding = ',"encoding":"base64"' if is_base64 else ""
    channel = jsontext.quote(message.channel.id)
    return f'{JSON}{{"type":"message","channel":{channel},"id":"{message.id}","data":{data}{encoding}}}'


def hub_bodies(messages: Sequence[Message]) -> list[str]:
    return [hub_body(message) for message in messages]
