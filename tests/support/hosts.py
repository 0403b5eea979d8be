"""The hosts of endpoints, each on a real socket in a loop of its own, a raw client for them, and endpoints to talk to."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Callable, Coroutine, Sequence
from typing import Any, NamedTuple

import uvloop
from tornado.httpserver import HTTPServer
from tornado.netutil import bind_sockets
from tornado.web import Application

from hbpush.core.clock import TimerWheel
from hbpush.core.counters import Counters
from hbpush.web.answers import NOT_FOUND, Head
from hbpush.web.exchange import Endpoint, Exchange, WebSocket, Writer
from hbpush.web.limits import Limits
from hbpush.web.native import NativeServer
from hbpush.web.proxies import TrustedProxies
from hbpush.web.routes import Exact, Prefix, Route, Routes
from hbpush.web.tornado_host import urls
from tests.support.certificate import Certificate
from tests.support.clock import ManualClock

PATIENCE = 5.0
"""Seconds that a test waits for a peer in the same process. Nothing takes that long unless it is broken."""

BIG = 16 * 1024 * 1024

OK = Head(200, b"Content-Type: text/plain\r\n")


class Kind(NamedTuple):
    """A host, and the loop below it. ``tornado`` is the stock HTTPServer."""

    name: str
    tornado: bool = False
    tls: bool = False
    uvloop: bool = True


KINDS = (Kind("native"), Kind("native-tls", tls=True), Kind("native-asyncio", uvloop=False), Kind("tornado", tornado=True, uvloop=False))


class Answer(NamedTuple):
    """A response as it came. Header names are in lower case."""

    status: int
    headers: dict[bytes, bytes]
    body: bytes


class Client:
    """A raw connection: bytes out, answers in. Every wait has an end, after ``patience`` seconds."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, patience: float = PATIENCE) -> None:
        self.reader = reader
        self.writer = writer
        self.patience = patience

    async def send(self, wire: bytes) -> None:
        """Give bytes to the kernel. A peer that cuts the connection is for the next read to find."""
        if self.writer.is_closing():
            return
        self.writer.write(wire)
        try:
            async with asyncio.timeout(self.patience):
                await self.writer.drain()
        except ConnectionError:
            return

    async def ask(self, wire: bytes, head: bool = False) -> Answer:
        await self.send(wire)
        return await self.answer(head)

    async def answer(self, head: bool = False) -> Answer:
        """Read one response; ``head`` says that it answers HEAD."""
        async with asyncio.timeout(self.patience):
            status, headers = await self.head()
            if head or status in (204, 304) or status < 200:
                body = b""
            elif headers.get(b"transfer-encoding") == b"chunked":
                body = b""
                while piece := await self.chunk():
                    body += piece
            elif b"content-length" in headers:
                body = await self.reader.readexactly(int(headers[b"content-length"]))
            else:
                body = await self.reader.read()
            return Answer(status, headers, body)

    async def head(self) -> tuple[int, dict[bytes, bytes]]:
        async with asyncio.timeout(self.patience):
            first, *lines = (await self.reader.readuntil(b"\r\n\r\n"))[:-4].split(b"\r\n")
            version, status, _ = first.split(b" ", 2)
            assert version == b"HTTP/1.1"
            headers: dict[bytes, bytes] = {}
            for line in lines:
                name, colon, value = line.partition(b": ")
                assert colon
                assert name.lower() not in headers, f"{name!r} twice"
                headers[name.lower()] = value
            return int(status), headers

    async def chunk(self) -> bytes:
        """One chunk of a chunked body; empty for the last."""
        async with asyncio.timeout(self.patience):
            size = int(await self.reader.readline(), 16)
            piece = await self.reader.readexactly(size + 2)
            assert piece.endswith(b"\r\n")
            return piece[:-2]

    async def rest(self) -> bytes:
        """Everything up to the end of the connection, however it ends."""
        rest = b""
        async with asyncio.timeout(self.patience):
            try:
                while piece := await self.reader.read(65536):
                    rest += piece
            except ConnectionError:
                return rest
        return rest

    async def is_over(self) -> bool:
        """Wait for the end of the connection; True if nothing came before it."""
        return await self.rest() == b""

    def end(self) -> None:
        """Tell that nothing more will be sent, once all is; under TLS that is the end of reading, too."""
        if not self.writer.can_write_eof():
            self.writer.close()
            return
        try:
            self.writer.write_eof()
        except OSError:
            # The peer was faster.
            return

    def leave(self) -> None:
        """Cut the connection."""
        self.writer.transport.abort()


