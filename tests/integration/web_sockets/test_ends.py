"""How a WebSocket ends: by either side, by a lost connection, by time, and by a reader that does not read."""

from __future__ import annotations

import socket

import pytest
from tornado.httpclient import HTTPRequest
from tornado.websocket import websocket_connect

from hbpush.web.limits import Limits
from hbpush.web.websocket import frame
from tests.support.websocket import CLOSE, PING, PONG, TEXT, TIMEOUT, Listener, Peer, Site, client_frame, close_payload

VALID = (1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 1012, 1013, 1014, 3000, 3999, 4000, 4999)
INVALID = (0, 1, 999, 1004, 1005, 1006, 1015, 1016, 1100, 2000, 2999, 5000, 65535)


@pytest.mark.parametrize("code", VALID)
async def test_the_peer_closes(site: Site, code: int) -> None:
    peer, listener = await site.open()
    peer.send(CLOSE, close_payload(code, "höflich".encode()))
    assert await peer.read_close() == code
    assert await peer.is_over()
    await peer.leave()
    assert await listener.next() == ("gone", code)


@pytest.mark.parametrize("code", INVALID)
async def test_the_peer_closes_with_a_code_that_is_not_for_the_wire(site: Site, code: int) -> None:
    peer, listener = await site.open()
    peer.send(CLOSE, close_payload(code))
    assert await peer.read_close() == 1002
    assert await peer.is_over()
    await peer.leave()
    assert await listener.next() == ("gone", 1006)


async def test_the_peer_closes_without_a_code(site: Site) -> None:
    peer, listener = await site.open()
    peer.send(CLOSE)
    assert await peer.read_close() == 1005
    assert await peer.is_over()
    await peer.leave()
    assert await listener.next() == ("gone", 1005)


async def test_nothing_is_heard_after_the_close_frame_of_the_peer(site: Site) -> None:
    peer, listener = await site.open()
    peer.writer.write(
        client_frame(TEXT, b"one") + client_frame(CLOSE, close_payload(1001)) + client_frame(TEXT, b"two") + client_frame(PING)
    )
    assert await peer.read_frame() == (TEXT, b"one")
    assert await peer.read_close() == 1001
    assert await peer.is_over()
    await peer.leave()
    assert [await listener.next(), await listener.next()] == [("received", "one"), ("gone", 1001)]


async def test_we_close_and_the_peer_answers(site: Site) -> None:
    peer, listener = await site.open()
    listener.socket.close(1012, "restart")
    listener.socket.close(4000)
    listener.socket.write(frame(b"too late", True))
    assert await peer.read_frame() == (CLOSE, close_payload(1012, b"restart"))
    peer.send(TEXT, b"not heard")
    peer.send(PING, b"not answered")
    peer.send(CLOSE, close_payload(1000))
    assert await peer.is_over()
    await peer.leave()
    assert await listener.next() == ("gone", 1000)


async def test_we_close_and_the_peer_does_not_answer(site: Site) -> None:
    peer, listener = await site.open()
    listener.socket.close(4501)
    assert await peer.read_close() == 4501
    site.clock.advance(4.9)
    await site.round_trip()
    assert listener.code is None
    site.clock.advance(2)
    assert await listener.next() == ("gone", 1006)
    assert await peer.is_over()


async def test_we_close_and_the_peer_vanishes(site: Site) -> None:
    peer, listener = await site.open()
    listener.socket.close()
    peer.vanish()
    assert await listener.next() == ("gone", 1006)


@pytest.mark.parametrize("how", ["reset", "end", "end within a frame"])
async def test_the_peer_vanishes(site: Site, how: str) -> None:
    peer, listener = await site.open()
    peer.send(TEXT, b"last words")
    assert await peer.read_frame() == (TEXT, b"last words")
    if how == "reset":
        peer.vanish()
    else:
        if how == "end within a frame":
            peer.writer.write(client_frame(TEXT, b"never whole")[:-1])
        await peer.leave()
    assert [await listener.next(), await listener.next()] == [("received", "last words"), ("gone", 1006)]
    # Everything is a no-op now.
    listener.socket.write(frame(b"nobody there", True))
    listener.socket.close()


