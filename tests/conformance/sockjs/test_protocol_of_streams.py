"""The cases of the SockJS protocol's own suite, on every host: streams, cookies and WebSockets."""

from __future__ import annotations

import json

import pytest

from tests.conformance.sockjs.signs import GO_AWAY, OPEN_ALREADY, STREAMS, header, is_not_allowed, is_not_cached, may_be_read, serve
from tests.support.site import wire
from tests.support.sockjs import SockSite

pytestmark = pytest.mark.usefixtures("quiet_access_log")


# Streams


@pytest.mark.parametrize("transport", STREAMS)
async def test_a_session_on_a_stream(site: SockSite, transport: str) -> None:
    await serve(site)
    content_type, prelude, form = STREAMS[transport]
    url = site.new()
    stream = await site.stream(url, transport, "Origin: http://test")
    assert (stream.status, header(stream, "content-type")) == (200, content_type)
    assert (header(stream, "transfer-encoding"), header(stream, "content-length")) == ("chunked", None)
    is_not_cached(stream)
    if prelude is None:
        assert header(stream, "access-control-allow-origin") is None
        assert len(stream.prelude) > 1024
        assert stream.prelude.endswith(b" \r\n\r\n")
        assert b"var c = parent.callback;" in stream.prelude
    else:
        may_be_read(stream)
        assert stream.prelude.decode() == prelude
    escaped = json.dumps if prelude is None else str
    assert await stream.frame() == form.format(escaped("o"))
    await site.send(url, "x")
    assert await stream.frame() == form.format(escaped('a["x"]'))
    await site.send(url, "  \0\n\r ")
    assert await stream.frame() == form.format(escaped('a["  \\u0000\\n\\r "]'))


@pytest.mark.parametrize("transport", STREAMS)
async def test_a_stream_ends_at_its_limit(site: SockSite, transport: str) -> None:
    await serve(site)
    url = site.new()
    stream = await site.stream(url, transport)
    await stream.frame()
    await site.send(url, "x" * 4096)
    assert "x" * 4096 in await stream.frame()
    assert await stream.frame() == ""
    # Its client comes back.
    again = await site.stream(url, transport)
    await site.send(url, "y")
    assert "y" in await again.frame()


async def test_what_counts_for_the_limit_are_frames(site: SockSite) -> None:
    await serve(site)
    url = site.new()
    stream = await site.stream(url, "xhr_streaming")
    assert await stream.frame() == "o\n"
    message = "x" * 128
    for _ in range(31):
        await site.send(url, message)
        assert await stream.frame() == f'a["{message}"]\n'
    assert await stream.frame() == ""


async def test_a_closed_session_on_streams(site: SockSite) -> None:
    await serve(site)
    url = site.new("/close")
    first = await site.stream(url, "xhr_streaming")
    assert [await first.frame() for _ in range(3)] == ["o\n", GO_AWAY + "\n", ""]
    second = await site.stream(url, "xhr_streaming")
    assert [await second.frame() for _ in range(2)] == [GO_AWAY + "\n", ""]


async def test_a_second_stream(site: SockSite) -> None:
    await serve(site)
    url = site.new()
    first = await site.stream(url, "xhr_streaming")
    assert await first.frame() == "o\n"
    second = await site.stream(url, "xhr_streaming")
    assert [await second.frame() for _ in range(2)] == [OPEN_ALREADY + "\n", ""]
    await site.send(url, "still here")
    assert await first.frame() == 'a["still here"]\n'
    first.leave()
    await site.until(lambda: len(site.router.server.registry) == 0)
    third = await site.stream(url, "xhr_streaming")
    assert await third.frame() == "o\n"


# Cookies


@pytest.mark.parametrize("transport", ["xhr", "jsonp?c=x", *STREAMS])
@pytest.mark.parametrize(("sent", "value"), [(None, "dummy"), ("a=b; JSESSIONID=abcdef", "abcdef")])
async def test_cookies(site: SockSite, transport: str, sent: str | None, value: str) -> None:
    await serve(site)
    url = site.new("/cookie_needed_echo")
    lines = [] if sent is None else [f"Cookie: {sent}"]
    client = await site.host.connect()
    await client.send(wire("POST" if "xhr" in transport else "GET", f"{url}/{transport}", *lines))
    _, headers = await client.head()
    assert headers[b"set-cookie"] == f"JSESSIONID={value}; path=/".encode()
    for method, place in (("POST", "jsonp_send"), ("POST", "xhr_send"), ("OPTIONS", "xhr")):
        answer = await site.ask(method, f"{url}/{place}", *lines, body=b'["x"]' if method == "POST" else b"")
        assert header(answer, "set-cookie") == f"JSESSIONID={value}; path=/"


# WebSockets


async def test_a_session_on_a_websocket(site: SockSite) -> None:
    await serve(site)
    url = site.new()
    one, two = await site.socket(url), await site.socket(url)
    assert (await one.text(), await two.text()) == ("o", "o")
    one.say('["a"]')
    two.say('["b"]')
    assert (await one.text(), await two.text()) == ('a["a"]', 'a["b"]')
    assert b"content-length" not in one.head.lower()
    one.say("", "[]", '["c"]')
    assert await one.text() == 'a["c"]'
    await one.leave()
    again = await site.socket(url)
    assert await again.text() == "o"


async def test_a_closed_session_on_a_websocket(site: SockSite) -> None:
    await serve(site)
    socket = await site.socket(site.new("/close"))
    assert [await socket.text(), await socket.text()] == ["o", GO_AWAY]
    assert (await socket.closing())[0] == 1000


async def test_a_websocket_that_sends_no_json(site: SockSite) -> None:
    await serve(site)
    socket = await site.socket(site.new())
    assert await socket.text() == "o"
    socket.say('["a')
    assert await socket.closing() == (3000, "Broken framing.")


async def test_raw_websocket(site: SockSite) -> None:
    await serve(site)
    socket = await site.socket("/echo")
    socket.say("Hello world!\uffff", "", '["no JSON')
    assert [await socket.text() for _ in range(3)] == ["Hello world!\uffff", "", '["no JSON']
    assert await (await site.socket("/close")).closing() == (3000, "Go away!")


@pytest.mark.parametrize("place", ["/echo/0/0/websocket", "/echo/websocket"])
async def test_what_is_no_websocket(site: SockSite, place: str) -> None:
    await serve(site)
    upgrade = "Upgrade: WebSocket"
    for lines in ([], [upgrade, "Connection: close"], [upgrade], ["Connection: Upgrade"]):
        answer = await site.ask("GET", place, *lines)
        assert answer.status == 400
        assert b"Not a valid websocket request" in answer.body
    for lines in ([], [upgrade, "Connection: Upgrade"]):
        is_not_allowed(await site.ask("POST", place, *lines), "GET")
