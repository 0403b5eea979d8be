"""An unmodified Application behind the native front: handlers, files, WebSockets, and where its routes meet ours."""

from __future__ import annotations

import asyncio
import inspect
from pathlib import Path

import pytest
from tornado.httpclient import HTTPRequest
from tornado.httputil import HTTPServerRequest
from tornado.iostream import BaseIOStream, StreamClosedError
from tornado.web import Application, RequestHandler, StaticFileHandler, stream_request_body
from tornado.websocket import WebSocketHandler, websocket_connect

from hbpush.web.bridge import TornadoEndpoint, native_routes
from hbpush.web.limits import Limits
from hbpush.web.routes import Exact, Prefix, Route
from hbpush.web.tornado_host import urls
from tests.conftest import ExpectedLogs
from tests.integration.web.conftest import natives
from tests.support.hosts import OK, Host, Places, get, request

pytestmark = natives

PIECES = 400
PIECE = 50_000


class Page(RequestHandler):
    def get(self) -> None:
        self.set_header("X-Who", f"{self.request.remote_ip} {self.request.protocol}")
        self.write(f"page {self.get_argument('q', '')}")

    def post(self) -> None:
        self.write(self.request.body)

    def delete(self) -> None:
        self.set_status(204)


class Slow(RequestHandler):
    gate: asyncio.Event
    left: asyncio.Event

    async def get(self) -> None:
        await type(self).gate.wait()
        self.write("at last")

    def on_connection_close(self) -> None:
        type(self).left.set()


class Stream(RequestHandler):
    pieces = 0
    left: asyncio.Event

    async def get(self) -> None:
        for _ in range(int(self.get_argument("pieces", "3"))):
            self.write(b"x" * int(self.get_argument("size", "2")))
            try:
                await self.flush()
            except StreamClosedError:
                type(self).left.set()
                return
            type(self).pieces += 1
        await self.finish()


class Sized(RequestHandler):
    async def get(self) -> None:
        self.set_header("Content-Length", self.get_argument("length"))
        self.write("four")
        await self.flush()


class Boom(RequestHandler):
    def get(self) -> None:
        raise RuntimeError("boom")


@stream_request_body
class Upload(RequestHandler):
    def prepare(self) -> None:
        self.sizes: list[int] = []
        self.request.connection.set_max_body_size(10)
        if self.get_argument("refuse", ""):
            self.set_status(403)
            self.finish()

    async def data_received(self, chunk: bytes) -> None:
        await asyncio.sleep(0)
        self.sizes.append(len(chunk))

    def put(self) -> None:
        self.write(f"{sum(self.sizes)} in {len(self.sizes)}")


class Echo(WebSocketHandler):
    closed: asyncio.Event

    def on_message(self, message: str | bytes) -> None:
        self.write_message(message, binary=isinstance(message, bytes))

    def on_close(self) -> None:
        type(self).closed.set()


class Flood(WebSocketHandler):
    sent = 0

    async def open(self) -> None:
        while True:
            try:
                await self.write_message(bytes(1_000_000), binary=True)
            except Exception:  # noqa: BLE001 - whatever ends it, the test looks at how much was sent
                return
            type(self).sent += 1


class Raw(RequestHandler):
    """Takes the connection, and returns what comes in lines of capitals."""

    async def get(self) -> None:
        stream = self.detach()
        try:
            while True:
                line = await stream.read_until(b"\n", max_bytes=100)
                await stream.write(line.upper())
        except StreamClosedError:
            return


class Deaf(RequestHandler):
    """Takes the connection, and reads nothing until it is told to; then everything up to the end."""

    gate: asyncio.Event
    heard: asyncio.Future[bytes]

    async def get(self) -> None:
        stream = self.detach()
        await type(self).gate.wait()
        type(self).heard.set_result(await stream.read_until_close())


HANDLERS = [
    ("/page", Page), ("/slow", Slow), ("/stream", Stream), ("/sized", Sized), ("/boom", Boom), ("/upload", Upload), ("/ws", Echo),
    ("/flood", Flood), ("/raw", Raw), ("/deaf", Deaf),
]  # fmt: skip


async def serve(host: Host, limits: Limits | None = None, **settings: object) -> None:
    Slow.gate, Slow.left, Echo.closed = asyncio.Event(), asyncio.Event(), asyncio.Event()
    Stream.left, Deaf.gate = asyncio.Event(), asyncio.Event()
    Deaf.heard = asyncio.get_running_loop().create_future()
    Flood.sent = Stream.pieces = 0
    routes, rest = native_routes(Application(HANDLERS, **settings))
    await host.serve(routes, limits, fallback=rest)