async def test_a_close_frame_right_before_the_end(site: Site) -> None:
    peer, listener = await site.open()
    peer.writer.write(client_frame(TEXT, b"x" * 200_000) + client_frame(CLOSE, close_payload(1001)))
    if peer.writer.can_write_eof():
        peer.writer.write_eof()
        assert await peer.read_frame() == (TEXT, b"x" * 200_000)
    assert await listener.next() == ("received", "x" * 200_000)
    if not peer.writer.can_write_eof():
        await peer.leave()
    assert await listener.next() == ("gone", 1001)


async def no_reader(site: Site) -> Peer:
    """A WebSocket whose peer takes little in before it blocks."""
    peer, _ = await site.open()
    raw = peer.writer.get_extra_info("socket")
    raw.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 64 * 1024)
    peer.writer.transport.pause_reading()
    return peer


async def fill(site: Site, listener: Listener) -> int:
    """Write numbered messages until the system takes in nothing more and half of the outbox waits. Returns how many."""
    sent = 0
    while True:
        while listener.socket.has_room():
            listener.socket.write(frame(b"%08d" % sent * 1000, False))
            sent += 1
        await site.round_trip()
        if not listener.socket.has_room():
            break
    while not listener.heard.empty():
        assert await listener.next() == ("drained", True)
    return sent


async def test_a_slow_reader_is_cut(site: Site) -> None:
    site.options["outbox"] = 256 * 1024
    await no_reader(site)
    listener = site.listeners[-1]
    wire = frame(b"x" * 50_000, False)
    for _ in range(2000):
        listener.socket.write(wire)
        if site.counters.counts["slow"]:
            break
    assert listener.socket.paused
    # The cut is not told from within the write.
    assert listener.code is None
    assert await listener.next() == ("gone", 1006)
    assert site.counters.counts["slow"] == 1


async def test_a_slow_reader_is_told_with_a_code_of_its_listener(site: Site) -> None:
    site.options.update(outbox=256 * 1024, ping_interval=0)
    peer = await no_reader(site)
    listener = site.listeners[-1]
    listener.socket.slow_code = 4000
    sent = await fill(site, listener)
    while not site.counters.counts["slow"]:
        listener.socket.write(frame(b"%08d" % sent * 1000, False))
        sent += 1
    # The one that was too much is not sent; the listener hears at once that nobody takes more, but not from within the write.
    assert listener.code is None
    assert await listener.next() == ("gone", 1006)
    peer.writer.transport.resume_reading()
    for number in range(sent - 1):
        assert (await peer.read_frame())[1][:8] == b"%08d" % number
    assert await peer.read_close() == 4000
    site.clock.advance(7)
    assert await peer.is_over()


async def test_pongs_count_too(site: Site) -> None:
    site.options.update(outbox=256 * 1024, ping_interval=0)
    peer = await no_reader(site)
    listener = site.listeners[-1]
    await fill(site, listener)
    peer.writer.write(client_frame(PING, bytes(125)) * 20_000)
    while listener.code is None:
        await listener.next()
    assert listener.code == 1006
    assert site.counters.counts["slow"] == 1


async def test_room_comes_back(site: Site) -> None:
    site.options["outbox"] = 256 * 1024
    peer = await no_reader(site)
    listener = site.listeners[-1]
    sent = await fill(site, listener)
    peer.writer.transport.resume_reading()
    for number in range(sent):
        assert (await peer.read_frame())[1][:8] == b"%08d" % number
    assert await listener.next() == ("drained", True)
    listener.socket.write(frame(b"more", True))
    assert await peer.read_frame() == (TEXT, b"more")


async def test_what_waits_goes_out_before_the_close_frame(site: Site) -> None:
    site.options["outbox"] = 256 * 1024
    peer = await no_reader(site)
    listener = site.listeners[-1]
    sent = await fill(site, listener)
    listener.socket.close(1000, "bye")
    peer.writer.transport.resume_reading()
    for number in range(sent):
        assert (await peer.read_frame())[1][:8] == b"%08d" % number
    assert await peer.read_close() == 1000
    peer.send(CLOSE, close_payload(1000))
    assert await peer.is_over()
    await peer.leave()
    assert await listener.next() == ("gone", 1000)


