"""Requests whose heads come again byte for byte: the native host reads such a head once, and every time it must be as if it had read it."""

from __future__ import annotations

import pytest

from hbpush.web.exchange import Exchange
from hbpush.web.limits import Limits
from hbpush.web.native import heads
from hbpush.web.native.heads import KNOWN, LONGEST
from hbpush.web.routes import Exact, Prefix, Route, Routes
from tests.integration.web.conftest import natives
from tests.support.hosts import OK, Host, get, not_found, request


@natives
async def test_the_same_head_with_other_bodies(host: Host) -> None:
    await host.serve_places()
    first, second = await host.connect(), await host.connect()
    for body in (b"one", b"two", b"six"):
        for client in (first, second):
            answer = await client.ask(request(b"POST", b"/echo", body=body))
            assert (answer.status, answer.body) == (200, b"POST /echo " + body)


@natives
async def test_the_same_head_with_its_body_later_or_with_another_request_behind_it(host: Host) -> None:
    await host.serve_places()
    client = await host.connect()
    wire = request(b"POST", b"/echo", body=b"body")
    head = wire.removesuffix(b"body")
    assert (await client.ask(wire)).body == b"POST /echo body"
    await client.send(head)
    await host.others_are_served()
    assert (await client.ask(b"late")).body == b"POST /echo late"
    await client.send(wire + get(b"/name/next"))
    assert (await client.answer()).body == b"POST /echo body"
    assert (await client.answer()).body == b"next"


@natives
async def test_the_same_head_behind_a_held_request(host: Host) -> None:
    places = await host.serve_places()
    client = await host.connect()
    assert (await client.ask(get(b"/name/known"))).body == b"known"
    await client.send(get(b"/hold"))
    await places.until(lambda: places.held)
    await client.send(get(b"/name/known"))
    await host.others_are_served()
    places.held[0].respond(OK.wire(b"held"))
    assert (await client.answer()).body == b"held"
    assert (await client.answer()).body == b"known"


@natives
async def test_other_routes_and_other_limits_hold_at_once(host: Host) -> None:
    await host.serve_places()
    client = await host.connect()
    wire = request(b"POST", b"/echo", body=b"body")
    for _ in range(4):
        assert (await client.ask(wire)).status == 200

    def other(exchange: Exchange) -> None:
        exchange.respond(OK.wire(b"another"))

    host.native.routes = Routes([Route(Exact("/echo"), other, bytes)], not_found)
    for _ in range(4):
        assert (await client.ask(wire)).body == b"another"
    host.native.limits = Limits(max_body=3)
    assert (await client.ask(wire)).status == 413


@natives
async def test_what_asks_for_more_is_read_every_time(host: Host) -> None:
    await host.serve_places()
    for _ in range(4):
        client = await host.connect()
        await client.send(request(b"POST", b"/echo", b"Expect: 100-continue", body=b"body"))
        assert await client.head() == (100, {})
        assert (await client.answer()).body == b"POST /echo body"
        assert (await client.ask(request(b"HEAD", b"/echo"), head=True)).headers[b"content-length"] == b"11"
        chunked = b"POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
        assert (await client.ask(chunked + b"4\r\nbody\r\n0\r\n\r\n")).body == b"POST /echo body"
        assert (await client.ask(chunked + b"0\r\n\r\n")).body == b"POST /echo "
        answer = await client.ask(get(b"/echo", b"Connection: close"))
        assert answer.headers[b"connection"] == b"close"
        assert await client.is_over()


@natives
async def test_how_many_are_remembered_is_bounded(host: Host) -> None:
    await host.serve_places()
    client = await host.connect()
    known = host.native.heads._known
    for number in range(KNOWN + 10):
        for times in range(3):
            assert (await client.ask(get(b"/name/%d" % number))).body == b"%d" % number
            # Once may be the only time.
            assert (get(b"/name/%d" % number) in known) is (times > 0)
        assert len(known) <= KNOWN
    assert known
    long = b"x" * LONGEST
    for _ in range(3):
        assert (await client.ask(get(b"/name/" + long))).body == long
    assert all(len(head) <= LONGEST for head in known)


@natives
async def test_how_many_are_marked_as_seen_is_bounded(host: Host, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(heads, "SEEN", 8)
    await host.serve_places()
    client = await host.connect()
    for number in range(50):
        await client.ask(get(b"/name/%d" % number))
        assert len(host.native.heads._seen) <= 8


@natives
async def test_nothing_after_the_last_answer_of_a_connection_is_taken(host: Host) -> None:
    places = await host.serve_places()
    client = await host.connect()
    await client.send(get(b"/last") + get(b"/echo") + get(b"/echo"))
    assert (await client.answer()).body == b"last"
    assert await client.is_over()
    assert places.seen == 0


@natives
async def test_a_second_head_is_bounded_too(host: Host) -> None:
    await host.serve_places()
    for wire, status in ((b"GET /" + b"x" * 60_000, 414), (b"GET /echo HTTP/1.1\r\nX: " + b"x" * 60_000, 431)):
        client = await host.connect()
        await client.send(get(b"/echo") + wire)
        assert (await client.answer()).status == 200
        assert (await client.answer()).status == status


@natives
async def test_a_request_that_waits_is_answered_by_the_table_of_its_turn(host: Host) -> None:
    places = await host.serve_places()
    client, other = await host.connect(), await host.connect()
    await client.send(get(b"/hold"))
    await places.until(lambda: places.held)
    await client.send(get(b"/echo"))
    half = request(b"POST", b"/echo", body=b"body")
    await other.send(half[:-2])
    await host.others_are_served()

    def moved(exchange: Exchange) -> None:
        exchange.respond(OK.wire(b"moved " + exchange.args))

    host.native.routes = Routes([Route(Prefix("/e"), moved, bytes)], not_found)
    places.held[0].respond(OK.wire(b"held"))
    assert (await client.answer()).body == b"held"
    assert (await client.answer()).body == b"moved cho"
    assert (await other.ask(half[-2:])).body == b"moved cho"


@natives
async def test_time_does_not_run_while_the_server_does_not_read(host: Host) -> None:
    places = await host.serve_places()
    client = await host.connect()
    await client.send(get(b"/hold"))
    await places.until(lambda: places.held)
    posts = 40
    await client.send(request(b"POST", b"/echo", body=bytes(9000)) * posts)
    await host.others_are_served()
    for _ in range(100):
        host.clock.advance(1)
    places.held[0].respond(OK.wire(b"held"))
    assert (await client.answer()).body == b"held"
    for _ in range(posts):
        assert (await client.answer()).status == 200


@natives
async def test_readers_are_used_again_and_hold_nothing(host: Host) -> None:
    await host.serve_places()
    client = await host.connect()
    wire = request(b"POST", b"/echo", body=bytes(60_000))
    for _ in range(50):
        await client.send(wire[:100])
        await host.others_are_served()
        assert (await client.ask(wire[100:])).status == 200
    assert len(host.native._readers) <= 2
    assert host.native.spare.body == b""


@natives
async def test_a_path_as_it_was_typed(host: Host) -> None:
    await host.serve_places()
    client = await host.connect()
    assert (await client.ask(get("/name/caf\u00e9".encode()))).body == b"caf%C3%A9"
    assert (await client.ask(get(b"/name/\xff"))).body == b"%FF"
