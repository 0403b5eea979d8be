"""Connections, sessions and routers without a socket: what handlers are called with, and what is sent because of it."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from http.cookies import SimpleCookie
from typing import Any, ClassVar

import pytest
from tornado.httputil import HTTPHeaders, HTTPServerRequest, RequestStartLine
from tornado.web import HTTPError

from hbpush.errors import ConfigError, HbpushError
from socketio_compat.tornadio2 import gen
from socketio_compat.tornadio2.conn import ConnectionInfo, SocketConnection, event
from socketio_compat.tornadio2.options import DEFAULT_SETTINGS
from socketio_compat.tornadio2.router import TornadioRouter
from socketio_compat.tornadio2.session import Session
from tests.conftest import ExpectedLogs
from tests.support.clock import ManualClock


class Context:
    remote_ip = "10.0.0.1"
    protocol = "http"


class Connection:
    """What a request of Tornado's knows of where it came from."""

    context = Context()


def request(query: str = "", cookie: str = "") -> HTTPServerRequest:
    headers = HTTPHeaders({"Host": "localhost", "Cookie": cookie})
    line = RequestStartLine("GET", f"/socket.io/1/?{query}", "HTTP/1.1")
    made = HTTPServerRequest(headers=headers, connection=Connection(), start_line=line)  # type: ignore[arg-type]
    assert made.remote_ip == "10.0.0.1"
    return made


class Transport:
    """Somebody's own transport."""

    def __init__(self) -> None:
        self.sent: list[str] = []
        self.is_closed = False

    def send_messages(self, messages: Sequence[str]) -> None:
        self.sent += messages

    def session_closed(self) -> None:
        self.is_closed = True


class Base(SocketConnection):
    @event
    def hello(self) -> str:
        return "from the base"

    @event("bye")
    def farewell(self) -> str:
        return "from the base"

    @event
    def hidden(self) -> str:
        return "from the base"


class Chat(Base):
    def on_open(self, request: ConnectionInfo) -> bool | None:
        type(self).info = request
        return False if request.get_argument("closed") else None

    info: ClassVar[ConnectionInfo]

    def on_message(self, message: Any) -> None:
        self.send(message)


class Root(Base):
    __endpoints__: ClassVar = {"/chat": Chat}

    def __init__(self, session: Session, endpoint: str | None = None) -> None:
        super().__init__(session, endpoint)
        self.heard: list[Any] = []

    def on_open(self, request: ConnectionInfo) -> Any:
        self.info = request
        verdict = request.get_argument("verdict")
        if verdict == "raise":
            raise HTTPError(403)
        return {"no": False, "empty": "", "yes": True}.get(verdict or "")

    def on_message(self, message: Any) -> None:
        self.heard.append(message)
        self.send(message)

    def on_close(self) -> None:
        self.heard.append("closed")

    @event("bye")
    def bye(self) -> tuple[str, int]:
        return "from here", 2

    def hidden(self) -> str:
        """Overridden without the decorator: no handler any more."""
        return ""

    @event
    def add(self, a: int, b: int = 1) -> int:
        return a + b

    @event
    def nothing(self, *args: Any) -> None:
        self.heard.append(args)

    @event
    def broken(self) -> object:
        return object()


class World:
    """A router, and a session that a transport carries."""

    def __init__(self, kind: type[SocketConnection] = Root, query: str = "", cookie: str = "", **settings: Any) -> None:
        self.clock = ManualClock(loop=asyncio.get_running_loop())
        self.router = TornadioRouter(kind, settings, clock=self.clock)
        session = self.router.create_session(request(query, cookie))
        assert isinstance(session, Session)
        self.session = session
        self.transport = Transport()

    def carry(self) -> None:
        assert self.session.set_handler(self.transport)

    def say(self, packet: str) -> list[str]:
        """What a packet is answered with."""
        del self.transport.sent[:]
        self.session.raw_message(packet)
        self.session.flush()
        return self.transport.sent


def in_loop(test: Callable[..., Awaitable[None]]) -> Callable[..., None]:
    def run(expected_logs: ExpectedLogs) -> None:
        asyncio.run(asyncio.wait_for(test(expected_logs), 10))

    run.__name__ = test.__name__
    return run


@in_loop
async def test_connected_first(expected_logs: ExpectedLogs) -> None:
    world = World()
    assert world.session.send_queue == ["1::"]
    world.carry()
    assert world.transport.sent == ["1::"]
    assert world.session.handler is world.transport
    assert world.router.get_session(world.session.session_id) is world.session
    assert world.router.get_session("nobody") is None


