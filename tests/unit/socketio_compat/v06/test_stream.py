"""Streams of frames: every observed one byte by byte, rubbish after them, and round trips (Socket.IO 0.6 specification 2)."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from socketio_compat.framing import clean
from socketio_compat.v06 import codec
from socketio_compat.v06.codec import bodies, decode_stream, encode_stream
from tests.unit.socketio_compat.vectors import SIO06

TEXTS = st.lists(st.text(st.characters(codec=None) | st.sampled_from("~mjh\U0001f600\ud83d\ude007"), max_size=12), max_size=6)

OTHER_IN_PYTHON: dict[str, bytes] = {
    # JavaScript makes texts of these values, Python sends JSON, nothing, or every item.
    "~m~0~m~": b"",
    "~m~1~m~1": b"~m~4~m~~j~1",
    "~m~4~m~true": b"~m~7~m~~j~true",
    "~m~3~m~x,y": b"~m~1~m~x~m~1~m~y",
}


@pytest.mark.parametrize("vector", SIO06["encode"], ids=lambda vector: ascii(vector["messages"]))
def test_written_values(vector: dict[str, Any]) -> None:
    messages = vector["messages"]
    stream = encode_stream(bodies(messages))
    if any(not isinstance(message, str | dict) for message in messages):
        assert stream == OTHER_IN_PYTHON[vector["wire"]]
    elif messages == [{"a": "\u0434", "n": [1, 2]}]:
        # What is written here is ASCII; the value is the same.
        assert stream == rb'~m~27~m~~j~{"a":"\u0434","n":[1,2]}'
        [ours], [theirs] = decode_stream(stream)[0], decode_stream(vector["wire"])[0]
        assert codec.read(ours) == codec.read(theirs)
    else:
        assert stream.decode() == vector["wire"]
        assert stream.hex() == vector["utf8_hex"]


@pytest.mark.parametrize("vector", SIO06["encode"], ids=lambda vector: ascii(vector["messages"]))
def test_what_servers_wrote_comes_back(vector: dict[str, Any]) -> None:
    found, fault = decode_stream(bytes.fromhex(vector["utf8_hex"]))
    assert fault is None
    assert encode_stream(found).hex() == vector["utf8_hex"]


@pytest.mark.parametrize("vector", SIO06["decode"], ids=lambda vector: ascii(vector["wire"]))
def test_observed_streams(vector: dict[str, Any]) -> None:
    expected = vector["expected"]
    for stream in (vector["wire"], vector["wire"].encode()):
        found, fault = decode_stream(stream)
        if isinstance(expected, list):
            assert (found, fault) == (expected, None)
        else:
            assert (found, str(fault)) == (expected["partial"], expected["error"])


WHOLE = [vector for vector in SIO06["decode"] if isinstance(vector["expected"], list)]
BROKEN = [vector for vector in SIO06["decode"] if isinstance(vector["expected"], dict)]


@pytest.mark.parametrize("vector", WHOLE, ids=lambda vector: ascii(vector["wire"]))
@pytest.mark.parametrize("broken", BROKEN, ids=lambda vector: ascii(vector["wire"]))
def test_rubbish_after_whole_frames(vector: dict[str, Any], broken: dict[str, Any]) -> None:
    found, fault = decode_stream(vector["wire"] + broken["wire"])
    assert (found, str(fault)) == (vector["expected"] + broken["expected"]["partial"], broken["expected"]["error"])


def test_bytes_that_are_not_utf8() -> None:
    for stream in (b"\xff", b"~m~1~m~\xc3", b"~m~1~m~a\xff", b"~m~1~m~\xed\xa0\x80"):
        found, fault = decode_stream(stream)
        assert (found, str(fault), fault and fault.status_hint) == ([], "not UTF-8", 400)


def test_halves_of_surrogate_pairs_are_replaced() -> None:
    assert encode_stream(["\ud800x"]) == "~m~2~m~\ufffdx".encode()
    assert encode_stream(["\ud83d\ude00"]) == "~m~2~m~\U0001f600".encode()


@given(TEXTS)
def test_streams_come_back(texts: list[str]) -> None:
    stream = encode_stream(texts)
    expected = [clean(text) for text in texts]
    assert decode_stream(stream) == (expected, None)
    assert decode_stream(stream.decode()) == (expected, None)


@given(st.binary(max_size=30))
def test_any_bytes(stream: bytes) -> None:
    found, fault = decode_stream(stream)
    assert found or fault or not stream