async def connect(host: Host, path: str, **options: object):
    url = f"{'wss' if host.kind.tls else 'ws'}://127.0.0.1:{host.port}{path}"
    context = host.client_context()
    return await websocket_connect(HTTPRequest(url, ssl_options=context) if context else url, **options)


@pytest.mark.usefixtures("quiet_access_log")
async def test_a_handler_answers_and_the_connection_goes_on(host: Host) -> None:
    await serve(host)
    client = await host.connect()
    for _ in range(2):
        answer = await client.ask(get(b"/page?q=1"))
        assert (answer.status, answer.body) == (200, b"page 1")
        assert answer.headers[b"x-who"] == (b"127.0.0.1 https" if host.kind.tls else b"127.0.0.1 http")
    assert (await client.ask(request(b"POST", b"/page", body=b"body"))).body == b"body"
    assert (await client.ask(request(b"DELETE", b"/page"))).status == 204
    answer = await client.ask(request(b"HEAD", b"/stream"), head=True)
    assert answer.status == 405
    etag = (await client.ask(get(b"/page"))).headers[b"etag"]
    assert (await client.ask(get(b"/page", b"If-None-Match: " + etag))).status == 304
    assert (await client.ask(get(b"/page"))).body == b"page "


@pytest.mark.usefixtures("quiet_access_log")
async def test_what_a_handler_refuses(host: Host) -> None:
    await serve(host)
    client = await host.connect()
    assert (await client.ask(get(b"/nowhere"))).status == 404
    assert (await client.ask(request(b"PUT", b"/page", body=b"x"))).status == 405
    multipart = request(b"POST", b"/page", b"Content-Type: multipart/form-data; boundary=x", body=b"rubbish")
    assert (await client.ask(multipart)).status == 400
    assert (await client.ask(get(b"/page"))).status == 200


async def test_a_host_that_tornado_refuses(host: Host) -> None:
    await serve(host)
    answer = await host.ask(b"GET /page HTTP/1.1\r\nHost: a/b\r\n\r\n")
    assert (answer.status, b"Host" in answer.body) == (400, True)


async def test_a_handler_that_fails(host: Host, expected_logs: ExpectedLogs) -> None:
    expected_logs("Uncaught exception GET /boom")
    expected_logs("tornado.access: 500 GET /boom")
    await serve(host)
    client = await host.connect()
    answer = await client.ask(get(b"/boom"))
    assert (answer.status, b"Traceback" in answer.body) == (500, False)
    assert (await client.ask(get(b"/page"))).status == 200


async def test_http10(host: Host) -> None:
    await serve(host)
    client = await host.connect()
    answer = await client.ask(b"GET /page HTTP/1.0\r\nConnection: keep-alive\r\n\r\n")
    assert (answer.headers[b"connection"], answer.body) == (b"keep-alive", b"page ")
    answer = await client.ask(b"GET /stream HTTP/1.0\r\nConnection: keep-alive\r\n\r\n")
    assert (answer.headers[b"connection"], answer.body) == (b"close", b"xxxxxx")
    assert await client.is_over()


async def test_a_client_that_asks_for_the_end(host: Host) -> None:
    await serve(host)
    client = await host.connect()
    answer = await client.ask(get(b"/stream", b"Connection: close"))
    assert (answer.headers[b"connection"], answer.body) == (b"close", b"xxxxxx")
    assert await client.is_over()


async def test_a_stream_in_pieces_with_flow_control(host: Host) -> None:
    await serve(host)
    client = await host.connect(buffer=1024)
    await client.send(get(f"/stream?pieces={PIECES}&size={PIECE}".encode()))
    status, headers = await client.head()
    assert (status, headers[b"transfer-encoding"]) == (200, b"chunked")
    for _ in range(PIECES):
        assert len(await client.chunk()) == PIECE
    assert await client.chunk() == b""
    assert (await client.ask(get(b"/page"))).status == 200


async def test_a_stream_to_nobody_ends(host: Host) -> None:
    await serve(host)
    client = await host.connect(buffer=1024)
    await client.send(get(b"/stream?pieces=1000000&size=100000"))
    await client.head()
    for _ in range(10):
        await host.others_are_served(b"/page")
    assert Stream.pieces < 200
    client.leave()
    async with asyncio.timeout(5):
        await Stream.left.wait()


