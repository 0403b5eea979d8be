"""Messages of the hub as bodies of Socket.IO 0.6 (DESIGN section 7)."""

from __future__ import annotations

import base64
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hbpush.core.message import BEFORE_ALL, ChannelRef, Message, MessageId
from socketio_compat.v06 import codec
from socketio_compat.v06.codec import hub_bodies, hub_body


def published(body: bytes, content_type: bytes | None = b"text/plain", channel: str = "news") -> Message:
    return Message(ChannelRef("memory", "", channel), MessageId(17, 2), BEFORE_ALL, body, content_type)


@pytest.mark.parametrize(
    ("message", "body"),
    [
        (published(b"hi"), '~j~{"type":"message","channel":"news","id":"17:2","data":"hi"}'),
        (published(b'{"a":\n1.0}', b"application/json"), '~j~{"type":"message","channel":"news","id":"17:2","data":{"a":1.0}}'),
        (published(b"\xff"), '~j~{"type":"message","channel":"news","id":"17:2","data":"/w==","encoding":"base64"}'),
        (published(b"", None, 'a"\udcff\u0434\n'), '~j~{"type":"message","channel":"a\\"\\udcff\\u0434\\n","id":"17:2","data":""}'),
    ],
)
def test_bodies(message: Message, body: str) -> None:
    assert hub_body(message) == body
    assert hub_bodies([message, message]) == [body, body]


@given(st.binary(max_size=20), st.sampled_from([None, b"application/json"]), st.binary(min_size=1, max_size=8))
def test_any_message(body: bytes, content_type: bytes | None, channel: bytes) -> None:
    message = published(body, content_type, channel.decode("utf-8", "surrogateescape"))
    packed = hub_body(message)
    assert packed.isascii()
    assert "\n" not in packed
    value = codec.read(packed).value
    assert (value["type"], value["id"], value["channel"].encode("utf-8", "surrogateescape")) == ("message", "17:2", channel)
    if value.get("encoding"):
        assert base64.b64decode(value["data"]) == body
    elif content_type is None or value["data"] == body.decode():
        assert value["data"].encode() == body
    else:
        assert value["data"] == json.loads(body)
