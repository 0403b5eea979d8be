"""JSON text: what is taken, what is refused, and that both ways agree with the standard library."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from datetime import date
from decimal import Decimal

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hbpush.core import jsontext
from hbpush.core.jsontext import compact, decode, encode, quote
from hbpush.errors import ProtocolError

TEXTS = st.text(st.characters(codec=None), max_size=20)
SCALARS = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | TEXTS
VALUES = st.recursive(SCALARS, lambda inner: st.lists(inner, max_size=5) | st.dictionaries(TEXTS, inner, max_size=5), max_leaves=20)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ({"a": [1, None, True, False, "x"]}, '{"a":[1,null,true,false,"x"]}'),
        ((1, (2,)), "[1,[2]]"),
        ("\u043f\u20ac", '"\\u043f\\u20ac"'),
        ("\U0001f600", '"\\ud83d\\ude00"'),
        ("a\u2028b\u2029\n\0\x7f", '"a\\u2028b\\u2029\\n\\u0000\x7f"'),
        ("\ud800", '"\\ud800"'),
        ({"\udcff": [Decimal("1.10"), "\udcff"]}, '{"\\udcff":[1.10,"\\udcff"]}'),
        (Decimal("0.10"), "0.10"),
        (Decimal("12345678901234567890.5"), "12345678901234567890.5"),
        ([Decimal("1E+2"), None], "[1E+2,null]"),
        (2**70, "1180591620717411303424"),
        ({1: 2, 1.5: 3}, '{"1":2,"1.5":3}'),
        ({None: 1, True: 2, False: 3, 4: 5}, '{"null":1,"true":2,"false":3,"4":5}'),
        ("null NaN Infinity", '"null NaN Infinity"'),
        (b"\xff", '"/w=="'),
        ([None, date(2012, 3, 4), {"NaN"}], '[null,"2012-03-04",["NaN"]]'),
    ],
)
def test_written(value: object, text: str) -> None:
    assert encode(value) == text


def test_written_with_blanks() -> None:
    assert encode({"a": [1, "x,y:z"], "b": {}, "c": []}, spaced=True) == '{"a": [1, "x,y:z"], "b": {}, "c": []}'
    assert encode({"a": ["\ud800", {"b": 1}], None: "\u0434"}, spaced=True) == '{"a": ["\\ud800", {"b": 1}], "null": "\\u0434"}'


@pytest.mark.parametrize(
    "value",
    [
        math.nan,
        [math.inf],
        {"a": {"b": -math.inf}},
        Decimal("NaN"),
        [Decimal("-Infinity")],
        {"\ud800": math.nan},
        {None: math.inf},
    ],
    ids=repr,
)
def test_numbers_that_are_none_are_refused(value: object) -> None:
    for spaced in (False, True):
        with pytest.raises(ValueError, match="no NaN and no infinity"):
            encode(value, spaced=spaced)


def test_values_that_json_cannot_have() -> None:
    for value in (object(), [object()], {"\ud800": object()}, {(1, 2): 3}, {b"a": "\ud800"}):
        with pytest.raises(TypeError):
            encode(value)
    endless: list[object] = [None, "\ud800"]
    endless.append(endless)
    deep: list[object] = []
    for _ in range(100_000):
        deep = [deep]
    for value in (endless, deep):
        with pytest.raises(ValueError, match="too deeply"):
            encode(value)


@given(VALUES, st.booleans())
def test_written_and_read(value: object, spaced: bool) -> None:
    text = encode(value, spaced=spaced)
    assert text.isascii()
    assert "\n" not in text
    # Halves of surrogate pairs may meet in a text, and are one character when they are read.
    expected = json.loads(json.dumps(value))
    assert decode(text) == expected
    assert decode(text.encode()) == expected
    assert json.loads(text) == expected


@given(VALUES)
def test_the_same_blanks_as_the_standard_library(value: object) -> None:
    text = encode(value, spaced=True)
    if not any(isinstance(item, float) for item in _scalars(value)):
        assert text.replace("\x7f", "\\u007f") == json.dumps(value)


def _scalars(value: object) -> list[object]:
    if isinstance(value, dict):
        return [scalar for item in value.values() for scalar in _scalars(item)]
    return [scalar for item in value for scalar in _scalars(item)] if isinstance(value, list) else [value]


@given(TEXTS)
def test_quoted(text: str) -> None:
    assert quote(text) == json.dumps(text)
    assert json.loads(encode(text)) == json.loads(quote(text))


@pytest.mark.parametrize(
    ("text", "value"),
    [
        (' \t\r\n[1, -0.5e3, "\\u00e9"] ', [1, -500.0, "\u00e9"]),
        ('"\\ud83d\\ude00"', "\U0001f600"),
        ('"\\ud800"', "\ud800"),
        ('"\\ud800x"', "\ud800x"),
        ('["\\udc00", 1e2, 1.5]', ["\udc00", 100.0, 1.5]),
        ('"\ud800"', "\ud800"),
        ("123456789012345678901234567890", 123456789012345678901234567890),
        ('{"a":1,"a":2}', {"a": 2}),
        ('"\x7f\u2028"', "\x7f\u2028"),
    ],
)
def test_read(text: str, value: object) -> None:
    assert decode(text) == value
    if text.isprintable():
        assert decode(text.encode()) == value


REFUSED = [
    b"", b" ", b"x", b"{", b"[1,]", b'{"a":1,}', b"{1:2}", b"'a'", b"01", b"1.", b".5", b"+1", b"-", b"tru", b"undefined",
    b"NaN", b"Infinity", b"-Infinity", b'["\\ud800", NaN]', b'"a\nb"', b'"\\x41"', b'"\\ud83', b'{"a" 1}', b"[1 2]", b"1 2", b"{}junk",
    b"\xef\xbb\xbf1", b'"\xff"', b'"\xed\xa0\x80"', b"\xff\xfe1\x00", b"[\x00]", b"[//\n1]",
]  # fmt: skip


@pytest.mark.parametrize("body", REFUSED)
def test_what_is_not_json(body: bytes) -> None:
    for read in (decode, compact):
        with pytest.raises(ProtocolError):
            read(body)


@pytest.mark.parametrize("text", ["1e999", "[-1e999]", '["\\ud800", 1e999]', "9" * 5000, '["\\ud800", ' + "9" * 5000 + "]"])
def test_numbers_out_of_range(text: str) -> None:
    with pytest.raises(ProtocolError):
        decode(text)


@pytest.mark.parametrize("read", [decode, compact])
@pytest.mark.parametrize("piece", ["[", '{"a":', '["\\ud800",'])
def test_nesting_has_an_end(read: Callable[[bytes], object], piece: str) -> None:
    closing = "]" if piece[0] == "[" else "}"
    for inner in ("1", "", '"\\ud800"'):
        with pytest.raises(ProtocolError):
            read((piece * 100_000 + inner + closing * 100_000).encode())


@given(st.text(st.sampled_from('[]{},:"\\u0d8c1-+.eE 9tfnNaI\n\ud800'), max_size=30))
def test_any_text_is_read_as_the_standard_library_reads_it(text: str) -> None:
    try:
        expected = json.loads(text, parse_constant=jsontext._refuse)
    except ValueError:
        with pytest.raises(ProtocolError):
            decode(text)
    else:
        try:
            value = decode(text)
        except ProtocolError:
            assert any(isinstance(item, float) and math.isinf(item) for item in _scalars(expected))
        else:
            assert value == expected


@given(st.binary(max_size=20))
def test_any_bytes_are_json_or_refused(body: bytes) -> None:
    for read in (decode, compact):
        try:
            read(body)
        except ProtocolError:
            continue
        json.loads(body)


def test_compact_keeps_how_things_are_spelled() -> None:
    body = '\n{ "b" : 1.10, "a" : [ 12345678901234567890123, 1E400 ],\r\n "b" : "\u0434\u2028 \\/ \U0001f600" }\n'.encode()
    assert compact(body) == '{"b":1.10,"a":[12345678901234567890123,1E400],"b":"\\u0434\\u2028 \\/ \\ud83d\\ude00"}'
    assert compact(b'[1.10, "\\ud800"]') == '[1.1,"\\ud800"]'


@given(VALUES, st.booleans())
def test_compact_is_the_same_value(value: object, ascii: bool) -> None:
    text = json.dumps(value, ensure_ascii=ascii, indent=2)
    try:
        body = text.encode()
    except UnicodeEncodeError:
        return
    short = compact(body)
    assert short.isascii()
    assert "\n" not in short
    assert json.loads(short) == json.loads(text)


def test_structs_too() -> None:
    class Point(msgspec.Struct):
        x: float

    assert encode([Point(1.5), "\ud800"]) == '[{"x":1.5},"\\ud800"]'
    with pytest.raises(ValueError, match="no NaN"):
        encode([Point(math.nan)])


@given(st.dictionaries(TEXTS, VALUES, max_size=5))
def test_members_are_as_they_were_spelled(value: dict[str, object]) -> None:
    spelled = {name: json.dumps(each, separators=(" , ", " : ")) for name, each in value.items()}
    text = " {\n" + " ,\t".join(f"{json.dumps(name)} :\r{each} " for name, each in spelled.items()) + "} "
    assert jsontext.members(text) == spelled


@pytest.mark.parametrize("text", ["", "[]", '"{}"', "{", '{"a"}', '{"a":1,}', '{"a":1} x', "\ud800", '{"a":' + "[" * 100_000])
def test_what_has_no_members(text: str) -> None:
    with pytest.raises(ProtocolError):
        jsontext.members(text)
