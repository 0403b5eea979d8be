"""From HTTP to a WebSocket: who is let in, what the answer says, and where the first frames may lie."""

from __future__ import annotations

from typing import Any

import pytest

from tests.support.websocket import ACCEPT, BINARY, PING, PONG, TEXT, Site, client_frame, request

REFUSED: dict[str, tuple[dict[str, Any], int]] = {
    "post": ({"method": b"POST", "Content_Length": b"0"}, 400),
    "http/1.0": ({"version": b"1.0"}, 400),
    "no upgrade": ({"upgrade": None}, 426),
    "another upgrade": ({"upgrade": b"h2c"}, 426),
    "no connection token": ({"connection": b"keep-alive"}, 400),
    "no version": ({"sec_websocket_version": None}, 426),
    "version 8": ({"sec_websocket_version": b"8"}, 426),
    "version 130": ({"sec_websocket_version": b"130"}, 426),
    "no key": ({"sec_websocket_key": None}, 400),
    "a key of 15 bytes": ({"sec_websocket_key": b"AAAAAAAAAAAAAAAAAAAA"}, 400),
    "a key that is not base64": ({"sec_websocket_key": b"!!!!!!!!!!!!!!!!!!!!!!=="}, 400),
}


@pytest.mark.parametrize("name", REFUSED)
async def test_an_unfit_request_is_refused(site: Site, name: str) -> None:
    changes, status = REFUSED[name]
    peer = await site.connect()
    peer.writer.write(request(**changes))
    head = await peer.read_head()
    assert int(head.split()[1]) == status
    assert (b"\r\nsec-websocket-version: 13\r\n" in head.lower()) == (status == 426)
    assert (b"\r\nupgrade: websocket\r\n" in head.lower()) == (status == 426)
    assert site.listeners == []


async def test_the_answer(site: Site) -> None:
    site.options["subprotocol"] = "ws+meta.nchan"
    site.extra = b"Access-Control-Allow-Origin: *\r\n"
    peer, listener = await site.open(Sec_WebSocket_Protocol=b"other, ws+meta.nchan")
    first, *lines = peer.head.removesuffix(b"\r\n\r\n").split(b"\r\n")
    fields = dict(field.lower().split(b": ", 1) for field in lines)
    assert first == b"HTTP/1.1 101 Switching Protocols"
    assert len(fields) == len(lines)
    assert fields.pop(b"server").startswith(b"hbpush/")
    assert fields.pop(b"date").endswith(b" gmt")
    assert fields == {
        b"upgrade": b"websocket",
        b"connection": b"upgrade",
        b"sec-websocket-accept": ACCEPT.lower(),
        b"sec-websocket-protocol": b"ws+meta.nchan",
        b"access-control-allow-origin": b"*",
    }
    assert ACCEPT in peer.head
    assert listener.socket.subprotocol == "ws+meta.nchan"


async def test_no_subprotocol_unless_it_is_chosen(site: Site) -> None:
    peer, listener = await site.open(Sec_WebSocket_Protocol=b"a, b")
    assert b"sec-websocket-protocol" not in peer.head.lower()
    assert listener.socket.subprotocol is None


async def test_frames_in_the_same_read_as_the_request(site: Site) -> None:
    frames = (
        client_frame(TEXT, b"one") + client_frame(PING, b"?") + client_frame(BINARY, b"x" * 100_000) + client_frame(TEXT, b"three")[:-2]
    )
    peer, listener = await site.open(after=frames)
    assert await peer.read_frame() == (TEXT, b"one")
    assert await peer.read_frame() == (PONG, b"?")
    assert await peer.read_frame() == (BINARY, b"x" * 100_000)
    peer.writer.write(client_frame(TEXT, b"three")[-2:])
    assert await peer.read_frame() == (TEXT, b"three")
    assert [await listener.next() for _ in range(3)] == [("received", "one"), ("received", b"x" * 100_000), ("received", "three")]


async def test_byte_by_byte(site: Site) -> None:
    peer = await site.connect()
    for value in request() + client_frame(TEXT, "grün".encode()) + client_frame(BINARY, b"x" * 130):
        peer.writer.write(bytes((value,)))
        if site.kind.endswith("tls"):
            await peer.writer.drain()
        else:
            await site.round_trip() if value in b"\r\x81" else await peer.writer.drain()
    assert (await peer.read_head()).startswith(b"HTTP/1.1 101 ")
    assert await peer.read_frame() == (TEXT, "grün".encode())
    assert await peer.read_frame() == (BINARY, b"x" * 130)


async def test_behind_pipelined_requests(site: Site) -> None:
    peer = await site.connect()
    plain = b"GET /plain HTTP/1.1\r\nHost: localhost\r\n\r\n"
    peer.writer.write(plain + plain + request() + client_frame(TEXT, b"hello"))
    for _ in range(2):
        assert (await peer.read_head()).startswith(b"HTTP/1.1 200 ")
        assert await peer.reader.readexactly(6) == b"plain\n"
    assert (await peer.read_head()).startswith(b"HTTP/1.1 101 ")
    assert await peer.read_frame() == (TEXT, b"hello")


async def test_after_an_answer_that_nobody_read(site: Site) -> None:
    peer = await site.connect()
    peer.writer.write(b"GET /large HTTP/1.1\r\nHost: localhost\r\n\r\n" + request())
    await site.round_trip()
    head = await peer.read_head()
    length = int(head.lower().partition(b"content-length: ")[2].split()[0])
    await peer.reader.readexactly(length)
    assert (await peer.read_head()).startswith(b"HTTP/1.1 101 ")
    peer.send(TEXT, b"hello")
    assert await peer.read_frame() == (TEXT, b"hello")


async def test_a_refused_upgrade_leaves_http_as_it_was(site: Site) -> None:
    peer = await site.connect()
    peer.writer.write(request(sec_websocket_key=None) + b"GET /plain HTTP/1.1\r\nHost: localhost\r\n\r\n")
    head = await peer.read_head()
    assert head.startswith(b"HTTP/1.1 400 ")
    await peer.reader.readexactly(int(head.lower().partition(b"content-length: ")[2].split()[0]))
    assert (await peer.read_head()).startswith(b"HTTP/1.1 200 ")


async def test_a_peer_that_is_gone_before_the_answer(site: Site) -> None:
    for _ in range(10):
        peer = await site.connect()
        peer.writer.write(request())
        peer.vanish()
    await site.round_trip()
    for listener in list(site.listeners):
        assert await listener.next() == ("gone", 1006)
