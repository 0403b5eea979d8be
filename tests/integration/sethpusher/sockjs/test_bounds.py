"""What a client may take of a SockJS server, and what happens to one that takes more (DESIGN 7, 8)."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from hbpush.session.transport import End
from tests.support.sockjs import SockSite, recorder

SLOW = 'c[3008,"Too slow"]'
PIECE = "x" * 32 * 1024


@pytest.mark.parametrize("transport", ["xhr_streaming", "eventsource", "websocket", "raw"])
async def test_a_reader_that_does_not_keep_up(site: SockSite, transport: str) -> None:
    kind = recorder()
    await site.mount(kind, max_queue_bytes=64 * 1024, response_limit=1 << 40)
    url = site.new()
    if transport in ("websocket", "raw"):
        reader: Any = (await site.socket("/echo" if transport == "raw" else url)).reader
    else:
        reader = (await site.stream(url, transport)).reader
    # It reads ahead no more than its buffer takes.
    reader._limit = 1024
    [connection] = kind.all
    for _ in range(2000):
        connection.send(PIECE)
        await asyncio.sleep(0)
        assert connection.session.buffered < 64 * 1024 + len(PIECE) + 1024
        if connection.is_closed:
            break
    await site.settle()
    assert kind.log == ["open", "close"]
    assert site.router.server.counters.counts["slow_session"] == 1
    # What was taken comes, and then the reason.
    rest = b""
    async with asyncio.timeout(10):
        while piece := await reader.read(1 << 20):
            rest = (rest + piece)[-200:]
            if b"3008" in rest or b"Too slow" in rest:
                break
    assert b"Too slow" in rest


async def test_a_poll_that_does_not_come(site: SockSite) -> None:
    kind = recorder()
    await site.mount(kind, max_queue_bytes=64 * 1024)
    url = await site.opened()
    for _ in range(3):
        kind.all[0].send(PIECE)
    await site.settle()
    assert kind.log == ["open"]
    kind.all[0].send("one more")
    assert kind.log == ["open"]
    await site.settle()
    assert kind.log == ["open", "close"]
    assert await site.xhr(url) == SLOW + "\n"


@pytest.mark.parametrize("transport", ["xhr_streaming", "websocket", "raw", "xhr"])
@pytest.mark.parametrize("way", ["send", "broadcast"])
async def test_one_client_that_has_much_to_say_at_a_time(site: SockSite, transport: str, way: str) -> None:
    def on_message(self: Any, message: Any) -> None:
        if way == "broadcast":
            self.broadcast(self.all, message)
        else:
            for connection in self.all:
                connection.send(message)

    kind = recorder(on_message=on_message)
    await site.mount(kind, max_queue=100, max_queue_bytes=4096)
    url = site.new()
    reader: Any = None
    if transport in ("websocket", "raw"):
        reader = await site.socket("/echo" if transport == "raw" else url)
    elif transport == "xhr":
        url = await site.opened()
        reader = await site.held(url)
    else:
        reader = await site.stream(url, transport)
    sender = await site.opened()
    await site.send(sender, *["x" * 100] * 1000)
    assert (await site.xhr(sender)).count("x" * 100) == 1000
    got = 0
    async with asyncio.timeout(10):
        if transport == "xhr":
            got = (await reader.answer()).body.count(b"x" * 100)
            got += (await site.xhr(url)).count("x" * 100) if got < 1000 else 0
        while got < 1000:
            got += (await (reader.text() if transport in ("websocket", "raw") else reader.frame())).count("x" * 100)
    assert got == 1000
    assert kind.log == ["open"] * 2


async def test_a_client_that_sends_more_than_its_application_takes(site: SockSite) -> None:
    gate = asyncio.Event()

    async def on_message(self: Any, message: Any) -> None:
        self.log.append(message)
        await gate.wait()

    kind = recorder(on_message=on_message)
    await site.mount(kind, max_waiting=10)
    url = await site.opened()
    await site.send(url, *["x"] * 3000)
    await site.send(url, "not taken")
    await site.send(url, "not taken either")
    assert kind.log == ["open", "x"]
    gate.set()
    await site.until(lambda: kind.log[-1] == "close")
    assert kind.log == ["open", *["x"] * 3000, "close"]
    assert await site.xhr(url) == SLOW + "\n"


async def test_too_many_sessions(site: SockSite) -> None:
    await site.mount(recorder(), max_sessions=2)
    url = await site.opened()
    socket = await site.socket(site.new())
    assert await socket.text() == "o"
    for method, place in (("POST", "xhr"), ("POST", "xhr_streaming"), ("GET", "jsonp?c=x")):
        answer = await site.ask(method, f"{site.new()}/{place}")
        assert (answer.status, answer.headers[b"retry-after"]) == (503, b"1")
    refused = await site.ask("GET", "/echo/websocket", "Upgrade: websocket", "Connection: Upgrade")
    assert refused.status == 503
    await site.send(url, "x")
    assert await site.xhr(url) == 'a["x"]\n'
    socket.vanish()
    await site.until(lambda: not site.router.server.registry.full())
    await site.opened()


async def test_too_much_at_once(site: SockSite) -> None:
    await site.mount(recorder(), max_body_size=1000)
    url = await site.opened()
    assert (await site.ask("POST", f"{url}/xhr_send", body=b'["%b"]' % (b"x" * 1000))).status == 413
    socket = await site.socket(site.new())
    assert await socket.text() == "o"
    socket.say("[" + " " * 1000 + "]")
    assert (await socket.closing())[0] == 1009


async def test_big_messages(site: SockSite) -> None:
    await site.mount(recorder())
    big = "é" * 100_000
    url = await site.opened()
    await site.send(url, big)
    assert len(await site.xhr(url)) == 6 * 100_000 + len('a[""]\n')
    stream = await site.stream(url, "xhr_streaming")
    await site.send(url, big)
    assert len(await stream.frame()) == 6 * 100_000 + len('a[""]\n')
    assert await stream.frame() == ""


async def test_nothing_stays_of_sessions_that_are_over(site: SockSite) -> None:
    kind = recorder()
    await site.mount(kind)
    server = site.router.server
    for _ in range(20):
        await site.opened()
        (await site.stream(site.new(), "eventsource")).leave()
        (await site.socket(site.new())).vanish()
    await site.until(lambda: len(server.registry) == 20)
    site.clock.advance(7)
    await site.until(lambda: kind.log.count("close") == 60)
    figures = site.router.stats.dump()
    assert (len(server.registry), len(server.registry.heartbeats), len(server.polls), len(server.registry._leaving)) == (0, 0, 0, 0)
    assert (figures["sessions_active"], figures["connections_active"]) == (0, 0)
    assert server.registry.running == set()
    server.close(End.SHUTDOWN)
