"""What a peer sends on an open WebSocket: messages, fragments, control frames, and everything that is forbidden."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from hbpush.web.websocket import frame
from tests.support.websocket import BINARY, CLOSE, CONTINUATION, PING, PONG, TEXT, Site, client_frame, close_payload

BAD_UTF8 = b"\xce\xba\xed\xa0\x80edited"

VIOLATIONS: dict[str, tuple[bytes, int]] = {
    "no mask": (client_frame(TEXT, b"x", masked=False), 1002),
    "a reserved bit": (client_frame(TEXT, b"x", rsv=4), 1002),
    "another reserved bit": (client_frame(BINARY, b"x", rsv=2), 1002),
    "the third reserved bit": (client_frame(BINARY, b"x", rsv=1), 1002),
    "a reserved bit of a ping": (client_frame(PING, b"x", rsv=1), 1002),
    "a reserved bit of a continuation": (client_frame(TEXT, b"x", fin=False) + client_frame(CONTINUATION, b"x", rsv=4), 1002),
    "opcode 3": (client_frame(3), 1002),
    "opcode 7": (client_frame(7, b"x"), 1002),
    "opcode 11": (client_frame(11), 1002),
    "opcode 15": (client_frame(15, b"x"), 1002),
    "a fragment of a ping": (client_frame(PING, fin=False), 1002),
    "a fragment of a close frame": (client_frame(CLOSE, fin=False), 1002),
    "a ping of 126 bytes": (client_frame(PING, b"x" * 126), 1002),
    "a close frame of 126 bytes": (client_frame(CLOSE, close_payload(1000, b"x" * 124)), 1002),
    "a 16-bit length that needs 7": (client_frame(TEXT, b"x", size=b"\x7e\x00\x01"), 1002),
    "a 64-bit length that needs 16": (client_frame(TEXT, b"x", size=b"\x7f" + bytes(7) + b"\x01"), 1002),
    "a 64-bit length with its highest bit": (client_frame(TEXT, b"x", size=b"\x7f\x80" + bytes(6) + b"\x01"), 1002),
    "a continuation of nothing": (client_frame(CONTINUATION, b"x"), 1002),
    "a message within a message": (client_frame(TEXT, b"x", fin=False) + client_frame(TEXT, b"y"), 1002),
    "text that is not UTF-8": (client_frame(TEXT, BAD_UTF8), 1007),
    "a surrogate": (client_frame(TEXT, b"\xed\xa0\x80"), 1007),
    "fragments that are not UTF-8": (client_frame(TEXT, b"\xce", fin=False) + client_frame(CONTINUATION, b"x", fin=False), 1007),
    "a last fragment that ends within a letter": (client_frame(TEXT, b"x", fin=False) + client_frame(CONTINUATION, b"\xce"), 1007),
    "a reason that is not UTF-8": (client_frame(CLOSE, close_payload(1000, BAD_UTF8)), 1007),
    "a close frame of one byte": (client_frame(CLOSE, b"\x03"), 1002),
    "a frame that is too large": (client_frame(BINARY, bytes(10_001)), 1009),
    "a frame that says that it is too large": (client_frame(BINARY, b"x", size=b"\x7f" + (1 << 62).to_bytes(8, "big")), 1009),
    "fragments that are too large": (
        client_frame(BINARY, bytes(6_000), fin=False) + client_frame(PING) + client_frame(CONTINUATION, bytes(4_001), fin=False),
        1009,
    ),
}


@pytest.mark.parametrize(
    ("opcode", "payload"),
    [
        (TEXT, b""),
        (BINARY, b""),
        (TEXT, "zwölf Boxkämpfer \U0001f94a \uffff".encode()),
        (BINARY, bytes(range(256))),
        (TEXT, b"x" * 125),
        (TEXT, b"x" * 126),
        (BINARY, b"x" * 65_535),
        (BINARY, b"x" * 65_536),
        (TEXT, b"x" * 1024 * 1024),
    ],
    ids=lambda value: str(len(value)) if isinstance(value, bytes) else None,
)
async def test_echo(site: Site, opcode: int, payload: bytes) -> None:
    site.options["outbox"] = 4 * 1024 * 1024
    peer, listener = await site.open()
    for _ in range(2):
        peer.send(opcode, payload)
        assert await peer.read_frame() == (opcode, payload)
        assert await listener.next() == ("received", payload.decode() if opcode == TEXT else payload)


async def test_many_messages_in_one_write(site: Site) -> None:
    peer, _ = await site.open()
    messages = [b"%d" % number * (number % 50) for number in range(3000)]
    peer.writer.write(b"".join(client_frame(TEXT, message) for message in messages))
    for message in messages:
        assert await peer.read_frame() == (TEXT, message)


async def test_fragments_with_control_frames_between_them(site: Site) -> None:
    peer, listener = await site.open()
    letters = "aä€\U0001f600".encode()
    peer.send(TEXT, b"", fin=False)
    for number, value in enumerate(letters):
        peer.send(CONTINUATION, bytes((value,)), fin=False)
        peer.send(PING, b"%d" % number)
        peer.send(PONG)
    peer.send(CONTINUATION)
    for number in range(len(letters)):
        assert await peer.read_frame() == (PONG, b"%d" % number)
    assert await peer.read_frame() == (TEXT, letters)
    peer.send(BINARY, b"\xff", fin=False)
    peer.send(CONTINUATION, b"\xfe")
    assert await peer.read_frame() == (BINARY, b"\xff\xfe")
    assert [await listener.next(), await listener.next()] == [("received", letters.decode()), ("received", b"\xff\xfe")]


async def test_a_ping_of_125_bytes_is_answered_with_the_same(site: Site) -> None:
    peer, _ = await site.open()
    peer.send(PING, bytes(range(125)))
    assert await peer.read_frame() == (PONG, bytes(range(125)))
    peer.send(PING)
    assert await peer.read_frame() == (PONG, b"")


async def test_messages_of_exactly_the_bound(site: Site) -> None:
    site.options["max_message"] = 10_000
    peer, _ = await site.open()
    peer.send(BINARY, bytes(10_000))
    assert await peer.read_frame() == (BINARY, bytes(10_000))
    peer.send(BINARY, bytes(6_000), fin=False)
    peer.send(CONTINUATION, bytes(4_000))
    assert await peer.read_frame() == (BINARY, bytes(10_000))


@pytest.mark.parametrize("name", VIOLATIONS)
async def test_a_violation_ends_the_connection(site: Site, name: str) -> None:
    site.options["max_message"] = 10_000
    wire, code = VIOLATIONS[name]
    peer, listener = await site.open()
    # What came before it is still answered, what comes after it is not.
    peer.writer.write(client_frame(TEXT, b"before") + wire + client_frame(TEXT, b"after"))
    assert await peer.read_frame() == (TEXT, b"before")
    if "fragments that are too large" in name:
        assert await peer.read_frame() == (PONG, b"")
    assert await peer.read_close() == code
    assert await peer.is_over()
    await peer.leave()
    assert [await listener.next(), await listener.next()] == [("received", "before"), ("gone", 1006)]
    assert site.counters.counts["websocket_failed"] == 1


async def test_a_continuation_after_the_last(site: Site) -> None:
    peer, _ = await site.open()
    peer.writer.write(client_frame(TEXT, b"a", fin=False) + client_frame(CONTINUATION, b"b") + client_frame(CONTINUATION))
    assert await peer.read_frame() == (TEXT, b"ab")
    assert await peer.read_close() == 1002


async def test_a_peer_that_sends_on_after_a_violation_is_cut(site: Site) -> None:
    peer, listener = await site.open()
    peer.send(3)
    assert await peer.read_close() == 1002
    peer.writer.write(client_frame(BINARY, bytes(10_000)) * 20)
    await site.round_trip()
    site.clock.advance(7)
    assert await listener.next() == ("gone", 1006)


async def test_a_fault_of_the_listener_is_1011(site: Site, expected_logs: Callable[[str], None]) -> None:
    expected_logs("a fault of the listener")
    peer, listener = await site.open()
    peer.send(TEXT, b"raise")
    assert await peer.read_close() == 1011
    assert await peer.is_over()
    await peer.leave()
    assert await listener.next() == ("gone", 1006)


async def test_ready_frames_may_be_joined(site: Site) -> None:
    peer, listener = await site.open()
    listener.socket.write(frame(b"one", True) + frame(b"two", False) + frame(b"", True))
    assert [await peer.read_frame() for _ in range(3)] == [(TEXT, b"one"), (BINARY, b"two"), (TEXT, b"")]
