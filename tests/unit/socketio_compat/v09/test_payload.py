"""Payloads: every observed one byte by byte, rubbish after them, and round trips (Socket.IO 0.7 specification 6)."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from socketio_compat.v09.payload import SEPARATOR, decode_payload, encode_parts, encode_payload, packet_bytes
from tests.unit.socketio_compat.vectors import SIO07

PACKETS = st.lists(st.text(st.characters(codec=None) | st.sampled_from("\ufffd\U0001f600\ud83d\ude007"), max_size=12), max_size=6)


def cleaned(packet: str) -> str:
    """What a JavaScript string becomes in UTF-8."""
    return packet.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


@pytest.mark.parametrize("vector", SIO07["payload_encode"], ids=lambda vector: ascii(vector["wire"]))
def test_written_payloads(vector: dict[str, Any]) -> None:
    body = encode_payload(vector["packets"])
    assert body.hex() == vector["utf8_hex"]
    assert body.decode() == vector["wire"]
    lengths = [len(packet.encode("utf-16-le")) // 2 for packet in vector["packets"]]
    assert lengths == vector["lengths"]


@pytest.mark.parametrize("vector", SIO07["payload_decode"], ids=lambda vector: ascii(vector["wire"]))
def test_observed_payloads(vector: dict[str, Any]) -> None:
    expected = vector["expected"]
    for body in (vector["wire"], vector["wire"].encode()):
        packets, fault = decode_payload(body)
        if isinstance(expected, list):
            assert (packets, fault) == (expected, None)
        else:
            assert (packets, str(fault)) == (expected["partial"], expected["error"])


WHOLE = [vector for vector in SIO07["payload_decode"] if isinstance(vector["expected"], list) and vector["wire"].startswith(SEPARATOR)]
RUBBISH = [
    ("junk", "junk after frame"),
    (SEPARATOR, "bad length"),
    (f"{SEPARATOR}1", "bad length"),
    (f"{SEPARATOR}9{SEPARATOR}2::", "truncated frame"),
    (f"{SEPARATOR}1{SEPARATOR}\U0001f600", "length within a character"),
    ("\U0001f600", "junk after frame"),
    (f"{SEPARATOR}{'1' * 11}{SEPARATOR}", "bad length"),
    (f"{SEPARATOR}\u0661{SEPARATOR}2", "bad length"),
]


@pytest.mark.parametrize("vector", WHOLE, ids=lambda vector: ascii(vector["wire"]))
@pytest.mark.parametrize(("rubbish", "error"), RUBBISH, ids=ascii)
def test_rubbish_after_whole_packets(vector: dict[str, Any], rubbish: str, error: str) -> None:
    packets, fault = decode_payload((vector["wire"] + rubbish).encode())
    assert (packets, str(fault)) == (vector["expected"], error)


def test_rubbish_after_bare_packets_is_theirs() -> None:
    assert decode_payload("3:::a\ufffd1\ufffdb") == (["3:::a\ufffd1\ufffdb"], None)


def test_bytes_that_are_not_utf8() -> None:
    for body in (b"\xff", b"3:::\xc3", b"\xef\xbf\xbd3\xef\xbf\xbd2::\xff", b"3:::\xed\xa0\x80"):
        packets, fault = decode_payload(body)
        assert (packets, str(fault), fault and fault.status_hint) == ([], "not UTF-8", 400)


def test_no_packet_is_no_body() -> None:
    assert encode_payload([]) == b""


def test_halves_of_surrogate_pairs_are_replaced() -> None:
    assert packet_bytes("3:::\ud800x") == "3:::\ufffdx".encode()
    assert packet_bytes("3:::\ud83d\ude00") == "3:::\U0001f600".encode()
    assert encode_payload(["\udc00", "\ud83d\ude00\ud83d"]) == "\ufffd1\ufffd\ufffd\ufffd3\ufffd\U0001f600\ufffd".encode()
    assert decode_payload("\ufffd6\ufffd3:::\ud83d\ude00\ufffd5\ufffd3:::\ud800") == (["3:::\U0001f600", "3:::\ufffd"], None)
    assert decode_payload("3:::\ud800") == (["3:::\ufffd"], None)


@given(PACKETS)
def test_payloads_come_back(packets: list[str]) -> None:
    for body in (encode_payload(packets), encode_parts(packets)):
        expected = [] if body == b"" else [cleaned(packet) for packet in packets]
        assert decode_payload(body) == (expected, None)
        assert decode_payload(body.decode()) == (expected, None)


@given(PACKETS, PACKETS)
def test_parts_follow_each_other(first: list[str], second: list[str]) -> None:
    assert encode_parts(first) + encode_parts(second) == encode_parts(first + second)


@given(st.text(st.sampled_from("\ufffd0123:a\U0001f600\ud800"), max_size=20))
def test_any_body_is_packets_and_perhaps_a_fault(body: str) -> None:
    packets, fault = decode_payload(body)
    again = encode_parts(packets).decode()
    whole = cleaned(body)
    if fault is None and whole.startswith(SEPARATOR):
        # Lengths may have had zeros before them.
        assert decode_payload(again) == (packets, None)
        assert len(again) <= len(whole)
    elif fault is None:
        assert packets == ([whole] if whole else [])


@given(st.binary(max_size=30))
def test_any_bytes(body: bytes) -> None:
    packets, fault = decode_payload(body)
    assert packets or fault or not body


def test_many_small_packets_in_linear_time() -> None:
    for tail in ("", "\U0001f600"):
        body = "\ufffd0\ufffd" * 100_000 + (f"\ufffd2\ufffd{tail}" if tail else "")
        packets, fault = decode_payload(body)
        assert (len(packets), fault) == (100_000 + bool(tail), None)
