"""The life of sessions: heartbeats, expiry, the order of ends, and who hears of them (SockJS specification 4, 9)."""

from __future__ import annotations

from typing import Any

import pytest

from tests.support.sockjs import Recorder, SockSite, recorder

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