@in_loop
async def test_messages(expected_logs: ExpectedLogs) -> None:
    world = World()
    world.carry()
    assert world.say("3:::hi") == ["3:::hi"]
    assert world.say('4:::{"a": [1]}') == ['4:::{"a": [1]}']
    assert world.say("3:5::x") == ["3:::x", "6:::5"]
    assert world.say("3:::") == ["3::"]
    root = world.session.conn
    root.send(None)
    root.send("я".encode())
    root.send('{"a":1}', force_json=True)
    root.emit("e", 1, "x")
    root.emit("e", a=1)
    world.session.flush()
    assert world.transport.sent[1:] == [
        "3:::я", '4:::{"a":1}', '5:::{"args": [1, "x"], "name": "e"}', '5:::{"args": [{"a": 1}], "name": "e"}',
    ]  # fmt: skip


@in_loop
async def test_events(expected_logs: ExpectedLogs) -> None:
    expected_logs("there is no handler of event 'hidden'")
    world = World()
    world.carry()
    assert world.say('5:1+::{"name":"hello"}') == ['6:::1+["from the base"]']
    assert world.say('5:2::{"name":"bye","args":[]}') == ['6:::2+["from here", 2]']
    assert world.say('5:3+::{"name":"add","args":[2,3]}') == ["6:::3+[5]"]
    assert world.say('5:4+::{"name":"add","args":[{"a":2}]}') == ["6:::4+[3]"]
    assert world.say('5:5+::{"name":"nothing","args":[{},{}]}') == ["6:::5"]
    assert world.say('5:::{"name":"add","args":[1]}') == []
    for name in ("hidden", "unknown", "message", "disconnect"):
        assert world.say(f'5:::{{"name":"{name}"}}') == []
    assert world.session.conn.heard == [({}, {})]  # type: ignore[attr-defined]


@in_loop
async def test_wrong_arguments(expected_logs: ExpectedLogs) -> None:
    # One line, without a traceback: any client may do this as often as it likes.
    expected_logs("handler of event 'add' does not take")
    world = World()
    world.carry()
    with pytest.raises(TypeError):
        world.say('5:::{"name":"add","args":[1,2,3]}')
    assert world.transport.sent == ["0::"]
    assert world.transport.is_closed
    assert world.session.is_closed
    assert world.session.conn.is_closed
    assert world.session.conn.heard == ["closed"]  # type: ignore[attr-defined]


@in_loop
async def test_answer_that_is_no_json(expected_logs: ExpectedLogs) -> None:
    expected_logs("a handler failed; its session is closed")
    world = World()
    world.carry()
    with pytest.raises(TypeError):
        world.say('5:1+::{"name":"broken"}')
    assert world.session.is_closed


@in_loop
async def test_acknowledgements(expected_logs: ExpectedLogs) -> None:
    world = World()
    world.carry()
    root = world.session.conn
    heard: list[Any] = []
    root.send("x", lambda *got: heard.append(got))
    root.emit_ack(lambda *got: heard.append(got), "ask", 1, 2)
    root.emit_ack(lambda *got: heard.append(got), "ask", a=1)
    world.session.flush()
    assert world.transport.sent[1:] == [
        "3:1::x", '5:2+::{"args": [1, 2], "name": "ask"}', '5:3+::{"args": [{"a": 1}], "name": "ask"}',
    ]  # fmt: skip
    for packet in ("6:::1", '6:::2+["A","B"]', "6:::2", "6:::99", "6:::3+[]"):
        world.say(packet)
    assert heard == [("x", None), (("ask", (1, 2), {}), ["A", "B"]), (("ask", (), {"a": 1}), None)]
    assert root.ack_queue == {}
    assert root.ack_id == 4


@in_loop
async def test_acknowledgements_that_never_come(expected_logs: ExpectedLogs) -> None:
    class Few(Root):
        max_acks = 2

    root = World(Few).session.conn
    for number in range(3):
        root.send(str(number), print)
    assert list(root.ack_queue) == [2, 3]


