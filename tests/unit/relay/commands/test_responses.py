"""What servers answer, as a client reads it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hbpush.errors import ProtocolError
from hbpush.relay.commands.responses import Body, Head, head


def body_of(headers: dict[str, str], wire: bytes, status: int = 200, method: str = "GET", step: int = 0) -> tuple[bytes, bool]:
    """What a body gives, and whether it is over, when it comes whole or in pieces of ``step`` bytes."""
    body = Body(Head(status, headers), method)
    pieces = [wire] if not step else [wire[at : at + step] for at in range(0, len(wire), step)]
    return b"".join([body.feed(piece) for piece in pieces]), body.over


def test_a_head() -> None:
    read = head(b"HTTP/1.1 200 OK\r\nContent-Type: Text/Plain; charset=utf-8\r\nX: 1\r\nx:2\r\n\r\n")
    assert read == Head(200, {"content-type": "Text/Plain; charset=utf-8", "x": "1, 2"})
    assert read.media == "text/plain"
    assert head(b"HTTP/1.0 404\r\n\r\n") == Head(404, {})


@pytest.mark.parametrize(
    "wire", [b"SSH-2.0-x\r\n\r\n", b"HTTP/2 200\r\n\r\n", b"HTTP/1.1 20 OK\r\n\r\n", b"HTTP/1.1 200 OK\r\nnone\r\n\r\n"]
)
def test_what_is_no_head(wire: bytes) -> None:
    with pytest.raises(ProtocolError):
        head(wire)


def test_a_body_of_a_length() -> None:
    assert body_of({"content-length": "5"}, b"hello more") == (b"hello", True)
    assert body_of({"content-length": "5"}, b"hell") == (b"hell", False)
    assert body_of({"content-length": "0"}, b"") == (b"", True)


@pytest.mark.parametrize(("status", "method"), [(204, "GET"), (304, "GET"), (200, "HEAD"), (101, "GET")])
def test_answers_without_a_body(status: int, method: str) -> None:
    assert body_of({"content-length": "5"}, b"hello", status, method) == (b"", True)


def test_a_body_to_the_end_of_the_connection() -> None:
    assert body_of({}, b"whatever comes") == (b"whatever comes", False)


@given(st.lists(st.binary(min_size=1, max_size=300), max_size=5), st.integers(1, 40), st.booleans())
def test_chunks_however_they_are_cut(chunks: list[bytes], step: int, trailer: bool) -> None:
    wire = b"".join([b"%x;n=v\r\n%b\r\n" % (len(chunk), chunk) for chunk in chunks])
    wire += b"0\r\n" + (b"Some: trailer\r\n" if trailer else b"") + b"\r\nrubbish"
    assert body_of({"transfer-encoding": "chunked"}, wire, step=step) == (b"".join(chunks), True)


@pytest.mark.parametrize("wire", [b"x\r\n", b"-1\r\nx\r\n", b"1\r\nxy\r\n", b"1" * 2000, b"fffffffff\r\n", b"\r\n"])
def test_what_are_no_chunks(wire: bytes) -> None:
    with pytest.raises(ProtocolError):
        body_of({"transfer-encoding": "chunked"}, wire)


@pytest.mark.parametrize("length", ["-1", "x", "1" * 20, "1, 1", ""])
def test_what_is_no_length(length: str) -> None:
    with pytest.raises(ProtocolError, match="Content-Length"):
        body_of({"content-length": length}, b"")
