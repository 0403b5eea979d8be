"""Bodies as JSON values (DESIGN section 7)."""

from __future__ import annotations

import base64
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hbpush.core.content import content, is_json


@pytest.mark.parametrize(
    ("body", "content_type", "text", "is_base64"),
    [
        (b'{ "a": [1.10, 2] }\n', b"application/json", '{"a":[1.10,2]}', False),
        ("\u0434\u2028".encode(), b"text/plain", '"\\u0434\\u2028"', False),
        ('"\u0434\u2028</script>"'.encode(), b"application/json; charset=UTF-8", '"\\u0434\\u2028</script>"', False),
        (b'["\\ud800", 1.0]', b"Text/JSON", '["\\ud800",1.0]', False),
        (b"{bad", b"application/json", '"{bad"', False),
        (b"NaN", b"application/json", '"NaN"', False),
        (b'{"a":1}', b"text/plain", '"{\\"a\\":1}"', False),
        (b'{"a":1}', None, '"{\\"a\\":1}"', False),
        (b"null", b"application/problem+json", "null", False),
        (b"", b"application/json", '""', False),
        (b"", None, '""', False),
        (b"\xff\xfe", b"application/octet-stream", '"//4="', True),
        (b'"\xff"', b"application/json", '"Iv8i"', True),
        (b"\xef\xbb\xbf1", b"application/json", '"\\ufeff1"', False),
    ],
)
def test_content(body: bytes, content_type: bytes | None, text: str, is_base64: bool) -> None:
    assert content(body, content_type) == (text, is_base64)


def test_types_of_json() -> None:
    for media in (
        b"application/json",
        b" APPLICATION/Json ;x=y",
        b"text/json",
        b"application/ld+json",
        b"image/x+json;a",
        b"a/" + b"b" * 200 + b"+json",
    ):
        assert is_json(media)
    for media in (
        b"",
        b"json",
        b"+json",
        b"application/jsonp",
        b"application/json5",
        b"text/javascript",
        b"application/json-seq",
        b"x" * 200,
    ):
        assert not is_json(media)


@given(st.binary(max_size=30), st.sampled_from([None, b"application/json", b"text/plain"]))
def test_any_body_is_one_line_of_json(body: bytes, content_type: bytes | None) -> None:
    text, is_base64 = content(body, content_type)
    assert text.isascii()
    assert text.isprintable() or "\x7f" in text
    value = json.loads(text)
    if is_base64:
        assert base64.b64decode(value) == body
    elif isinstance(value, str) and content_type != b"application/json":
        assert value.encode() == body
