"""Programs written for sockjs-tornado, on every host: what a router gives them, and what they may ask of it (SockJS specification 9)."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence
from typing import Any

import pytest
from sockjs.tornado.conn import SockJSConnection
from sockjs.tornado.router import SockJSRouter as OriginalRouter
from sockjs.tornado.session import BaseSession
from sockjs.tornado.transports.base import BaseTransportMixin
from tornado.web import Application, RequestHandler

from hbpush.core.hub import Hub
from hbpush.core.message import NEWEST, ChannelRef, Draft, Message
from hbpush.session.feed import Feed
from hbpush.stores.base import StoreContext, StoreSettings
from hbpush.stores.memory import MemoryStore
from hbpush.web.bridge import native_routes
from sethpusher.sockjs import ConnectionInfo, Session, SockJSRouter
from sethpusher.sockjs.shapes import TextShape
from tests.support.sockjs import ORIGIN, SockSite, recorder

NEWS = ChannelRef("default", "", "news")


class Chat(SockJSConnection):  # type: ignore[misc]
    """As in sockjs-tornado's own example."""

    participants: set[Chat] = set()  # noqa: RUF012 - as programs have it

    def on_open(self, info: ConnectionInfo) -> None:
        self.broadcast(self.participants, "Someone joined.")
        self.participants.add(self)

    def on_message(self, message: str) -> None:
        self.broadcast(self.participants, message)

    def on_close(self) -> None:
        self.participants.remove(self)
        self.broadcast(self.participants, "Someone left.")


async def test_chat_over_mixed_transports(site: SockSite) -> None:
    Chat.participants = set()
    await site.mount(Chat)
    stream_url, poll_url = site.new(), site.new()
    stream = await site.stream(stream_url, "xhr_streaming")
    events = await site.stream(site.new(), "eventsource")
    page = await site.stream(site.new(), "htmlfile?c=_jp.abc")
    socket, raw = await site.socket(site.new()), await site.socket("/echo")
    assert await site.xhr(poll_url) == "o\n"
    poll = await site.held(poll_url)
    for reader in (stream, events, page):
        await reader.frame()
    joined = [await stream.frame() for _ in range(5)]
    assert joined == ['a["Someone joined."]\n'] * 5
    for reader, times in ((events, 4), (page, 3)):
        for _ in range(times):
            assert "Someone joined." in await reader.frame()
    assert [await socket.text() for _ in range(3)] == ["o", *['a["Someone joined."]'] * 2]
    assert await raw.text() == "Someone joined."
    await site.send(stream_url, "100% </script> é")
    assert (await poll.answer()).body == b'a["100% </script> \\u00e9"]\n'
    assert await stream.frame() == 'a["100% </script> \\u00e9"]\n'
    assert await events.frame() == 'data: a["100%25 </script> \\u00e9"]\r\n\r\n'
    assert "</script> \\" not in await page.frame()
    assert await socket.text() == 'a["100% </script> \\u00e9"]'
    assert await raw.text() == "100% </script> é"
    raw.vanish()
    assert await socket.text() == 'a["Someone left."]'


class Below(BaseSession):  # type: ignore[misc]
    """A client within a client, as programs have it that carry several of them on one connection."""

    def __init__(self, kind: Any, carrier: Any, topic: str) -> None:
        super().__init__(kind, carrier.session.server)
        self.carrier, self.topic = carrier, topic

    def send_message(self, msg: Any, stats: bool = True, binary: bool = False) -> None:
        self.carrier.send(f"{self.topic}:{msg}")


class Carried(BaseTransportMixin):  # type: ignore[misc]
    name = "carried"

    def __init__(self, info: Any) -> None:
        self.info = info

    def get_conn_info(self) -> Any:
        return self.info


class Carrier(SockJSConnection):  # type: ignore[misc]
    """``+topic`` opens a client of the topic, ``-topic`` closes it, ``topic:text`` is what it says."""

    def on_open(self, info: ConnectionInfo) -> None:
        self.inside: dict[str, Below] = {}

    def on_message(self, message: str) -> None:
        topic, said, text = message.partition(":")
        if said:
            self.inside[topic].conn.on_message(text)
        elif topic[0] == "+":
            below = self.inside[topic[1:]] = Below(Chat, self, topic[1:])
            below.set_handler(Carried(self.session.conn_info))
            below.verify_state()
        else:
            self.inside.pop(topic[1:]).close()

    def on_close(self) -> None:
        for below in self.inside.values():
            below.close()


