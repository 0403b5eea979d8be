"""WebSockets for tests: a client that may do what a client must not, a listener that remembers, and the hosts that serve them."""

from __future__ import annotations

import asyncio
import ssl
import subprocess
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import uvloop
from tornado.httpserver import HTTPServer
from tornado.testing import bind_unused_port
from tornado.web import Application

from hbpush.core.clock import TimerWheel
from hbpush.core.counters import Counters
from hbpush.web.answers import line
from hbpush.web.exchange import Exchange, WebSocket
from hbpush.web.limits import Limits
from hbpush.web.native import NativeServer
from hbpush.web.proxies import TrustedProxies
from hbpush.web.routes import Exact, Route, Routes
from hbpush.web.tornado_host import urls
from hbpush.web.websocket import frame
from tests.support.clock import ManualClock

TIMEOUT = 10.0
MASK = b"\x37\xfa\x21\x3d"
KEY = b"dGhlIHNhbXBsZSBub25jZQ=="
ACCEPT = b"s3pPLMBiTxaQ9kYGzzhZRbK+xOo="
"""The example of RFC 6455 section 1.3."""

HEAD = {
    b"Host": b"localhost",
    b"Upgrade": b"websocket",
    b"Connection": b"keep-alive, Upgrade",
    b"Sec-WebSocket-Version": b"13",
    b"Sec-WebSocket-Key": KEY,
}

CONTINUATION, TEXT, BINARY, CLOSE, PING, PONG = 0, 1, 2, 8, 9, 10


def request(method: bytes = b"GET", version: bytes = b"1.1", path: bytes = b"/socket", **changes: bytes | None) -> bytes:
    """An upgrade request; ``sec_websocket_key=None`` leaves a header out, bytes change it."""
    fields = {**HEAD, **{name.encode().replace(b"_", b"-").title().replace(b"socket", b"Socket"): value for name, value in changes.items()}}
    named = {name.lower(): (name, value) for name, value in fields.items()}
    lines = b"".join(b"%b: %b\r\n" % pair for pair in named.values() if pair[1] is not None)
    return b"%b %b HTTP/%b\r\n%b\r\n" % (method, path, version, lines)


