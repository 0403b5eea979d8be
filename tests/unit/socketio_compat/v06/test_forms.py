"""Bodies of polls, posts, scripts and parts (Socket.IO 0.6 specification 4)."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import quote, quote_plus

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hbpush.errors import ProtocolError
from socketio_compat.v06 import codec, forms
from tests.unit.socketio_compat.vectors import SIO06, VECTORS

TEXTS = st.text(st.characters(codec="utf-8"), max_size=20)


@pytest.mark.parametrize("vector", SIO06["real_client_posts"], ids=lambda vector: vector["transport"])
def test_observed_posts(vector: dict[str, Any]) -> None:
    stream = codec.posted(vector["body"].encode(), vector["transport"] == "jsonp-polling")
    assert codec.decode_stream(stream) == (vector["messages"], None)


@pytest.mark.parametrize("name", ["chr063-jsonp", "chr063-xhr-x"])
def test_posts_of_browsers(name: str) -> None:
    """Every post of a recording is understood, and the first one holds what that page said."""
    posts = [entry[3] for entry in VECTORS["real_client_traffic"][name] if entry[2] == ">" and entry[3].startswith("POST")]
    streams = [codec.posted(post.partition("\r\n\r\n")[2].encode(), "jsonp" in name) for post in posts]
    assert codec.decode_stream(streams[0]) == (["hello \u043f\u0440 \u20ac"], None)
    assert [codec.decode_stream(stream)[1] for stream in streams] == [None] * len(streams)
    assert "astral \U0001f600 tail" in [text for stream in streams for text in codec.decode_stream(stream)[0]]


def test_newlines_of_forms() -> None:
    assert codec.posted(b"data=~m~3~m~a%0D%0Ab", from_form=True) == "~m~3~m~a\nb"
    assert codec.posted(b"data=~m~4~m~a%0D%0Ab") == "~m~4~m~a\r\nb"


def test_blanks_and_other_fields() -> None:
    assert codec.posted(b"data=a+b%20c%2Bd") == "a b c+d"
    assert codec.posted(b"x=1&data=a&data=b&y") == "a"
    assert codec.posted(b"data=") == ""
    assert codec.posted(b"data=a=b") == "a=b"


@pytest.mark.parametrize("body", [b"", b"nodata=1", b"garbage", b"DATA=1", b"data=%FF", b"data=\xff", b"data=%ED%A0%80"])
def test_posts_that_hold_nothing(body: bytes) -> None:
    with pytest.raises(ProtocolError) as refused:
        codec.posted(body)
    assert refused.value.status_hint == 400


@given(st.lists(TEXTS, max_size=4), st.booleans())
def test_posts_come_back(texts: list[str], from_form: bool) -> None:
    if from_form:
        texts = [text.replace("\r\n", "\n") for text in texts]
    stream = codec.encode_stream(texts).decode()
    whole = stream.replace("\r\n", "\n") if from_form else stream
    for quoted in (quote(stream, safe="~()*!.'"), quote_plus(stream)):
        assert codec.posted(b"data=" + quoted.encode(), from_form) == whole


@pytest.mark.parametrize("vector", SIO06["htmlfile_chunk"], ids=lambda vector: vector["wire"])
def test_observed_htmlfile(vector: dict[str, Any]) -> None:
    assert codec.htmlfile_chunk(vector["wire"].encode()).decode() == vector["chunk"]


def test_htmlfile_escapes() -> None:
    chunk = codec.htmlfile_chunk(codec.encode_stream(["a</script>\u2028\u0434"]))
    assert chunk == b'<script>parent.s._("~m~12~m~a<\\/script>\\u2028\\u0434", document);</script>'
    assert forms.HTMLFILE_PREAMBLE.startswith(b"<html><body>")
    assert len(forms.HTMLFILE_PREAMBLE) >= 256


@pytest.mark.parametrize("vector", SIO06["jsonp_body"], ids=lambda vector: vector["wire"])
def test_observed_jsonp(vector: dict[str, Any]) -> None:
    assert codec.jsonp_body(str(vector["index"]), vector["wire"].encode()).decode() == vector["body"]


@given(TEXTS)
def test_jsonp_is_a_safe_script(text: str) -> None:
    body = codec.jsonp_body("3", text.encode()).decode()
    assert body.isascii()
    assert "</" not in body
    assert json.loads(body.removeprefix("io.JSONP[3]._(").removesuffix(");")) == text


def test_multipart() -> None:
    vector = SIO06["multipart"]
    assert forms.PARTS.decode() == vector["content_type"]
    assert forms.MULTIPART_PREAMBLE.decode() == vector["first"]
    # The charset stands on the part, not in the boundary, where one original had it.
    expected = vector["part"].replace("text/plain", "text/plain; charset=UTF-8").replace("<wire>", "~m~2~m~hi")
    assert codec.part(b"~m~2~m~hi").decode() == expected
