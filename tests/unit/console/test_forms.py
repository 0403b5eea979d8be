"""What the page of the console is told, and where it finds the other locations behind a proxy."""

from __future__ import annotations

import json
from urllib.parse import urljoin

import pytest

from hbpush.console import forms
from hbpush.core.message import BEFORE_ALL, ChannelRef, Message, MessageId
from hbpush.errors import ProtocolError

NEWS = ChannelRef("default", "", "news")


def message(body: bytes, media: bytes | None = None) -> Message:
    return Message(NEWS, MessageId(7, 1), BEFORE_ALL, body, media)


@pytest.mark.parametrize("base", ["/", "/console/", "/push/console/", "/a/b/c/"])
@pytest.mark.parametrize("path", ["/sub/", "/socket.io/", "/push/sub/", "/", "/a/b/", "/a:b/", "/push/"])
def test_the_way_to_another_path(base: str, path: str) -> None:
    way = forms.relative(path, base)
    assert urljoin(f"http://push.example{base}", way) == f"http://push.example{path}"
    assert not way.startswith("/")
    if base == "/":
        assert urljoin("http://proxy.example/under/", way) == f"http://proxy.example/under{path}"


@pytest.mark.parametrize(
    ("body", "media", "told"),
    [
        (b"\xc3\xbc", None, {"data": "\u00fc"}),
        (b'{"a": 1.0}', b"application/json", {"data": {"a": 1.0}}),
        (b"\xff", None, {"data": "/w==", "encoding": "base64"}),
        (b"x" * (forms.SHOWN + 1), None, {"data": "x" * forms.SHOWN, "cut": True}),
    ],
)
def test_messages(body: bytes, media: bytes | None, told: dict[str, object]) -> None:
    shown = json.loads(forms.message(message(body, media)))
    facts = {"id": "7:1", "type": media.decode() if media else None, "event": None, "bytes": len(body)}
    assert shown == {**facts, **told}


def test_the_newest_comes_first() -> None:
    assert [each["data"] for each in json.loads(forms.channel({"id": "news"}, [message(b"1"), message(b"2")]))["recent"]] == ["2", "1"]


@pytest.mark.parametrize(
    ("body", "draft"),
    [
        ({"data": "\u00fc"}, ("\u00fc".encode(), None, None)),
        ({"data": "x", "type": " text/plain ", "event": "tick"}, (b"x", b"text/plain", "tick")),
        ({"data": "/w==", "encoding": "base64", "type": ""}, (b"\xff", None, None)),
    ],
)
def test_what_is_published(body: dict[str, str], draft: tuple[object, ...]) -> None:
    made = forms.draft(json.dumps(body).encode())
    assert (made.body, made.content_type, made.event) == draft


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"[]",
        b'{"data": 1}',
        b'{"data": "x", "other": 1}',
        b'{"data": "?", "encoding": "base64"}',
        b'{"data": "x", "type": "a\\nb"}',
        b'{"data": "x", "event": "a\\u0000b"}',
        b'{"data": "\\ud800"}',
    ],
)
def test_what_cannot_be_published(body: bytes) -> None:
    with pytest.raises(ProtocolError) as refused:
        forms.draft(body)
    assert "\n" not in str(refused.value)
