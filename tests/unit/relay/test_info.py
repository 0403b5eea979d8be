"""Channel information: its bodies byte by byte, and what an Accept header gets (relay specification 1.6, 7.1.2)."""

from __future__ import annotations

import json

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from hbpush.core.message import MessageId
from hbpush.relay.info import NEVER, OFFERED, PLAIN, negotiate

LAST = MessageId(1700000000, 2)

BODIES = {
    b"text/plain": (
        b"queued messages: 3\r\nlast requested: 0 sec. ago\r\nactive subscribers: 1\r\nlast message id: 1700000000:2",
        b"queued messages: 0\r\nlast requested: -1 sec. ago\r\nactive subscribers: 0\r\nlast message id: 0:0",
    ),
    b"application/json": (
        b'{"messages": 3, "requested": 0, "subscribers": 1, "last_message_id": "1700000000:2" }',
        b'{"messages": 0, "requested": -1, "subscribers": 0, "last_message_id": null }',
    ),
    b"text/yaml": (
        b'---\r\nmessages: 3\r\nrequested: 0\r\nsubscribers: 1\r\nlast_message_id: "1700000000:2"\r\n\r\n',
        b"---\r\nmessages: 0\r\nrequested: -1\r\nsubscribers: 0\r\nlast_message_id: null\r\n\r\n",
    ),
    b"text/xml": (
        b'<?xml version="1.0" encoding="UTF-8" ?>\r\n<channel>\r\n  <messages>3</messages>\r\n  <requested>0</requested>\r\n'
        b"  <subscribers>1</subscribers>\r\n  <last_message_id>1700000000:2</last_message_id>\r\n</channel>",
        b'<?xml version="1.0" encoding="UTF-8" ?>\r\n<channel>\r\n  <messages>0</messages>\r\n  <requested>-1</requested>\r\n'
        b"  <subscribers>0</subscribers>\r\n  <last_message_id>0:0</last_message_id>\r\n</channel>",
    ),
}


@pytest.mark.parametrize("media", BODIES)
def test_bodies_byte_by_byte(media: bytes) -> None:
    used, unused = BODIES[media]
    render = negotiate(media).render
    assert render(3, 0, 1, LAST) == used
    assert render(0, NEVER, 0, None) == unused


def test_parsers_agree() -> None:
    for last, read in ((LAST, "1700000000:2"), (None, None)):
        fields = {"messages": 3, "requested": 9, "subscribers": 1, "last_message_id": read}
        assert json.loads(negotiate(b"text/json").render(3, 9, 1, last)) == fields
        assert yaml.safe_load(negotiate(b"text/yaml").render(3, 9, 1, last)) == fields


@pytest.mark.parametrize("media", [info.media for info in OFFERED])
def test_every_type_is_answered_as_itself(media: bytes) -> None:
    assert negotiate(media).media == media
    assert negotiate(media.upper()).media == media


def test_types_offered() -> None:
    subtypes = [b"plain", b"json", b"x-json", b"yaml", b"x-yaml", b"xml"]
    assert {info.media for info in OFFERED} == {kind + b"/" + subtype for kind in (b"text", b"application") for subtype in subtypes}


@pytest.mark.parametrize(
    ("accept", "media"),
    [
        (None, b"text/plain"),
        (b"", b"text/plain"),
        (b"*/*", b"text/plain"),
        (b"text/*", b"text/plain"),
        (b"application/*", b"application/json"),
        (b"text/html", b"text/plain"),
        (b"image/png", b"text/plain"),
        (b"json", b"text/plain"),
        (b"application/vnd.api+json", b"text/plain"),
        (b"application/json;q=0.1, text/xml;q=0.9", b"text/xml"),
        (b"text/html,application/xml", b"application/xml"),
        (b"application/json, text/xml", b"application/json"),
        (b"text/xml, application/json", b"text/xml"),
        (b"application/json, text/plain, */*", b"application/json"),
        (b"*/*, application/json", b"text/plain"),
        (b"*/*;q=0.1, application/x-yaml;q=0.2", b"application/x-yaml"),
        (b"text/html, application/xhtml+xml, application/xml;q=0.9, */*;q=0.8", b"application/xml"),
        (b"text/plain;q=0, */*", b"text/json"),
        (b"text/plain;q=0", b"text/plain"),
        (b"text/*;q=0, application/*;q=0.5", b"application/json"),
        (b"text/*, text/plain;q=0.2, text/json;q=0.3, text/xml;q=0.1", b"text/x-json"),
        (b"application/json;q=0.000, text/yaml;q=0.001", b"text/yaml"),
        (b"application/json ; q=0.5 , text/xml ; q=0.6", b"text/xml"),
        (b"application/json;charset=utf-8", b"application/json"),
        (b"application/json;Q=0.1, text/xml", b"text/xml"),
        (b"application/json;q=x, text/xml;q=0.1", b"text/xml"),
        (b"application/json;q=2, text/xml;q=0.1", b"text/xml"),
        (b"application/json;q=, text/xml;q=0.1", b"text/xml"),
        (b"application/json;q=1.000", b"application/json"),
        (b",,;q=1,application/json", b"application/json"),
        (b"image/png, " * 100 + b"application/json", b"application/json"),
    ],
)
def test_negotiation(accept: bytes | None, media: bytes) -> None:
    assert negotiate(accept).media == media


@given(st.binary(max_size=600))
def test_rubbish_gets_an_answer(accept: bytes) -> None:
    assert negotiate(accept) in OFFERED


@given(st.lists(st.tuples(st.sampled_from(OFFERED), st.integers(0, 1000)), min_size=1, max_size=6, unique_by=lambda wish: wish[0]))
def test_highest_quality_wins_and_then_the_first(wishes: list[tuple[object, int]]) -> None:
    accept = b", ".join(b"%b;q=%d.%03d" % (info.media, *divmod(quality, 1000)) for info, quality in wishes)  # type: ignore[attr-defined]
    best = max(wishes, key=lambda wish: wish[1])
    assert negotiate(accept) == (best[0] if best[1] else PLAIN)
