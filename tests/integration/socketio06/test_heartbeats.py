"""Time in sessions of Socket.IO 0.6 on every host: heartbeats, and expiry (specification 5, 7)."""

from __future__ import annotations

import pytest

from hbpush.session.transport import End
from tests.support.socketio06 import Site, Socket, streamed


async def beaten(socket: Socket, number: int) -> None:
    """The next message is a heartbeat."""
    assert await socket.heard() == [f"~h~{number}"]


async def test_heartbeats(site: Site) -> None:
    await site.echo()
    socket = await site.websocket()
    for number in range(1, 5):
        site.clock.advance(13)
        await beaten(socket, number)
        socket.say(f"~h~{number}")
        await socket.quiet()
    # Each quiet moment sent something, so the next one comes a whole period later.
    site.clock.advance(10)
    await socket.quiet()
    site.clock.advance(10)
    await socket.quiet()
    site.clock.advance(13)
    await beaten(socket, 5)


async def test_six_heartbeats_that_nobody_answers(site: Site) -> None:
    await site.echo()
    socket = await site.websocket()
    for number in range(1, 7):
        site.clock.advance(13)
        await beaten(socket, number)
    site.clock.advance(13)
    assert await socket.read_close() == 1000
    assert site.application.ends() == [End.SILENT]


async def test_an_answer_makes_up_for_all(site: Site) -> None:
    await site.echo()
    socket = await site.websocket()
    [session] = site.server.registry.sessions()
    for number in range(1, 13):
        site.clock.advance(13)
        await beaten(socket, number)
        if number == 6:
            socket.say("~h~3")
            await site.until(lambda: session.unheard == 0)
    site.clock.advance(13)
    assert await socket.read_close() == 1000


@pytest.mark.parametrize("transport", ["xhr-multipart", "htmlfile"])
async def test_heartbeats_on_streams(site: Site, transport: str) -> None:
    await site.echo()
    client = await site.open_stream(transport)
    for _ in range(2):
        await client.chunk()
    [session] = site.server.registry.sessions()
    for number in range(1, 7):
        site.clock.advance(13)
        assert b"~m~4~m~~h~%d" % number in await client.chunk()
    await site.post(session.id, "~h~6", transport=transport)
    site.clock.advance(13)
    assert b"~h~7" in await client.chunk()
    client.leave()
    await site.until(lambda: session.transport is None)
    assert len(site.server.registry.heartbeats) == 0
    # It is kept for its client, which may come back, and then expires.
    site.clock.advance(29)
    assert site.application.ends() == []
    site.clock.advance(3)
    assert site.application.ends() == [End.EXPIRED]


async def test_no_heartbeats_on_polls(site: Site) -> None:
    await site.echo()
    sid = await site.connect()
    held = await site.hold(sid)
    site.clock.advance(19)
    await site.post(sid, "x")
    assert streamed(await held.answer()) == ["x"]
    assert len(site.server.registry.heartbeats) == 0


async def test_heartbeats_that_an_application_rules(site: Site) -> None:
    await site.echo()
    socket = await site.websocket()
    [session] = site.server.registry.sessions()
    session.start_heartbeats(5.0)
    site.clock.advance(6)
    await beaten(socket, 1)
    session.postpone_heartbeat()
    site.clock.advance(4)
    session.postpone_heartbeat()
    site.clock.advance(4)
    await socket.quiet()
    session.stop_heartbeats()
    site.clock.advance(60)
    await socket.quiet()
    session.beat()
    await beaten(socket, 2)
    session.start_heartbeats()
    for number in range(3, 9):
        site.clock.advance(6)
        await beaten(socket, number)
    site.clock.advance(6)
    assert await socket.read_close() == 1000
    session.start_heartbeats()
    session.start_heartbeats(1.0)
    session.beat()
    assert len(site.server.heartbeats(5.0)) == len(site.server.heartbeats(1.0)) == 0


async def test_no_heartbeats_at_all(site: Site) -> None:
    await site.echo(heartbeat_interval=0)
    socket = await site.websocket()
    site.clock.advance(20)
    await socket.quiet()
    [session] = site.server.registry.sessions()
    session.start_heartbeats()
    assert len(site.server.registry.heartbeats) == 0


async def test_expiry(site: Site) -> None:
    await site.echo()
    sid = await site.connect()
    held = await site.hold(sid)
    for _ in range(3):
        # It never expires while a poll hangs.
        site.clock.advance(19)
        await site.post(sid, "x")
        assert streamed(await held.answer()) == ["x"]
        held = await site.hold(sid)
    held.leave()
    session = site.server.registry.get(sid)
    assert session is not None
    await site.until(lambda: session.transport is None)
    site.clock.advance(29)
    assert site.server.registry.get(sid) is session
    site.clock.advance(3)
    assert site.server.registry.get(sid) is None
    site.clock.advance(60)
    assert site.application.ends() == [End.EXPIRED]
    assert (await site.poll(sid)).status == 401
    assert (await site.post(sid, "x")).status == 401


async def test_a_first_poll_whose_client_never_comes_back(site: Site) -> None:
    await site.echo()
    await site.connect()
    site.clock.advance(32)
    assert (site.application.ends(), len(site.server.registry)) == ([End.EXPIRED], 0)
