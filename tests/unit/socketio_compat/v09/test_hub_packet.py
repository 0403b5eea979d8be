"""Messages of the hub as packets (DESIGN section 7)."""

from __future__ import annotations

import json
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hbpush.core.batch import Batch
from hbpush.core.message import BEFORE_ALL, ChannelRef, Message, MessageId
from socketio_compat.v09 import codec
from socketio_compat.v09.codec import PayloadFormat, hub_packet, hub_packets


def published(body: bytes, content_type: bytes | None = b"text/plain", channel: str = "news") -> Message:
    return Message(ChannelRef("memory", "", channel), MessageId(17, 2), BEFORE_ALL, body, content_type)


@pytest.mark.parametrize(
    ("message", "endpoint", "packet"),
    [
        (published(b"hi"), "/news", '5::/news:{"name":"message","args":["hi",{"id":"17:2","channel":"news"}]}'),
        (published(b"hi"), "", '5:::{"name":"message","args":[{"channel":"news","id":"17:2","data":"hi"}]}'),
        (
            published(b'{"a":\n1.0}', b"application/json"),
            "/news",
            '5::/news:{"name":"message","args":[{"a":1.0},{"id":"17:2","channel":"news"}]}',
        ),
        (published(b"\xff"), "/news", '5::/news:{"name":"message","args":["/w==",{"id":"17:2","channel":"news","encoding":"base64"}]}'),
        (published(b"\xff"), "", '5:::{"name":"message","args":[{"channel":"news","id":"17:2","data":"/w==","encoding":"base64"}]}'),
        (
            published(b"", None, 'a"\udcff\u0434\n'),
            "",
            '5:::{"name":"message","args":[{"channel":"a\\"\\udcff\\u0434\\n","id":"17:2","data":""}]}',
        ),
    ],
)
def test_packets(message: Message, endpoint: str, packet: str) -> None:
    assert hub_packet(message, endpoint) == packet


@given(
    st.binary(max_size=20),
    st.sampled_from([None, b"application/json"]),
    st.binary(min_size=1, max_size=8),
    st.sampled_from(["", "/\u0434"]),
)
def test_any_message_can_be_read(body: bytes, content_type: bytes | None, channel: bytes, endpoint: str) -> None:
    ref = channel.decode("utf-8", "surrogateescape")
    packet = codec.decode_packet(hub_packet(published(body, content_type, ref), endpoint))
    name, args = codec.event_of(packet)
    named = args[1] if endpoint else args[0]
    assert (packet.type, packet.endpoint, name, named["id"]) == (codec.EVENT, endpoint, "message", "17:2")
    # Whoever sends the name back names the same channel.
    assert json.loads(json.dumps(named["channel"])).encode("utf-8", "surrogateescape") == channel


def test_a_batch_is_encoded_once_for_equal_formats() -> None:
    batch = Batch([published(b"one"), published(b"two")])
    wire = batch.wires[PayloadFormat("/news")]
    assert batch.wires[PayloadFormat("/news")] is wire
    assert batch.wires[PayloadFormat()] != wire
    assert codec.decode_payload(wire) == (hub_packets(batch.messages, "/news"), None)
    assert codec.decode_payload(wire + PayloadFormat()(batch.messages[:1])) == (
        [*hub_packets(batch.messages, "/news"), hub_packet(batch.messages[0])],
        None,
    )


def test_formats_of_other_kinds_are_others() -> None:
    def other(messages: Sequence[Message]) -> bytes:
        return b"other"

    batch = Batch([published(b"one")])
    assert batch.wires[PayloadFormat()] != batch.wires[other]