async def test_clients_within_clients(site: SockSite) -> None:
    Chat.participants = set()
    await site.mount(Carrier)
    first, second = await site.socket("/echo"), await site.socket("/echo")
    for message in ("+red", "+blue", "red:hello"):
        first.say(message)
    assert await first.text() == "red:Someone joined."
    assert {await first.text(), await first.text()} == {"red:hello", "blue:hello"}
    second.say("+red")
    await site.until(lambda: len(Chat.participants) == 3)
    assert site.router.stats.dump()["transp_carried"] == 3
    assert site.router.stats.dump()["sessions_active"] == 5
    first.say("-red")
    await site.until(lambda: len(Chat.participants) == 2)
    first.vanish()
    assert [await second.text() for _ in range(2)] == ["red:Someone left."] * 2
    assert site.router.stats.dump()["transp_carried"] == 1


async def test_who_has_come(site: SockSite) -> None:
    kind = recorder()
    await site.mount(kind)
    cookie = 'Cookie: user=alice; quoted="a b"'
    await site.ask("POST", f"{site.new()}/xhr?token=%C3%A9&token=2&empty=", cookie, "X-Own: 1")
    (connection,) = kind.all
    info = connection.info
    assert info.ip == "127.0.0.1"
    assert info.path.endswith("/xhr")
    assert (info.get_argument("token"), info.arguments["token"][1], info.get_argument("empty"), info.get_argument("no")) == (
        "é", "2", "", None,
    )  # fmt: skip
    assert (info.get_cookie("user"), info.get_cookie("user").value, info.cookies["quoted"], info.get_cookie("no")) == (
        "alice", "alice", "a b", None,
    )  # fmt: skip
    assert info.get_argument("token").decode() == "é"
    assert (info.get_header("x-own"), info.headers["X-Own"], info.get_header("no")) == ("1", "1", None)
    assert info.secure is site.host.kind.tls
    assert connection.session.conn_info is info
    assert connection.session.transport_name == "xhr"


async def test_stats(site: SockSite) -> None:
    def on_message(self: Any, message: Any) -> None:
        self.close()

    await site.mount(recorder(on_message=on_message))
    sockets = [await site.socket(site.new()), await site.socket("/echo")]
    await site.opened()
    poll = await site.held(await site.opened())
    figures = site.router.stats.dump()
    assert figures["sessions_active"] == 4
    assert figures["connections_active"] == 3
    assert (figures["transp_websocket"], figures["transp_rawwebsocket"], figures["transp_xhr"]) == (1, 1, 2)
    for socket in sockets:
        socket.say('["x"]')
    await site.until(lambda: site.router.stats.dump()["sessions_active"] == 2)
    # One that was closed by the server does not count any more.
    assert site.router.stats.dump()["connections_active"] == 1
    site.clock.advance(4)
    figures = site.router.stats.dump()
    assert figures["packets_recv_ps"] > 0
    assert figures["connections_ps"] > 0
    poll.leave()


async def test_the_names_of_a_router(site: SockSite) -> None:
    class Own(Session):
        """Of a program's."""

    kind = recorder()
    router = SockJSRouter(kind, "/echo/", {"jsessionid": False}, None, Own, clock=site.clock)
    assert isinstance(router, OriginalRouter)
    assert router.get_connection_class() is kind
    routes: list[Any] = [("/other", RequestHandler)]
    assert router.apply_routes(routes) is routes
    assert routes[1:] == router.urls
    await site.mount_all([router])
    session = router.create_session("mine")
    assert isinstance(session, Own)
    assert (session.session_id, session.state, session.is_closed) == ("mine", 0, False)
    session.send_message("early")
    assert await site.xhr("/echo/0/mine") == "o\n"
    assert router.get_session("mine") is session
    assert (session.state, kind.log) == (1, ["open"])
    session.send_jsonified('"j\\u0000"')
    assert await site.xhr("/echo/0/mine") == 'a["early","j\\u0000"]\n'
    session.on_messages(["fake"])
    assert kind.log == ["open", "fake"]
    session.delayed_close()
    await site.until(lambda: session.is_closed)
    assert (session.state, session.conn, session.get_close_reason()) == (2, None, (3000, "Go away!"))
    assert router.get_session("nobody") is None