class Places:
    """Endpoints at fixed paths, and what happened to them."""

    def __init__(self) -> None:
        self.held: list[Exchange] = []
        self.writers: list[Writer] = []
        self.gone = 0
        self.drained = 0
        self.seen = 0
        self.gate: asyncio.Future[bytes] | None = None
        self.outbox = 1024 * 1024
        self.sockets = 0
        self._changed: list[asyncio.Future[None]] = []

    def routes(self) -> list[Route]:
        named = {
            "echo": self.echo, "hold": self.hold, "stream": self.stream, "boom": self.boom, "later": self.later,
            "late-boom": self.late_boom, "stream-boom": self.stream_boom, "headers": self.headers, "who": self.who, "last": self.last,
            "extra": self.extra, "none": self.none, "upgrade": self.upgrade, "silent": self.silent, "big": self.big,
            "socket": self.socket,
        }  # fmt: skip
        small = Route(Exact("/small"), self.echo, _nothing, 1000)
        large = Route(Exact("/large"), self.echo, _nothing, 64 * 1024 * 1024)
        return [Route(Exact(f"/{name}"), endpoint, _nothing) for name, endpoint in named.items()] + [
            small, large, Route(Prefix("/name/"), self.name, bytes),
        ]  # fmt: skip

    async def until(self, happened: Callable[[], object]) -> None:
        """Wait until something is so; it is looked at after every call of an endpoint and every ``gone``."""
        async with asyncio.timeout(PATIENCE):
            while not happened():
                change = asyncio.get_running_loop().create_future()
                self._changed.append(change)
                await change

    def _tell(self) -> None:
        changed, self._changed = self._changed, []
        for change in changed:
            if not change.done():
                change.set_result(None)

    def _left(self) -> None:
        self.gone += 1
        self._tell()

    def _ready(self) -> None:
        self.drained += 1
        self._tell()

    def echo(self, exchange: Exchange) -> None:
        self.seen += 1
        exchange.respond(OK.wire(b"%b %b %b" % (exchange.method, exchange.target, exchange.body)))
        self._tell()

    def hold(self, exchange: Exchange) -> None:
        if exchange.hold(self._left):
            self.held.append(exchange)
        self._tell()

    def big(self, exchange: Exchange) -> None:
        """More than the kernel takes for a peer that does not read."""
        self.seen += 1
        exchange.respond(OK.wire(bytes(BIG)))
        self._tell()

    def silent(self, exchange: Exchange) -> None:
        self.held.append(exchange)
        self._tell()

    def stream(self, exchange: Exchange) -> None:
        writer = exchange.stream(200, b"Content-Type: text/plain\r\n", self._left, self._ready, self.outbox)
        if writer is not None:
            self.writers.append(writer)
        self._tell()

    def socket(self, exchange: Exchange) -> None:
        exchange.websocket(_Socket(self))
        self._tell()

    def socket_changed(self, more: int) -> None:
        self.sockets += more
        self._tell()

    def boom(self, exchange: Exchange) -> None:
        raise RuntimeError("boom")

    def stream_boom(self, exchange: Exchange) -> None:
        self.stream(exchange)
        raise RuntimeError("boom")

    async def later(self, exchange: Exchange) -> None:
        self.gate = asyncio.get_running_loop().create_future()
        self._tell()
        exchange.respond(OK.wire(await self.gate))

    async def late_boom(self, exchange: Exchange) -> None:
        await asyncio.get_running_loop().run_in_executor(None, int)
        raise RuntimeError("boom")

    def headers(self, exchange: Exchange) -> None:
        pairs = [b"%b=%b" % (name.lower(), value) for name, value in exchange.headers]
        exchange.respond(OK.wire(b"\n".join(pairs) + b"\n\n" + exchange.body))

    def who(self, exchange: Exchange) -> None:
        exchange.respond(OK.wire(b"%b %b" % (exchange.remote_ip.encode(), b"https" if exchange.secure else b"http")))

    def last(self, exchange: Exchange) -> None:
        exchange.keep = False
        exchange.respond(OK.wire(b"last"))

    def extra(self, exchange: Exchange) -> None:
        exchange.extra = b"X-Extra: 1\r\n"
        exchange.respond(OK.wire(b"extra"))
        exchange.respond(OK.wire(b"a second answer"))

    def none(self, exchange: Exchange) -> None:
        exchange.respond(Head(304, b'Etag: "1"\r\n').wire())

    def upgrade(self, exchange: Exchange) -> None:
        exchange.respond(OK.wire(b"fit" if exchange.upgrade else b"unfit"))

    def name(self, exchange: Exchange) -> None:
        exchange.respond(OK.wire(exchange.args))


class _Socket:
    """What hears a WebSocket of `Places`: when it begins and ends."""

    def __init__(self, places: Places) -> None:
        self._places = places

    def opened(self, _: WebSocket) -> None:
        self._places.socket_changed(1)

    def received(self, _: str | bytes) -> None:
        """Nobody answers."""

    def drained(self) -> None:
        """Nothing waits."""

    def gone(self, _: int) -> None:
        self._places.socket_changed(-1)