@in_loop
async def test_endpoints(expected_logs: ExpectedLogs) -> None:
    expected_logs("there is no endpoint '/nowhere'")
    world = World(query="a=1&b=2", cookie="user=ann")
    world.carry()
    session = world.session
    assert world.say("3::/chat:early") == []
    assert world.say("1::/nowhere") == []
    assert world.say("1::/chat?b=3") == ["1::/chat"]
    chat = session.get_connection("/chat")
    assert isinstance(chat, Chat)
    assert (chat.endpoint, chat.session) == ("/chat", session)
    assert session.endpoints == {"/chat": chat}
    assert (Chat.info.ip, Chat.info.arguments) == ("10.0.0.1", {"a": ["1"], "b": ["3"]})
    cookie = Chat.info.get_cookie("user")
    assert cookie is not None
    assert cookie.value == "ann"
    assert world.say("3::/chat:hi") == ["3::/chat:hi"]
    assert world.say('5:1+:/chat:{"name":"hello"}') == ['6::/chat:1+["from the base"]']
    assert world.say("1::/chat") == ["1::/chat"]
    assert session.get_connection("/chat") is chat
    assert world.say("0::/chat") == []
    assert chat.is_closed
    chat.send("late")
    assert world.say("1::/chat?closed=1") == ["1::/chat", "0::/chat"]
    session.connect_endpoint("/chat")
    session.disconnect_endpoint("/chat")
    assert session.endpoints == {}
    session.connect_endpoint("/chat")
    again = session.get_connection("/chat")
    assert again is not None
    assert again is not chat
    again.close()
    assert again.is_closed
    session.connect_endpoint("/chat")
    del world.transport.sent[:]
    session.conn.close()
    assert world.transport.sent[-2:] == ["0::/chat", "0::"]
    assert world.transport.is_closed


@pytest.mark.parametrize("verdict", ["no", "empty", "raise"])
def test_refused(verdict: str) -> None:
    async def scenario() -> None:
        router = TornadioRouter(Root, {"handshake_error_status": 403})
        with pytest.raises(HTTPError) as refusal:
            router.create_session(request(f"verdict={verdict}"))
        assert refusal.value.status_code == 403
        assert router.stats.dump()["active_sessions"] == 0
        router.close()

    asyncio.run(scenario())


@in_loop
async def test_open_that_is_awaited(expected_logs: ExpectedLogs) -> None:
    class Slow(Root):
        async def on_open(self, request: ConnectionInfo) -> bool:
            await asyncio.sleep(0)
            return request.get_argument("verdict") != "no"

    router = TornadioRouter(Slow)
    session = router.create_session(request())
    assert isinstance(session, Awaitable)
    assert (await session).send_queue == ["1::"]
    with pytest.raises(HTTPError):
        await router.create_session(request("verdict=no"))  # type: ignore[misc]
    router.close()


@in_loop
async def test_order_of_coroutines_and_generators(expected_logs: ExpectedLogs) -> None:
    class Mixed(Root):
        @event
        async def slowly(self, value: int) -> int:
            await asyncio.sleep(0)
            return value

        @event
        def stepwise(self, value: int) -> Any:
            value = yield gen.Task(self.later, value)
            self.emit("step", value)

        def later(self, value: int, callback: Callable[[int], None]) -> None:
            asyncio.get_running_loop().call_soon(callback, value + 1)

    world = World(Mixed)
    world.carry()
    for packet in ('5:1+::{"name":"slowly","args":[1]}', '5:2+::{"name":"stepwise","args":[2]}', "3:::last"):
        world.session.raw_message(packet)
    for _turn in range(20):
        await asyncio.sleep(0)
    assert world.transport.sent == ["1::", "6:::1+[1]", '5:::{"args": [3], "name": "step"}', "6:::2", "3:::last"]


@in_loop
async def test_queued_generators(expected_logs: ExpectedLogs) -> None:
    expected_logs("a handler failed; its session is closed")

    class Queued(Root):
        @gen.sync_engine
        def on_event(self, name: str, *args: Any, **kwargs: Any) -> Any:
            return super().on_event(name, *args, **kwargs)

        @event
        def ask(self, value: int) -> Any:
            yield asyncio.sleep(0)
            self.emit("answer", value)
            if value == 3:
                raise RuntimeError("three")

    world = World(Queued)
    world.carry()
    for value in (1, 2, 3, 4):
        world.session.raw_message(f'5:::{{"name":"ask","args":[{value}]}}')
    assert world.say("3:::meanwhile") == ["3:::meanwhile"]
    for _turn in range(50):
        await asyncio.sleep(0)
    assert world.transport.sent == [
        "3:::meanwhile", *(f'5:::{{"args": [{value}], "name": "answer"}}' for value in (1, 2, 3)), "0::",
    ]  # fmt: skip
    assert world.session.is_closed


