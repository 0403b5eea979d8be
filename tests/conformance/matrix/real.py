"""Real clients in the matrix: those of the protocols as they were published, on Node and in Chromium, in processes of their own."""

from __future__ import annotations

import asyncio
import base64
import json
import re
import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from tests.conformance.driving.drivers import NODE
from tests.conformance.matrix.contract import Bell, Heard, Publisher, Subscriber, of_data
from tests.conformance.matrix.house import PATIENCE, Place
from tests.conformance.matrix.payloads import Payload
from tests.conformance.matrix.sessions import ONLY_JSON

HERE = Path(__file__).parent
SOCKETIO, SOCKJS = HERE.parent / "socketio", HERE.parent / "sockjs"
VERSIONS = ("0.7.11", "0.8.7", "0.9.17")
TRANSPORTS = ("websocket", "xhr-polling", "jsonp-polling", "htmlfile")
"""Of every version of Socket.IO in a browser of today; on Node it has the first two."""
SOCKJS_ON_NODE = ("websocket", "xhr-streaming", "eventsource", "xhr-polling")
SOCKJS_IN_PAGES = (*SOCKJS_ON_NODE, "htmlfile", "jsonp-polling")
AT_ONCE = 4
"""Clients that may join at a time in pages: more of them, and two processors are late for heartbeats."""


class Client(NamedTuple):
    """A client by what ``members.js`` knows it by."""

    way: str
    transport: str = ""
    version: str = ""

    def __str__(self) -> str:
        shown = {"socketio": "Socket.IO", "socketio06": "Socket.IO 0.6.3", "sockjs": "SockJS"}
        return " ".join(filter(None, (shown.get(self.way, self.way), self.version, self.transport)))

    @property
    def typed(self) -> bool:
        return self.way != "eventsource" and (self.way, self.transport) != ("websocket", "")

    @property
    def sheet(self) -> str:
        """Clients that may share a page: of one library, htmlfile apart, for it makes the page another one."""
        return " ".join((self.way, self.version, *["htmlfile"] * (self.transport == "htmlfile")))


OWN = (Client("websocket"), Client("websocket", "hbpush.json"), Client("eventsource"))


def _clients(transports: Sequence[str], sockjs: Sequence[str]) -> tuple[Client, ...]:
    return (
        *OWN,
        *(Client("socketio06", transport) for transport in transports),
        *(Client("socketio", transport, version) for version in VERSIONS for transport in transports),
        *(Client("sockjs", transport) for transport in sockjs),
    )


ON_NODE = _clients(TRANSPORTS[:2], SOCKJS_ON_NODE)
IN_PAGES = _clients(TRANSPORTS, SOCKJS_IN_PAGES)


class Program:
    """A process of clients, which obeys ``orders.js``; ``name`` is what it is. It starts with the first that joins."""

    def __init__(self, name: str, command: Sequence[str | Path], at_once: int) -> None:
        self.name = name
        self._command = [str(part) for part in command]
        self._room = asyncio.Semaphore(at_once)
        self._process: asyncio.subprocess.Process | None = None
        self._starting = asyncio.Lock()
        self._joining: dict[str, asyncio.Future[None]] = {}
        self._saying: dict[tuple[str, int], asyncio.Future[None]] = {}
        self._heard: dict[str, asyncio.Queue[list[Any] | str]] = {}

    async def join(self, member: dict[str, Any]) -> asyncio.Queue[list[Any] | str]:
        """Let a member join; what it hears: [data, encoding, id], or a text about what went wrong."""
        async with self._room:
            async with self._starting:
                if self._process is None:
                    await self._start()
            name = member["name"]
            self._heard[name] = asyncio.Queue()
            joined = self._joining[name] = asyncio.get_running_loop().create_future()
            self.order({"join": {**member, "patience": PATIENCE * 1000, "limit": PATIENCE * 1000}})
            async with asyncio.timeout(PATIENCE):
                await joined
        return self._heard[name]

    def said(self, name: str, number: int) -> asyncio.Future[None]:
        """Done when it is known that a member has published that number."""
        future = self._saying[(name, number)] = asyncio.get_running_loop().create_future()
        return future

    def order(self, order: dict[str, Any]) -> None:
        assert self._process is not None
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(order).encode() + b"\n")

    async def close(self) -> None:
        """End the process. Any number of times."""
        process, self._process = self._process, None
        if process is None:
            return
        assert process.stdin is not None
        process.stdin.close()
        try:
            await asyncio.wait_for(process.wait(), 10)
        except TimeoutError:
            process.kill()
            await process.wait()
        await self._reader

    async def _start(self) -> None:
        pipe = asyncio.subprocess.PIPE
        self._process = await asyncio.create_subprocess_exec(*self._command, stdin=pipe, stdout=pipe, limit=1 << 24)
        assert self._process.stdout is not None
        self._reader = asyncio.create_task(self._read(self._process.stdout))

    async def _read(self, stdout: asyncio.StreamReader) -> None:
        while line := await stdout.readline():
            match json.loads(line):
                case {"heard": name, "messages": messages}:
                    for message in messages:
                        self._heard[name].put_nowait(message)
                case {"joined": name}:
                    self._joining[name].set_result(None)
                case {"said": name, "number": number}:
                    self._saying.pop((name, number)).set_result(None)
                case {"failed": name, "error": text}:
                    self._failed([name] if name in self._heard else list(self._heard), text)
        self._failed(list(self._heard), "the program has ended")

    def _failed(self, names: Sequence[str], text: str) -> None:
        for name in names:
            self._heard[name].put_nowait(text)
            waiting = [self._joining[name], *(future for (who, _), future in self._saying.items() if who == name)]
            for future in waiting:
                if not future.done():
                    future.set_exception(AssertionError(f"{self.name}: {text}"))