@pytest.mark.parametrize("length", [3, 5])
async def test_a_length_that_is_not_kept_cuts_the_connection(host: Host, length: int, expected_logs: ExpectedLogs) -> None:
    expected_logs("Content-Length")
    expected_logs("Cannot send error response after headers written|HTTPOutputError")
    await serve(host)
    client = await host.connect()
    await client.send(get(b"/sized?length=%d" % length))
    assert len(await client.rest()) < 400
    await host.others_are_served(b"/page")


async def test_large_bodies_both_ways(host: Host) -> None:
    await serve(host, Limits(max_body=64 * 1024 * 1024))
    body = bytes(range(256)) * 128 * 1024
    client = await host.connect()
    assert (await client.ask(request(b"POST", b"/page", body=body))).body == body
    answer = await client.ask(request(b"PUT", b"/upload", body=body))
    assert answer.body == b"33554432 in 512"


@pytest.mark.usefixtures("quiet_access_log")
async def test_an_upload_that_is_refused_at_its_head(host: Host) -> None:
    await serve(host)
    client = await host.connect()
    assert (await client.ask(request(b"PUT", b"/upload?refuse=1", body=bytes(200_000)))).status == 403
    assert (await client.ask(get(b"/page"))).status == 200


async def test_pipelined_requests_wait_for_a_slow_handler(host: Host) -> None:
    await serve(host)
    client = await host.connect()
    await client.send(get(b"/slow") + get(b"/page"))
    await host.others_are_served(b"/page")
    Slow.gate.set()
    assert (await client.answer()).body == b"at last"
    assert (await client.answer()).body == b"page "


async def test_a_client_that_leaves_a_slow_handler(host: Host) -> None:
    await serve(host)
    client = await host.connect()
    await client.send(get(b"/slow"))
    await host.others_are_served(b"/page")
    client.leave()
    async with asyncio.timeout(5):
        await Slow.left.wait()
    Slow.gate.set()
    await host.others_are_served(b"/page")


async def test_files(host: Host, tmp_path: Path) -> None:
    content = bytes(range(256)) * 10_000
    (tmp_path / "file.bin").write_bytes(content)
    await host.serve([], fallback=TornadoEndpoint(Application([("/files/(.*)", StaticFileHandler, {"path": str(tmp_path)})])))
    client = await host.connect()
    assert (await client.ask(get(b"/files/file.bin"))).body == content
    answer = await client.ask(get(b"/files/file.bin", b"Range: bytes=10-19"))
    assert (answer.status, answer.body) == (206, content[10:20])
    answer = await client.ask(request(b"HEAD", b"/files/file.bin"), head=True)
    assert answer.headers[b"content-length"] == b"%d" % len(content)
    assert (await client.ask(get(b"/files/file.bin", b"If-None-Match: " + answer.headers[b"etag"]))).status == 304


async def test_a_websocket(host: Host) -> None:
    await serve(host)
    async with asyncio.timeout(10):
        socket = await connect(host, "/ws")
        for message in ("text", b"binary", "", "x" * 70_000, bytes(3_000_000)):
            await socket.write_message(message, binary=isinstance(message, bytes))
            assert await socket.read_message() == message
        socket.close(4321, "enough")
        await Echo.closed.wait()
        assert await socket.read_message() is None
    await host.others_are_served(b"/page")


async def test_a_websocket_with_compression(host: Host) -> None:
    await serve(host)
    async with asyncio.timeout(10):
        socket = await connect(host, "/ws", compression_options={})
        await socket.write_message("x" * 10_000)
        assert await socket.read_message() == "x" * 10_000
        socket.close()
        await Echo.closed.wait()


async def test_a_websocket_that_vanishes(host: Host) -> None:
    await serve(host)
    client = await host.connect()
    await client.send(UPGRADE)
    assert (await client.head())[0] == 101
    client.leave()
    async with asyncio.timeout(5):
        await Echo.closed.wait()


async def test_frames_in_the_same_read_as_the_handshake_and_byte_by_byte(host: Host) -> None:
    await serve(host)
    client = await host.connect()
    frame = b"\x81\x82\0\0\0\0hi"
    await client.send(UPGRADE + frame)
    assert (await client.head())[0] == 101
    async with asyncio.timeout(5):
        assert await client.reader.readexactly(4) == b"\x81\x02hi"
        for byte in frame:
            await client.send(bytes([byte]))
        assert await client.reader.readexactly(4) == b"\x81\x02hi"


