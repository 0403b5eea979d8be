"""A program of TornadIO2's kind on a stock HTTPServer and on the native front (TornadIO API, part B; Socket.IO 0.7 specification 4, 5)."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from typing import Any, ClassVar

import pytest
from tornado.web import Application, HTTPError, RequestHandler

from socketio_compat.tornadio2 import SocketConnection, TornadioRouter, event, gen
from socketio_compat.tornadio2.conn import ConnectionInfo
from socketio_compat.tornadio2.persistent import TornadioWebSocketHandler
from socketio_compat.tornadio2.polling import TornadioJSONPHandler, TornadioXHRPollingHandler
from socketio_compat.tornadio2.preflight import PreflightHandler
from socketio_compat.tornadio2.router import HandshakeHandler
from tests.conftest import ExpectedLogs
from tests.support.hosts import PATIENCE
from tests.support.tornadio2 import Program
from tests.support.websocket import CLOSE


class Base(SocketConnection):
    log: ClassVar[list[Any]] = []

    @event
    def ping(self, client: str) -> tuple[str, int]:
        return client, 1

    def on_close(self) -> None:
        self.log.append(("closed", self.endpoint))


class Chat(Base):
    def on_open(self, request: ConnectionInfo) -> bool | None:
        cookie = request.get_cookie("user")
        self.log.append((request.ip, request.arguments, None if cookie is None else cookie.value))
        self.send("welcome")
        return False if request.get_argument("room") == "secret" else None

    def on_message(self, message: Any) -> None:
        self.send(message)


class Late(Base):
    async def on_open(self, request: ConnectionInfo) -> bool:
        await asyncio.sleep(0)
        return request.get_argument("deny") is None

    def on_message(self, message: Any) -> None:
        self.send(message)


class Main(Base):
    __endpoints__: ClassVar = {"/chat": Chat, "/late": Late}

    def on_open(self, request: ConnectionInfo) -> Any:
        self.info = request
        if request.get_argument("raise"):
            raise HTTPError(403)
        if request.get_argument("later"):
            return self.decide()
        return not request.get_argument("deny")

    async def decide(self) -> bool:
        await asyncio.sleep(0)
        return not self.info.get_argument("deny")

    async def on_message(self, message: Any) -> None:
        if message == "slow":
            await asyncio.sleep(0.02)
        if message == "boom":
            raise RuntimeError("boom")
        self.send(message)

    @event("add")
    async def total(self, a: int, b: int) -> int:
        await asyncio.sleep(0)
        return a + b

    @event
    def ask_back(self) -> None:
        self.emit_ack(self.answered, "question", "why", 2)
        self.send("please acknowledge", self.answered)

    @event
    def say(self, **words: str) -> None:
        self.emit("said", **words)

    def answered(self, message: Any, data: Any) -> None:
        self.log.append((message, data))


class Page(RequestHandler):
    def get(self) -> None:
        self.write("a page")


@pytest.fixture(autouse=True)
def empty_log() -> None:
    Base.log.clear()


async def test_messages_in_order(program: Program) -> None:
    await program.mount(Main, [("/page", Page)])
    assert (await program.ask("GET", "/page")).body == b"a page"
    socket = await program.opened()
    socket.say("3:::slow", "3:1::fast", '4:::{"a":1}', "3:::поща \U0001f600")
    assert [await socket.packet() for _ in range(5)] == ["3:::slow", "3:::fast", "6:::1", '4:::{"a": 1}', "3:::поща \U0001f600"]


async def test_events_and_acknowledgements_both_ways(program: Program) -> None:
    await program.mount(Main)
    socket = await program.opened()
    socket.say('5:2+::{"name":"ping","args":["x"]}', '5:3+::{"name":"add","args":[1,2]}', '5:4+::{"name":"add","args":[{"a":3,"b":4}]}')
    assert [await socket.packet() for _ in range(3)] == ['6:::2+["x", 1]', "6:::3+[3]", "6:::4+[7]"]
    socket.say('5:::{"name":"say","args":[{"text":"hi"}]}')
    assert await socket.event() == ("", "said", [{"text": "hi"}])
    socket.say('5:::{"name":"ask_back"}')
    kind, number, _, body = (await socket.packet()).split(":", 3)
    assert (kind, number, json.loads(body)) == ("5", "1+", {"name": "question", "args": ["why", 2]})
    assert await socket.packet() == "3:2::please acknowledge"
    socket.say('6:::1+["because"]', "6:::2")
    await socket.quiet()
    assert Base.log == [(("question", ("why", 2), {}), ["because"]), ("please acknowledge", None)]


async def test_endpoints(program: Program, expected_logs: ExpectedLogs) -> None:
    expected_logs("there is no endpoint '/nowhere'")
    await program.mount(Main)
    answer = await program.ask("GET", "/socket.io/1/?name=Ann&room=1", "Cookie: user=ann; b=c")
    sid = answer.body.decode().partition(":")[0]
    socket = await program.websocket(sid)
    socket.say("1::/chat?room=7", "3::/chat:hi", '5:1+:/chat:{"name":"ping","args":["x"]}')
    assert [await socket.packet() for _ in range(4)] == ["1::/chat", "3::/chat:welcome", "3::/chat:hi", '6::/chat:1+["x", 1]']
    assert Base.log == [("127.0.0.1", {"name": ["Ann"], "room": ["7"]}, "ann")]
    socket.say("1::/chat?room=secret")
    assert [await socket.packet() for _ in range(3)] == ["1::/chat", "3::/chat:welcome", "0::/chat"]
    socket.say("1::/nowhere", "1::/late?deny=1", "1::/late", "3::/late:x")
    assert [await socket.packet() for _ in range(4)] == ["1::/late", "0::/late", "1::/late", "3::/late:x"]
    socket.say("0::/late")
    await socket.quiet()
    assert Base.log[2:] == [("closed", "/chat"), ("closed", "/late"), ("closed", "/late")]
    session = program.router.get_session(sid)
    assert session is not None
    assert dict(session.endpoints) == {}
    socket.say("1::/chat")
    assert await socket.packet() == "1::/chat"
    assert await socket.packet() == "3::/chat:welcome"
    session.close()
    assert [await socket.packet() for _ in range(2)] == ["0::/chat", "0::"]
    assert await socket.read_close() == 1000
    assert Base.log[-2:] == [("closed", "/chat"), ("closed", None)]
    assert program.router.get_session(sid) is None


async def test_endpoint_refused_by_error(program: Program) -> None:
    await program.mount(Main, reject_endpoint_with_error=True)
    socket = await program.opened()
    socket.say("1::/late?deny=1", "1::/late")
    assert [await socket.packet() for _ in range(2)] == ["7::/late:2", "1::/late"]


async def test_handshakes(program: Program) -> None:
    await program.mount(Main, handshake_error_status=403)
    for query in ("deny=1", "raise=1", "later=1&deny=1"):
        answer = await program.ask("GET", f"/socket.io/1/?{query}", "Origin: http://x.example")
        assert (answer.status, answer.body) == (403, b"handshake unauthorized")
        assert answer.headers[b"access-control-allow-origin"] == b"http://x.example"
    accepted = await program.ask("GET", "/socket.io/1/?later=1")
    assert accepted.body.endswith(b":17:25:websocket,xhr-polling,jsonp-polling,htmlfile")
    assert program.router.stats.dump()["active_sessions"] == 1
    assert (await program.ask("GET", "/socket.io/2/")).status == 503


async def test_flashsocket_is_another_name_of_websocket(program: Program) -> None:
    await program.mount(Main)
    socket = await program.websocket(await program.shake(), "flashsocket")
    await socket.quiet()


async def test_flashsocket_is_offered_where_it_is_named(program: Program) -> None:
    await program.mount(Main, enabled_protocols=["flashsocket", "xhr-polling"])
    assert (await program.ask("GET", "/socket.io/1/")).body.endswith(b":17:25:flashsocket,xhr-polling")
    assert (await program.ask("GET", f"/socket.io/1/websocket/{await program.shake()}")).status == 404


async def goodbye(program: Program) -> str:
    """A session whose WebSocket was closed in due form: its id."""
    sid = await program.shake()
    socket = await program.websocket(sid)
    await socket.quiet()
    socket.send(CLOSE, b"")
    assert await socket.read_close() == 1005
    await socket.leave()
    await program.until(lambda: program.server.connections == 0)
    return sid


async def test_session_stays_when_its_websocket_is_closed(program: Program) -> None:
    await program.mount(Main)
    sid = await goodbye(program)
    assert Base.log == []
    again = await program.websocket(sid, first=False)
    await again.quiet()


async def test_close_on_clean_disconnect(program: Program) -> None:
    await program.mount(Main, close_on_clean_disconnect=True)
    sid = await goodbye(program)
    assert Base.log == [("closed", None)]
    assert (await program.poll(sid)).status == 401


async def test_connection_that_breaks_is_no_clean_disconnect(program: Program) -> None:
    await program.mount(Main, close_on_clean_disconnect=True)
    sid = await program.shake()
    socket = await program.websocket(sid)
    await socket.quiet()
    socket.vanish()
    await program.until(lambda: program.server.connections == 0)
    assert Base.log == []
    again = await program.websocket(sid, first=False)
    await again.quiet()


async def test_other_namespace(program: Program, expected_logs: ExpectedLogs) -> None:
    expected_logs("enabled_protocols: 'pigeon' is no transport")
    await program.mount(Main, namespace="push/io", enabled_protocols=["xhr-polling", "pigeon"])
    assert (await program.ask("GET", "/push/io/1/")).body.endswith(b":17:25:xhr-polling")


async def test_fault_closes_everything(program: Program, expected_logs: ExpectedLogs) -> None:
    expected_logs("a handler failed; its session is closed")
    await program.mount(Main)
    socket = await program.opened()
    socket.say("1::/chat", "3:::boom", "3:::not any more")
    assert [await socket.packet() for _ in range(4)] == ["1::/chat", "3::/chat:welcome", "0::/chat", "0::"]
    assert await socket.read_close() == 1011
    assert Base.log[1:] == [("closed", "/chat"), ("closed", None)]


async def test_polling(program: Program) -> None:
    await program.mount(Main)
    sid = await program.shake()
    assert (await program.poll(sid)).body == b"1::"
    held = await program.hold(sid)
    assert (await program.post(sid, "3:::one", "3:::two")).body == b"1"
    first = (await held.answer()).body.decode()
    rest = "" if "two" in first else (await program.poll(sid)).body.decode()
    assert "one" in first
    assert "two" in first + rest
    program.clock.advance(31)
    await program.until(lambda: Base.log)
    assert Base.log == [("closed", None)]


async def test_gone_client_expires(program: Program) -> None:
    await program.mount(Main, global_heartbeats=False)
    socket = await program.opened()
    await socket.quiet()
    await socket.leave()
    session = program.server.registry.sessions()[0]
    await program.until(lambda: session.transport is None)
    assert Base.log == []
    program.clock.advance(32)
    assert Base.log == [("closed", None)]


class Worker(SocketConnection):
    """Does its work in generators."""

    started: ClassVar[list[int]] = []

    def work(self, value: int, callback: Callable[[int], None]) -> None:
        self.started.append(value)
        asyncio.get_running_loop().call_later(0.01, callback, value * 2)

    def on_message(self, message: Any) -> None:
        self.send(message)

    @event
    def query(self, value: int) -> Any:
        result = yield gen.Task(self.work, value)
        self.emit("result", result, list(self.started))

    @gen.sync_engine
    def on_event(self, name: str, *args: Any, **kwargs: Any) -> Any:
        return super().on_event(name, *args, **kwargs)


async def test_generators(program: Program) -> None:
    Worker.started.clear()
    await program.mount(Worker)
    socket = await program.opened()
    socket.say('5:1+::{"name":"query","args":[1]}', '5:::{"name":"query","args":[2]}', "3:::meanwhile")
    assert [await socket.packet(), await socket.packet()] == ["6:::1", "3:::meanwhile"]
    assert [await socket.event(), await socket.event()] == [("", "result", [2, [1]]), ("", "result", [4, [1, 2]])]


async def test_stats(program: Program) -> None:
    await program.mount(Main)
    socket = await program.opened()
    await socket.quiet()
    await program.shake()
    figures = program.router.stats.dump()
    assert (figures["active_sessions"], figures["active_connections"], figures["max_connections"]) == (2, 1, 1)
    socket.vanish()
    await program.until(lambda: not program.router.stats.dump()["active_connections"])


async def test_own_policy_of_origins(program: Program, monkeypatch: pytest.MonkeyPatch) -> None:
    def verify(self: PreflightHandler) -> bool:
        return self.request.headers["Origin"] == "http://good.example" and self.request.remote_ip == "127.0.0.1"

    monkeypatch.setattr(PreflightHandler, "verify_origin", verify)
    await program.mount(Main)
    sid = await program.shake()
    path = f"/socket.io/1/xhr-polling/{sid}"
    assert (await program.ask("GET", path, "Origin: http://bad.example")).status == 403
    assert (await program.ask("GET", path, "Origin: http://good.example")).body == b"1::"
    assert (await program.ask("GET", "/socket.io/1/", "Origin: http://bad.example")).status == 403
    for page, status in (("http://bad.example/", 403), ("http://good.example/page", 200)):
        sid = await program.shake()
        assert (await program.ask("GET", f"/socket.io/1/jsonp-polling/{sid}?i=0", f"Referer: {page}")).status == status


async def test_routes_of_ones_own(program: Program) -> None:
    router = program.router = TornadioRouter(Main, clock=program.clock)
    routes: list[Any] = [
        (r"/own/shake", HandshakeHandler, {"server": router}),
        (r"/own/poll/(?P<session_id>[^/]+)", TornadioXHRPollingHandler, {"server": router}),
        (r"/own/script/(?P<session_id>[^/]+)", TornadioJSONPHandler, {"server": router}),
        (r"/own/socket/(?P<session_id>[^/]+)", TornadioWebSocketHandler, {"server": router}),
    ]
    await program.serve_application(Application(routes))
    sid = (await program.ask("GET", "/own/shake?name=Ann")).body.decode().partition(":")[0]
    assert (await program.ask("GET", f"/own/poll/{sid}")).body == b"1::"
    assert (await program.ask("POST", f"/own/poll/{sid}", body=b"3:::x")).body == b"1"
    assert (await program.ask("GET", f"/own/script/{sid}?i=3")).body == b'io.j[3]("3:::x");'
    preflight = await program.ask("OPTIONS", f"/own/poll/{sid}", "Origin: http://x.example")
    assert (preflight.status, preflight.headers[b"access-control-allow-origin"]) == (200, b"http://x.example")
    client = await program.host.connect()
    async with asyncio.timeout(PATIENCE):
        await client.send(f"GET /own/poll/{sid} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
        session = router.get_session(sid)
        assert session is not None
        await program.until(lambda: session.handler is not None)
        session.conn.send("pushed")
        assert (await client.answer()).body == b"3:::pushed"


class Status(PreflightHandler):
    def verify_origin(self) -> bool:
        return self.request.headers["Origin"].endswith(".example")

    def get(self, session_id: str = "", **named: str) -> None:
        self.finish("open" if self.preflight() else "closed")


class Noticing(TornadioXHRPollingHandler):
    def get(self, session_id: str = "", **named: str) -> None:
        self.send_messages(["3:::notice"])
        super().get(session_id)


async def test_handlers_of_ones_own(program: Program) -> None:
    router = program.router = TornadioRouter(Main, clock=program.clock)
    routes: list[Any] = [
        (r"/status", Status, {"server": router}),
        (r"/poll/(?P<session_id>[^/]+)", Noticing, {"server": router}),
    ]
    await program.serve_application(Application(router.apply_routes(routes)))
    assert (await program.ask("GET", "/status")).body == b"open"
    good = await program.ask("GET", "/status", "Origin: http://good.example")
    assert (good.body, good.headers[b"access-control-allow-origin"]) == (b"open", b"http://good.example")
    assert good.headers[b"access-control-allow-credentials"] == b"true"
    bad = await program.ask("GET", "/status", "Origin: http://bad.invalid")
    assert bad.body == b"closed"
    assert b"access-control-allow-origin" not in bad.headers
    sid = await program.shake()
    answer = (await program.ask("GET", f"/poll/{sid}")).body.decode()
    assert answer == "\ufffd3\ufffd1::\ufffd10\ufffd3:::notice"
