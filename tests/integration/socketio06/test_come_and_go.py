"""Sessions of Socket.IO 0.6 that come and go leave nothing behind in the server: no object, no timer, no descriptor."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from socketio_compat.v06 import codec
from tests.support.counted import House
from tests.support.hosts import Client, get, request
from tests.support.process import Daemon
from tests.support.socketio06 import Socket, form, stream, streamed

CONFIGURATION = {
    "port": 0,
    "address": "127.0.0.1",
    "locations": [{"type": "publisher", "prefix": "/pub/", "store_messages": False}, {"type": "socketio06", "session_expiry": 1}],
}
"""Messages that are kept would be what stays."""
SUBSCRIBE = codec.json({"type": "subscribe", "channel": "news"})


async def connect(port: int) -> Client:
    return Client(*await asyncio.open_connection("127.0.0.1", port))


async def websocket(port: int) -> Client:
    client = await connect(port)
    socket = Socket(client.reader, client.writer)
    await socket.shake_hands(path=b"/socket.io/websocket")
    await socket.heard()
    await socket.asked(type="subscribe", channel="news")
    return client


async def poll(port: int) -> Client:
    client = await connect(port)
    [sid] = streamed(await client.ask(get(b"/socket.io/xhr-polling//1")))
    place = f"/socket.io/xhr-polling/{sid}/".encode()
    assert (await client.ask(request(b"POST", place + b"send", body=form(stream(SUBSCRIBE))))).body == b"ok"
    assert b"subscribed" in (await client.ask(get(place + b"1"))).body
    await client.send(get(place + b"2"))
    return client


async def page(port: int) -> Client:
    client = await connect(port)
    await client.send(get(b"/socket.io/htmlfile//1"))
    await client.head()
    await client.chunk()
    sid = (await client.chunk()).split(b"~m~")[2][:32]
    posted = request(b"POST", b"/socket.io/htmlfile/%b/send" % sid, body=form(stream(SUBSCRIBE)))
    other = await connect(port)
    assert (await other.ask(posted)).body == b"ok"
    other.leave()
    assert b"subscribed" in await client.chunk()
    return client


@pytest.mark.parametrize("kind", [websocket, poll, page])
@pytest.mark.parametrize(("sessions", "times"), [pytest.param(100, 2, id="some"), pytest.param(1000, 5, id="many", marks=pytest.mark.full)])
def test_nothing_stays_of_sessions_that_come_and_go(
    tmp_path: Path, kind: Callable[[int], Awaitable[Client]], sessions: int, times: int
) -> None:
    config, file = tmp_path / "hbpushd.json", tmp_path / "census.json"
    config.write_text(json.dumps(CONFIGURATION), encoding="utf-8")
    with Daemon(file, "--config", config, program=(sys.executable, "-m", "tests.support.census")) as daemon:
        house = House(daemon, file)
        before, descriptors = house.census(), house.descriptors()

        async def come_and_go() -> None:
            clients = [await kind(house.port) for _ in range(sessions)]
            answer = await (publisher := await connect(house.port)).ask(request(b"POST", b"/pub/news", body=b"to all"))
            assert answer.status == 201
            publisher.leave()
            for client in clients:
                assert b"to all" in await client.reader.readuntil(b"to all")
                client.leave()
            for _ in range(3):
                await asyncio.sleep(0)

        for _ in range(times):
            asyncio.run(come_and_go())
            house.wait_until_empty(before)
        assert house.descriptors() == descriptors