class Page(RequestHandler):
    def get(self) -> None:
        self.write("page")

    def post(self) -> None:
        self.write("posted")


async def test_pages_of_other_origins_may_post_to_a_careful_application(site: SockSite) -> None:
    site.routers = [SockJSRouter(recorder(), "", {"jsessionid": False}, clock=site.clock)]
    site.router = site.routers[0]
    rules = [*site.router.urls, ("/page", Page)]
    application = Application(rules, cross_origin_protection=True, xsrf_cookies=True)
    if site.host.kind.tornado:
        await site.host.serve([], handlers=application.default_router.rules)
    else:
        routes, rest = native_routes(application)
        await site.host.serve(routes, fallback=rest)
    answer = await site.ask("POST", "/0/a/xhr", ORIGIN, "Sec-Fetch-Site: cross-site")
    assert answer.body == b"o\n"
    assert (await site.ask("GET", "/page")).body == b"page"
    assert (await site.ask("GET", "/")).body == b"Welcome to SockJS!\n"


@pytest.fixture
def early() -> Any:
    """A router that was made where no loop runs, as those at the top of modules are."""
    kind = recorder()
    return kind, SockJSRouter(kind, "/echo", {"disconnect_delay": 0.01})


async def test_a_router_that_was_made_before_the_loop(early: Any, site: SockSite) -> None:
    kind, router = early
    await site.mount_all([router])
    await site.opened()
    await site.until(lambda: kind.log == ["open", "close"])


# The hub


class Counted:
    """A text for each message, and how often they were made."""

    def __init__(self) -> None:
        self.made = 0

    def __call__(self, messages: Sequence[Message]) -> list[str]:
        self.made += 1
        return [json.dumps({"message": message.body.decode()}) for message in messages]


async def test_messages_of_a_channel_are_made_once(site: SockSite) -> None:
    kind = recorder()
    await site.mount(kind)
    store = MemoryStore(StoreSettings(), StoreContext("default", site.clock, site.host.counters))
    hub = Hub({"default": store}, site.clock)
    store.start(hub)
    texts = Counted()
    shape = TextShape(texts)
    sockets = [await site.socket(site.new()) for _ in range(5)]
    raws = [await site.socket("/echo") for _ in range(5)]
    streams = [await site.stream(site.new(), "xhr_streaming") for _ in range(5)]
    urls = [await site.opened() for _ in range(5)]
    polls = [await site.held(url) for url in urls]
    for connection in kind.all:
        below = connection.session.below
        feed = Feed(hub, NEWS, below, shape, None, lambda feed, reason: None)
        below.feeds = {NEWS: feed}
        feed.join(NEWEST)
    hub.publish(NEWS, Draft(b"one"))
    hub.publish(NEWS, Draft(b"two"))
    frame = 'a["{\\"message\\": \\"one\\"}","{\\"message\\": \\"two\\"}"]'
    for socket in sockets:
        assert [await socket.text(), await socket.text()] == ["o", frame]
    for raw in raws:
        assert [json.loads(await raw.text()) for _ in range(2)] == [{"message": "one"}, {"message": "two"}]
    for stream in streams:
        assert [await stream.frame(), await stream.frame()] == ["o\n", frame + "\n"]
    for poll in polls:
        assert (await poll.answer()).body.decode() == frame + "\n"
    assert texts.made == 4
    # The next one waits for those who poll.
    hub.publish(NEWS, Draft(b"three"))
    assert await site.xhr(urls[0]) == 'a["{\\"message\\": \\"three\\"}"]\n'
    assert hub.subscribers(NEWS)
    site.router.close()
    await asyncio.sleep(0)
    assert not hub.subscribers(NEWS)
