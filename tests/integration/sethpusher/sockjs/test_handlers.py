"""What the methods of connections hear, return and raise (SockJS specification 4, 9)."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest
from tornado.web import HTTPError

from hbpush.session.session import OPEN
from tests.conftest import ExpectedLogs
from tests.support.sockjs import SockSite, recorder
from tests.support.websocket import TEXT, client_frame

GO_AWAY = 'c[3000,"Go away!"]'


def _refuse(self: Any, request: Any) -> bool:
    return False


def _raise(self: Any, request: Any) -> None:
    raise HTTPError(403)


async def _refuse_later(self: Any, request: Any) -> bool:
    return False


@pytest.mark.parametrize("method", [_refuse, _raise, _refuse_later])
async def test_whoever_is_refused_is_told_to_go(site: SockSite, method: Any) -> None:
    kind = recorder(on_open=method)
    await site.mount(kind)
    url = await site.opened()
    assert await site.xhr(url) == GO_AWAY + "\n"
    assert kind.log == ["close"]


async def test_what_on_open_raises_closes_the_session(site: SockSite, expected_logs: ExpectedLogs) -> None:
    def fail(self: Any, request: Any) -> None:
        raise RuntimeError("boom")

    expected_logs("a handler failed; its session is closed")
    kind = recorder(on_open=fail)
    await site.mount(kind)
    url = await site.opened()
    assert await site.xhr(url) == GO_AWAY + "\n"


async def test_what_on_message_raises_closes_the_session(site: SockSite, expected_logs: ExpectedLogs) -> None:
    def fail(self: Any, message: Any) -> None:
        raise RuntimeError("boom")

    expected_logs("a handler failed; its session is closed")
    kind = recorder(on_message=fail)
    await site.mount(kind)
    url = await site.opened()
    await site.send(url, "x", "y")
    assert await site.xhr(url) == GO_AWAY + "\n"
    assert kind.log == ["open", "close"]


async def test_what_on_close_raises_is_logged(site: SockSite, expected_logs: ExpectedLogs) -> None:
    def fail(self: Any) -> None:
        raise RuntimeError("boom")

    expected_logs("a handler failed when it was closed")
    kind = recorder(on_close=fail)
    await site.mount(kind)
    await site.opened()
    site.clock.advance(7)
    assert len(site.router.server.registry) == 0


async def test_messages_wait_for_those_before(site: SockSite) -> None:
    gate = asyncio.Event()

    async def on_open(self: Any, request: Any) -> None:
        await gate.wait()
        self.log.append("open")

    async def on_message(self: Any, message: Any) -> None:
        self.log.append(f"begin {message}")
        await asyncio.sleep(0)
        self.log.append(f"end {message}")

    async def on_close(self: Any) -> None:
        await asyncio.sleep(0)
        self.log.append("close")

    kind = recorder(on_open=on_open, on_message=on_message, on_close=on_close)
    await site.mount(kind)
    url = await site.opened()
    await site.send(url, "a", "b")
    assert kind.log == []
    gate.set()
    await site.until(lambda: "end b" in kind.log)
    assert kind.log == ["open", "begin a", "end a", "begin b", "end b"]
    site.clock.advance(7)
    await site.until(lambda: "close" in kind.log)


async def test_on_open_comes_before_messages_that_came_with_the_handshake(site: SockSite) -> None:
    kind = recorder()
    await site.mount(kind)
    socket = await site.socket(site.new(), b"".join(client_frame(TEXT, b'["%d"]' % number) for number in range(20)))
    assert await socket.text() == "o"
    heard: list[str] = []
    while len(heard) < 20:
        heard += json.loads((await socket.text())[1:])
    assert kind.log == ["open", *map(str, range(20))]


async def test_what_is_not_a_text(site: SockSite) -> None:
    kind = recorder()
    await site.mount(kind)
    socket = await site.socket(site.new())
    socket.say('[1,{"x":2},null]', '"single"', "5")
    assert await socket.text() == "o"
    heard: list[str] = []
    while len(heard) < 5:
        heard += json.loads((await socket.text())[1:])
    assert heard == ["1", '{"x":2}', "null", "single", "5"]
    assert kind.log == ["open", 1, {"x": 2}, None, "single", 5]


async def test_half_a_surrogate_pair(site: SockSite) -> None:
    await site.mount(recorder())
    url = await site.opened()
    await site.send(url, "\ud800", "\U0001f600")
    assert await site.xhr(url) == 'a["\\ud800","\\ud83d\\ude00"]\n'
    session = site.below(url)
    assert session.state == OPEN
    raw = await site.socket("/echo")
    raw.say("end")
    assert await raw.text() == "end"


async def test_bytes(site: SockSite) -> None:
    def on_message(self: Any, message: Any) -> None:
        self.log.append(message)
        self.send("before")
        self.send(b"caf\xc3\xa9")
        self.send(b"\xff\x00", binary=True)

    kind = recorder(on_message=on_message)
    await site.mount(kind)
    raw, socket = await site.socket("/echo"), await site.socket(site.new())
    raw.send(2, b"\xfe")
    assert [await raw.read_frame() for _ in range(3)] == [(1, b"before"), (1, "café".encode()), (2, b"\xff\x00")]
    assert kind.log[-1] == b"\xfe"
    socket.say('["x"]')
    assert [await socket.text(), await socket.text()] == ["o", 'a["before","caf\\u00e9","\\ufffd\\u0000"]']