def on_node() -> Program:
    """Clients on Node."""
    flags = ["--experimental-websocket", "--experimental-eventsource", "--no-warnings"]
    return Program("node", [*NODE, *flags, HERE / "driver/crowd.js"], 100)


def in_pages() -> Program:
    """Clients in Chromium."""
    return Program("chromium", [*NODE, HERE / "driver/pages.js", shutil.which("chromium") or "", SOCKETIO / ".clients"], AT_ONCE)


def member(client: Client, program: Program, place: Place, channel: str, what: str = "") -> dict[str, Any]:
    """What a program has to know of a client."""
    scripts = {
        "socketio": ["socketio/driver/sockets.js", "socketio/driver/act.js", "socketio/driver/bundled.js"],
        "socketio06": ["socketio/driver/act.js", "socketio06/driver/early.js", "socketio06/driver/bundled.js"],
        "sockjs": ["sockjs/driver/bundled.js"],
    }
    bundles = {
        "socketio": SOCKETIO / f".clients/node_modules/client-{client.version}/dist/socket.io.js",
        "socketio06": SOCKETIO / ".clients/node_modules/server-0.6.18/support/socket.io-client/socket.io.js",
    }
    needed = scripts.get(client.way, []) + ["socketio/driver/htmlfile.js"] * (client.transport == "htmlfile" and client.way != "sockjs")
    return {
        **client._asdict(),
        "name": re.sub(r"[^\w.-]", "_", f"{program.name} {client} {what}".strip()),
        "site": place.origin,
        "page": place.origin,
        "channel": channel,
        "scripts": [str(HERE.parent / name) for name in needed],
        "bundle": str(bundles.get(client.way, SOCKJS / ".clients/node_modules/sockjs-client/dist/sockjs.js")),
        "framed": False,
        "sheet": client.sheet,
    }


class RealSubscriber(Subscriber):
    """A real client, in a program of them."""

    def __init__(self, client: Client, program: Program, place: Place, channel: str, bell: Bell) -> None:
        self._program = program
        self._member = member(client, program, place, channel)
        self.typed = client.typed
        super().__init__(f"{program.name}: {client}", place, channel, bell)

    async def attach(self, since: str) -> None:
        self._queue = await self._program.join({**self._member, "since": since})

    async def received(self) -> Heard:
        async with asyncio.timeout(PATIENCE):
            message = await self._queue.get()
        assert not isinstance(message, str), message
        data, encoding, place = message
        return Heard(of_data(data, encoding), place)

    async def close(self) -> None:
        await self._program.close()


class RealPublisher(Publisher):
    """A real client on Node, by WebSocket, that publishes; it is subscribed, too."""

    def __init__(self, name: str, client: Client, program: Program, place: Place, channel: str) -> None:
        super().__init__(name, place, channel)
        self._program = program
        self._member = member(client, program, place, channel, "publishes")
        if client.way != "websocket":
            self.left_out = ONLY_JSON

    async def attach(self) -> None:
        await self._program.join({**self._member, "since": ""})

    async def publish(self, number: int, payload: Payload) -> None:
        said = self._program.said(self._member["name"], number)
        order: dict[str, Any] = {"say": self._member["name"], "number": number, "data": payload.value}
        if isinstance(payload.value, bytes):
            order |= {"data": base64.b64encode(payload.value).decode(), "encoding": "base64"}
        self._program.order(order)
        async with asyncio.timeout(PATIENCE):
            await said

    async def close(self) -> None:
        await self._program.close()


PUBLISHERS = {
    "Socket.IO 0.6": Client("socketio06", "websocket"),
    "Socket.IO 0.9": Client("socketio", "websocket", "0.9.17"),
    "WebSocket": Client("websocket", "hbpush.json"),
}
"""Those of the ways to publish that real clients have."""


def subscribers(
    clients: Sequence[Client], program: Program, places: Sequence[Place], channel: str, bell: Bell, first: int = 0
) -> Iterator[RealSubscriber]:
    """One of each, spread over the servers: those of the first sheet are at server ``first``."""
    sheets = list(dict.fromkeys(client.sheet for client in clients))
    for client in clients:
        yield RealSubscriber(client, program, places[(first + sheets.index(client.sheet)) % len(places)], channel, bell)
