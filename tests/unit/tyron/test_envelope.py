"""What a payload of Tyron's Redis channel says, and what is no envelope (specification 7.4.4, 7.4.5)."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hbpush.errors import ProtocolError
from tyron.envelope import envelope, shown

TEXT = st.text(st.characters(exclude_categories=["Cs"]))
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | TEXT,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXT, inner, max_size=4),
    max_leaves=12,
)


def payload(data: str, channel: str = '"c"') -> bytes:
    return f'{{"channel": {channel}, "data": {data}}}'.encode()


@pytest.mark.parametrize(
    ("data", "body"),
    [
        ('"this is a message"', b"this is a message"),
        ('""', b""),
        ("null", b""),
        ('"\\u041f\\u0440\\u0438 \\ud83d\\ude00"', "При 😀".encode()),
        ('"При 😀"', "При 😀".encode()),
        ('"a\\nb\\t\\u0000\\u001f"', b"a\nb\t\0\x1f"),
        ('"\\ud83d"', "\ufffd".encode()),
        ('"a\\udfffb\\ud83d\\ude00"', "a\ufffdb😀".encode()),
        ("true", b"true"),
        ("false", b"false"),
        ("0", b"0"),
        ("-1.50e+10", b"-1.50e+10"),
        ("1e400", b"1e400"),
        ("123456789012345678901234567890", b"123456789012345678901234567890"),
        ("[ ]", b"[]"),
        ('[1, 2 ,\n "a b" ]', b'[1,2,"a b"]'),
        ('{"b": 1, "a": {"c" : [ null ]}, "b": 2}', b'{"b":1,"a":{"c":[null]},"b":2}'),
        ('{"ключ": "\\u043a"}', '{"ключ":"\\u043a"}'.encode()),
        ('["\\ud83d", "\\\\ud83d"]', b'["\\ufffd","\\\\ud83d"]'),
    ],
)
def test_data_becomes_a_body(data: str, body: bytes) -> None:
    assert envelope(payload(data)) == ("c", body)


@pytest.mark.parametrize(
    "text",
    [
        '{"data": "x", "channel": "c"}',
        '  {"channel":"c","data":"x"}\n',
        '{"channel": "c", "more": {"data": 1}, "data": "x", "n": [1]}',
        '{"data": "y", "channel": "b", "data": "x", "channel": "c"}',
    ],
)
def test_order_space_and_other_keys_do_not_matter(text: str) -> None:
    assert envelope(text.encode()) == ("c", b"x")


@pytest.mark.parametrize(
    ("bad", "reason"),
    [
        (b"", "not JSON"),
        (b"not json", "not JSON"),
        (b'{"channel": "c", "data": "x"', "not JSON"),
        (b'{"channel": "c", "data": "x"} rubbish', "not JSON"),
        (b'{"channel": "c", "data": }', "not JSON"),
        (b'{"channel": "c", "data": tru}', "not JSON"),
        (b'{"channel": "c", "data": [1,]}', "not JSON"),
        (b'{"channel": "c", "data": [01]}', "not JSON"),
        (b'{"channel": "c", "data": NaN}', "not JSON"),
        (b"{'channel': 'c', 'data': 'x'}", "not JSON"),
        (b"[1]", "not a JSON object"),
        (b'"text"', "not a JSON object"),
        (b"null", "not a JSON object"),
        (b"7", "not a JSON object"),
        (b"{}", "no channel"),
        (b'{"data": "x"}', "no channel"),
        (b'{"channel": "c"}', "no data"),
        (b'{"channel": 7, "data": "x"}', "channel is not text"),
        (b'{"channel": null, "data": "x"}', "channel is not text"),
        (b'{"channel": ["c"], "data": "x"}', "channel is not text"),
        (b'{"channel": "", "data": "x"}', "0 bytes"),
        (b'{"channel": "\\ud83d", "data": "x"}', "no Unicode text"),
        (b'{"channel": "c", "data": "\xff"}', "not UTF-8"),
        (b'{"channel": "\xc3", "data": "x"}', "not UTF-8"),
        (b'{"channel": "c", "data": "a\nb"}', "not JSON"),
        (b"\xff\xfe", "not UTF-8"),
        (b'{"channel": "c", "data": ' + b"[" * 200_000 + b"]" * 200_000 + b"}", "not JSON"),
        (b'{"channel": "' + b"c" * 1025 + b'", "data": "x"}', "1025 bytes"),
    ],
)
def test_what_is_no_envelope(bad: bytes, reason: str) -> None:
    with pytest.raises(ProtocolError, match=reason):
        envelope(bad)


def test_the_bound_on_a_payload() -> None:
    large = payload(f'"{"x" * 1_000_000}"')
    assert envelope(large).body == b"x" * 1_000_000
    assert envelope(large, len(large)).body == b"x" * 1_000_000
    with pytest.raises(ProtocolError, match=f"{len(large)} bytes"):
        envelope(large, len(large) - 1)


@given(TEXT.filter(lambda text: 0 < len(text.encode()) <= 1024), JSON)
def test_all_json_goes_through(channel: str, data: Any) -> None:
    for ascii_only in (True, False):
        read, body = envelope(json.dumps({"channel": channel, "data": data}, ensure_ascii=ascii_only).encode())
        assert read == channel
        if data is None:
            assert body == b""
        elif isinstance(data, str):
            assert body == data.encode()
        else:
            assert json.loads(body) == data


@given(st.binary(max_size=200))
def test_any_bytes_are_read_or_refused(bad: bytes) -> None:
    for candidate in (bad, b'{"channel": "c", "data": ' + bad + b"}", b'{"channel": "c", "data": "' + bad + b'"}'):
        try:
            channel, body = envelope(candidate)
        except ProtocolError:
            continue
        assert channel.encode()
        body.decode()
        if candidate.startswith(b'{"channel": "c", "data": ') and body and not bad.lstrip().startswith(b'"'):
            # What is passed on as JSON is JSON.
            json.loads(candidate)


def test_what_a_log_line_shows_of_a_payload() -> None:
    assert shown(b"a\n\xff\x1b[0m") == "'a\\n\\\\xff\\x1b[0m'"
    assert len(shown(b"x" * 1_000_000)) < 100
