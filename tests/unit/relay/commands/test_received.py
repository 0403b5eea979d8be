"""A message is the same to a program whichever way it came."""

from __future__ import annotations

import json

import pytest

from hbpush.core.message import ChannelRef, Message, MessageId
from hbpush.errors import ProtocolError
from hbpush.relay import socket_json
from hbpush.relay.commands.events import Event, Events
from hbpush.relay.commands.received import Notice, Received, as_json, as_text, from_event, from_frame, from_response, id_of
from hbpush.relay.commands.responses import Head, head
from hbpush.relay.rules import MessageAnswer
from hbpush.web.eventstream import message_pieces

CASES = [
    (b"hello", b"text/plain", None),
    ("ünï ☃".encode(), b"text/plain; charset=utf-8", "tick"),
    (b'{"a":[1,2.50]}', b"application/json", None),
    (b'"text"', b"application/json", "tick"),
    (b"\xff\x00\xfe", b"application/octet-stream", None),
    (b"\xff", None, "tick"),
    (b"", b"text/plain", None),
    (rb'{"a":["\ud800",2.5,"\udc00\ud800"]}', b"application/json", None),
    (rb'"\ud800"', b"application/json", "tick"),
    (b"text", None, "\udcff\u00fc"),
]


def message(body: bytes, media: bytes | None, event: str | None, channel: str = "news") -> Message:
    return Message(ChannelRef("default", "", channel), MessageId(1275927710, 3), MessageId(1, 1), body, media, event)


@pytest.mark.parametrize(("body", "media", "event"), CASES)
def test_by_websocket(body: bytes, media: bytes | None, event: str | None) -> None:
    wire = socket_json.message_json(message(body, media, event))
    got = from_frame(wire)
    assert got == Received("news", "1275927710:3", "1275927710:3", media and media.decode(), event, body)
    assert isinstance(got, Received)
    assert json.loads(as_json(got)) == json.loads(wire)


@pytest.mark.parametrize(("body", "media", "event"), CASES)
def test_by_event_stream(body: bytes, media: bytes | None, event: str | None) -> None:
    [one] = Events().feed(b"".join(message_pieces(message(body, media, event), b"1275927710:3")))
    # A name that is no UTF-8 does not come: a stream is text.
    told = event if event is None or event.isprintable() else None
    assert from_event(one, ["news"]) == Received("news", "1275927710:3", "1275927710:3", None, told, body)


@pytest.mark.parametrize(("body", "media", "event"), CASES)
def test_by_poll(body: bytes, media: bytes | None, event: str | None) -> None:
    wire = MessageAnswer(lambda: b"", quoted=True)([message(body, media, event)])
    top = wire.index(b"\r\n\r\n") + 4
    got = from_response(head(wire[:top]), wire[top:], "news", "1275927710:2")
    assert got == Received("news", "1275927710:3", "1275927710:3", media and media.decode(), event, body)


def test_of_several_channels() -> None:
    wire = socket_json.resumed(socket_json.message_json(message(b"x", None, None, "b")), "-,1275927710:3")
    assert from_frame(wire) == Received("b", "1275927710:3", "-,1275927710:3", None, None, b"x")
    assert from_event(Event("x", "", "-,[1275927710:3]"), ["a", "b"]) == Received("b", "1275927710:3", "-,[1275927710:3]", None, None, b"x")


def test_notices() -> None:
    assert from_frame(socket_json.gap("a")) == Notice("gap", "a")
    assert from_frame(socket_json.deleted("a")) == Notice("deleted", "a")
    assert from_event(Event('{"channel":"a"}', "gap", ""), ["a"]) == Notice("gap", "a")
    assert from_event(Event('{"channel":"a"}', "deleted", ""), ["a"]) == Notice("deleted", "a")
    assert from_event(Event('{"channel":"a"}', "displaced", ""), ["a"]) == Notice("displaced", "a")


def test_a_channel_that_is_no_text() -> None:
    assert from_frame(socket_json.gap("\udcff")) == Notice("gap", "\udcff")
    assert from_event(Event(r'{"channel":"\udcff"}', "gap", ""), ["\udcff"]) == Notice("gap", "\udcff")
    got = from_frame(socket_json.message_json(message(b"x", None, None, "\udcff")))
    assert got == Received("\udcff", "1275927710:3", "1275927710:3", None, None, b"x")


def test_a_message_may_be_called_as_a_notice_is() -> None:
    assert from_event(Event("x", "gap", "1:1"), ["a"]) == Received("a", "1:1", "1:1", None, "gap", b"x")
    assert from_event(Event("no base64", "x;base64", "1:1"), ["a"]) == Received("a", "1:1", "1:1", None, "x;base64", b"no base64")


def test_what_is_no_concern_of_a_subscriber() -> None:
    assert from_frame(b'{"published":"1:1","channel":"a"}') is None
    assert from_event(Event("x", "other", ""), ["a"]) is None


@pytest.mark.parametrize(
    "wire", [b"", b"[]", b"\xff", b'{"id":1}', b'{"id":"1:1","data":"%","encoding":"base64"}', rb'{"id":"1:1","data":"\ud800"}']
)
def test_frames_that_are_none(wire: bytes) -> None:
    with pytest.raises(ProtocolError):
        from_frame(wire)


def test_answers_without_a_message() -> None:
    headers = {"last-modified": "Mon, 07 Jun 2010 16:21:50 GMT", "etag": "3"}
    assert id_of(Head(304, headers)) == "1275927710:3"
    assert from_response(Head(304, headers), b"", "a", "") is None
    assert from_response(Head(200, {}), b"", "a", "1:1") is None
    # A poll whose time is over, where that is told by 200.
    assert from_response(Head(200, headers), b"", "a", "1275927710:3") is None
    assert from_response(Head(200, headers), b"", "a", "") is None
    assert from_response(Head(200, headers), b"", "a", "1275927710:2") is not None


def test_lines_for_a_person() -> None:
    assert as_text(Received("a", "1:1", "1:1", None, None, b"x y")) == "1:1 a x y"
    assert as_text(Received("a", "1:1", "1:1", None, "tick", b"\xff")) == "1:1 a [tick] base64 /w=="


def test_json_is_one_line_in_ascii() -> None:
    line = as_json(Received("a\n\udcff", "1:1", "1:1", "text/plain", 'e"', "a\n☃".encode()))
    assert line.isascii()
    assert b"\n" not in line
    assert json.loads(line)["data"] == "a\n☃"
