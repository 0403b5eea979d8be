"""The subprotocol hbpush.json: what a client reads, and what it may publish."""

from __future__ import annotations

import base64
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hbpush.core.message import BEFORE_ALL, ChannelRef, Draft, Message, MessageId
from hbpush.errors import ProtocolError
from hbpush.relay import socket_json
from hbpush.relay.socket_json import message_json, publication, resumed

ID = MessageId(1700000000, 3)


def message(body: bytes, media: bytes | None = None, event: str | None = None, channel: str = "news") -> Message:
    return Message(ChannelRef("default", "", channel), ID, BEFORE_ALL, body, media, event)


def test_a_message() -> None:
    assert message_json(message(b"hello", b"text/plain")) == (b'{"channel":"news","id":"1700000000:3","type":"text/plain","data":"hello"}')
    made = message_json(message(b'{"n": 1.50}', b"application/json", "tick"))
    assert resumed(made, None) == made
    assert resumed(made, "5:0,[1700000000:3]") == (
        b'{"channel":"news","id":"1700000000:3","type":"application/json","data":{"n":1.50},"event":"tick","resume":"5:0,[1700000000:3]"}'
    )


@given(st.binary(), st.none() | st.binary(), st.none() | st.text(), st.text())
def test_every_message_is_one_object_in_ascii(body: bytes, media: bytes | None, event: str | None, channel: str) -> None:
    wire = message_json(message(body, media, event, channel))
    assert wire.isascii()
    read = json.loads(wire)
    data = read.pop("data")
    if read.pop("encoding", None) == "base64":
        assert base64.b64decode(data) == body
    elif isinstance(data, str):
        assert data.encode() == body
    if event is not None:
        assert read.pop("event") == event
    assert read == {"channel": channel, "id": "1700000000:3", "type": None if media is None else media.decode("latin-1")}


@given(st.binary())
def test_what_is_read_can_be_published_again(body: bytes) -> None:
    read = json.loads(message_json(message(body, b"application/x-thing")))
    again = {"publish": read["data"], "type": read["type"], **({"encoding": read["encoding"]} if "encoding" in read else {})}
    assert publication(json.dumps(again))[1] == Draft(body, b"application/x-thing")


def test_notices() -> None:
    assert json.loads(socket_json.gap("a\udc80")) == {"gap": True, "channel": "a\udc80"}
    assert json.loads(socket_json.deleted("a")) == {"deleted": True, "channel": "a"}
    assert json.loads(socket_json.published("a", ID)) == {"published": "1700000000:3", "channel": "a"}
    assert json.loads(socket_json.error('"')) == {"error": '"'}


@pytest.mark.parametrize(
    ("text", "channel", "draft"),
    [
        ('{"publish": "h\\u00e9"}', None, Draft("h\u00e9".encode(), b"text/plain")),
        ('{"publish": {"n": 1.50, "m": [ ]}}', None, Draft(b'{"n": 1.50, "m": [ ]}', b"application/json")),
        ('{"publish": null}', None, Draft(b"null", b"application/json")),
        # As JSON.stringify writes a text that was cut between the halves of a character.
        ('{"publish":{"a":"\\ud800"}}', None, Draft(b'{"a":"\\ud800"}', b"application/json")),
        (' { "type":null,"publish" : [1.50, "\\uDC00"] ,"channel":"a" } ', "a", Draft(b'[1.50, "\\uDC00"]', b"application/json")),
        ('{"publish":"\\ud800","type":"text/json"}', None, Draft(b'"\\ud800"', b"text/json")),
        ('{"publish":"a","channel":"\\udc80"}', "\udc80", Draft(b"a", b"text/plain")),
        ('{"publish": "", "channel": "a"}', "a", Draft(b"", b"text/plain")),
        ('{"publish": "<p>", "type": "text/html", "event": "page"}', None, Draft(b"<p>", b"text/html", "page")),
        ('{"publish": "a", "type": "application/json", "event": ""}', None, Draft(b'"a"', b"application/json")),
        ('{"publish": "/w==", "encoding": "base64"}', None, Draft(b"\xff", b"application/octet-stream")),
        ('{"publish": "a", "type": " text/html", "event": "\\u00fc "}', None, Draft(b"a", b"text/html", "\u00fc")),
    ],
)
def test_what_is_published(text: str, channel: str | None, draft: Draft) -> None:
    assert publication(text) == (channel, draft)


@pytest.mark.parametrize(
    "text",
    [
        *("", "hello", "[]", "{}", '{"type": "text/plain"}', '{"publish": }', '{"publish": 1, "to": "a"}', '{"publish": 1, "type": 1}'),
        *('{"publish": 1, "event": "a\\nb"}', '{"publish": "a", "type": "a\\r\\nX: 1"}', '{"publish": 1, "encoding": "base64"}'),
        *('{"publish": "/w=", "encoding": "base64"}', '{"publish": "/w==", "encoding": "hex"}', '{"publish": "\\ud800"}'),
        *('{"publish": "a", "event": "\\ud800"}', '{"publish": ' + "[" * 100_000 + "}"),
    ],
)
def test_what_is_refused(text: str) -> None:
    with pytest.raises(ProtocolError) as refused:
        publication(text)
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('{"publish": "\\ud800"}', "half a surrogate pair"),
        ('{"publish": 1, "event": "\\ud800"}', "half a surrogate pair"),
        ('{"publish": "\\ud800", "encoding": "base64"}', "not base64"),
        ('{"publish": 1, "encoding": "base64"}', "base64"),
        ('{"publish": "\\ud800", "to": 1}', "unknown field `to`"),
        ('{"type": "\\ud800"}', "missing required field `publish`"),
        ('["\\ud800"]', "."),
        ('{"publish": "\\ud800"', "truncated"),
    ],
)
def test_what_is_wrong_is_said(text: str, said: str) -> None:
    with pytest.raises(ProtocolError, match=said):
        publication(text)
