"""A program of TornadIO2's kind on a stock HTTPServer and on the native front: every name of its API (TornadIO API, part B)."""

from __future__ import annotations

import asyncio
import json
import sys
from typing import Any, ClassVar

import pytest
from tornado.ioloop import IOLoop
from tornado.web import Application, HTTPError, RequestHandler

import socketio_compat
from hbpush.errors import ConfigError
from hbpush.web.bridge import native_routes
from socketio_compat import tornadio2
from socketio_compat.tornadio2 import ConnectionInfo, SocketConnection, TornadioRouter, TornadioServer, event
from socketio_compat.tornadio2.polling import TornadioXHRPollingHandler
from socketio_compat.tornadio2.sessioncontainer import SessionBase, SessionContainer
from tests.conftest import ExpectedLogs
from tests.support.hosts import Host
from tests.support.socketio import Site, Socket


class Base(SocketConnection):
    log: ClassVar[list[Any]] = []

    @event
    def ping(self, client: str) -> tuple[str, int]:
        return client, 1

    def on_close(self) -> None:
        self.log.append(("closed", self.endpoint, self.is_closed))


class Chat(Base):
    def on_open(self, request: ConnectionInfo) -> bool | None:
        self.log.append(("chat", request.ip, request.get_argument("name"), request.get_argument("room", "none")))
        self.send("welcome")
        return False if request.get_argument("room") == "secret" else None

    def on_message(self, message: Any) -> None:
        self.send(message)


class Main(Base):
    __endpoints__: ClassVar[dict[str, type[SocketConnection]]] = {"/chat": Chat}

    def on_open(self, request: ConnectionInfo) -> Any:
        cookie = request.get_cookie("user")
        self.log.append(("open", request.get_argument("name"), None if cookie is None else cookie.value))
        if request.get_argument("raise"):
            raise HTTPError(403)
        if request.get_argument("later"):
            return self.decide()
        return not request.get_argument("deny")

    async def decide(self) -> bool:
        await asyncio.sleep(0)
        return True

    async def on_message(self, message: Any) -> None:
        if message == "slow":
            await asyncio.sleep(0.05)
        self.send(message)

    @event("add")
    async def sum_of(self, a: int, b: int) -> int:
        await asyncio.sleep(0)
        return a + b

    @event
    def say(self, text: str) -> None:
        self.emit("said", text=text)

    @event
    def ask_back(self) -> None:
        self.emit_ack(self.answered, "question", "why", 2)
        self.send("please acknowledge", self.answered)

    @event
    def leave(self) -> None:
        self.close()

    def answered(self, message: Any, data: Any) -> None:
        self.log.append(("answered", message, data))


class Page(RequestHandler):
    def get(self) -> None:
        self.write("a page")


class Tornadio(Site):
    """A router in an Application."""

    router: TornadioRouter

    async def mount(self, connection: type[SocketConnection] = Main, **settings: Any) -> None:
        Base.log.clear()
        self.router = TornadioRouter(connection, settings)
        handlers: list[Any] = self.router.apply_routes([(r"/page", Page)])
        if self.host.kind.tornado:
            await self.host.serve([], handlers=handlers)
        else:
            routes, rest = native_routes(Application(handlers))
            await self.host.serve(routes, fallback=rest)


@pytest.fixture
def site(site: Site) -> Tornadio:
    return Tornadio(Host(site.host.kind, site.host._certificate))


async def test_program(site: Tornadio) -> None:
    await site.mount()
    assert (await site.ask("GET", "/page")).body == b"a page"
    answer = await site.ask("GET", "/socket.io/1/?t=1&name=Ann", "Cookie: user=ann; b=c")
    sid = answer.body.decode().partition(":")[0]
    assert Main.log == [("open", "Ann", "ann")]
    socket: Socket = await site.websocket(sid)
    socket.say("3:::slow", "3:1::fast", '4:::{"a":1}')
    assert [await socket.packet() for _ in range(4)] == ["3:::slow", "3:::fast", "6:::1", '4:::{"a": 1}']
    socket.say('5:2+::{"name":"ping","args":["x"]}', '5:3+::{"name":"add","args":[1,2]}', '5:4+::{"name":"add","args":[{"a":3,"b":4}]}')
    replies = [await socket.packet() for _ in range(3)]
    assert [json.loads(reply.partition("+")[2]) for reply in replies] == [["x", 1], [3], [7]]
    socket.say('5:::{"name":"say","args":["hi"]}')
    assert await socket.event() == ("", "said", [{"text": "hi"}])
    socket.say('5:::{"name":"ask_back"}')
    question = await socket.packet()
    assert question.startswith("5:1+::")
    assert await socket.packet() == "3:2::please acknowledge"
    socket.say('6:::1+["because"]', "6:::2", "3:::done")
    assert await socket.packet() == "3:::done"
    assert Main.log[1:] == [("answered", ("question", ("why", 2), {}), ["because"]), ("answered", "please acknowledge", None)]
    socket.say("1::/chat?room=7")
    assert [await socket.packet(), await socket.packet()] == ["1::/chat", "3::/chat:welcome"]
    assert Main.log[-1] == ("chat", "127.0.0.1", "Ann", "7")
    socket.say("1::/chat?room=secret")
    assert [await socket.packet() for _ in range(3)] == ["1::/chat", "3::/chat:welcome", "0::/chat"]
    socket.say("1::/chat")
    assert [await socket.packet() for _ in range(2)] == ["1::/chat", "3::/chat:welcome"]
    session = site.router.get_session(sid)
    assert session is not None
    assert list(session.endpoints) == ["/chat"]
    socket.say('5:::{"name":"leave"}')
    assert [await socket.packet() for _ in range(2)] == ["0::/chat", "0::"]
    assert await socket.read_close() == 1000
    assert Main.log[-2:] == [("closed", "/chat", True), ("closed", None, True)]
    assert session.is_closed
    assert site.router.get_session(sid) is None