@in_loop
async def test_carriers(expected_logs: ExpectedLogs) -> None:
    world = World()
    world.carry()
    other = Transport()
    assert not world.session.set_handler(other)
    with pytest.raises(HbpushError):
        world.session.remove_handler(other)
    world.session.remove_handler(world.transport)
    assert world.session.handler is None

    class Stranger(Transport):
        request = request()

    Stranger.request.remote_ip = "10.9.9.9"
    assert not world.session.set_handler(Stranger())
    assert world.session.set_handler(other)
    assert world.router.stats.dump()["active_connections"] == 1
    world.router.close()
    assert other.is_closed
    assert world.session.is_closed


@in_loop
async def test_time(expected_logs: ExpectedLogs) -> None:
    world = World(session_expiry=30, heartbeat_interval=12)
    session = world.session
    world.clock.advance(20)
    assert session.is_alive()
    session.promote()
    session.stop_heartbeat()
    world.clock.advance(20)
    assert session.send_queue == ["1::", "2::"]
    session.on_delete(False)
    assert session.is_closed
    assert world.router.get_session(session.session_id) is None
    carried = World(heartbeat_interval=12)
    carried.carry()
    carried.session.on_delete(False)
    assert carried.session.is_alive()
    carried.clock.advance(7)
    carried.session.delay_heartbeat()
    carried.clock.advance(7)
    await asyncio.sleep(0)
    assert carried.transport.sent == ["1::"]
    carried.session.reset_heartbeat()
    carried.clock.advance(14)
    carried.session.flush()
    assert carried.transport.sent == ["1::", "2::"]
    carried.session.on_delete(True)
    assert carried.session.is_closed


@in_loop
async def test_sessions_of_ones_own(expected_logs: ExpectedLogs) -> None:
    router = World(session_expiry=30, heartbeat_interval=0).router
    session = Session(Chat, router, request("room=7"), 5)
    assert isinstance(session.conn, Chat)
    assert session.info.get_argument("room") == "7"
    assert router.get_session(session.session_id) is session
    assert (session.send_queue, session.expiry, session.remote_ip) == (["1::"], 5, "10.0.0.1")
    usual = Session(Root, router, request())
    with pytest.raises(HTTPError) as raised:
        Session(Root, router, request("verdict=no"))
    assert raised.value.status_code == 401
    session.set_handler(transport := Transport())
    clock = router.server.registry.clock
    assert isinstance(clock, ManualClock)
    clock.advance(7)
    assert not session.is_closed
    session.remove_handler(transport)
    clock.advance(4)
    assert not session.is_closed
    clock.advance(3)
    assert session.is_closed
    assert not usual.is_closed
    clock.advance(32)
    assert usual.is_closed
    assert len(router.server.registry) == 0


class Slow(Root):
    async def on_open(self, request: ConnectionInfo) -> bool:  # type: ignore[override]
        await asyncio.sleep(0)
        if request.get_argument("fault"):
            raise RuntimeError("fault")
        return request.get_argument("no") is None


@in_loop
async def test_sessions_of_ones_own_that_take_their_time(expected_logs: ExpectedLogs) -> None:
    expected_logs("a handshake failed")
    router = World().router
    sessions = [Session(Slow, router, request(query)) for query in ("", "no=1", "fault=1")]
    await asyncio.wait(router.server.registry.running)
    await asyncio.sleep(0)
    assert [session.is_closed for session in sessions] == [False, True, True]
    assert not router.server.registry.running


@in_loop
async def test_figures(expected_logs: ExpectedLogs) -> None:
    world = World()
    world.carry()
    world.say("3:::x")
    figures = world.router.stats.dump()
    assert (figures["active_sessions"], figures["active_connections"], figures["max_connections"]) == (1, 1, 1)
    world.router.stats._flush()
    figures = world.router.stats.dump()
    assert (figures["packets_recv_ps"], figures["packets_sent_ps"], figures["connections_ps"]) == (1, 2, 1)
    world.session.close()
    figures = world.router.stats.dump()
    assert (figures["active_sessions"], figures["max_sessions"], figures["active_connections"]) == (0, 1, 0)


def test_info() -> None:
    jar = SimpleCookie("a=1")
    info = ConnectionInfo("::1", {"x": [b"\xd1\x8f", "b"], "y": []}, jar)
    assert info.arguments == {"x": ["я", "b"], "y": []}
    assert (info.get_argument("x"), info.get_argument("y"), info.get_argument("z", "d")) == ("я", None, "d")
    cookie = info.get_cookie("a")
    assert cookie is not None
    assert cookie.value == "1"
    assert info.get_cookie("b") is None