def client_frame(
    opcode: int, payload: bytes = b"", *, fin: bool = True, rsv: int = 0, masked: bool = True, size: bytes | None = None
) -> bytes:
    """A frame of a client. ``rsv`` is 0 to 7; ``size`` replaces the length: its seven bits and what extends them, without the mask bit."""
    if size is None:
        length = len(payload)
        if length < 126:
            size = bytes((length,))
        elif length < 65536:
            size = b"\x7e" + length.to_bytes(2, "big")
        else:
            size = b"\x7f" + length.to_bytes(8, "big")
    first = bytes((fin << 7 | rsv << 4 | opcode,))
    if not masked:
        return first + size + payload
    repeated = (MASK * (len(payload) // 4 + 1))[: len(payload)]
    body = (int.from_bytes(payload, "big") ^ int.from_bytes(repeated, "big")).to_bytes(len(payload), "big")
    return first + bytes((size[0] | 0x80,)) + size[1:] + MASK + body


def close_payload(code: int, reason: bytes = b"") -> bytes:
    """What a close frame carries."""
    return code.to_bytes(2, "big") + reason


class Peer:
    """The client's end of a connection. Every wait ends after ``patience`` seconds."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, patience: float = TIMEOUT) -> None:
        self.reader = reader
        self.writer = writer
        self.patience = patience
        self.head = b""

    async def shake_hands(self, after: bytes = b"", **changes: bytes | None) -> Peer:
        """Send an upgrade request with ``after`` behind it; reads the head of the answer, which has to be a 101."""
        self.writer.write(request(**changes) + after)
        self.head = await self.read_head()
        assert self.head.startswith(b"HTTP/1.1 101 "), self.head
        return self

    async def read_head(self) -> bytes:
        async with asyncio.timeout(self.patience):
            return await self.reader.readuntil(b"\r\n\r\n")

    def send(self, opcode: int, payload: bytes = b"", **how: Any) -> None:
        """Send one frame, see `client_frame`."""
        self.writer.write(client_frame(opcode, payload, **how))

    async def read_frame(self) -> tuple[int, bytes]:
        """The next frame: its opcode, which has to have FIN and no reserved bit, and its payload, which has to have no mask."""
        async with asyncio.timeout(self.patience):
            first, size = await self.reader.readexactly(2)
            assert first & 0xF0 == 0x80
            assert size < 128
            if size == 126:
                size = int.from_bytes(await self.reader.readexactly(2), "big")
            elif size == 127:
                size = int.from_bytes(await self.reader.readexactly(8), "big")
            return first & 0x0F, await self.reader.readexactly(size)

    async def read_close(self) -> int:
        """The next frame has to be a close frame: its code, 1005 for none."""
        opcode, payload = await self.read_frame()
        assert (opcode, len(payload) == 1) == (CLOSE, False)
        return int.from_bytes(payload[:2], "big") if payload else 1005

    async def is_over(self) -> bool:
        """Whether the server ends the connection with nothing more on it."""
        try:
            rest = await asyncio.wait_for(self.reader.read(), self.patience)
        except ConnectionError:
            return True
        return rest == b""

    def vanish(self) -> None:
        self.writer.transport.abort()

    async def leave(self) -> None:
        """Close, without a close frame."""
        self.writer.close()
        try:
            await asyncio.wait_for(self.writer.wait_closed(), self.patience)
        except (ConnectionError, ssl.SSLError):
            return


class Listener:
    """Remembers what it hears, and sends messages back while ``echo`` is True."""

    def __init__(self, echo: bool = True) -> None:
        self.echo = echo
        self.heard: asyncio.Queue[tuple[str, Any]] = asyncio.Queue()
        self.socket: WebSocket
        self.code: int | None = None

    def opened(self, socket: WebSocket) -> None:
        self.socket = socket

    def received(self, message: str | bytes) -> None:
        if message == "raise":
            raise RuntimeError("a fault of the listener")
        self.heard.put_nowait(("received", message))
        if self.echo:
            self.socket.write(frame(message.encode(), True) if isinstance(message, str) else frame(message, False))

    def drained(self) -> None:
        self.heard.put_nowait(("drained", self.socket.has_room()))

    def gone(self, code: int) -> None:
        assert self.code is None
        self.code = code
        self.heard.put_nowait(("gone", code))

    async def next(self) -> tuple[str, Any]:
        """What it heard, in order: ("received", message), ("drained", has_room), ("gone", code)."""
        return await asyncio.wait_for(self.heard.get(), TIMEOUT)


class Site:
    """A server whose ``/socket`` becomes a WebSocket, ``/plain`` is an answer, and ``/large`` one of 4 MiB. Time is driven by hand.

    ``options`` are the arguments of `Exchange.websocket`, ``extra`` header lines for its 101; ``listeners`` are those of the
    connections, in the order in which they came.
    """

    def __init__(self, kind: str, certificate: tuple[Path, Path] | None, timeout: float = 25.0) -> None:
        self.kind = kind
        self._timeout = timeout
        self.native_server: NativeServer | None = None
        self.options: dict[str, Any] = {}
        self.extra = b""
        self.echo = True
        self.listeners: list[Listener] = []
        self._certificate = certificate
        self._peers: list[Peer] = []
        self._port = 0
        self.clock: ManualClock
        self.counters: Counters

    def run(self, test: Callable[[], Awaitable[None]]) -> None:
        """Run a test in the loop of the server."""
        factory = asyncio.new_event_loop if "asyncio" in self.kind else uvloop.new_event_loop
        with asyncio.Runner(loop_factory=factory) as runner:
            runner.run(asyncio.wait_for(self._run(test), self._timeout))

    async def _run(self, test: Callable[[], Awaitable[None]]) -> None:
        self.clock = ManualClock(loop=asyncio.get_running_loop())
        self.counters = Counters(self.clock)
        context = None
        if self._certificate is not None:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(*self._certificate)
        routes = [Route(Exact(f"/{name}"), getattr(self, f"_{name}"), bytes) for name in ("socket", "plain", "large")]
        if self.kind.startswith("native"):
            server = NativeServer(
                Routes(routes, self._plain), Limits(), self.clock, TimerWheel(self.clock), self.counters, TrustedProxies()
            )
            self.native_server = server
            ((_, self._port),) = await server.listen("127.0.0.1", 0, context)
            try:
                await test()
            finally:
                await self._leave()
                await server.close(TIMEOUT)
        else:
            stock = HTTPServer(Application(urls(routes, clock=self.clock, counters=self.counters)), ssl_options=context)
            socket, self._port = bind_unused_port()
            stock.add_socket(socket)
            try:
                await test()
            finally:
                await self._leave()
                stock.stop()
                await asyncio.wait_for(stock.close_all_connections(), TIMEOUT)

    async def _leave(self) -> None:
        for peer in self._peers:
            await peer.leave()
        for listener in self.listeners:
            while listener.code is None:
                await listener.next()

    async def connect(self) -> Peer:
        """A connection on which nothing was said yet."""
        context = None
        if self._certificate is not None:
            context = ssl.create_default_context(cafile=self._certificate[0])
        peer = Peer(*await asyncio.wait_for(asyncio.open_connection("127.0.0.1", self._port, ssl=context), TIMEOUT))
        self._peers.append(peer)
        return peer

    async def open(self, after: bytes = b"", **changes: bytes | None) -> tuple[Peer, Listener]:
        """An open WebSocket, both ends; see `Peer.shake_hands`."""
        peer = await (await self.connect()).shake_hands(after, **changes)
        return peer, self.listeners[-1]

    async def round_trip(self) -> None:
        """Returns when the server has read all that was sent before: it answers on a connection that has nothing to do with the rest."""
        peer = await self.connect()
        for _ in range(3):
            peer.writer.write(b"GET /plain HTTP/1.1\r\nHost: localhost\r\n\r\n")
            assert (await peer.read_head()).startswith(b"HTTP/1.1 200 ")
            await asyncio.wait_for(peer.reader.readexactly(6), TIMEOUT)

    @property
    def url(self) -> str:
        """Of the WebSocket."""
        return f"{'ws' if self._certificate is None else 'wss'}://127.0.0.1:{self._port}/socket"

    def _socket(self, exchange: Exchange) -> None:
        listener = Listener(self.echo)
        if self.extra:
            exchange.extra = self.extra
        # Of a refused request nothing is to remain.
        self.listeners.append(listener)
        exchange.websocket(listener, **self.options)
        if not hasattr(listener, "socket"):
            self.listeners.remove(listener)

    def _plain(self, exchange: Exchange) -> None:
        exchange.respond(line(200, "plain"))

    def _large(self, exchange: Exchange) -> None:
        exchange.respond(line(200, "x" * 4 * 1024 * 1024))


def make_certificate(folder: Path) -> tuple[Path, Path]:
    """A certificate for 127.0.0.1 that signs itself, and its key. Raises FileNotFoundError without openssl."""
    certificate, key = folder / "certificate.pem", folder / "key.pem"
    command = "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj /CN=127.0.0.1"
    names = ["-addext", "subjectAltName=IP:127.0.0.1", "-keyout", str(key), "-out", str(certificate)]
    subprocess.run([*command.split(), *names], check=True, capture_output=True, timeout=60)
    return certificate, key
