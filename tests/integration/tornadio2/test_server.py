"""SocketServer in a loop that runs already, its policy server, and what it makes of proxies (TornadIO API, A4)."""

from __future__ import annotations

import asyncio
import ssl
from pathlib import Path
from typing import Any

import pytest
from tornado.web import Application, RequestHandler

from socketio_compat.tornadio2 import SocketConnection, SocketServer, TornadioRouter
from tests.conftest import ExpectedLogs
from tests.support.certificate import Certificate
from tests.support.hosts import Client, get
from tests.support.ports import free_port


class Echo(SocketConnection):
    def on_message(self, message: Any) -> None:
        self.send(message)


class Who(RequestHandler):
    def get(self) -> None:
        self.write(f"{self.request.remote_ip} {self.request.protocol}")


async def ask(port: int, path: bytes, *lines: bytes, tls: ssl.SSLContext | None = None) -> bytes:
    client = Client(*await asyncio.open_connection("127.0.0.1", port, ssl=tls))
    answer = await client.ask(get(path, *lines))
    client.leave()
    await asyncio.sleep(0)
    return answer.body


def application(router: TornadioRouter, **settings: Any) -> Application:
    settings = {"socket_io_port": 0, "socket_io_address": "127.0.0.1", **settings}
    return Application(router.apply_routes([("/who", Who)]), **settings)


def test_in_a_running_loop(certificate: Certificate) -> None:
    async def scenario() -> None:
        router = TornadioRouter(Echo)
        plain = SocketServer(application(router))
        context = certificate.server()
        secure = SocketServer(application(router), ssl_options=context, auto_start=False, io_loop=plain.io_loop)
        assert (await ask(plain.port, b"/socket.io/1/")).count(b":") == 3
        assert (await ask(secure.port, b"/who", tls=certificate.client())) == b"127.0.0.1 https"
        await plain.close()
        with pytest.raises(ConnectionRefusedError):
            await ask(plain.port, b"/who")
        await secure.close()

    asyncio.run(asyncio.wait_for(scenario(), 20))


def test_stopped_before_it_began() -> None:
    async def scenario() -> None:
        server = SocketServer(application(TornadioRouter(Echo)))
        server.stop()
        await asyncio.sleep(0.01)
        with pytest.raises(ConnectionRefusedError):
            await ask(server.port, b"/who")
        await server.close()

    asyncio.run(asyncio.wait_for(scenario(), 20))


def test_what_cannot_be_served() -> None:
    routes = application(TornadioRouter(Echo))
    with pytest.raises(FileNotFoundError, match=r"nowhere\.pem"):
        SocketServer(routes, ssl_options={"certfile": "nowhere.pem", "keyfile": "nowhere.key"}, auto_start=False)
    for port in (65536, -1, "8001", None, True, 80.0):
        routes.settings["socket_io_port"] = port
        with pytest.raises(ValueError, match=f"socket_io_port is {port!r}; must be a whole number from 0 to 65535"):
            SocketServer(routes, auto_start=False)


def test_proxies_of_the_old_kind() -> None:
    async def scenario() -> None:
        server = SocketServer(application(TornadioRouter(Echo)), xheaders=True, auto_start=False)
        assert await ask(server.port, b"/who", b"X-Real-Ip: 203.0.113.9", b"X-Scheme: https") == b"203.0.113.9 https"
        await server.close()

    asyncio.run(asyncio.wait_for(scenario(), 20))


@pytest.mark.parametrize(
    ("xheaders", "settings", "who"),
    [
        (False, {}, b"127.0.0.1 http"),
        (True, {}, b"203.0.113.9 https"),
        (True, {"trusted_proxies": ["192.0.2.0/24"]}, b"127.0.0.1 http"),
        (False, {"trusted_proxies": ["127.0.0.1"]}, b"203.0.113.9 https"),
    ],
)
def test_proxies(xheaders: bool, settings: dict[str, Any], who: bytes) -> None:
    async def scenario() -> None:
        server = SocketServer(application(TornadioRouter(Echo), **settings), xheaders=xheaders, auto_start=False)
        lines = b"X-Forwarded-For: 198.51.100.1, 203.0.113.9", b"X-Forwarded-Proto: https"
        assert await ask(server.port, b"/who", *lines) == who
        await server.close()

    asyncio.run(asyncio.wait_for(scenario(), 20))


def test_policy_server(tmp_path: Path) -> None:
    file = tmp_path / "flashpolicy.xml"
    file.write_text("<cross-domain-policy/>")

    async def scenario() -> None:
        port = free_port()
        settings = {"flash_policy_port": port, "flash_policy_file": str(file)}
        server = SocketServer(application(TornadioRouter(Echo), **settings), auto_start=False)
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(b"<policy-file-request/>\0")
        assert await reader.read() == b"<cross-domain-policy/>\0"
        writer.close()
        await server.close()

    asyncio.run(asyncio.wait_for(scenario(), 20))


def test_policy_server_that_cannot_be(tmp_path: Path, expected_logs: ExpectedLogs) -> None:
    expected_logs("there is no policy server for Flash: .*cannot read")

    async def scenario() -> None:
        settings = {"flash_policy_port": free_port(), "flash_policy_file": str(tmp_path / "nothing.xml")}
        server = SocketServer(application(TornadioRouter(Echo), **settings), auto_start=False)
        assert await ask(server.port, b"/who") == b"127.0.0.1 http"
        await server.close()

    asyncio.run(asyncio.wait_for(scenario(), 20))
