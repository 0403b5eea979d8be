"""Text inside scripts: nothing in it ends the script, and it is the same text for who runs it."""

from __future__ import annotations

import json
from html.parser import HTMLParser

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hbpush.web import jsonp

PIECES = ["</script>", "<!--", "<script", "-->", "/", "<", "!", "\\", '"', "\u2028", "\U0001f600", "\ud800", "x"]
TEXTS = st.lists(st.sampled_from(PIECES), max_size=12).map("".join)


def test_indices() -> None:
    for good in ("0", "12", "0" * 16, "1300000000000"):
        assert jsonp.index(good) == good
    for bad in (None, "", "alert(1)", "-1", "1.", " 1", "1\n", "\u0661", "0x1", "9" * 17):
        assert jsonp.index(bad) is None


def test_callbacks() -> None:
    for good in ("a", "_jp.abc", "io.j-1", "A9", "a" * 128):
        assert jsonp.is_callback(good)
    for bad in ("", " ", "a b", "abc(", "a[0]", "a\n", "\u0430", "a;b", "a" * 129):
        assert not jsonp.is_callback(bad)
    assert jsonp.is_callback("a" * 32, 32)
    assert not jsonp.is_callback("a" * 33, 32)


@pytest.mark.parametrize(
    ("text", "script", "inline"),
    [
        ("1::/a", '"1::/a"', '"1::\\/a"'),
        ("</script>", '"<\\/script>"', '"<\\/script>"'),
        ("<!--<script>", '"\\u003c!--<script>"', '"\\u003c!--<script>"'),
        ("\u2028\u2029", '"\\u2028\\u2029"', '"\\u2028\\u2029"'),
        ("a\n\"\\'", '"a\\n\\"\\\\\'"', '"a\\n\\"\\\\\'"'),
        ("\ud800\U0001f600", '"\\ud800\\ud83d\\ude00"', '"\\ud800\\ud83d\\ude00"'),
        ("\\</", '"\\\\<\\/"', '"\\\\<\\/"'),
    ],
)
def test_strings(text: str, script: str, inline: str) -> None:
    assert jsonp.script_string(text) == script
    assert jsonp.inline_string(text) == inline


@given(st.text(st.characters(codec=None)) | TEXTS)
def test_strings_say_the_same(text: str) -> None:
    for literal in (jsonp.script_string(text), jsonp.inline_string(text)):
        assert literal.isascii()
        assert "</" not in literal
        assert "<!" not in literal
        assert json.loads(literal) == json.loads(json.dumps(text))


@given(st.lists(TEXTS, max_size=4))
def test_pages_hold_their_scripts(texts: list[str]) -> None:
    class Page(HTMLParser):
        def __init__(self) -> None:
            super().__init__()
            self.scripts: list[str] = []

        def handle_data(self, text: str) -> None:
            if self.cdata_elem:
                self.scripts.append(text)

    page = Page()
    page.feed("".join(jsonp.htmlfile_chunk("_", text, ", document").decode() for text in texts))
    page.close()
    assert "".join(page.scripts) == "".join(f"_({jsonp.inline_string(text)}, document);" for text in texts)


def test_bodies() -> None:
    assert jsonp.jsonp_call("io.JSONP[0]._", "~m~2~m~hi") == b'io.JSONP[0]._("~m~2~m~hi");'
    assert jsonp.jsonp_error("io.j[2]", "no </b>") == b'io.j[2](new Error("no <\\/b>"));'
    assert jsonp.htmlfile_chunk("parent.s._", "a/", ", document") == b'<script>parent.s._("a\\/", document);</script>'
    assert jsonp.htmlfile_preamble("<html>") == b"<html>" + b" " * 251
    assert jsonp.htmlfile_preamble("<html>" * 100, 10) == b"<html>" * 100
