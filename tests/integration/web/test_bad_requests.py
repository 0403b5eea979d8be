"""Requests that are wrong, on every host: a clear refusal, no traceback, and the next client is served."""

from __future__ import annotations

import pytest

from hbpush.web.limits import Limits
from tests.conftest import ExpectedLogs
from tests.integration.web.bad_requests import BAD, LIMITS
from tests.integration.web.conftest import natives
from tests.support.hosts import Client, Host, get, request

GOES_ON = (200, 404, 405)
"""Statuses after which the stock server keeps the connection."""


@pytest.mark.parametrize("name", BAD)
async def test_a_bad_request(host: Host, name: str, expected_logs: ExpectedLogs) -> None:
    bad = BAD[name]
    expected = bad.tornado if host.kind.tornado else bad.native
    if expected in (404, 405):
        # The Application logs what it refuses.
        expected_logs("tornado.access: 40[45] ")
    await host.serve_places(LIMITS)
    client = await host.connect()
    await client.send(bad.wire)
    if expected is None:
        assert await client.is_over()
    else:
        answer = await client.answer()
        assert answer.status == expected
        assert b"Traceback" not in answer.body
        if not (host.kind.tornado and expected in GOES_ON):
            await _ends(host, client)
        if not host.kind.tornado:
            assert answer.headers[b"connection"] == b"close"
            assert answer.headers[b"content-type"] == b"text/plain"
            assert answer.body.count(b"\n") == 1
    await host.others_are_served()


@pytest.mark.parametrize("name", BAD)
def test_every_difference_has_its_reason(name: str) -> None:
    bad = BAD[name]
    assert (bad.native != bad.tornado) == bool(bad.reason)


@natives
@pytest.mark.parametrize("name", [name for name, bad in BAD.items() if bad.native is not None])
async def test_a_bad_request_behind_a_held_one(host: Host, name: str) -> None:
    places = await host.serve_places(LIMITS)
    client = await host.connect()
    await client.send(get(b"/hold"))
    await places.until(lambda: places.held)
    await client.send(BAD[name].wire)
    await host.others_are_served()
    places.held[0].respond(b"HTTP/1.1 204 No Content\r\n\r\n")
    assert (await client.answer()).status == 204
    assert (await client.answer()).status == BAD[name].native
    await _ends(host, client)


@natives
@pytest.mark.parametrize("name", [name for name, bad in BAD.items() if bad.native is not None])
async def test_a_bad_request_byte_by_byte(host: Host, name: str) -> None:
    await host.serve_places(LIMITS)
    client = await host.connect()
    client.writer.transport.set_write_buffer_limits(0)
    for byte in BAD[name].wire:
        client.writer.write(bytes([byte]))
    assert (await client.answer()).status == BAD[name].native


async def test_trailers_change_nothing(host: Host) -> None:
    await host.serve_places()
    client = await host.connect()
    trailers = b"Content-Type: text/evil\r\nX-New: 1\r\nHost: elsewhere\r\n"
    wire = request(b"POST", b"/headers", b"Transfer-Encoding: chunked", b"Content-Type: text/good")
    answer = await client.ask(wire + b"1\r\na\r\n0\r\n" + trailers + b"\r\n" + get(b"/echo"))
    if host.kind.tornado:
        # Tornado takes no trailers.
        assert answer.status == 400
        return
    assert (await client.answer()).body == b"GET /echo "
    head, _, body = answer.body.partition(b"\n\n")
    assert body == b"a"
    assert b"content-type=text/good" in head
    assert b"evil" not in head
    assert b"x-new" not in head
    assert b"elsewhere" not in head


@pytest.mark.parametrize("split", [1, 40, 1000])
async def test_h2c_is_not_taken_and_the_rest_is_read_again(host: Host, split: int) -> None:
    await host.serve_places()
    client = await host.connect()
    wire = (
        get(b"/upgrade", b"Connection: Upgrade, HTTP2-Settings", b"Upgrade: h2c", b"HTTP2-Settings: AAMAAABk")
        + get(b"/echo?1")
        + get(b"/echo?2")
    )
    for start in range(0, len(wire), split):
        await client.send(wire[start : start + split])
    assert (await client.answer()).body == b"unfit"
    assert (await client.answer()).body == b"GET /echo?1 "
    assert (await client.answer()).body == b"GET /echo?2 "


async def test_an_upgrade_that_is_answered_as_a_page(host: Host) -> None:
    await host.serve_places()
    client = await host.connect()
    upgrade = get(b"/upgrade", b"Connection: keep-alive, Upgrade", b"Upgrade: WebSocket")
    await client.send(upgrade + get(b"/echo?1") + upgrade)
    assert (await client.answer()).body == b"fit"
    assert (await client.answer()).body == b"GET /echo?1 "
    assert (await client.answer()).body == b"fit"
    assert (await client.ask(get(b"/echo?2"))).body == b"GET /echo?2 "


@pytest.mark.parametrize(
    "wire",
    [
        request(b"GET", b"/upgrade", b"Connection: Upgrade", b"Upgrade: websocket", version=b"1.0"),
        request(b"POST", b"/upgrade", b"Connection: Upgrade", b"Upgrade: websocket"),
        get(b"/upgrade", b"Upgrade: websocket"),
        get(b"/upgrade", b"Connection: Upgrade", b"Upgrade: websockets"),
    ],
)
async def test_what_is_no_upgrade(host: Host, wire: bytes) -> None:
    await host.serve_places()
    assert (await host.ask(wire)).body == b"unfit"


async def test_an_upgrade_behind_a_held_request(host: Host) -> None:
    places = await host.serve_places()
    client = await host.connect()
    await client.send(get(b"/hold") + get(b"/upgrade", b"Connection: Upgrade", b"Upgrade: websocket") + get(b"/echo"))
    await places.until(lambda: places.held)
    places.held[0].respond(b"HTTP/1.1 204 No Content\r\n\r\n")
    assert (await client.answer()).status == 204
    assert (await client.answer()).body == b"fit"
    assert (await client.answer()).body == b"GET /echo "


@pytest.mark.parametrize("chunked", [False, True])
async def test_a_hundred_times_too_much(host: Host, chunked: bool) -> None:
    await host.serve_places(Limits(max_body=1024 * 1024))
    client = await host.connect()
    piece = bytes(1024 * 1024)
    framing = b"Transfer-Encoding: chunked" if chunked else b"Content-Length: 104857600"
    await client.send(request(b"POST", b"/echo", framing))
    for _ in range(100):
        await client.send(b"100000\r\n%b\r\n" % piece if chunked else piece)
    answer = await client.answer()
    assert (answer.status, answer.headers[b"connection"]) == (413, b"close")
    assert b"1048576" in answer.body
    await host.others_are_served()


async def _ends(host: Host, client: Client) -> None:
    if host.kind.tls:
        # TLS has no half-close: the end comes when what the client may still send was read for a while.
        host.clock.advance(5)
    assert await client.is_over()
