"""What ends a program ends one behind SocketServer too, and leaves nobody without an answer."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from tornado.web import Application

from socketio_compat.tornadio import SocketConnection, get_router
from socketio_compat.tornadio.server import SocketServer
from tests.support.hosts import Answer, Client, get
from tests.support.socketio06 import form, stream, streamed, wire


class Ending(SocketConnection):
    ends: list[str]

    def on_message(self, message: Any) -> Any:
        if message == "later":
            return self.end()
        raise SystemExit(3)

    async def end(self) -> None:
        await asyncio.sleep(0)
        raise SystemExit(3)

    def on_close(self) -> None:
        self.ends.append("closed")


@pytest.mark.parametrize("when", ["now", "later"])
def test_a_handler_that_ends_the_program(when: str) -> None:
    Ending.ends = []
    asked: list[asyncio.Task[Answer]] = []
    clients: list[Client] = []

    async def begin() -> SocketServer:
        router = get_router(Ending)
        server = SocketServer(Application([router.route()], socket_io_port=0, socket_io_address="127.0.0.1"), auto_start=False)
        client = Client(*await asyncio.open_connection("127.0.0.1", server.port))
        clients.append(client)
        [sid] = streamed(await client.ask(get(b"/socket.io/xhr-polling//1")))
        content = form(stream(when))
        asked.append(asyncio.ensure_future(client.ask(wire("POST", f"/socket.io/xhr-polling/{sid}/send", body=content))))
        return server

    async def go_on(server: SocketServer) -> Answer:
        answer = await asked[0]
        clients[0].leave()
        await server.close()
        return answer

    with asyncio.Runner() as runner:
        server = runner.run(begin())
        with pytest.raises(SystemExit) as ended:
            runner.run(asyncio.wait_for(asyncio.Event().wait(), 10))
        assert ended.value.code == 3
        answer = runner.run(go_on(server))
    assert answer.status == (500 if when == "now" else 200)
    assert Ending.ends == ["closed"]