async def test_refusals(site: Tornadio) -> None:
    await site.mount(handshake_error_status=403)
    for query in ("deny=1", "raise=1"):
        answer = await site.ask("GET", f"/socket.io/1/?{query}")
        assert (answer.status, answer.body) == (403, b"handshake unauthorized")
    assert (await site.ask("GET", "/socket.io/1/?later=1")).status == 200
    assert site.router.stats.dump()["active_sessions"] == 1


async def test_faults(site: Tornadio, expected_logs: ExpectedLogs) -> None:
    expected_logs("a handler failed; its session is closed")
    expected_logs("event 'add' has other arguments")
    expected_logs("there is no handler for event 'nothing'")
    expected_logs("nobody waits for acknowledgement 77")
    await site.mount()
    socket = await site.opened()
    socket.say('5:::{"name":"nothing"}', "6:::77")
    await socket.quiet()
    socket.say('5:::{"name":"add","args":[1]}')
    assert await socket.packet() == "0::"


async def test_stats(site: Tornadio) -> None:
    await site.mount()
    socket = await site.opened()
    await socket.quiet()
    await site.shake()
    figures = site.router.stats.dump()
    assert (figures["active_sessions"], figures["active_connections"], figures["max_connections"]) == (2, 1, 1)
    assert site.router.stats.start_time is not None


async def test_session_view(site: Tornadio) -> None:
    await site.mount()
    sid = await site.shake("name=Bob")
    session = site.router.get_session(sid)
    assert session is not None
    assert isinstance(session.conn, Main)
    assert (session.session_id, session.remote_ip, session.send_queue) == (sid, "127.0.0.1", ("1::",))
    assert session.info.arguments == {"name": ["Bob"]}
    assert session.handler is None
    assert session.get_connection(None) is session.conn
    session.conn.send(None)
    session.conn.send('{"a":1}', force_json=True)
    session.conn.send(b"\xd0\xbf")
    session.connect_endpoint("/chat")
    assert session.send_queue[1:] == ('4:::{"a":1}', "3:::п", "1::/chat", "3::/chat:welcome")
    session.disconnect_endpoint("/chat")
    session.reset_heartbeat()
    session.delay_heartbeat()
    session.stop_heartbeat()
    session.close()
    assert session.is_closed
    session.conn.emit("late")
    assert (await site.poll(sid)).body.endswith(b"0::")


async def test_verify_origin(site: Tornadio, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(TornadioXHRPollingHandler, "verify_origin", lambda self: self.origin == "http://good.example")
    await site.mount()
    sid = await site.shake()
    path = f"/socket.io/1/xhr-polling/{sid}"
    assert (await site.ask("GET", path, "Origin: http://bad.example")).status == 403
    assert (await site.ask("GET", path, "Origin: http://good.example")).body == b"1::"


async def test_router(site: Tornadio) -> None:
    await site.mount(enabled_protocols=["xhr-polling", "carrier-pigeon"])
    assert len(site.router.urls) == 3
    assert TornadioServer is TornadioRouter
    assert site.router.io_loop is IOLoop.current()
    assert site.router.settings["heartbeat_interval"] == 12
    assert (await site.ask("GET", "/socket.io/1/")).body.endswith(b":17:25:xhr-polling")
    assert len(TornadioRouter(Main, None).urls) == 7
    with pytest.raises(ConfigError, match="handshake_error_status"):
        TornadioRouter(Main, {"handshake_error_status": 200})
    site.router.close()


async def test_aliases(site: Tornadio) -> None:
    await site.mount()
    before = set(sys.modules)
    try:
        socketio_compat.install_aliases()
        socketio_compat.install_aliases()
        import tornadio2 as alias  # type: ignore[import-not-found]
        from tornadio2.router import TornadioServer as Named  # type: ignore[import-not-found]

        assert alias is tornadio2
        assert Named is TornadioRouter
    finally:
        for name in set(sys.modules) - before:
            if name.startswith("tornadio2"):
                del sys.modules[name]


async def test_session_container(site: Tornadio) -> None:
    await site.mount()
    container = SessionContainer()
    gone: list[bool] = []

    class Item(SessionBase):
        def on_delete(self, forced: bool) -> None:
            gone.append(forced)

    first, second, third = Item("a", 10), Item(None, 20), Item("c")
    for item in (first, second, third):
        container.add(item)
    assert container.get("a") is first
    assert first.is_alive()
    assert first.expiry_date is not None
    first.promote()
    container.expire(first.expiry_date - 1)
    assert gone == []
    assert container.remove("c")
    assert not container.remove("c")
    assert gone == [True]
    assert second.expiry_date is not None
    container.expire(second.expiry_date + 100)
    assert container.get(second.session_id) is None
