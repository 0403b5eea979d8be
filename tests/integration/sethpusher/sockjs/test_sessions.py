"""The life of sessions: heartbeats, expiry, the order of ends, and who hears of them (SockJS specification 4, 9)."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import msgspec
import pytest
from tornado.web import HTTPError

from hbpush.session.session import OPEN
from tests.conftest import ExpectedLogs
from tests.support.sockjs import ORIGIN, Recorder, SockSite, recorder
from tests.support.websocket import TEXT, client_frame

GO_AWAY = 'c[3000,"Go away!"]'
STREAMS = ["xhr_streaming", "eventsource", "htmlfile?c=cb"]


def closer(before: tuple[str, ...] = (), code: int = 4001, reason: str = 'quo"te') -> type[Recorder]:
    """Sends some texts and closes as soon as it hears something."""

    def on_message(self: Any, message: Any) -> None:
        for text in before:
            self.send(text)
        self.session.close(code, reason)

    return recorder(on_message=on_message)


# Heartbeats


@pytest.mark.parametrize("transport", STREAMS)
async def test_heartbeats_on_streams(site: SockSite, transport: str) -> None:
    await site.mount(recorder())
    url = site.new()
    stream = await site.stream(url, transport)
    await stream.frame()
    site.clock.advance(20)
    await site.send(url, "traffic")
    assert "traffic" in await stream.frame()
    site.clock.advance(20)
    # Traffic has put it off.
    await site.send(url, "more")
    assert "more" in await stream.frame()
    for _ in range(3):
        site.clock.advance(26)
        assert "h" in await stream.frame()
    await site.send(url, "end")
    assert "end" in await stream.frame()


async def test_a_heartbeat_ends_a_poll(site: SockSite) -> None:
    await site.mount(recorder(), heartbeat_delay=10)
    url = await site.opened()
    poll = await site.held(url)
    site.clock.advance(11)
    assert (await poll.answer()).body == b"h\n"
    assert await site.xhr_later(url, "x") == 'a["x"]\n'


async def test_heartbeats_and_pings_on_websockets(site: SockSite) -> None:
    await site.mount(recorder())
    socket, raw = await site.socket(site.new()), await site.socket("/echo")
    assert await socket.text() == "o"
    site.clock.advance(26)
    assert {(await socket.read_frame())[0], (await socket.read_frame())[0]} == {1, 9}
    assert (await raw.read_frame())[0] == 9
    # Nobody answers.
    site.clock.advance(21)
    assert await socket.is_over()
    await site.until(lambda: site.router.stats.dump()["sessions_active"] == 0)


async def test_no_heartbeats(site: SockSite) -> None:
    await site.mount(recorder(), heartbeat_delay=0)
    url = site.new()
    stream = await site.stream(url, "xhr_streaming")
    await stream.frame()
    poll = await site.held(await site.opened())
    site.clock.advance(1000)
    await site.send(url, "x")
    assert await stream.frame() == 'a["x"]\n'
    assert not poll.reader.at_eof()


# Expiry


async def test_a_session_expires_without_a_receiver(site: SockSite) -> None:
    kind = recorder()
    await site.mount(kind)
    url = await site.opened()
    site.clock.advance(4)
    poll = await site.held(url)
    site.clock.advance(20)
    await site.send(url, "x")
    assert (await poll.answer()).body == b'a["x"]\n'
    site.clock.advance(4)
    assert kind.log == ["open", "x"]
    site.clock.advance(3)
    assert kind.log == ["open", "x", "close"]
    assert (await site.ask("POST", f"{url}/xhr_send", body=b'["x"]')).status == 404
    assert await site.xhr(url) == "o\n"
    assert kind.log == ["open", "x", "close", "open"]


async def test_messages_wait_for_a_receiver(site: SockSite) -> None:
    await site.mount(recorder())
    url = await site.opened()
    await site.send(url, "a")
    await site.send(url, "b", "c")
    assert await site.xhr(url) == 'a["a","b","c"]\n'


async def test_a_close_frame_is_served_until_the_session_expires(site: SockSite) -> None:
    kind = closer()
    await site.mount(kind)
    url = await site.opened()
    await site.send(url, "end")
    assert kind.log == ["open", "close"]
    for _ in range(3):
        assert await site.xhr(url) == 'c[4001,"quo\\"te"]\n'
        # Each time begins anew.
        site.clock.advance(4)
    assert (await site.ask("POST", f"{url}/xhr_send", body=b'["x"]')).status == 204
    site.clock.advance(3)
    assert await site.xhr(url) == "o\n"
    assert kind.log == ["open", "close", "open"]


# The end


@pytest.mark.parametrize("transport", STREAMS)
async def test_a_stream_gets_what_was_sent_before_the_end(site: SockSite, transport: str) -> None:
    kind = closer(("bye", "100%"))
    await site.mount(kind)
    url = site.new()
    stream = await site.stream(url, transport)
    await stream.frame()
    await site.send(url, "end")
    rest = ""
    while piece := await stream.frame():
        rest += piece
    assert 0 < rest.index("bye") < rest.index("4001")
    assert kind.log == ["open", "close"]


async def test_a_waiting_poll_gets_what_was_sent_and_the_next_one_the_end(site: SockSite) -> None:
    kind = closer(("bye", "bye"))
    await site.mount(kind)
    url = await site.opened()
    poll = await site.held(url)
    await site.send(url, "end")
    assert (await poll.answer()).body == b'a["bye","bye"]\n'
    assert await site.xhr(url) == 'c[4001,"quo\\"te"]\n'
    assert kind.log == ["open", "close"]


async def test_a_waiting_poll_gets_the_end(site: SockSite) -> None:
    await site.mount(closer())
    url = await site.opened()
    poll = await site.held(url)
    await site.send(url, "end")
    assert (await poll.answer()).body == b'c[4001,"quo\\"te"]\n'


async def test_a_websocket_gets_what_was_sent_before_the_end(site: SockSite) -> None:
    kind = closer(("bye",))
    await site.mount(kind)
    socket, raw = await site.socket(site.new()), await site.socket("/echo")
    socket.say('["end"]')
    raw.say("end")
    assert [await socket.text() for _ in range(3)] == ["o", 'a["bye"]', 'c[4001,"quo\\"te"]']
    assert (await socket.closing())[0] == 1000
    assert await raw.text() == "bye"
    assert await raw.closing() == (4001, 'quo"te')
    assert sorted(kind.log) == ["close", "close", "open", "open"]


async def test_a_raw_websocket_ends_with_a_code_that_may_be_sent(site: SockSite) -> None:
    await site.mount(closer(code=17, reason=""))
    raw = await site.socket("/echo")
    raw.say("end")
    assert await raw.closing() == (3000, "")


@pytest.mark.parametrize("transport", ["xhr", "xhr_streaming", "websocket", "raw"])
async def test_a_client_that_leaves_is_told_once(site: SockSite, transport: str) -> None:
    kind = recorder()
    await site.mount(kind)
    url = site.new()
    if transport == "xhr":
        assert await site.xhr(url) == "o\n"
        (await site.held(url)).leave()
    elif transport == "xhr_streaming":
        (await site.stream(url, transport)).leave()
    else:
        (await site.socket("/echo" if transport == "raw" else url)).vanish()
    await site.until(lambda: "close" in kind.log)
    site.clock.advance(100)
    assert kind.log == ["open", "close"]
    assert kind.all[0].is_closed
    kind.all[0].send("into the void")
    kind.all[0].close()
    assert kind.log == ["open", "close"]
    assert len(site.router.server.registry) == 0


async def test_shutdown(site: SockSite) -> None:
    kind = recorder()
    await site.mount(kind)
    stream = await site.stream(site.new(), "xhr_streaming")
    poll = await site.held(await site.opened())
    socket = await site.socket(site.new())
    site.router.close()
    assert [await stream.frame(), await stream.frame()] == ["o\n", GO_AWAY + "\n"]
    assert (await poll.answer()).body.decode() == GO_AWAY + "\n"
    assert [await socket.text(), await socket.text()] == ["o", GO_AWAY]
    assert kind.log == ["open"] * 3 + ["close"] * 3


# Applications


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


# Binary


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


# Origins


async def test_origins(site: SockSite, quiet_access_log: None) -> None:
    await site.mount(recorder(), allowed_origins=["http://page.example"], sockjs_url="/sockjs.js", jsessionid=True)
    url = site.new()
    for method, place in (("POST", "xhr"), ("OPTIONS", "xhr_send"), ("POST", "xhr_streaming"), ("GET", "eventsource")):
        answer = await site.ask(method, f"{url}/{place}", "Origin: http://bad.example")
        assert (answer.status, answer.headers.get(b"access-control-allow-origin")) == (403, None)
        assert answer.headers[b"vary"] == b"Origin"
    assert (await site.ask("GET", "/echo/info", "Origin: http://bad.example")).status == 403
    for place in ("iframe.html", "0/a/htmlfile?c=a", "0/a/jsonp?c=a"):
        assert (await site.ask("GET", f"/echo/{place}")).status == 404
    for place in ("/echo/websocket", f"{url}/websocket"):
        answer = await site.ask("GET", place, "Origin: http://bad.example", "Upgrade: websocket", "Connection: Upgrade")
        assert answer.status == 403
    good = await site.ask("POST", f"{url}/xhr", ORIGIN)
    assert (good.status, good.headers[b"access-control-allow-origin"]) == (200, b"http://page.example")
    assert (await site.ask("POST", f"{url}/xhr_send", body=b"[]")).status == 204


async def test_origins_of_websockets_alone(site: SockSite) -> None:
    await site.mount(recorder(), websocket_allow_origin=["http://page.example"])
    refused = await site.ask("GET", "/echo/websocket", "Origin: http://bad.example", "Upgrade: websocket", "Connection: Upgrade")
    assert refused.status == 403
    assert await (await site.socket(site.new(), origin=b"http://page.example")).text() == "o"
    assert (await site.ask("POST", f"{site.new()}/xhr", "Origin: http://bad.example")).status == 200


@pytest.mark.usefixtures("quiet_access_log")
async def test_websockets_that_are_off(site: SockSite) -> None:
    await site.mount(recorder(), disabled_transports=["websocket", "eventsource"])
    for place in ("/echo/websocket", "/echo/0/0/websocket", "/echo/0/0/eventsource", "/echo/iframe.html"):
        assert (await site.ask("GET", place, "Upgrade: websocket", "Connection: Upgrade")).status == 404


# Addresses


async def test_addresses(site: SockSite) -> None:
    await site.mount(recorder(), verify_ip=True)
    url = await site.opened()
    site.below(url).opening = msgspec.structs.replace(site.below(url).opening, ip="10.0.0.1")
    assert await site.xhr(url) == 'c[2010,"Attempted to connect to session from different IP"]\n'
    assert (await site.ask("POST", f"{url}/xhr_send", body=b"[]")).status == 404
