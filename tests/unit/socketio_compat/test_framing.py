"""Packets behind each other, with any separator and rubbish after them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from socketio_compat.framing import Fault, clean, decode_frames, encode_frames, text_bytes

SEPARATORS = st.sampled_from(["~m~", "\ufffd"])
PACKETS = st.lists(st.text(st.characters(codec=None) | st.sampled_from("~m\ufffd\U0001f600\ud83d\ude007"), max_size=12), max_size=6)


@pytest.mark.parametrize(
    ("rubbish", "fault"),
    [
        ("x", Fault.JUNK),
        ("~m", Fault.JUNK),
        ("~m~", Fault.NO_LENGTH),
        ("~m~~m~", Fault.NO_LENGTH),
        ("~m~-1~m~abc", Fault.NO_LENGTH),
        ("~m~\u0661~m~a", Fault.NO_LENGTH),
        ("~m~1", Fault.NO_SEPARATOR),
        ("~m~1x~m~a", Fault.NO_SEPARATOR),
        (f"~m~{'1' * 11}~m~a", Fault.NO_SEPARATOR),
        (f"~m~{'9' * 10}~m~a", Fault.TRUNCATED),
        ("~m~2~m~a", Fault.TRUNCATED),
        ("~m~1~m~\U0001f600", Fault.WITHIN_CHARACTER),
        ("\U0001f600", Fault.JUNK),
    ],
    ids=ascii,
)
@pytest.mark.parametrize("before", ["", "~m~2~m~\U0001f600", "~m~1~m~\u0434"], ids=ascii)
def test_faults(before: str, rubbish: str, fault: Fault) -> None:
    assert decode_frames("~m~", before + rubbish) == ([before[-1]] if before else [], fault)


def test_halves_of_surrogate_pairs() -> None:
    assert clean("\ud800x\ud83d\ude00") == "\ufffdx\U0001f600"
    assert text_bytes("\ud800x") == "\ufffdx".encode()
    assert decode_frames("~m~", "~m~1~m~\ud800~m~2~m~\ud83d\ude00") == (["\ufffd", "\U0001f600"], None)


@given(SEPARATORS, PACKETS)
def test_packets_come_back(separator: str, packets: list[str]) -> None:
    body = encode_frames(separator.encode(), packets).decode()
    assert decode_frames(separator, body) == ([clean(packet) for packet in packets], None)


@given(SEPARATORS, PACKETS, PACKETS)
def test_frames_follow_each_other(separator: str, first: list[str], second: list[str]) -> None:
    mark = separator.encode()
    assert encode_frames(mark, first) + encode_frames(mark, second) == encode_frames(mark, first + second)


@given(st.text(st.sampled_from("~m0123a\U0001f600\ud800"), max_size=24))
def test_any_body_is_packets_and_perhaps_a_fault(body: str) -> None:
    packets, fault = decode_frames("~m~", body)
    again = encode_frames(b"~m~", packets).decode()
    assert decode_frames("~m~", again) == (packets, None)
    if fault is None:
        # Lengths may have had zeros before them.
        assert len(again) <= len(clean(body))


def test_many_small_packets_in_linear_time() -> None:
    for tail in ("", "\U0001f600"):
        body = "~m~0~m~" * 100_000 + (f"~m~2~m~{tail}" if tail else "")
        packets, fault = decode_frames("~m~", body)
        assert (len(packets), fault) == (100_000 + bool(tail), None)
