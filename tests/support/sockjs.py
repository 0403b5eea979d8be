"""SockJS for tests: routers on every host, and raw clients of all transports."""

from __future__ import annotations

import asyncio
import json
from itertools import count
from typing import Any

from sockjs.tornado.conn import SockJSConnection
from tornado.web import Application

from hbpush.web.bridge import native_routes
from sethpusher.sockjs import SockJSRouter
from sethpusher.sockjs.session import SockSession
from tests.support.hosts import Client
from tests.support.site import Site, wire
from tests.support.websocket import TEXT, Peer

ORIGIN = "Origin: http://page.example"
_ids = count()


class Recorder(SockJSConnection):  # type: ignore[misc]
    """Echoes, and does what some messages say. ``log`` is what all connections were told, ``all`` are those that there were."""

    log: list[Any]
    all: list[Recorder]

    def on_open(self, request: Any) -> Any:
        self.info = request
        self.all.append(self)
        self.log.append("open")

    def on_message(self, message: Any) -> Any:
        self.log.append(message)
        self.send(message)

    def on_close(self) -> None:
        self.log.append("close")


def recorder(**methods: Any) -> type[Recorder]:
    """A class of connections with a log of its own, and some methods."""
    return type("Own", (Recorder,), {"log": [], "all": [], **methods})


class SockSite(Site):
    """Routers in an Application. `mount` or `mount_all` first; `router` is the last one."""

    router: SockJSRouter
    routers: list[SockJSRouter]

    async def mount(self, connection: Any, prefix: str = "/echo", handlers: tuple[Any, ...] = (), **settings: Any) -> SockJSRouter:
        """Serve one class of connections."""
        await self.mount_all([SockJSRouter(connection, prefix, {"jsessionid": False, **settings}, clock=self.clock)], handlers)
        return self.router

    async def mount_all(self, routers: list[SockJSRouter], handlers: tuple[Any, ...] = ()) -> None:
        self.routers = routers
        self.router = routers[-1]
        application = Application([*(rule for router in routers for rule in router.urls), *handlers])
        if self.host.kind.tornado:
            await self.host.serve([], handlers=application.default_router.rules)
        else:
            routes, rest = native_routes(application)
            await self.host.serve(routes, fallback=rest)

    async def close(self) -> None:
        for router in getattr(self, "routers", ()):
            router.close()
        await super().close()

    def new(self, prefix: str = "/echo") -> str:
        """The URL of a session that nobody has."""
        return f"{prefix}/000/{next(_ids)}"

    def below(self, url: str) -> SockSession:
        """The session at a URL."""
        session = self.router.server.registry.get(url.rpartition("/")[2])
        assert session is not None
        return session

    async def opened(self, prefix: str = "/echo") -> str:
        """A session that an xhr poll has opened."""
        url = self.new(prefix)
        assert await self.xhr(url) == "o\n"
        return url

    async def xhr(self, url: str) -> str:
        """What a poll is answered."""
        answer = await self.ask("POST", f"{url}/xhr")
        assert answer.status == 200, answer
        return answer.body.decode()

    async def send(self, url: str, *messages: Any) -> None:
        answer = await self.ask("POST", f"{url}/xhr_send", body=json.dumps(messages).encode())
        assert (answer.status, answer.body) == (204, b"")

    async def xhr_later(self, url: str, *messages: Any) -> str:
        """What a poll is answered that waits when something is sent."""
        poll = await self.held(url)
        await self.send(url, *messages)
        return (await poll.answer()).body.decode()

    async def stream(self, url: str, transport: str, *lines: str) -> Stream:
        """A stream, whose head and prelude are read."""
        client = await self.host.connect()
        stream = Stream(client.reader, client.writer)
        await stream.send(wire("POST" if transport == "xhr_streaming" else "GET", f"{url}/{transport}", *lines))
        stream.status, stream.headers = await stream.head()
        stream.prelude = await stream.chunk()
        return stream

    async def held(self, url: str, transport: str = "xhr") -> Client:
        """A poll that waits."""
        session = self.below(url)
        client = await self.host.connect()
        await client.send(wire("POST" if transport == "xhr" else "GET", f"{url}/{transport}"))
        await self.until(lambda: session.transport is not None)
        return client

    async def socket(self, url: str, after: bytes = b"", **changes: bytes | None) -> Socket:
        """An open WebSocket."""
        client = await self.host.connect()
        socket = Socket(client.reader, client.writer)
        await socket.shake_hands(after, path=f"{url}/websocket".encode(), **changes)
        return socket

    async def settle(self) -> None:
        """Let the loop take what is on its way within this process."""
        for _ in range(5):
            await asyncio.sleep(0)

    async def served(self) -> None:
        """Returns when the server has read what was sent before."""
        for _ in range(3):
            await self.ask("GET", f"{self.router._machine.prefix}/info")


class Stream(Client):
    """A response of many frames."""

    status: int
    headers: dict[bytes, bytes]
    prelude: bytes

    async def frame(self) -> str:
        """The next chunk; empty for the last."""
        return (await self.chunk()).decode()


class Socket(Peer):
    """A client's WebSocket."""

    async def text(self) -> str:
        """The next frame, which has to be text."""
        opcode, payload = await self.read_frame()
        assert opcode == TEXT, (opcode, payload)
        return payload.decode()

    def say(self, *frames: str) -> None:
        for frame in frames:
            self.send(TEXT, frame.encode("utf-8", "surrogatepass"))

    async def closing(self) -> tuple[int, str]:
        """The next frame, which has to be a close frame: its code and reason."""
        opcode, payload = await self.read_frame()
        assert opcode == 8, (opcode, payload)
        return int.from_bytes(payload[:2]), payload[2:].decode()