def _nothing(_: bytes) -> None:
    return None


def not_found(exchange: Exchange) -> None:
    """The fallback of a server without an Application."""
    exchange.respond(NOT_FOUND.wire())


class Host:
    """One host in a loop of its own: `run` a coroutine that calls `serve`, then `connect`."""

    patience = PATIENCE

    def __init__(self, kind: Kind, certificate: Certificate | None) -> None:
        self.kind = kind
        self.native: NativeServer
        self.clock: ManualClock
        self.counters: Counters
        self.port = 0
        self._certificate = certificate
        self._clients: list[Client] = []
        self._ends: list[Callable[[], Coroutine[Any, Any, object]]] = []

    def run(self, scenario: Coroutine[Any, Any, None]) -> None:
        """Run to the end, within a time-out, and close everything."""
        with asyncio.Runner(loop_factory=uvloop.new_event_loop if self.kind.uvloop else asyncio.SelectorEventLoop) as runner:
            runner.run(self._run(scenario))

    async def others_are_served(self, path: bytes = b"/echo") -> None:
        """Ask on connections of their own. When it returns, what was sent before it has arrived, too."""
        for _ in range(3):
            assert (await self.ask(request(b"GET", path))).status == 200

    async def _run(self, scenario: Coroutine[Any, Any, None]) -> None:
        self.clock = ManualClock(loop=asyncio.get_running_loop())
        self.counters = Counters(self.clock)
        try:
            async with asyncio.timeout(3 * PATIENCE):
                await scenario
        finally:
            for client in self._clients:
                client.leave()
            for end in self._ends:
                await end()
            # What was aborted reports its end in the next turns of the loop; TLS takes a few.
            for _ in range(5):
                await asyncio.sleep(0)

    async def serve(
        self,
        routes: Sequence[Route],
        limits: Limits | None = None,
        proxies: Sequence[str] = (),
        fallback: Endpoint = not_found,
        handlers: Sequence[Any] = (),
    ) -> None:
        """Listen on a free port. ``handlers`` are for the Application of the stock server; the native one has its fallback."""
        limits = limits or Limits()
        trusted = TrustedProxies(proxies)
        if self.kind.tornado:
            rules = urls(routes, limits, trusted, self.clock, self.counters)
            self.serve_by_tornado(Application([*rules, *handlers]), limits.max_header)
            return
        self.native = NativeServer(Routes(routes, fallback), limits, self.clock, TimerWheel(self.clock), self.counters, trusted)
        context = self._certificate.server() if self.kind.tls and self._certificate else None
        [(_, self.port)] = await self.native.listen("127.0.0.1", 0, context)
        self._ends.append(lambda: self.native.close(0))

    def serve_by_tornado(self, application: Application, max_header: int = 16 * 1024) -> None:
        """Serve an Application by Tornado's own HTTPServer."""
        server = HTTPServer(application, max_header_size=max_header)
        [listener] = bind_sockets(0, "127.0.0.1")
        self.port = listener.getsockname()[1]
        server.add_socket(listener)

        async def end() -> None:
            server.stop()
            await server.close_all_connections()

        self._ends.append(end)

    async def serve_places(self, limits: Limits | None = None, proxies: Sequence[str] = ()) -> Places:
        """Serve the endpoints of `Places`."""
        places = Places()
        await self.serve(places.routes(), limits, proxies)
        return places

    def client_context(self) -> ssl.SSLContext | None:
        """What a client needs to speak TLS to this host, None for a plain one."""
        return self._certificate.client() if self.kind.tls and self._certificate else None

    async def connect(self, buffer: int = 1 << 20) -> Client:
        """A new connection, whose client reads ahead no more than twice ``buffer`` bytes."""
        context = self.client_context()
        async with asyncio.timeout(self.patience):
            streams = await asyncio.open_connection("127.0.0.1", self.port, ssl=context, limit=buffer)
            client = Client(*streams, self.patience)
        self._clients.append(client)
        return client

    async def ask(self, wire: bytes, head: bool = False) -> Answer:
        """One request on a connection of its own."""
        return await (await self.connect()).ask(wire, head)


def get(path: bytes, *lines: bytes) -> bytes:
    """A GET request."""
    return request(b"GET", path, *lines)


def request(method: bytes, path: bytes, *lines: bytes, body: bytes = b"", version: bytes = b"1.1") -> bytes:
    """A request with a Host, and a Content-Length if there is a body."""
    head = [b"%b %b HTTP/%b" % (method, path, version), b"Host: localhost", *lines]
    if body:
        head.append(b"Content-Length: %d" % len(body))
    return b"\r\n".join(head) + b"\r\n\r\n" + body
