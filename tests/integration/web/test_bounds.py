"""Time-outs and bounds: what a client may take of a server, and what happens to one that takes more."""

from __future__ import annotations

import asyncio

import pytest

from hbpush.web.limits import Limits
from tests.integration.web.conftest import natives, stock
from tests.support.hosts import BIG, Host, get, request
from tests.support.websocket import request as upgrade


@natives
@pytest.mark.parametrize(("part", "what"), [(b"GET /echo HT", b"head"), (b"GET /echo HTTP/1.1\r\nHost: localhost\r\nX:", b"head")])
async def test_a_head_that_trickles_in(host: Host, part: bytes, what: bytes) -> None:
    await host.serve_places(Limits(header_timeout=10))
    client = await host.connect()
    await client.ask(get(b"/echo") + part[:1])
    host.clock.advance(6)
    await client.send(part[1:])
    await host.others_are_served()
    host.clock.advance(6)
    answer = await client.answer()
    assert (answer.status, what in answer.body) == (408, True)
    assert host.counters.counts["head_timeout"] == 1


@natives
@pytest.mark.parametrize("framing", [b"Content-Length: 100", b"Transfer-Encoding: chunked"])
async def test_a_body_that_trickles_in(host: Host, framing: bytes) -> None:
    await host.serve_places(Limits(header_timeout=10, body_timeout=30))
    client = await host.connect()
    await client.ask(get(b"/echo") + request(b"POST", b"/echo", framing) + b"1")
    host.clock.advance(20)
    await client.send(b"0" if b"chunked" in framing else b"a")
    await host.others_are_served()
    assert not client.reader.at_eof()
    host.clock.advance(12)
    answer = await client.answer()
    assert (answer.status, b"body" in answer.body) == (408, True)
    assert host.counters.counts["body_timeout"] == 1


@natives
async def test_a_slow_request_within_its_time(host: Host) -> None:
    await host.serve_places(Limits(header_timeout=10, body_timeout=30))
    client = await host.connect()
    wire = request(b"POST", b"/echo", body=b"body")
    await client.ask(get(b"/echo") + wire[:10])
    host.clock.advance(8)
    await client.send(wire[10:-1])
    await host.others_are_served()
    host.clock.advance(28)
    assert (await client.ask(wire[-1:])).body == b"POST /echo body"


@stock
async def test_a_body_that_trickles_in_on_the_stock_server(host: Host) -> None:
    # Tornado's clock cannot be driven by hand; this time is real, and short.
    await host.serve_places(Limits(body_timeout=0.05))
    client = await host.connect()
    await client.send(request(b"POST", b"/echo", b"Content-Length: 100") + b"a")
    assert await client.is_over()


@natives
async def test_idle_connections_are_closed_and_held_ones_are_not(host: Host) -> None:
    places = await host.serve_places(Limits(idle_timeout=75))
    fresh, idle, held = await host.connect(), await host.connect(), await host.connect()
    await idle.ask(get(b"/echo"))
    await held.send(get(b"/hold"))
    await places.until(lambda: places.held)
    host.clock.advance(70)
    assert (await idle.ask(get(b"/echo"))).status == 200
    host.clock.advance(70)
    assert await fresh.is_over()
    assert (await idle.ask(get(b"/echo"))).status == 200
    host.clock.advance(80)
    assert await idle.is_over()
    places.held[0].respond(b"HTTP/1.1 204 No Content\r\n\r\n")
    assert (await held.answer()).status == 204


@natives
@pytest.mark.parametrize("lines", [(), (b"Connection: close",)])
async def test_a_client_that_never_reads_is_cut(host: Host, lines: tuple[bytes, ...]) -> None:
    await host.serve_places(Limits(body_timeout=30))
    client = await host.connect(buffer=1024)
    await client.send(get(b"/big", *lines))
    await host.others_are_served()
    host.clock.advance(20)
    assert len(host.native.connections) > 0
    host.clock.advance(200)
    await _all_gone(host)
    assert len(await client.rest()) < BIG


@natives
async def test_a_client_that_never_reads_the_end_of_a_stream_is_cut(host: Host) -> None:
    places = await host.serve_places(Limits(body_timeout=30))
    places.outbox = 2 * BIG
    client = await host.connect(buffer=1024)
    await client.send(get(b"/stream"))
    await places.until(lambda: places.writers)
    for _ in range(3):
        if places.writers[0].has_room():
            places.writers[0].write(b"%x\r\n%b\r\n" % (2 * BIG, bytes(2 * BIG)))
        await host.others_are_served()
    assert not places.writers[0].has_room()
    places.writers[0].end()
    host.clock.advance(200)
    await _all_gone(host)
    assert host.counters.counts["slow"]


@natives
async def test_answers_are_not_made_for_a_client_that_does_not_read(host: Host) -> None:
    places = await host.serve_places()
    client = await host.connect(buffer=1024)
    await client.send(get(b"/big") * 20)
    await host.others_are_served(b"/who")
    assert places.seen <= 2
    for _ in range(20):
        assert len((await client.answer()).body) == BIG
    assert (await client.ask(get(b"/who"))).status == 200


