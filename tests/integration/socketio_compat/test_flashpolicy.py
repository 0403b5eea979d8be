"""The Flash policy server on real sockets (Socket.IO 0.7 specification 12)."""

from __future__ import annotations

import asyncio
import socket
from pathlib import Path

import pytest

from hbpush.errors import ConfigError
from socketio_compat.flashpolicy import PolicyServer
from socketio_compat.tornadio2.flashserver import FlashPolicyServer

POLICY = b'<cross-domain-policy><allow-access-from domain="*" to-ports="*"/></cross-domain-policy>'
REQUEST = b"<policy-file-request/>\0"
PATIENCE = 10


def listening(**settings: float) -> tuple[PolicyServer, int]:
    server = PolicyServer(POLICY, **settings)  # type: ignore[arg-type]
    listener = socket.create_server(("127.0.0.1", 0))
    listener.setblocking(False)
    server.add_socket(listener)
    return server, listener.getsockname()[1]


async def until_idle(server: PolicyServer) -> None:
    async with asyncio.timeout(PATIENCE):
        while server.connections:  # noqa: ASYNC110 - the server tells nobody when it is idle
            await asyncio.sleep(0.001)


@pytest.mark.parametrize("request_", [REQUEST, REQUEST[:-1], b"", b"GET / HTTP/1.1\r\n\r\n"], ids=ascii)
def test_every_connection_gets_the_policy_and_its_end(request_: bytes) -> None:
    async def main() -> None:
        server, port = listening()
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(request_)
        async with asyncio.timeout(PATIENCE):
            assert await reader.read() == POLICY + b"\0"
        writer.close()
        await until_idle(server)
        server.stop()

    asyncio.run(main())


def test_who_stays_is_closed() -> None:
    async def main() -> None:
        server, port = listening(timeout=0.05)
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        async with asyncio.timeout(PATIENCE):
            assert await reader.read() == POLICY + b"\0"
        await until_idle(server)
        writer.close()
        server.stop()

    asyncio.run(main())


def test_who_says_too_much_is_closed() -> None:
    async def main() -> None:
        server, port = listening(timeout=PATIENCE * 2)
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        assert await reader.readexactly(len(POLICY) + 1) == POLICY + b"\0"
        writer.write(b"x" * 100_000)
        await until_idle(server)
        writer.close()
        server.stop()

    asyncio.run(main())


def test_connections_have_a_bound() -> None:
    async def main() -> None:
        server, port = listening(max_connections=1)
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        assert await reader.readexactly(len(POLICY) + 1) == POLICY + b"\0"
        assert server.connections == 1
        second, second_writer = await asyncio.open_connection("127.0.0.1", port)
        async with asyncio.timeout(PATIENCE):
            assert await second.read() == b""
        second_writer.close()
        server.stop()
        await until_idle(server)
        writer.close()

    asyncio.run(main())


def test_the_server_of_tornadio2(tmp_path: Path) -> None:
    path = tmp_path / "flashpolicy.xml"
    with pytest.raises(ConfigError, match="flash_policy_file: cannot read"):
        FlashPolicyServer(None, 0, str(path), address="127.0.0.1")
    path.write_bytes(POLICY)

    async def main() -> None:
        with socket.create_server(("127.0.0.1", 0)) as taken:
            port = taken.getsockname()[1]
            server = PolicyServer(POLICY)
            with pytest.raises(ConfigError, match=f"flash_policy_port: cannot listen on port {port}"):
                server.bind_to(port, "127.0.0.1")
        server = FlashPolicyServer(None, port, str(path), address="127.0.0.1")
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(REQUEST)
        async with asyncio.timeout(PATIENCE):
            assert await reader.read() == POLICY + b"\0"
        writer.close()
        await until_idle(server)
        server.stop()

    asyncio.run(main())
