"""Socket.IO 0.6 for tests: a hub with a socketio06 location, or a server of an application, and raw clients of both."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Sequence
from typing import Any
from urllib.parse import quote, quote_plus

from hbpush.core.clock import TimerWheel
from hbpush.session.transport import End
from hbpush.web.routes import Route
from socketio_compat.location06 import SocketIO06Location
from socketio_compat.origins import Origins
from socketio_compat.v06 import codec, places
from socketio_compat.v06.contract import Application, Handler, Opening
from socketio_compat.v06.server import Server
from socketio_compat.v06.session import SocketSession
from socketio_compat.v06.settings import Settings
from tests.support import socketio
from tests.support.hosts import Answer, Client
from tests.support.socketio import wire
from tests.support.websocket import TEXT

__all__ = ["EchoApplication", "Echoer", "Site", "Socket", "form", "stream", "streamed", "wire"]


class Echoer(Handler):
    """Sends back what it hears. A text ``boom`` raises, ``wait`` takes until its application opens the gate, ``close`` closes."""

    def __init__(self, session: SocketSession, application: EchoApplication) -> None:
        super().__init__(session)
        self.application = application

    def opened(self) -> Awaitable[object] | None:
        self.application.log.append("opened")
        return self.application.opening(self)

    def message(self, value: Any) -> Awaitable[object] | None:
        self.application.log.append(value)
        if value == "boom":
            raise RuntimeError("boom")
        if value == "close":
            self.session.close(End.APPLICATION)
        elif value == "multi":
            for part in ("m1", {"n": 2}, "m3"):
                self.session.say(part)
        elif value == "list":
            self.session.say(["a", {"b": 1}])
        elif value in ("wait", "wait boom"):
            return self._wait(value)
        else:
            self.session.say(value)
        return None

    def closed(self, why: End) -> Awaitable[object] | None:
        self.application.log.append(why)
        return self.application.closing(self)

    async def _wait(self, value: str) -> None:
        await self.application.gate.wait()
        if value == "wait boom":
            raise RuntimeError("boom")
        self.session.say("waited")


class EchoApplication(Application):
    """``log`` is what its handlers were told; what comes is in ``openings``. Override `opening` and `closing`, or assign them."""

    def __init__(self) -> None:
        self.log: list[Any] = []
        self.openings: list[Opening] = []
        self.gate = asyncio.Event()

    def connection(self, session: SocketSession, opening: Opening) -> Handler:
        self.openings.append(opening)
        return Echoer(session, self)

    def opening(self, handler: Echoer) -> Awaitable[object] | None:
        return None

    def closing(self, handler: Echoer) -> Awaitable[object] | None:
        return None

    def ends(self) -> list[End]:
        """Why handlers were closed."""
        return [entry for entry in self.log if isinstance(entry, End)]


class Site(socketio.Site):
    """`serve` a location, or `echo`, first; then `connect` by xhr-polling or open a `websocket`."""

    kind = SocketIO06Location

    async def echo(self, origins: str | tuple[str, ...] = "*", application: EchoApplication | None = None, **settings: Any) -> None:
        await self.host.serve(self.echo_routes(origins, application, **settings))

    def echo_routes(
        self, origins: str | tuple[str, ...] = "*", application: EchoApplication | None = None, resource: str = "socket.io", **settings: Any
    ) -> list[Route]:
        """The routes of an `EchoApplication`, which is not served yet."""
        self.application = application or EchoApplication()
        self.server = self.make_server(self.application, origins, **settings)
        return places.routes(resource, self.server.request, self.server.settings.max_body)

    def make_server(self, application: Application, origins: str | tuple[str, ...] = "*", **settings: Any) -> Server:
        return Server(application, Settings(**settings), self.clock, TimerWheel(self.clock), self.host.counters, Origins(origins))

    async def connect(self, transport: str = "xhr-polling", place: str = "/socket.io") -> str:
        """The first poll; returns the session id, which has to be all that it brings."""
        answer = await self.ask("GET", f"{place}/{transport}//1300000000000")
        assert answer.status == 200, answer
        [sid] = streamed(answer)
        return sid

    async def poll(self, sid: str, transport: str = "xhr-polling", *lines: str, index: int = 0) -> Answer:
        return await self.ask("GET", path(sid, transport, index), *lines)

    async def hold(self, sid: str, transport: str = "xhr-polling", *lines: str, index: int = 0) -> Client:
        """A poll that waits."""
        session = self.server.registry.get(sid)
        assert session is not None
        before = session.transport
        client = await self.host.connect()
        await client.send(wire("GET", path(sid, transport, index), *lines))
        await self.until(lambda: session.transport is not None and session.transport is not before)
        return client

    async def post(self, sid: str, *bodies: str, transport: str = "xhr-polling", lines: Sequence[str] = ()) -> Answer:
        """What a client sends at once, in the form that its transport has."""
        content = form(stream(*bodies), transport)
        where = f"/socket.io/{transport}/{sid}/" + ("1300000000002/0" if transport == "jsonp-polling" else "send")
        return await self.ask("POST", where, "Content-Type: application/x-www-form-urlencoded", *lines, body=content)

    async def open_stream(self, transport: str, *lines: str) -> Client:
        """A stream, of which the head is read."""
        client = await self.host.connect()
        tail = "" if transport == "xhr-multipart" else "/1300000000000"
        await client.send(wire("GET", f"/socket.io/{transport}/{tail}", *lines))
        status, self.headers = await client.head()
        assert status == 200
        return client

    async def websocket(self, transport: str = "websocket", place: str = "/socket.io", first: bool = True) -> Socket:
        """An open WebSocket; with ``first`` the session id is read, as `Socket.id`."""
        client = await self.host.connect()
        socket = Socket(client.reader, client.writer)
        await socket.shake_hands(path=f"{place}/{transport}".encode())
        if first:
            [socket.id] = await socket.heard()
        return socket


class Socket(socketio.Socket):
    """A client's WebSocket."""

    id = ""

    async def heard(self) -> list[str]:
        """The bodies of the next message, which has to be text."""
        bodies, fault = codec.decode_stream(await self.packet())
        assert fault is None
        return bodies

    async def next(self) -> Any:
        """The next message, which has to be one JSON value alone."""
        [body] = await self.heard()
        kind, value = codec.read(body)
        assert kind == codec.JSON, body
        return value

    async def next_after(self, id: str) -> Any:
        """The data of the next message, which has to be the one that was published with this id."""
        value = await self.next()
        assert (value["type"], value["id"]) == ("message", id), value
        return value["data"]

    def say(self, *bodies: str) -> None:
        self.send(TEXT, stream(*bodies).encode())

    def ask(self, **fields: Any) -> None:
        self.say(codec.JSON + json.dumps(fields))

    async def asked(self, **fields: Any) -> Any:
        """Send a request; the next message, which has to be its answer."""
        self.ask(**fields)
        return await self.next()

    async def quiet(self, ask: str = "still there?") -> None:
        """Nothing came before the answer to a message that is echoed."""
        self.say(ask)
        assert await self.heard() == [ask]


def stream(*bodies: str) -> str:
    return codec.encode_stream(bodies).decode()


def form(text: str, transport: str = "xhr-polling") -> bytes:
    """The body of a post as a client makes it: by ``encodeURIComponent``, or by a form."""
    if transport == "jsonp-polling":
        return b"data=" + quote_plus(text.replace("\n", "\r\n")).encode()
    return b"data=" + quote(text, safe="~()*!.'").encode()


def streamed(answer: Answer) -> list[str]:
    """The bodies in an answer."""
    bodies, fault = codec.decode_stream(answer.body)
    assert fault is None, answer
    return bodies


def path(sid: str, transport: str, index: int = 0) -> str:
    return f"/socket.io/{transport}/{sid}/1300000000001" + (f"/{index}" if transport == "jsonp-polling" else "")
