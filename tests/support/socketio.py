"""Socket.IO 0.7-0.9 for tests: a hub with a socketio location, or a server of an application, and raw clients of both."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from typing import Any

import msgspec

from hbpush.core.clock import TimerWheel
from hbpush.core.hub import Hub
from hbpush.core.message import ChannelRef, Draft
from hbpush.daemon.location import LocationContext
from hbpush.session.transport import End
from hbpush.stores.base import Receipt, Store, StoreContext, StoreSettings
from hbpush.stores.memory import MemoryStore
from socketio_compat.client_location import ClientLocation
from socketio_compat.location import SocketIOLocation
from socketio_compat.origins import Origins
from socketio_compat.v09 import codec
from socketio_compat.v09.contract import Application, Handler, No
from socketio_compat.v09.packet import Packet
from socketio_compat.v09.places import grouped_routes
from socketio_compat.v09.server import Server
from socketio_compat.v09.session import SocketSession
from socketio_compat.v09.settings import Settings
from tests.support.clock import ManualClock
from tests.support.hosts import PATIENCE, Answer, Client, Host, request
from tests.support.websocket import TEXT, Peer


class Echo(Handler):
    """Sends back what it hears. An event ``boom`` raises; ``wait`` takes until its application opens the gate."""

    def opened(self, query: str) -> bool | Awaitable[bool]:
        self.places.log.append(("opened", self.endpoint, query))
        return self.endpoint != "/refused" and "deny" not in query

    @property
    def places(self) -> EchoApplication:
        application = self.session.server.application
        assert isinstance(application, EchoApplication)
        return application

    def message(self, value: Any, packet: Packet) -> Awaitable[object] | None:
        if isinstance(value, str):
            self.session.send(codec.message(value, self.endpoint))
        else:
            self.session.send(codec.json(value, self.endpoint))
        return None

    def event(self, name: str, args: list[Any], packet: Packet) -> Awaitable[object] | None:
        if name == "boom":
            raise RuntimeError("boom")
        if name == "wait":
            return self._wait(args)
        if name in ("echo", "ack"):
            if name == "echo":
                self.session.send(codec.event("echo", args, self.endpoint))
            self.session.acknowledge(packet, args)
        return None

    def acknowledged(self, id: int, args: list[Any]) -> Awaitable[object] | None:
        self.places.log.append(("acknowledged", id, args))
        return None

    def closed(self, why: End) -> None:
        self.places.log.append(("closed", self.endpoint, why))

    async def _wait(self, args: list[Any]) -> None:
        await self.places.gate.wait()
        self.session.send(codec.event("waited", args, self.endpoint))


class EchoApplication(Application):
    """Endpoints ``/chat``, ``/other`` and ``/refused``. ``log`` is what its handlers were told."""

    def __init__(self) -> None:
        self.log: list[Any] = []
        self.gate = asyncio.Event()

    def handler(self, session: SocketSession, endpoint: str) -> Handler | No:
        return Echo(session, endpoint) if endpoint in ("", "/chat", "/other", "/refused") else No.UNKNOWN


class Site:
    """`serve` a location, or `echo`, first; then `shake` hands and connect transports."""

    kind: type[ClientLocation] = SocketIOLocation

    def __init__(self, host: Host) -> None:
        self.host = host
        self.hub: Hub
        self.server: Any
        self.location: Any
        self.application: Any

    @property
    def clock(self) -> ManualClock:
        return self.host.clock

    async def serve(self, make_store: Callable[[StoreContext], Store] | None = None, **options: Any) -> None:
        """Serve a location in front of a hub, by default with a memory store."""
        context = StoreContext("default", self.clock, self.host.counters)
        store = make_store(context) if make_store else MemoryStore(StoreSettings(), context)
        self.hub = Hub({"default": store}, self.clock)
        store.start(self.hub)
        settings = msgspec.convert(options, self.kind.Settings)
        self.kind.check(settings)
        where = LocationContext("locations[0]", self.hub, self.clock, TimerWheel(self.clock), self.host.counters)
        self.location = self.kind(settings, where)
        self.server = self.location.server
        await self.host.serve(self.location.routes())

    async def echo(self, origins: str | tuple[str, ...] = "*", **settings: Any) -> None:
        """Serve an `EchoApplication`."""
        self.application = EchoApplication()
        chosen = Settings(**settings)
        self.server = Server(self.application, chosen, self.clock, TimerWheel(self.clock), self.host.counters, Origins(origins))
        grouped = grouped_routes(chosen.resource, chosen.transports, self.server.places, chosen.max_body)
        await self.host.serve([route for group in grouped for route in group])

    def publish(self, channel: str, body: bytes, content_type: bytes | None = b"text/plain") -> str:
        """Publish; returns the id."""
        receipt = self.hub.publish(ChannelRef("default", "", channel), Draft(body, content_type))
        assert isinstance(receipt, Receipt)
        return str(receipt.last)

    async def ask(self, method: str, path: str, *lines: str, body: bytes = b"") -> Answer:
        """One request on a connection of its own."""
        return await self.host.ask(wire(method, path, *lines, body=body))

    async def shake(self, query: str = "t=1") -> str:
        """A handshake; returns the session id."""
        answer = await self.ask("GET", f"/socket.io/1/?{query}")
        assert answer.status == 200, answer
        return answer.body.partition(b":")[0].decode()

    async def websocket(self, sid: str, transport: str = "websocket", first: bool = True) -> Socket:
        """An open WebSocket; with ``first`` the packet 1:: is read."""
        client = await self.host.connect()
        socket = Socket(client.reader, client.writer)
        await socket.shake_hands(path=f"/socket.io/1/{transport}/{sid}".encode())
        if first:
            assert await socket.packet() == "1::"
        return socket

    async def opened(self, query: str = "t=1") -> Socket:
        """A session on a WebSocket."""
        return await self.websocket(await self.shake(query))

    async def poll(self, sid: str, transport: str = "xhr-polling", query: str = "t=2") -> Answer:
        return await self.ask("GET", f"/socket.io/1/{transport}/{sid}?{query}")

    async def hold(self, sid: str, transport: str = "xhr-polling", query: str = "t=2") -> Client:
        """A poll that waits."""
        session = self.server.registry.get(sid)
        assert session is not None
        before = session.transport
        client = await self.host.connect()
        await client.send(wire("GET", f"/socket.io/1/{transport}/{sid}?{query}"))
        await self.until(lambda: session.transport is not None and session.transport is not before)
        return client

    async def post(self, sid: str, *packets: str, transport: str = "xhr-polling") -> Answer:
        return await self.ask("POST", f"/socket.io/1/{transport}/{sid}?t=3", body=codec.encode_payload(packets))

    async def until(self, happened: Callable[[], object]) -> None:
        """Let the loop turn until something is so."""
        loop = asyncio.get_running_loop()
        async with asyncio.timeout(PATIENCE):
            while not happened():
                turned = loop.create_future()
                loop.call_soon(turned.set_result, None)
                await turned


class Socket(Peer):
    """A client's WebSocket."""

    async def packet(self) -> str:
        """The next frame, which has to be text."""
        opcode, payload = await self.read_frame()
        assert opcode == TEXT, (opcode, payload)
        return payload.decode()

    def say(self, *packets: str) -> None:
        for packet in packets:
            self.send(TEXT, packet.encode("utf-8", "surrogatepass"))

    async def event(self) -> tuple[str, str, Any]:
        """The next packet, which has to be an event: endpoint, name, args."""
        kind, _, endpoint, data = (await self.packet()).split(":", 3)
        assert kind == "5"
        body = json.loads(data)
        return endpoint, body["name"], body.get("args", [])

    async def quiet(self, ask: str = "3:::still there?") -> None:
        """Nothing came before the answer to a message that is echoed."""
        self.say(ask)
        assert await self.packet() == ask


def wire(method: str, path: str, *lines: str, body: bytes = b"") -> bytes:
    length = ["Content-Length: 0"] if method in ("POST", "PUT") and not body else []
    return request(method.encode(), path.encode(), *[line.encode() for line in [*lines, *length]], body=body)
