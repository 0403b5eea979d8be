"""Frames in the bodies of the transports, against the vectors."""

from __future__ import annotations

from typing import Any

import pytest

from sethpusher.sockjs import forms
from tests.unit.sethpusher.vectors import VECTORS

TRANSCRIPTS = VECTORS["http_transcripts_reference"]


@pytest.mark.parametrize("vector", VECTORS["framing"], ids=lambda vector: vector["frame"])
def test_framing(vector: dict[str, Any]) -> None:
    frame = vector["frame"]
    assert forms.xhr(frame).decode() == vector["xhr"] == vector["xhr_streaming"]
    assert forms.eventsource(frame).decode() == vector["eventsource"]
    assert forms.htmlfile(frame).decode() == vector["htmlfile_recommended"]
    assert forms.jsonp("cb", frame).decode() == vector["jsonp_c_is_cb"].replace("<", "\\u003c")


def test_line_ends_in_events() -> None:
    assert forms.eventsource("%\r\n\0") == b"data: %25%0D%0A%00\r\n\r\n"


def test_htmlfile_head() -> None:
    head = forms.htmlfile_head("_jp.abc")
    observed = TRANSCRIPTS["htmlfile"]["chunks"][0].partition("<space*")[0]
    assert head.decode().startswith(observed)
    assert head[len(observed) :].strip(b" ") == b"\r\n\r\n"
    assert len(head) > VECTORS["htmlfile_prelude"]["must_exceed_bytes"]
    assert VECTORS["htmlfile_prelude"]["callback_line"].replace("<callback>", "_jp.abc").encode() in head


def test_iframe() -> None:
    body = TRANSCRIPTS["iframe"]["body"]
    assert forms.iframe("http://localhost:8080/lib/sockjs.js").decode() == body
    assert b'src="/a&quot;&lt;&amp;b"' in forms.iframe('/a"<&b')
