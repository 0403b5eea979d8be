"""One port and one resource for every generation of Socket.IO before 1.0, and for curl: what one publishes, all others hear."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from socketio_compat.v06 import codec as codec06
from tests.support import socketio, socketio06
from tests.support.hosts import Answer, Client, get, request
from tests.support.packages import needs
from tests.support.process import PATIENCE, Daemon

CONFIGURATION = {
    "port": 0,
    "address": "127.0.0.1",
    "locations": [
        {"type": "publisher", "prefix": "/pub/"},
        {"type": "subscriber", "prefix": "/sub/", "create_on_get": True, "first_message": "newest"},
        {"type": "socketio", "publish": True},
        {"type": "socketio06", "publish": True},
    ],
}


class Everybody:
    """One client of each kind, subscribed to ``news``. `heard` is the data of the next message of each."""

    def __init__(self, port: int) -> None:
        self.port = port
        self.ears: dict[str, Callable[[], Awaitable[Any]]] = {}
        self.clients: list[Client] = []

    async def connect(self) -> Client:
        client = Client(*await asyncio.open_connection("127.0.0.1", self.port))
        self.clients.append(client)
        return client

    async def ask(self, wire: bytes) -> Answer:
        return await (await self.connect()).ask(wire)

    async def join(self) -> None:
        await self.by_socket06()
        await self.by_polls06()
        await self.by_socket09()
        await self.by_curl()

    async def by_socket06(self) -> None:
        client = await self.connect()
        self.socket06 = socketio06.Socket(client.reader, client.writer)
        await self.socket06.shake_hands(path=b"/socket.io/websocket")
        await self.socket06.heard()
        assert (await self.socket06.asked(type="subscribe", channel="news"))["type"] == "subscribed"

        async def heard() -> Any:
            while (found := _message(await self.socket06.heard())) is None:
                pass
            return found["data"]

        self.ears["0.6 websocket"] = heard

    async def by_polls06(self) -> None:
        [sid] = socketio06.streamed(await self.ask(get(b"/socket.io/xhr-polling//1")))
        self.place06 = f"/socket.io/xhr-polling/{sid}"
        await self.post06(type="subscribe", channel="news")

        async def heard() -> Any:
            place = get(f"{self.place06}/1".encode())
            while (found := _message(socketio06.streamed(await self.ask(place)))) is None:
                pass
            return found["data"]

        self.ears["0.6 xhr-polling"] = heard

    async def post06(self, **fields: Any) -> None:
        body = socketio06.form(socketio06.stream(codec06.json(fields)))
        assert (await self.ask(request(b"POST", f"{self.place06}/send".encode(), body=body))).body == b"ok"

    async def by_socket09(self) -> None:
        sid = (await self.ask(get(b"/socket.io/1/"))).body.partition(b":")[0]
        client = await self.connect()
        self.socket09 = socketio.Socket(client.reader, client.writer)
        await self.socket09.shake_hands(path=b"/socket.io/1/websocket/" + sid)
        assert await self.socket09.packet() == "1::"
        self.socket09.say("1::/news")
        assert await self.socket09.packet() == "1::/news"

        async def heard() -> Any:
            while (event := await self.socket09.event())[1] != "message":
                pass
            return event[2][0]

        self.ears["0.9 websocket"] = heard

    async def by_curl(self) -> None:
        """Long polls of curl, each from where the one before ended."""
        since: list[str] = []

        async def heard() -> Any:
            answer = await curl(f"http://127.0.0.1:{self.port}/sub/news", "-i", *since)
            head, _, body = answer.partition("\r\n\r\n")
            headers = dict(line.split(": ", 1) for line in head.split("\r\n")[1:])
            since[:] = ["-H", f"If-Modified-Since: {headers['Last-Modified']}", "-H", f"If-None-Match: {headers['Etag']}"]
            return json.loads(body) if headers["Content-Type"] == "application/json" else body

        self.ears["curl"] = heard


def _message(bodies: list[str]) -> dict[str, Any] | None:
    """The one message of a channel among some bodies, if there is one."""
    found = [value for body in bodies if (value := codec06.read(body).value)["type"] == "message"]
    assert len(found) < 2
    return found[0] if found else None


async def curl(*arguments: str) -> str:
    process = await asyncio.create_subprocess_exec("curl", "-sS", "-m", str(PATIENCE), *arguments, stdout=asyncio.subprocess.PIPE)
    output, _ = await process.communicate()
    assert process.returncode == 0, arguments
    return output.decode()


@needs("curl")
def test_everybody_hears_everybody(tmp_path: Path) -> None:
    configuration = tmp_path / "hbpush.json"
    configuration.write_text(json.dumps(CONFIGURATION), encoding="utf-8")
    with Daemon("--config", configuration) as daemon:
        asyncio.run(asyncio.wait_for(play(daemon.port), PATIENCE))


async def play(port: int) -> None:
    everybody = Everybody(port)
    try:
        await converse(everybody)
    finally:
        for client in everybody.clients:
            client.leave()
        for _ in range(3):
            await asyncio.sleep(0)


async def converse(everybody: Everybody) -> None:
    port = everybody.port

    async def by_curl(value: str) -> None:
        await curl(f"http://127.0.0.1:{port}/pub/news", "-H", "Content-Type: text/plain", "--data-binary", value)

    async def by_socket06(value: str) -> None:
        everybody.socket06.ask(type="publish", channel="news", data=value)

    async def by_polls06(value: str) -> None:
        await everybody.post06(type="publish", channel="news", data=value)

    async def by_socket09(value: str) -> None:
        everybody.socket09.say("5::/news:" + json.dumps({"name": "publish", "args": [value]}))

    await everybody.join()
    await everybody.ask(request(b"PUT", b"/pub/news", b"Content-Length: 0"))
    for number, publish in enumerate((by_curl, by_socket06, by_polls06, by_socket09)):
        ears = {name: asyncio.ensure_future(hear()) for name, hear in everybody.ears.items()}
        if not number:
            # A poll without an id hears what is published after it: curl's has to be there.
            place = get(b"/pub/news", b"Accept: application/json")
            while json.loads((await everybody.ask(place)).body)["subscribers"] < len(ears):
                pass
        value = f"message {number} \U0001f600"
        await publish(value)
        assert {name: await ear for name, ear in ears.items()} == dict.fromkeys(ears, value), publish.__name__