async def test_a_stalled_reader_does_not_hold_the_end_up(site: Site) -> None:
    site.options.update(outbox=4 * 1024 * 1024, ping_interval=0)
    peer = await no_reader(site)
    listener = site.listeners[-1]
    await fill(site, listener)
    peer.send(CLOSE, close_payload(1000))
    await site.round_trip()
    assert listener.code is None
    site.clock.advance(7)
    while listener.code is None:
        await listener.next()
    assert listener.code == 1000


async def test_pings(site: Site) -> None:
    peer, listener = await site.open()
    site.clock.advance(26)
    for _ in range(3):
        assert await peer.read_frame() == (PING, b"")
        peer.send(PONG)
        await site.round_trip()
        # 20 seconds for the pong and 5 more to the next ping, each up to two ticks of the wheel late.
        site.clock.advance(27)
    assert listener.heard.empty()


async def test_no_pong_no_peer(site: Site) -> None:
    site.options.update(ping_interval=10, ping_timeout=4)
    peer, listener = await site.open()
    site.clock.advance(9.9)
    peer.send(TEXT, b"no ping yet")
    assert await peer.read_frame() == (TEXT, b"no ping yet")
    site.clock.advance(1.5)
    assert await peer.read_frame() == (PING, b"")
    site.clock.advance(3.5)
    assert [await listener.next(), listener.code] == [("received", "no ping yet"), None]
    site.clock.advance(2)
    assert await listener.next() == ("gone", 1006)
    assert await peer.is_over()
    assert site.counters.counts["ping_timeout"] == 1


@pytest.mark.parametrize("sign", [client_frame(PONG, b"?"), client_frame(TEXT, b"x"), client_frame(TEXT, b"half of it")[:9]])
async def test_any_sign_of_life_is_one(site: Site, sign: bytes) -> None:
    site.options.update(ping_interval=10, ping_timeout=5)
    peer, listener = await site.open()
    site.clock.advance(11.5)
    assert await peer.read_frame() == (PING, b"")
    peer.writer.write(sign)
    await site.round_trip()
    site.clock.advance(6.5)
    await site.round_trip()
    assert listener.code is None
    # The next ping is due, and nothing more comes.
    site.clock.advance(6.5)
    site.clock.advance(6.5)
    while listener.code is None:
        await listener.next()
    assert listener.code == 1006


async def test_no_pings(site: Site) -> None:
    site.options["ping_interval"] = 0
    peer, listener = await site.open()
    site.clock.advance(1000)
    peer.send(TEXT, b"still here")
    assert await peer.read_frame() == (TEXT, b"still here")
    assert listener.code is None


async def test_tornados_own_client(site: Site) -> None:
    site.options["subprotocol"] = "chat"
    url = HTTPRequest(site.url, validate_cert=False, request_timeout=TIMEOUT)
    client = await websocket_connect(url, subprotocols=["chat", "other"])
    listener = site.listeners[-1]
    assert client.selected_subprotocol == "chat"
    for message in ("grüß Gott", b"\x00\xff", "", "x" * 70_000):
        await client.write_message(message, binary=isinstance(message, bytes))
        assert await client.read_message() == message
        assert await listener.next() == ("received", message)
    client.ping(b"there?")
    client.close(4001, "enough")
    assert await client.read_message() is None
    assert await listener.next() == ("gone", 4001)


async def test_tornados_own_client_is_told(site: Site) -> None:
    client = await websocket_connect(HTTPRequest(site.url, validate_cert=False, request_timeout=TIMEOUT))
    listener = site.listeners[-1]
    listener.socket.close(4500, "deleted")
    assert await client.read_message() is None
    assert (client.close_code, client.close_reason) == (4500, "deleted")
    client.close()
    assert await listener.next() == ("gone", 4500)


async def test_the_native_server_counts_and_ends_its_web_sockets(site: Site) -> None:
    server = site.native_server
    if server is None:
        return
    server.limits = Limits(max_connections=2)
    peer, listener = await site.open()
    other, other_listener = await site.open()
    assert b" 503 " in await (await site.connect()).read_head()
    other_listener.socket.close(1012)
    assert await other.read_close() == 1012
    other.send(CLOSE, close_payload(1012))
    server.stop_accepting()
    await server.close(0.05)
    assert await other_listener.next() == ("gone", 1012)
    assert await listener.next() == ("gone", 1006)
    assert await peer.is_over()
