"""Sessions of Socket.IO 0.6 on every host: handlers that take time or fail, heartbeats, expiry, ends (specification 5, 7, 10, 11)."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable

import pytest

from hbpush.session.outbox import Room
from hbpush.session.transport import End
from socketio_compat.v06.contract import Application, Handler, Opening
from socketio_compat.v06.places import ResourcePattern, pattern_routes
from socketio_compat.v06.session import SocketSession
from tests.conftest import ExpectedLogs
from tests.support.socketio06 import EchoApplication, Echoer, Site, streamed
from tests.support.websocket import CLOSE
from tests.support.websocket import request as upgrade


async def test_what_an_application_is_told_of_a_client(site: Site) -> None:
    await site.echo()
    await site.ask("GET", "/socket.io/xhr-polling//13?a=1&b=%20", "Cookie: c=d; e=f", "X-Other: x")
    [opening] = site.application.openings
    assert (opening.ip, opening.secure, opening.method) == ("127.0.0.1", site.host.kind.tls, b"GET")
    assert (opening.target, opening.query, opening.cookie) == (b"/socket.io/xhr-polling//13?a=1&b=%20", "a=1&b=%20", "c=d; e=f")
    assert (opening.header(b"x-other"), opening.header(b"x-none")) == ("x", None)
    assert opening.path == ("socket.io", None, "xhr-polling", "", ("13",))
    await site.host.ask(upgrade(path=b"/socket.io/websocket", x_other=b"y"))
    await site.until(lambda: len(site.application.openings) == 2)
    assert site.application.openings[1].header(b"x-other") == "y"


async def test_resources_beside_each_other(site: Site) -> None:
    chat = site.echo_routes(resource="chat")
    chat_server, chat_application = site.server, site.application
    rooms = EchoApplication()
    room_server = site.make_server(rooms, transports=("xhr-polling", "websocket"))
    pattern = ResourcePattern("room/*", r"\d+", "/")
    await site.host.serve([*chat, *pattern_routes(pattern, room_server.request, 1000)])
    assert await site.connect(place="/chat") in chat_server.registry._sessions
    assert await site.connect(place="/room/123") in room_server.registry._sessions
    socket = await site.websocket(place="/room/7")
    await socket.quiet()
    assert [opening.path.extra for opening in rooms.openings] == ["123", "7"]
    assert [opening.path.extra for opening in chat_application.openings] == [None]
    assert (await site.ask("GET", "/room/7/jsonp-polling//1/0")).status == 403


@pytest.mark.usefixtures("quiet_access_log")
async def test_an_extra_part_that_is_not_there(site: Site) -> None:
    server = site.make_server(EchoApplication())
    await site.host.serve(pattern_routes(ResourcePattern("chat", r"\d+", "/"), server.request, 1000))
    assert (await site.ask("GET", "/chat/xhr-polling//1")).status == 404
    assert (await site.ask("GET", "/chat/123/xhr-polling//1")).status == 200


async def test_what_is_sent_when_it_opens(site: Site) -> None:
    await site.echo()
    site.application.opening = lambda handler: handler.session.say(["welcome", {"n": 1}])
    [sid, *more] = streamed(await site.ask("GET", "/socket.io/xhr-polling//1"))
    assert (len(sid), more) == (32, ["welcome", '~j~{"n":1}'])
    socket = await site.websocket(first=False)
    assert len(heard := await socket.heard()) == 3
    assert heard[1:] == more


async def test_an_opening_that_takes_time(site: Site) -> None:
    await site.echo()

    async def opening(handler: Echoer) -> None:
        await site.application.gate.wait()
        handler.session.say("welcome")

    site.application.opening = opening
    # The id does not wait: without it, a client tries the next transport after 5 seconds.
    sid = await site.connect()
    socket = await site.websocket()
    assert (await site.post(sid, "early")).body == b"ok"
    assert site.application.log == ["opened", "opened"]
    held = await site.hold(sid)
    site.application.gate.set()
    assert streamed(await held.answer()) == ["welcome"]
    assert streamed(await site.poll(sid)) == ["early"]
    assert await socket.heard() == ["welcome"]
    await socket.quiet()


async def test_order_is_kept_while_a_handler_waits(site: Site) -> None:
    await site.echo()
    socket = await site.websocket()
    socket.say("wait", "after", "wait", "~h~1", "last")
    other = await site.websocket()
    await other.quiet()
    assert not site.application.ends()
    site.application.gate.set()
    heard = []
    while len(heard) < 4:
        heard += await socket.heard()
    assert heard == ["waited", "after", "waited", "last"]
    assert not site.server.registry.running


async def test_client_that_floods_a_busy_session(site: Site) -> None:
    await site.echo(max_waiting=5)
    socket = await site.websocket()
    socket.say("wait", *["x"] * 3000)
    socket.say("not taken")
    sid = await site.connect()
    assert (await site.post(sid, "wait", *["y"] * 3000)).status == 200
    assert (await site.post(sid, "not taken")).status == 503
    site.application.gate.set()
    heard: list[str] = []
    while len(heard) < 3001:
        heard += await socket.heard()
    assert heard == ["waited"] + ["x"] * 3000
    assert await socket.read_close() == 4000
    assert streamed(await site.poll(sid)) == ["waited"] + ["y"] * 3000
    await (await site.websocket()).quiet()
    assert not site.server.registry.running
    assert site.application.ends() == [End.SLOW] * 2


async def test_fault_of_a_handler(site: Site, expected_logs: ExpectedLogs) -> None:
    expected_logs("a handler failed; its session is closed")
    await site.echo()
    socket = await site.websocket()
    socket.say("boom", "unheard")
    assert await socket.read_close() == 1011
    sid = await site.connect()
    held = await site.hold(sid)
    answer = await site.post(sid, "boom", "unheard")
    assert (answer.status, answer.body) == (500, b"the application has failed")
    assert (await held.answer()).body == b""
    assert (await site.poll(sid)).status == 401
    assert site.application.log == ["opened", "boom", End.FAULT, "opened", "boom", End.FAULT]


async def test_fault_of_a_handler_that_takes_time(site: Site, expected_logs: ExpectedLogs) -> None:
    expected_logs("a handler failed; its session is closed")
    await site.echo()
    sid = await site.connect()
    assert (await site.post(sid, "wait boom")).body == b"ok"
    site.application.gate.set()
    await site.until(lambda: len(site.server.registry) == 0)
    assert (await site.poll(sid)).status == 401
    assert site.application.ends() == [End.FAULT]


async def test_opening_that_fails(site: Site, expected_logs: ExpectedLogs) -> None:
    expected_logs("a handler failed; its session is closed")
    await site.echo()

    def fail(handler: Echoer) -> None:
        raise RuntimeError("boom")

    site.application.opening = fail
    answer = await site.ask("GET", "/socket.io/xhr-polling//1", "Origin: http://a.example")
    assert (answer.status, answer.headers[b"access-control-allow-origin"]) == (500, b"http://a.example")
    socket = await site.websocket(first=False)
    assert await socket.read_close() == 1011
    assert (await site.ask("GET", "/socket.io/htmlfile//1")).status == 500
    assert (site.application.ends(), len(site.server.registry)) == ([End.FAULT] * 3, 0)


async def test_application_without_a_handler(site: Site, expected_logs: ExpectedLogs) -> None:
    expected_logs("a handler failed; its session is closed")

    class Broken(EchoApplication):
        def connection(self, session: SocketSession, opening: Opening) -> Handler:
            raise RuntimeError("boom")

    await site.echo(application=Broken())
    assert (await site.ask("GET", "/socket.io/xhr-polling//1")).status == 500
    assert (site.application.log, len(site.server.registry)) == ([], 0)


async def test_closing_that_fails(site: Site, expected_logs: ExpectedLogs) -> None:
    expected_logs("a handler failed when it was closed")
    await site.echo()

    def fail(handler: Echoer) -> None:
        raise RuntimeError("boom")

    async def fail_later(handler: Echoer) -> None:
        await asyncio.sleep(0)
        raise RuntimeError("boom")

    for closing in (fail, fail_later):
        site.application.closing = closing
        socket = await site.websocket()
        socket.say("close")
        assert await socket.read_close() == 1000
    await site.until(lambda: not site.server.registry.running)
    assert site.application.ends() == [End.APPLICATION] * 2


async def test_an_application_that_closes(site: Site) -> None:
    await site.echo()
    socket = await site.websocket()
    socket.say("close", "unheard")
    assert await socket.read_close() == 1000
    sid = await site.connect()
    held = await site.hold(sid)
    assert (await site.post(sid, "said before", "close", "unheard")).body == b"ok"
    assert streamed(await held.answer()) == ["said before"]
    assert (await site.poll(sid)).status == 401
    assert (await site.post(sid, "x")).status == 401
    assert site.application.log == ["opened", "close", End.APPLICATION, "opened", "said before", "close", End.APPLICATION]


async def test_an_application_that_closes_when_it_opens(site: Site) -> None:
    await site.echo()
    site.application.opening = lambda handler: handler.session.close(End.APPLICATION)
    sid = await site.connect()
    assert (await site.poll(sid)).status == 401
    socket = await site.websocket()
    assert await socket.read_close() == 1000
    stream = await site.open_stream("xhr-multipart")
    assert b"~m~32~m~" in (await stream.chunk()) + (await stream.chunk())
    assert await stream.chunk() == b""
    assert (site.application.ends(), len(site.server.registry), site.server.connections) == ([End.APPLICATION] * 3, 0, 0)


async def test_shutdown(site: Site) -> None:
    await site.echo()
    socket = await site.websocket()
    sid = await site.connect()
    held = await site.hold(sid)
    site.server.close(End.SHUTDOWN)
    assert await socket.read_close() == 1001
    answer = await held.answer()
    assert (answer.status, answer.body, answer.headers[b"connection"]) == (200, b"", b"close")
    assert (len(site.server.registry), site.application.ends()) == (0, [End.SHUTDOWN] * 2)


async def test_slow_session(site: Site) -> None:
    await site.echo(room=Room(1000, 100))
    sid = await site.connect()
    await site.post(sid, "x" * 600, "x" * 600)
    await site.post(sid, "x")
    assert (await site.poll(sid)).status == 401
    assert site.application.ends() == [End.SLOW]
    assert site.host.counters.counts["slow_session"] == 1


async def test_too_many_messages_for_an_outbox(site: Site) -> None:
    await site.echo(room=Room(1024 * 1024, 10))
    sid = await site.connect()
    await site.post(sid, *["x"] * 11)
    assert streamed(await site.poll(sid)) == ["x"] * 11
    await site.post(sid, *["x"] * 11)
    await site.post(sid, "x")
    assert (await site.poll(sid)).status == 401


async def test_websocket_that_does_not_read(site: Site) -> None:
    await site.echo(room=Room(10_000, 1000))
    socket = await site.websocket()
    [session] = site.server.registry.sessions()
    text = "x" * 1_000_000

    def flood() -> object:
        session.say(text)
        return site.application.ends()

    await site.until(flood)
    assert site.application.ends() == [End.LEFT]
    socket.writer.transport.abort()


async def test_messages_of_one_turn_go_out_together(site: Site) -> None:
    await site.echo()
    socket = await site.websocket()
    [session] = site.server.registry.sessions()
    for text in ("a", "b", "c"):
        session.say(text)
    assert await socket.heard() == ["a", "b", "c"]


async def test_what_is_sent_when_it_is_over(site: Site) -> None:
    await site.echo()
    socket = await site.websocket()
    [session] = site.server.registry.sessions()
    socket.send(CLOSE, b"")
    await socket.read_close()
    await socket.leave()
    await site.until(lambda: session.state)
    session.say("nobody")
    session.close(End.APPLICATION)
    assert site.application.ends() == [End.LEFT]
    assert session.outbox.packets == []


async def test_an_application_of_plain_methods(site: Site) -> None:
    class Quiet(Handler):
        def message(self, value: object) -> Awaitable[object] | None:
            return None

    class Quietly(Application):
        def connection(self, session: SocketSession, opening: Opening) -> Handler:
            return Quiet(session)

    await site.echo(application=Quietly())  # type: ignore[arg-type]
    sid = await site.connect()
    assert (await site.post(sid, "x")).body == b"ok"


async def test_nothing_stays_of_dropped_sessions(site: Site) -> None:
    await site.echo()
    idle = site.clock.waiting()
    for _ in range(3):
        sids = [await site.connect() for _ in range(20)]
        await site.post(sids[0], "close")
        sockets = [await site.websocket() for _ in range(5)]
        for socket in sockets:
            socket.writer.transport.abort()
        await site.until(lambda: site.server.connections == 0)
        site.clock.advance(32)
    assert len(site.server.registry) == 0
    assert len(site.server.registry.heartbeats) == 0
    assert len(site.server.polls) == 0
    assert site.server.connections == 0
    assert site.server.registry.opened == 75
    assert len(site.application.ends()) == 75
    # Connections that are kept open wait longest.
    site.clock.advance(200)
    assert site.clock.waiting() == idle
