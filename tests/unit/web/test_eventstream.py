"""What an event stream's client makes of what is written, by a parser of the standard's own rules."""

from __future__ import annotations

import base64
import re

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from hbpush.core.message import BEFORE_ALL, ChannelRef, Message, MessageId
from hbpush.web.eventstream import COMMENT, event, message_pieces, opening
from tests.support.eventstream import Event, Parser

NEWS = ChannelRef("default", "", "news")


def message(body: bytes, name: str | None = None) -> Message:
    return Message(NEWS, MessageId(1700000000, 3), BEFORE_ALL, body, None, name)


def message_event(message: Message, place: bytes) -> bytes:
    return b"".join(message_pieces(message, place))


def heard(wire: bytes) -> list[Event]:
    return Parser().feed(wire)


@given(st.lists(st.text(), min_size=1, max_size=4), st.integers(1, 7))
@example(["\r", "\n", "\r\n", "\n\r"], 1)
@example(["\r\r\n", "\r\n\n", "\r\n\r", "\n\r\n\r\r"], 1)
@example(["", "\n", " a", "data: b", ":c", "id: 7\n\n", "\ufeff", "\0", "\u2028"], 3)
def test_texts_arrive_whole_and_alone_but_for_their_line_ends(texts: list[str], size: int) -> None:
    encodable = [text.encode("utf-8", "replace") for text in texts]
    wire = b"".join(message_event(message(body), b"%d:0" % number) for number, body in enumerate(encodable))
    parser = Parser()
    events = [found for at in range(0, len(wire), size) for found in parser.feed(wire[at : at + size])]
    expected = [re.sub("\r\n|\r", "\n", body.decode()) for body in encodable]
    assert events == [Event(text, id=f"{number}:0") for number, text in enumerate(expected)]


@given(st.binary())
def test_what_is_no_text_arrives_in_base64(body: bytes) -> None:
    body += b"\xff"
    [found] = heard(message_event(message(body), b"1:2"))
    assert (found.name, base64.b64decode(found.data), found.id) == ("base64", body, "1:2")


@pytest.mark.parametrize(
    ("name", "body", "expected"),
    [
        ("tick", b"a", Event("a", "tick", "1:0")),
        ("tick", b"\xff", Event("/w==", "tick;base64", "1:0")),
        ("n\u00e4chste Zeit", b"a", Event("a", "n\u00e4chste Zeit", "1:0")),
        # What another protocol may call a message, and no field can carry.
        ("a\nid: 9", b"a", Event("a", "message", "1:0")),
        ("a\0", b"a", Event("a", "message", "1:0")),
        ("\ud800", b"a", Event("a", "message", "1:0")),
        ("", b"a", Event("a", "message", "1:0")),
        # The bytes of a header that are no text: a stream is UTF-8.
        ("\udcff\udcfe", b"a", Event("a", "message", "1:0")),
        # What is the server's to say, the client's own, or tells how a body is to be read.
        *((name, b"a", Event("a", "message", "1:0")) for name in ("gap", "deleted", "displaced", "base64", "tick;base64", "open", "error")),
        *(
            (name, b"\xff", Event("/w==", "base64", "1:0"))
            for name in ("gap", "deleted", "displaced", "base64", "tick;base64", "open", "error")
        ),
        (" gap\t", b"a", Event("a", "message", "1:0")),
        ("gaps", b"a", Event("a", "gaps", "1:0")),
        ("Error", b"a", Event("a", "Error", "1:0")),
    ],
)
def test_names(name: str, body: bytes, expected: Event) -> None:
    assert heard(message_event(message(body, name), b"1:0")) == [expected]


def test_a_notice_leaves_the_id_as_it_is() -> None:
    parser = Parser()
    parser.feed(event(b"a", b"1:0") + event(b"{}", b"", b"gap"))
    assert parser.last_id == "1:0"


def test_a_body_that_needs_no_change_is_not_copied() -> None:
    body = b"x" * 1000
    assert any(piece is body for piece in message_pieces(message(body, "e"), b"5:0"))


def test_bytes() -> None:
    assert message_event(message(b"a\r\nb\n", "e"), b"5:0") == b"event: e\nid: 5:0\ndata: a\ndata: b\ndata: \n\n"


@pytest.mark.parametrize(
    ("wire", "retry", "last_id", "comments"),
    [(opening(), None, "", 1), (opening(2.5), 2500, "", 0), (opening(3, b"4:5"), 3000, "4:5", 0), (COMMENT, None, "", 1)],
)
def test_what_brings_no_event(wire: bytes, retry: int | None, last_id: str, comments: int) -> None:
    parser = Parser()
    assert parser.feed(wire) == []
    assert (parser.retry, parser.last_id, parser.comments) == (retry, last_id, comments)