@in_loop
async def test_what_a_handshake_brings(expected_logs: ExpectedLogs) -> None:
    info = World(query="x=%D1%8F&x=2&empty=&bad=%FF", cookie='a=b; no[good]="1"; c=d').session.info
    assert info.arguments == {"x": ["я", "2"], "empty": [""], "bad": ["\ufffd"]}
    assert {name: morsel.value for name, morsel in info.cookies.items()} == {"a": "b", "c": "d"}


@in_loop
async def test_query_of_an_endpoint_is_text(expected_logs: ExpectedLogs) -> None:
    for query in ("room=\u0434\u0430", "room=%D0%B4%D0%B0"):
        World().session.raw_message(f"1::/chat?{query}&half=\ud83d")
        assert Chat.info.arguments == {"room": ["\u0434\u0430"], "half": ["?"]}


@in_loop
async def test_keyword_arguments_of_any_name(expected_logs: ExpectedLogs) -> None:
    world = World()
    world.carry()
    world.say("8::")
    conn = world.session.conn
    conn.emit("e", name=1, endpoint=2, message_id=3, self=4)
    conn.emit_ack(print, "e", callback=1, name=2)
    world.session.flush()
    assert world.transport.sent == [
        '5:::{"args": [{"name": 1, "endpoint": 2, "message_id": 3, "self": 4}], "name": "e"}',
        '5:1+::{"args": [{"callback": 1, "name": 2}], "name": "e"}',
    ]


@pytest.mark.parametrize(
    ("settings", "place"),
    [
        ({"session_expiry": 0}, "session_expiry"),
        ({"heartbeat_interval": "12"}, "heartbeat_interval"),
        ({"max_queue": 1.5}, "max_queue"),
        ({"handshake_error_status": 200}, "handshake_error_status"),
        ({"handshake_error_status": 420}, "handshake_error_status"),
        ({"origins": "example.com"}, "origins"),
        ({"client_timeout": float("nan")}, "client_timeout"),
        ({"enabled_protocols": "websocket"}, "enabled_protocols"),
        ({"enabled_protocols": ["pigeon"]}, "enabled_protocols"),
    ],
)
def test_settings_that_cannot_be(settings: dict[str, Any], place: str) -> None:
    with pytest.raises(ConfigError, match=place):
        TornadioRouter(Root, settings)


def test_a_connection_that_cannot_be() -> None:
    with pytest.raises(ConfigError, match="connection: is None"):
        TornadioRouter(None)  # type: ignore[arg-type]


def test_settings(expected_logs: ExpectedLogs) -> None:
    expected_logs("enabled_protocols: 'pigeon' is no transport; they are websocket")
    router = TornadioRouter(Root, {"enabled_protocols": ["xhr-polling", "pigeon", "websocket"], "own": 1}, namespace="/push/")
    assert router.settings == {**DEFAULT_SETTINGS, "enabled_protocols": ["xhr-polling", "pigeon", "websocket"], "own": 1}
    # The handshake, two transports, and the rest.
    assert len(router.urls) == 4
    assert len(TornadioRouter(Root, None).urls) == 6
    routes: list[Any] = ["mine"]
    assert router.apply_routes(routes) is routes
    assert len(routes) == 5


def test_every_bound_has_a_default() -> None:
    bounds = [value for name, value in DEFAULT_SETTINGS.items() if name.startswith("max_")]
    assert len(bounds) == 5
    assert all(bounds)


def test_on_message_has_to_be_overridden(expected_logs: ExpectedLogs) -> None:
    expected_logs("NotImplementedError")

    async def scenario() -> None:
        with pytest.raises(NotImplementedError):
            World(SocketConnection).session.raw_message("3:::x")

    asyncio.run(scenario())


def test_log_of_what_clients_do_wrong(caplog: pytest.LogCaptureFixture, expected_logs: ExpectedLogs) -> None:
    # Somebody has to hear of it who has not set up any logging.
    expected_logs("WARNING hbpush: refused: there is no handler of event 'unknown'")

    async def scenario() -> None:
        with caplog.at_level(logging.INFO, "hbpush.socketio"):
            for packet in ('5:::{"name":"unknown"}', "6:::99", '5:::{"name":"connect"}'):
                World().session.raw_message(packet)

    asyncio.run(scenario())
    assert len(caplog.records) == 3