async def test_a_websocket_that_does_not_read_is_waited_for(host: Host) -> None:
    await serve(host)
    client = await host.connect(buffer=1024)
    await client.send(UPGRADE.replace(b"/ws", b"/flood"))
    await client.head()
    for _ in range(20):
        await host.others_are_served(b"/page")
    sent = Flood.sent
    assert sent < 40
    async with asyncio.timeout(10):
        await client.reader.readexactly((sent + 5) * 1_000_000)
    assert Flood.sent > sent


async def test_a_server_that_stops_cuts_what_is_left(host: Host) -> None:
    await serve(host)
    client = await host.connect()
    await client.send(UPGRADE)
    await client.head()
    await host.native.close(0)
    assert await client.is_over()
    await Echo.closed.wait()


async def test_a_handler_that_takes_the_connection(host: Host) -> None:
    await serve(host)
    client = await host.connect()
    await client.send(get(b"/raw", b"Connection: Upgrade", b"Upgrade: capitals"))
    await host.others_are_served(b"/page")
    async with asyncio.timeout(5):
        for line in (b"one\n", b"two\n"):
            await client.send(line)
            assert await client.reader.readline() == line.upper()


async def test_a_handler_that_does_not_read_what_it_is_sent(host: Host) -> None:
    await serve(host)
    client = await host.connect()
    await client.send(get(b"/deaf", b"Connection: Upgrade", b"Upgrade: silence"))
    client.writer.write(bytes(30_000_000))
    for _ in range(5):
        await host.others_are_served(b"/page")
    if not host.kind.tls:
        # Under TLS the client's transport does not tell.
        assert client.writer.transport.get_write_buffer_size() > 10_000_000
    Deaf.gate.set()
    client.end()
    async with asyncio.timeout(10):
        assert len(await Deaf.heard) == 30_000_000


async def test_what_was_sent_before_the_end_can_be_read_after_it(host: Host) -> None:
    await serve(host)
    client = await host.connect()
    await client.send(get(b"/deaf", b"Connection: Upgrade", b"Upgrade: silence") + b"last words")
    client.end()
    for _ in range(5):
        await host.others_are_served(b"/page")
    Deaf.gate.set()
    async with asyncio.timeout(10):
        assert await Deaf.heard == b"last words"


async def test_routes_of_ours_are_native_and_keep_their_place(host: Host) -> None:
    places = Places()
    ours = [Route(Exact("/page"), places.echo, bytes), Route(Exact("/ours"), places.echo, bytes), Route(Prefix("/o"), places.echo, bytes)]
    application = Application([("/page", Page), *urls(ours), ("/ours", Page), ("/last", Page)])
    routes, rest = native_routes(application)
    assert [route.endpoint == places.echo for route in routes] == [False, True, True, True]
    await host.serve(routes, fallback=rest)
    client = await host.connect()
    assert (await client.ask(get(b"/page"))).body == b"page "
    assert (await client.ask(get(b"/ours"))).body == b"GET /ours "
    assert (await client.ask(get(b"/other"))).body == b"GET /other "
    assert (await client.ask(get(b"/last"))).body == b"page "


@pytest.mark.usefixtures("quiet_access_log")
async def test_routes_behind_a_host_pattern_stay_with_the_application(host: Host) -> None:
    places = Places()
    application = Application([("/page", Page)])
    application.add_handlers("localhost", urls(places.routes(), Limits(max_body=100)))
    routes, rest = native_routes(application)
    assert routes == []
    await host.serve(routes, fallback=rest)
    client = await host.connect()
    assert (await client.ask(request(b"POST", b"/echo", body=b"body"))).body == b"POST /echo body"
    await client.send(get(b"/hold"))
    await places.until(lambda: places.held)
    places.held[0].respond(OK.wire(b"held"))
    assert (await client.answer()).body == b"held"
    assert (await client.ask(b"GET /echo HTTP/1.1\r\nHost: elsewhere\r\n\r\n")).status == 404
    assert (await client.ask(request(b"POST", b"/echo", body=bytes(101)))).status == 413
    assert await client.is_over()


def test_what_is_used_of_tornado_is_there(kind: object) -> None:
    """`TransportStream` overrides and calls these though they are private."""
    for name, arguments in {"_add_io_state": ["self", "state"], "_maybe_add_error_listener": ["self"], "_handle_read": ["self"]}.items():
        assert list(inspect.signature(getattr(BaseIOStream, name)).parameters) == arguments
    assert list(inspect.signature(BaseIOStream._handle_write).parameters) == ["self"]
    assert "connection" in inspect.signature(HTTPServerRequest.__init__).parameters


UPGRADE = get(
    b"/ws", b"Connection: Upgrade", b"Upgrade: websocket", b"Sec-WebSocket-Version: 13", b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ=="
)
