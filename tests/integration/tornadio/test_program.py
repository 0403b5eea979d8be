"""A program of TornadIO's kind on a stock HTTPServer and on the native front (TornadIO API, part A; Socket.IO 0.6 specification 4 to 9)."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Sequence
from typing import Any, ClassVar

import pytest
from tornado.httputil import HTTPServerRequest
from tornado.web import Application, RequestHandler

from hbpush.errors import HbpushError
from socketio_compat.tornadio import SocketConnection, get_router
from socketio_compat.tornadio.polling import TornadioPollingHandlerBase, TornadioXHRPollingSocketHandler
from socketio_compat.tornadio.pollingsession import PollingSession
from tests.conftest import ExpectedLogs
from tests.support.hosts import PATIENCE
from tests.support.socketio06 import streamed
from tests.support.tornadio import Program


class Base(SocketConnection):
    log: ClassVar[list[Any]] = []

    def on_message(self, message: Any) -> None:
        self.send(message)

    def on_close(self) -> None:
        self.log.append(("closed", self.is_closed))


class Main(Base):
    def on_open(self, *args: Any, **kwargs: Any) -> None:
        [request] = args
        assert isinstance(request, HTTPServerRequest)
        self.log.append((request.remote_ip, request.headers.get("Cookie"), kwargs))
        self.send(["welcome", {"ж": "😀"}])

    async def on_message(self, message: Any) -> None:
        if message == "slow":
            await asyncio.sleep(0.02)
        elif message == "boom":
            raise RuntimeError("boom")
        elif message == "bye":
            self.close()
            self.close()
            self.send("too late")
        self.send(message)


class Page(RequestHandler):
    def get(self) -> None:
        self.write("a page")


@pytest.fixture(autouse=True)
def empty_log() -> None:
    Base.log.clear()


async def test_messages_in_order(program: Program) -> None:
    await program.mount(Main, [("/page", Page)])
    assert (await program.ask("GET", "/page")).body == b"a page"
    socket = await program.websocket(first=False)
    sid, *rest = await socket.heard()
    assert re.fullmatch("[0-9a-zA-Z]{22,}", sid)
    assert rest == ["welcome", '~j~{"\\u0436":"\\ud83d\\ude00"}']
    socket.say("slow", "поща 😀", '~j~{"a":1}', "~j~5")
    heard: list[str] = []
    while len(heard) < 4:
        heard += await socket.heard()
    assert heard == ["slow", "поща 😀", '~j~{"a":1}', "~j~5"]
    found = program.router.sessions.get(sid)
    assert found is not None
    assert list(program.router.sessions) == [found]
    assert len(program.router.sessions) == 1
    socket.say("bye")
    assert await socket.read_close() == 1000
    assert Base.log[1:] == [("closed", False)]
    assert found.is_closed
    assert found.connection.is_closed
    assert len(program.router.sessions) == 0


async def test_what_on_open_is_told(program: Program) -> None:
    await program.mount(Main)
    answer = await program.ask("GET", "/socket.io/xhr-polling//1300000000000?a=1", "Cookie: user=ann")
    sid = streamed(answer)[0]
    ip, cookie, kwargs = Base.log[0]
    assert (ip, cookie) == ("127.0.0.1", "user=ann")
    assert kwargs == {
        "resource": "socket.io", "extra": None, "protocol": "xhr-polling", "session_id": sid, "protocol_init": "1300000000000",
        "xhr_path": None, "jsonp_index": None,
    }  # fmt: skip
    await program.ask("GET", "/socket.io/jsonp-polling//1300000000000/3")
    assert (Base.log[1][2]["protocol"], Base.log[1][2]["jsonp_index"]) == ("jsonp-polling", "3")


async def test_polling(program: Program) -> None:
    await program.mount(Main)
    answer = await program.ask("GET", "/socket.io//xhr-polling//1")
    sid, *welcome = streamed(answer)
    assert len(welcome) == 2
    held = await program.hold(sid)
    assert (await program.post(sid, "one", "два 😀")).body == b"ok"
    first = streamed(await held.answer())
    rest = streamed(await program.poll(sid)) if len(first) == 1 else []
    assert first + rest == ["one", "два 😀"]
    program.clock.advance(31)
    assert Base.log[1:] == [("closed", False)]
    assert (await program.poll(sid)).status == 401


async def test_fault_closes(program: Program, expected_logs: ExpectedLogs) -> None:
    expected_logs("a handler failed")
    await program.mount(Main)
    socket = await program.websocket(first=False)
    await socket.heard()
    socket.say("boom", "not any more")
    assert await socket.read_close() == 1011
    assert Base.log[1:] == [("closed", False)]


class Unready(Base):
    def on_open(self, *args: Any, **kwargs: Any) -> None:
        raise RuntimeError("not now")


async def test_closed_once_when_it_could_not_open(program: Program, expected_logs: ExpectedLogs) -> None:
    expected_logs("a handler failed")
    await program.mount(Unready)
    assert (await program.ask("GET", "/socket.io/xhr-polling//1")).status == 500
    assert Base.log == [("closed", False)]


class Mute(SocketConnection):
    """Forgets what has to be overridden."""


async def test_message_that_nobody_takes(program: Program, expected_logs: ExpectedLogs) -> None:
    expected_logs("a handler failed")
    await program.mount(Mute)
    sid = await program.connect()
    assert (await program.post(sid, "hello")).status == 500
    assert (await program.poll(sid)).status == 401


async def test_heartbeats(program: Program) -> None:
    await program.mount(Base)
    socket = await program.websocket()
    session = program.router.sessions.get(socket.id)
    assert session is not None
    connection = session.connection
    assert connection.heartbeat_interval == 12_000
    program.clock.advance(13)
    assert await socket.heard() == ["~h~1"]
    socket.say("~h~1")
    connection.send_heartbeat()
    assert await socket.heard() == ["~h~2"]
    connection.reset_heartbeat(3000)
    program.clock.advance(1.5)
    connection.delay_heartbeat()
    program.clock.advance(1.5)
    await socket.quiet()
    program.clock.advance(4)
    assert await socket.heard() == ["~h~3"]
    connection.stop_heartbeat()
    program.clock.advance(100)
    await socket.quiet()
    connection.raw_message("~m~1~m~a~m~2~m~bc!")
    assert await socket.heard() == ["a", "bc"]


class Kept(Base):
    def on_open(self, request: HTTPServerRequest, *args: Any, **kwargs: Any) -> None:
        self.send(f"{kwargs['resource']} {kwargs['extra']} {len(args)}")


async def test_resources_and_extra(program: Program, expected_logs: ExpectedLogs) -> None:
    expected_logs("404 GET /")
    expected_logs("enabled_protocols: 'pigeon' is no transport")
    chat = get_router(Kept, resource="chat", extra_re=r"\d+", extra_sep="/")
    ping = get_router(Kept, resource="ping")
    named = get_router(Kept, resource="map", extra_re="(?P<extra>[^/]+)-x", extra_sep=".")
    closed = get_router(Kept, {"enabled_protocols": ["websocket", "pigeon"]}, resource="closed")
    await program.serve_application(Application([router.route() for router in (chat, ping, named, closed)]))

    async def greeting(path: str) -> str:
        return streamed(await program.ask("GET", f"{path}/xhr-polling//1"))[1]

    assert await greeting("/chat/123") == "chat 123 0"
    assert await greeting("/ping") == "ping None 0"
    assert await greeting("/map.ab%20c-x") == "map ab c 0"
    for path in ("/chat", "/chat/", "/chat/abc", "/map", "/ping/123"):
        assert (await program.ask("GET", f"{path}/xhr-polling//1")).status == 404
    assert (await program.ask("GET", "/closed/xhr-polling//1")).status == 403
    assert (await program.ask("GET", "/ping/pigeon//1")).status == 404
    assert (await program.websocket(place="/closed", first=False)) is not None
    assert len(ping.sessions) == 1


async def test_route_as_a_pair(program: Program) -> None:
    program.router = router = get_router(Base, clock=program.clock)
    pattern, handler = router.route()
    assert handler is router
    await program.serve_application(Application([(pattern, handler), ("/page", Page)]))
    program.server = router.placement.server
    sid = await program.connect()
    held = await program.hold(sid)
    assert (await program.post(sid, "x")).body == b"ok"
    assert streamed(await held.answer()) == ["x"]
    socket = await program.websocket()
    socket.say("y")
    assert await socket.heard() == ["y"]
    answer = await program.ask("OPTIONS", f"/socket.io/xhr-polling/{sid}/send", "Origin: http://x.example")
    assert (answer.status, answer.headers[b"access-control-allow-origin"]) == (200, b"http://x.example")
    assert (await program.ask("GET", "/page")).body == b"a page"


class Noticing(TornadioXHRPollingSocketHandler):
    def get(self, session_id: str = "", rest: str = "", **named: str) -> None:
        self.data_available("notice")
        super().get(session_id, rest, **named)


async def test_routes_of_ones_own(program: Program) -> None:
    program.router = router = get_router(Base, clock=program.clock)
    await program.serve_application(Application([(r"/own/(?P<session_id>\w*)/?(?P<rest>.*)", Noticing, {"router": router})]))
    [sid] = streamed(await program.ask("GET", "/own/"))
    body = b"data=~m~1~m~x"
    posted = await program.ask("POST", f"/own/{sid}/send", "Content-Type: application/x-www-form-urlencoded", body=body)
    assert posted.status == 200
    assert "notice" in streamed(await program.ask("GET", f"/own/{sid}/1"))


async def test_own_policy_of_origins(program: Program, monkeypatch: pytest.MonkeyPatch) -> None:
    def verify(self: TornadioPollingHandlerBase) -> bool:
        return self.request.headers["Origin"] == "http://good.example"

    monkeypatch.setattr(TornadioPollingHandlerBase, "verify_origin", verify)
    await program.mount(Base)
    assert (await program.ask("GET", "/socket.io/xhr-polling//1", "Origin: http://bad.example")).status == 403
    assert (await program.ask("GET", "/socket.io/xhr-polling//1", "Origin: http://good.example")).status == 200


class Pigeon:
    def __init__(self) -> None:
        self.carried: list[str] = []
        self.ended = 0

    def data_available(self, raw_data: Sequence[str]) -> None:
        self.carried += raw_data

    def session_closed(self) -> None:
        self.ended += 1


async def test_carried_by_somebody_else(program: Program) -> None:
    await program.mount(Base)
    sid = await program.connect()
    session = program.router.sessions.get(sid)
    assert isinstance(session, PollingSession)
    assert session.handler is None
    assert session.is_alive()
    pigeon = Pigeon()
    assert session.set_handler(pigeon)
    assert not session.set_handler(Pigeon())
    assert session.handler is pigeon
    session.connection.send(["a", 1])
    session.flush()
    assert pigeon.carried == ["a", "~j~1"]
    with pytest.raises(HbpushError):
        session.remove_handler(Pigeon())
    session.on_delete(False)
    assert session.is_alive()
    session.remove_handler(pigeon)
    session.promote()
    program.clock.advance(20)
    session.promote()
    program.clock.advance(20)
    assert session.is_alive()
    assert session.set_handler(pigeon)
    assert program.router.sessions.remove(sid)
    assert (pigeon.ended, session.is_closed) == (1, True)
    assert not program.router.sessions.remove(sid)
    program.router.sessions.expire()
    assert Base.log == [("closed", False)]


async def test_end_of_the_router(program: Program) -> None:
    await program.mount(Base)
    socket = await program.websocket()
    program.router.close()
    assert await socket.read_close() == 1001
    assert Base.log == [("closed", False)]
    async with asyncio.timeout(PATIENCE):
        await program.websocket()


async def test_json_that_is_none(program: Program) -> None:
    await program.mount(Base)
    socket = await program.websocket()
    session = program.router.sessions.get(socket.id)
    assert session is not None
    with pytest.raises(TypeError):
        session.connection.send(object())
    session.connection.send(None)
    session.connection.send({"a": json.loads("[1]")})
    assert await socket.heard() == ['~j~{"a":[1]}']


class Room(Base):
    """What a chat room does, without any care."""

    everybody: ClassVar[set[Room]] = set()

    def on_open(self, *args: Any, **kwargs: Any) -> None:
        self.everybody.add(self)

    def on_message(self, message: Any) -> None:
        if message == "history":
            for _ in range(300):
                self.send("y" * 500)
            return
        for one in self.everybody:
            one.send(message)

    def on_close(self) -> None:
        self.everybody.remove(self)
        super().on_close()
        for one in self.everybody:
            one.send("somebody has left")


@pytest.fixture
def room() -> type[Room]:
    Room.everybody.clear()
    return Room


async def heard_in_all(socket: Any, number: int) -> list[str]:
    heard: list[str] = []
    while len(heard) < number:
        heard += await socket.heard()
    return heard


async def test_one_client_that_has_much_to_say_throws_nobody_out(program: Program, room: type[Room]) -> None:
    await program.mount(room, max_queue=100, max_queue_bytes=4096)
    ann, bob = await program.websocket(), await program.websocket()
    sid = await program.connect()
    bob.say(*["x"] * 3000)
    for socket in (ann, bob):
        assert await heard_in_all(socket, 3000) == ["x"] * 3000
    assert streamed(await program.poll(sid)) == ["x"] * 3000
    held = await program.hold(sid)
    ann.say("history")
    assert await heard_in_all(ann, 300) == ["y" * 500] * 300
    ann.say("still there?")
    assert await bob.heard() == ["still there?"]
    assert streamed(await held.answer()) == ["still there?"]
    assert Base.log == []


async def test_a_client_that_does_not_take_what_it_is_sent_is_closed_behind_its_sender(program: Program, room: type[Room]) -> None:
    await program.mount(room, max_queue=10)
    bob = await program.websocket()
    for _ in range(3):
        await program.connect()
    bob.say(*["x"] * 20)
    assert await heard_in_all(bob, 20) == ["x"] * 20
    bob.say("y")
    # Three have left, and each that was there yet was told; those who leave do so one after the other.
    assert await heard_in_all(bob, 4) == ["y"] + ["somebody has left"] * 3
    assert Base.log == [("closed", False)] * 3
    assert program.server.counters.counts["slow_session"] == 3
    bob.say("alone")
    assert await bob.heard() == ["alone"]


class Raising(Base):
    def on_message(self, message: Any) -> None:
        if message == "cancelled":
            raise asyncio.CancelledError
        if message == "strange":
            raise BaseException("strange")
        super().on_message(message)


class RaisingLater(Raising):
    async def on_message(self, message: Any) -> None:  # type: ignore[override]
        if message == "cancelled":
            future = asyncio.get_running_loop().create_future()
            future.cancel()
            future.result()
        await asyncio.sleep(0)
        super().on_message(message)


@pytest.mark.parametrize("kind", [Raising, RaisingLater])
@pytest.mark.parametrize("error", ["cancelled", "strange"])
async def test_errors_of_handlers_that_are_no_exceptions(
    program: Program, kind: type[Base], error: str, expected_logs: ExpectedLogs
) -> None:
    expected_logs("a handler failed; its session is closed")
    await program.mount(kind)
    socket = await program.websocket()
    socket.say(error, "after")
    assert await socket.read_close() == 1011
    sid = await program.connect()
    answer = await program.post(sid, error, "after")
    assert (answer.status, answer.body) == ((500, b"the application has failed") if kind is Raising else (200, b"ok"))
    await program.until(lambda: len(program.router.sessions) == 0)
    assert (await program.poll(sid)).status == 401
    assert Base.log == [("closed", False)] * 2


class RaisingAtOpen(Base):
    def on_open(self, *args: Any, **kwargs: Any) -> None:
        raise asyncio.CancelledError


async def test_an_error_of_on_open_that_is_no_exception(program: Program, expected_logs: ExpectedLogs) -> None:
    expected_logs("a handler failed; its session is closed")
    await program.mount(RaisingAtOpen)
    assert (await program.ask("GET", "/socket.io/xhr-polling//1")).status == 500
    socket = await program.websocket(first=False)
    assert await socket.read_close() == 1011
    assert Base.log == [("closed", False)] * 2


@pytest.mark.parametrize("host", [b"Host: a b", b"Host: a/b", b"Host: b\xfccher.example", b"Host:"])
async def test_clients_that_cannot_tell_their_host(program: Program, host: bytes) -> None:
    await program.mount(Main)
    client = await program.host.connect()
    await client.send(b"GET /socket.io/xhr-polling//1 HTTP/1.1\r\n%b\r\nUser-Agent: ann\r\n\r\n" % host)
    answer = await client.answer()
    if program.host.kind.tornado and host != b"Host:":
        # Refused before it gets here.
        assert answer.status == 400
        assert Base.log == []
        return
    sid, *rest = streamed(answer)
    assert rest == ["welcome", '~j~{"\\u0436":"\\ud83d\\ude00"}']
    assert (await program.post(sid, "bye")).body == b"ok"
    assert [entry[0] for entry in Base.log] == ["127.0.0.1", "closed"]


async def test_clients_of_old_that_tell_no_host(program: Program) -> None:
    await program.mount(Main)
    client = await program.host.connect()
    await client.send(b"GET /socket.io/xhr-polling//1 HTTP/1.0\r\n\r\n")
    assert streamed(await client.answer())[1:] == ["welcome", '~j~{"\\u0436":"\\ud83d\\ude00"}']


async def test_a_query_of_too_many_fields(program: Program) -> None:
    await program.mount(Main)
    client = await program.host.connect()
    await client.send(b"GET /socket.io/xhr-polling//1?%b HTTP/1.1\r\nHost: x\r\n\r\n" % b"&".join([b"a=1"] * 2000))
    answer = await client.answer()
    assert answer.status == (400 if program.host.kind.tornado else 200)
    assert len(Base.log) == (0 if program.host.kind.tornado else 1)


class ClosedBeforeItBegins(Base):
    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self.close()

    def on_open(self, *args: Any, **kwargs: Any) -> None:
        self.log.append("open")


async def test_a_connection_that_closes_before_it_begins(program: Program) -> None:
    await program.mount(ClosedBeforeItBegins)
    socket = await program.websocket()
    assert await socket.read_close() == 1000
    assert Base.log == []
