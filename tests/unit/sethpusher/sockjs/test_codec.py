"""Frames of SockJS and what clients send, against the vectors."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hbpush.errors import ProtocolError
from sethpusher.sockjs import codec
from tests.unit.sethpusher.vectors import VECTORS

ESCAPING = VECTORS["escaping"]
RUBBISH = (b"\xff", b"]", b"x", b"\x00")


def text_of(units: list[int]) -> str:
    return b"".join(unit.to_bytes(2, "little") for unit in units).decode("utf-16-le", "surrogatepass")


def ranges(name: str) -> list[tuple[int, int]]:
    pairs = [entry.partition("-") for entry in ESCAPING[name]]
    return [(int(first, 16), int(last or first, 16)) for first, _, last in pairs]


@pytest.mark.parametrize("vector", ESCAPING["vectors"], ids=lambda vector: vector["ascii_json"])
def test_messages_are_escaped(vector: dict[str, Any]) -> None:
    text = text_of(vector["utf16"])
    assert codec.array([text]) == f"a[{vector['ascii_json']}]"
    assert json.loads(codec.array([text, text])[1:]) == [text, text]
    for spelled in (vector["ascii_json"], vector["reference_client_json"]):
        assert codec.posted(f"[{spelled}]".encode("utf-8", "surrogatepass")) == [text]


@pytest.mark.parametrize("name", ["server_must_escape_utf16_ranges", "suite_server_ranges"])
def test_units_that_must_be_escaped_are(name: str) -> None:
    for first, last in ranges(name):
        for unit in range(first, last + 1):
            frame = codec.array([chr(unit)])
            assert frame in (f'a["\\u{unit:04x}"]', f'a["{json.dumps(chr(unit))[1:-1]}"]')
            assert unit in (0x22, 0x5C, 8, 9, 10, 12, 13) or re.search(r"\\u[0-9a-f]{4}", frame)


def test_what_clients_escape_is_read() -> None:
    for first, last in ranges("client_escapes_utf16_ranges"):
        for unit in (first, last):
            assert codec.posted(b'["\\u%04x"]' % unit) == [chr(unit)]


@given(st.lists(st.text(alphabet=st.characters(exclude_categories=()))))
def test_what_is_sent_can_be_read(messages: list[str]) -> None:
    frame = codec.array(messages)
    assert frame.isascii()
    assert codec.received(frame[1:]) == messages


def test_closing_reasons_are_json() -> None:
    assert codec.close(3000, "Go away!") == 'c[3000,"Go away!"]'
    assert codec.close(4001, 'quo"te') == 'c[4001,"quo\\"te"]'


@pytest.mark.parametrize("vector", VECTORS["send_bodies"], ids=lambda vector: f"{vector['transport']} {vector['body']}")
def test_posted_bodies(vector: dict[str, Any]) -> None:
    body = vector["body"].encode()

    def read(body: bytes) -> list[object]:
        if vector["transport"] == "xhr_send":
            return codec.posted(body)
        return codec.jsonp_posted(body, vector["content_type"].encode())

    if vector["status"] < 300:
        assert read(body) == vector["delivers"]
        for rubbish in RUBBISH:
            with pytest.raises(ProtocolError):
                read(body + rubbish)
        return
    with pytest.raises(ProtocolError, match=re.escape(vector["response"])) as caught:
        read(body)
    assert caught.value.status_hint == vector["status"]


def test_a_form_may_say_its_charset_or_nothing() -> None:
    assert codec.jsonp_posted(b"d=%5B1%5D", b"Application/X-WWW-Form-Urlencoded ; charset=UTF-8") == [1]
    assert codec.jsonp_posted(b"d=%5B1%5D", None) == [1]
    with pytest.raises(ProtocolError, match="Broken JSON"):
        codec.jsonp_posted(b"d=%5B%22%FF%22%5D", codec.FORM)


@pytest.mark.parametrize("vector", VECTORS["websocket_incoming"], ids=lambda vector: vector["payload"])
def test_websocket_messages(vector: dict[str, Any]) -> None:
    if vector.get("closes_socket"):
        with pytest.raises(ProtocolError):
            codec.received(vector["payload"])
        return
    assert codec.received(vector["payload"]) == vector["delivers"]
    assert codec.received(vector["payload"].encode()) == vector["delivers"]


@pytest.mark.parametrize("name", VECTORS["callback_parameter"]["ok"])
@pytest.mark.parametrize("field", ["c", "callback"])
def test_callbacks(name: str, field: str) -> None:
    assert codec.callback(f"t=1&{field}={name}".encode(), codec.LONGEST_CALLBACK) == name


@pytest.mark.parametrize("query", ["", "c=", "callback=", "c=&t=1", "cc=a"])
def test_missing_callbacks(query: str) -> None:
    with pytest.raises(ProtocolError) as caught:
        codec.callback(query.encode())
    assert (str(caught.value), caught.value.status_hint) == (VECTORS["callback_parameter"]["missing_body"], 500)


@pytest.mark.parametrize("value", [*VECTORS["callback_parameter"]["invalid_500"], "a%0Ab", "a+b", "%C3%A9", "</script>"])
def test_invalid_callbacks(value: str) -> None:
    with pytest.raises(ProtocolError) as caught:
        codec.callback(f"c={value}".encode(), codec.LONGEST_CALLBACK)
    assert (str(caught.value), caught.value.status_hint) == (VECTORS["callback_parameter"]["invalid_body"], 500)


def test_what_is_sent_as_a_text() -> None:
    assert codec.text_of("x") == "x"
    assert codec.text_of(b"caf\xc3\xa9\xff") == "caf\xe9\ufffd"
    assert codec.text_of({"x": [1, None]}) == '{"x":[1,null]}'
    with pytest.raises(TypeError):
        codec.text_of(object())