@natives
async def test_a_flood_behind_a_held_request_is_not_read(host: Host) -> None:
    places = await host.serve_places()
    client = await host.connect()
    await client.send(get(b"/hold"))
    await places.until(lambda: places.held)
    wire = get(b"/echo", b"X: " + b"x" * 8000)
    client.writer.write(wire * 4000)
    await host.others_are_served()
    if not host.kind.tls:
        # Under TLS the client's transport does not tell.
        assert client.writer.transport.get_write_buffer_size() > 10 * 1024 * 1024
    places.held[0].respond(b"HTTP/1.1 204 No Content\r\n\r\n")
    assert (await client.answer()).status == 204
    for _ in range(4000):
        assert (await client.answer()).body == b"GET /echo "


@natives
async def test_more_connections_than_there_may_be(host: Host) -> None:
    await host.serve_places(Limits(max_connections=2))
    first, second = await host.connect(), await host.connect()
    assert (await first.ask(get(b"/echo"))).status == 200
    assert (await second.ask(get(b"/echo"))).status == 200
    third = await host.connect()
    answer = await third.answer()
    assert (answer.status, answer.headers[b"retry-after"], answer.headers[b"connection"]) == (503, b"1", b"close")
    assert await third.is_over()
    assert (await first.ask(get(b"/echo", b"Connection: close"))).status == 200
    assert await first.is_over()
    await second.ask(get(b"/echo"))
    assert (await host.ask(get(b"/echo"))).status == 200


@pytest.mark.parametrize("path", [b"/hold", b"/stream"])
async def test_more_held_requests_of_one_address_than_there_may_be(host: Host, path: bytes) -> None:
    places = await host.serve_places(Limits(max_held_per_address=1))
    first, second = await host.connect(), await host.connect()
    await first.send(get(b"/hold"))
    await places.until(lambda: places.held)
    answer = await second.ask(get(path))
    assert (answer.status, answer.headers[b"retry-after"]) == (503, b"1")
    assert (await second.ask(get(b"/echo"))).status == 200
    places.held[0].respond(b"HTTP/1.1 204 No Content\r\n\r\n")
    assert (await first.answer()).status == 204
    await second.send(get(b"/hold"))
    await places.until(lambda: len(places.held) == 2)
    second.leave()
    await places.until(lambda: places.gone)
    await first.send(get(b"/hold"))
    await places.until(lambda: len(places.held) == 3)


async def test_websockets_count_among_what_one_address_holds(host: Host) -> None:
    """Each is counted until it is over, however it ends, and once."""
    places = await host.serve_places(Limits(max_held_per_address=2))
    handshake = upgrade(path=b"/socket")
    for code in (b"\x88\x82\0\0\0\0\x03\xe8", None):
        first, second, third = await host.connect(), await host.connect(), await host.connect()
        assert (await first.ask(handshake)).status == 101
        assert (await second.ask(handshake)).status == 101
        for wire in (handshake, get(b"/hold"), get(b"/stream")):
            answer = await third.ask(wire)
            assert (answer.status, answer.headers[b"retry-after"]) == (503, b"1")
        assert (await third.ask(get(b"/echo"))).status == 200
        if code is None:
            first.leave()
        else:
            await first.send(code)
            assert (await first.rest()).startswith(b"\x88")
            first.leave()
        await places.until(lambda: places.sockets == 1)
        # One that does not become a WebSocket is not counted on.
        for _ in range(2):
            assert (await third.ask(upgrade(path=b"/socket", sec_websocket_version=b"12"))).status == 426
        assert (await third.ask(handshake)).status == 101
        assert (await (await host.connect()).ask(get(b"/hold"))).status == 503
        second.leave()
        third.leave()
        await places.until(lambda: places.sockets == 0)
    if not host.kind.tornado:
        assert host.native.held() == 0
    assert host.counters.counts["too_many_held"] == 8


@natives
async def test_a_server_that_stops(host: Host) -> None:
    places = await host.serve_places()
    idle, held, part = await host.connect(), await host.connect(), await host.connect()
    await idle.ask(get(b"/echo"))
    await held.send(get(b"/hold"))
    await places.until(lambda: places.held)
    wire = get(b"/echo?part")
    await part.ask(get(b"/echo") + wire[:9])
    closing = asyncio.ensure_future(host.native.close(60))
    assert await idle.is_over()
    answer = await part.ask(wire[9:])
    assert (answer.body, answer.headers[b"connection"]) == (b"GET /echo?part ", b"close")
    places.held[0].respond(b"HTTP/1.1 204 No Content\r\n\r\n")
    answer = await held.answer()
    assert (answer.status, answer.headers[b"connection"]) == (204, b"close")
    assert await held.is_over()
    part.leave()
    await closing
    with pytest.raises(OSError, match=r".*"):
        await host.connect()


@natives
async def test_a_server_that_stops_waits_no_longer_than_it_is_told(host: Host) -> None:
    places = await host.serve_places()
    client = await host.connect()
    await client.send(get(b"/hold") + get(b"/echo"))
    await places.until(lambda: places.held)
    await host.native.close(0)
    assert await client.is_over()
    await places.until(lambda: places.gone)
    assert places.seen == 0


async def _all_gone(host: Host) -> None:
    for _ in range(1000):
        if not host.native.connections:
            return
        await asyncio.sleep(0)
    pytest.fail("a connection is still there")
