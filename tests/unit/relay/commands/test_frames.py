"""Frames as a client reads and writes them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hbpush.errors import ProtocolError
from hbpush.relay.commands import frames as room
from hbpush.relay.commands.frames import BINARY, CLOSE, PING, PONG, TEXT, Frames, accept, code, frame
from hbpush.relay.commands.responses import TooLarge
from hbpush.web.websocket import frame as written


@given(st.lists(st.tuples(st.sampled_from([TEXT, BINARY]), st.binary(max_size=400)), max_size=4), st.integers(1, 50))
def test_what_the_server_writes_is_read_however_it_is_cut(messages: list[tuple[int, bytes]], step: int) -> None:
    wire = b"".join([written(payload, opcode == TEXT) for opcode, payload in messages])
    stream = Frames()
    assert [one for at in range(0, len(wire), step) for one in stream.feed(wire[at : at + step])] == messages


def test_large_ones() -> None:
    payload = b"x" * 70_000
    assert Frames().feed(written(payload, False)) == [(BINARY, payload)]


def test_fragments_with_a_ping_between() -> None:
    assert Frames().feed(b"\x01\x02ab\x89\x01p\x00\x00\x80\x01c") == [(PING, b"p"), (TEXT, b"abc")]


@pytest.mark.parametrize(
    "wire",
    [
        b"\x81\x81aaaab",
        b"\x80\x00",
        b"\x01\x00\x01\x00",
        b"\x01\x00\x81\x00",
        b"\xc1\x00",
        b"\x09\x00",
        b"\x82\x7f" + b"\xff" * 8,
    ],
    ids=["masked", "nothing to continue", "begun twice", "within another", "reserved bit", "ping in pieces", "too large"],
)
def test_what_no_server_may_send(wire: bytes) -> None:
    with pytest.raises(ProtocolError):
        Frames().feed(wire)


def test_fragments_have_a_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(room, "LARGEST_MESSAGE", 10)
    stream = Frames()
    stream.feed(b"\x01\x06aaaaaa")
    with pytest.raises(TooLarge):
        stream.feed(b"\x00\x06aaaaaa")


def test_what_comes_before_a_frame_that_is_too_large_is_not_lost(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(room, "LARGEST_MESSAGE", 10)
    stream = Frames()
    assert stream.feed(b"\x81\x01a\x81\x0bbbb") == [(1, b"a")]
    with pytest.raises(TooLarge):
        stream.feed(b"b")


def test_what_a_client_writes_is_masked() -> None:
    assert frame(PONG, b"Hello", b"\x37\xfa\x21\x3d") == b"\x8a\x85\x37\xfa\x21\x3d\x7f\x9f\x4d\x51\x58"


def test_the_key_and_its_answer_of_the_rfc() -> None:
    assert accept("dGhlIHNhbXBsZSBub25jZQ==") == "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="


def test_codes() -> None:
    [(opcode, payload)] = Frames().feed(b"\x88\x06\x11\x94gone")
    assert (opcode, code(payload)) == (CLOSE, (4500, "gone"))
    assert code(b"") == (room.NO_CODE, "")
