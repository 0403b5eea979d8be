"""The forms of messages on streams, and that a batch has each of them once."""

from __future__ import annotations

import json

from hbpush.core.batch import Batch
from hbpush.core.message import BEFORE_ALL, ChannelRef, Message, MessageId
from hbpush.relay.forms import chunked_events, events, json_frames, plain_frames
from hbpush.relay.positions import standing
from tests.support.eventstream import Event, Parser

BATCH = Batch(
    [
        Message(ChannelRef("default", "", "news"), MessageId(5, tag), BEFORE_ALL, body)
        for tag, body in enumerate((b"one", b"\xff", b"x" * 200))
    ]
)


def test_event_streams() -> None:
    wire = BATCH.wires[events]
    assert Parser().feed(wire) == [Event("one", id="5:0"), Event("/w==", "base64", "5:1"), Event("x" * 200, id="5:2")]
    assert BATCH.wires[chunked_events] == b"%x\r\n%b\r\n" % (len(wire), wire)
    assert BATCH.wires[events] is wire


def test_plain_frames() -> None:
    assert BATCH.wires[plain_frames] == b"\x81\x03one" + b"\x82\x01\xff" + b"\x81\x7e\x00\xc8" + b"x" * 200


def test_json_frames() -> None:
    read = []
    rest = BATCH.wires[json_frames]
    while rest:
        assert rest[0] == 0x81
        size, start = (rest[1], 2) if rest[1] < 126 else (int.from_bytes(rest[2:4], "big"), 4)
        read.append(json.loads(rest[start : start + size]))
        rest = rest[start + size :]
    assert [(found["id"], found["data"]) for found in read] == [("5:0", "one"), ("5:1", "/w=="), ("5:2", "x" * 200)]


def test_several_channels() -> None:
    assert b"\nid: [5:0],-\n" in b"\n" + BATCH.wires[standing(events, (None, None)).format(0)]
    assert b'"resume":"-,[5:2]"' in BATCH.wires[standing(json_frames, (None, None)).format(1)]
    assert BATCH.wires[standing(plain_frames, (None, None)).format(1)] == BATCH.wires[plain_frames]
