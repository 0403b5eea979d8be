"""Frames, the parts of messages, close codes, and what this room takes for granted of picows."""

from __future__ import annotations

import asyncio
import socket
from importlib.metadata import version
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from picows import WSListener
from tornado.iostream import IOStream

from hbpush.core.clock import TimerWheel
from hbpush.core.counters import Counters
from hbpush.web.websocket import Socket, close_frame, frame
from hbpush.web.websocket_handshake import is_key, tokens
from hbpush.web.websocket_message import Fragments, may_be_sent, read_close
from hbpush.web.websocket_parser import WSProtocol, attach_parser
from hbpush.web.websocket_transport import StreamTransport, Transport
from tests.support.clock import ManualClock
from tests.support.websocket import BINARY, CONTINUATION, TEXT, Listener, client_frame


@pytest.mark.parametrize(
    ("size", "head"),
    [
        (0, b"\x81\x00"),
        (125, b"\x81\x7d"),
        (126, b"\x81\x7e\x00\x7e"),
        (65_535, b"\x81\x7e\xff\xff"),
        (65_536, b"\x81\x7f\x00\x00\x00\x00\x00\x01\x00\x00"),
    ],
)
def test_the_head_of_a_frame(size: int, head: bytes) -> None:
    assert frame(b"x" * size, True) == head + b"x" * size
    assert frame(b"x" * size, False) == b"\x82" + head[1:] + b"x" * size


def test_a_close_frame() -> None:
    assert close_frame(1005) == b"\x88\x00"
    assert close_frame(1000) == b"\x88\x02\x03\xe8"
    assert close_frame(4500, "bye") == b"\x88\x05\x11\x94bye"


@given(st.text(max_size=300))
def test_a_long_reason_is_cut_between_letters(reason: str) -> None:
    wire = close_frame(1000, reason)
    assert wire[1] == len(wire) - 2 <= 125
    text = wire[4:].decode()
    whole = reason.encode("utf-8", "replace").decode()
    assert whole.startswith(text)
    assert len(whole.encode()) <= 123 or len(text.encode()) > 119


def test_a_reason_that_utf8_does_not_know() -> None:
    assert close_frame(1000, "\ud800") == b"\x88\x03\x03\xe8?"


def test_close_codes() -> None:
    allowed = [*range(1000, 1004), *range(1007, 1015), *range(3000, 5000)]
    assert [code for code in range(65_536) if may_be_sent(code)] == allowed
    assert read_close(b"") == 1005
    assert read_close(b"\x03") is None
    assert read_close(b"\x03\xe8why") == 1000
    assert read_close(b"\x03\xed") is None


@given(st.text(), st.lists(st.integers(0, 40), max_size=8))
def test_fragments_of_text_make_the_text(text: str, cuts: list[int]) -> None:
    encoded = text.encode("utf-8", "replace")
    edges = [0, *sorted(min(cut, len(encoded)) for cut in cuts), len(encoded)]
    pieces = [encoded[start:end] for start, end in pairwise(edges)]
    fragments = Fragments(True)
    for piece in pieces[:-1]:
        assert fragments.add(piece, False) is None
    assert fragments.add(pieces[-1], True) == encoded.decode()


@given(st.binary(max_size=40), st.integers(0, 40))
def test_fragments_refuse_what_is_not_utf8(payload: bytes, cut: int) -> None:
    def add() -> str | bytes | None:
        fragments = Fragments(True)
        fragments.add(payload[:cut], False)
        return fragments.add(payload[cut:], True)

    try:
        expected = payload.decode()
    except UnicodeDecodeError:
        with pytest.raises(UnicodeDecodeError):
            add()
    else:
        assert add() == expected


def test_fragments_of_bytes_are_not_looked_at() -> None:
    fragments = Fragments(False)
    assert fragments.add(b"\xff", False) is None
    assert fragments.size == 1
    assert fragments.add(b"\xfe", True) == b"\xff\xfe"


def test_keys_and_tokens() -> None:
    assert is_key(b"dGhlIHNhbXBsZSBub25jZQ==")
    assert not is_key(b"dGhlIHNhbXBsZSBub25jZQ")
    assert not is_key(b"dGhlIHNhbXBsZSBub25jZQ==, dGhlIHNhbXBsZSBub25jZQ==")
    assert not is_key(b"")
    assert tokens(None) == []
    assert tokens(b"keep-alive ,UPGRADE") == [b"keep-alive", b"upgrade"]


def test_picows_is_the_one_that_was_looked_at() -> None:
    assert version("picows").split(".")[:2] == ["2", "3"]

    # `attach_parser` gives all of them by name, so a name that is another now does not construct either.
    with pytest.raises(TypeError, match="takes exactly 15 positional arguments"):
        WSProtocol()


class Connected:
    """A socket pair: the server's end as a transport of the loop, the client's end as a plain socket."""

    def __init__(self) -> None:
        clock = ManualClock(loop=asyncio.get_running_loop())
        self.clock = clock
        self.wheel = TimerWheel(clock)
        self.counters = Counters(clock)
        self.adopted: set[Transport] = set()
        self.client, self.server = socket.socketpair()
        self.client.setblocking(False)

    def adopt(self, transport: Transport) -> None:
        self.adopted.add(transport)

    def release(self, transport: Transport) -> None:
        self.adopted.remove(transport)

    async def transport(self) -> asyncio.Transport:
        loop = asyncio.get_running_loop()
        transport, _ = await loop.connect_accepted_socket(asyncio.Protocol, self.server)
        return transport


def test_a_read_buffer_does_not_stay_large() -> None:
    async def run() -> None:
        host = Connected()
        transport: Any = await host.transport()
        listener = Listener(echo=False)
        Socket(host, transport, listener, None, 1024 * 1024, 1024 * 1024, 0, 0).start(b"", b"")
        empty = len(transport.get_protocol().get_buffer(-1))
        loop = asyncio.get_running_loop()
        large = client_frame(BINARY, bytes(500_000))
        fragments = client_frame(TEXT, b"x" * 200_000, fin=False) + client_frame(CONTINUATION, b"y" * 200_000)
        small = client_frame(TEXT, b"small") * 20_000
        for wire, messages in ((large, 1), (fragments, 1), (small, 20_000), (large + large[:100], 1), (large[100:], 1)):
            await loop.sock_sendall(host.client, wire)
            for _ in range(messages):
                assert (await listener.next())[0] == "received"
        assert len(transport.get_protocol().get_buffer(-1)) == empty
        assert transport in host.adopted
        host.client.close()
        assert await listener.next() == ("gone", 1006)
        assert host.adopted == set()

    asyncio.run(run())


def test_a_parser_that_gave_its_verdict_writes_nothing() -> None:
    async def run() -> None:
        host = Connected()
        transport = await host.transport()
        loop = asyncio.get_running_loop()
        verdict = loop.create_future()
        attach_parser(transport, WSListener(), 1000, verdict.set_result)
        await loop.sock_sendall(host.client, client_frame(3))
        assert await asyncio.wait_for(verdict, 10) == 1002
        transport.close()
        assert await asyncio.wait_for(loop.sock_recv(host.client, 100), 10) == b""
        host.client.close()

    asyncio.run(run())


def test_small_writes_are_not_held_back_on_a_stream() -> None:
    async def run() -> None:
        with socket.create_server(("127.0.0.1", 0)) as listening, socket.create_connection(listening.getsockname()):
            accepted, _ = listening.accept()
            accepted.setblocking(False)
            stream = IOStream(accepted)
            stream.set_nodelay(False)
            StreamTransport(stream)
            assert accepted.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)
            stream.close()

    asyncio.run(run())
