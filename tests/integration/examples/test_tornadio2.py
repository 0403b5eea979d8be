"""The examples of TornadIO2, each started by its command and driven over its socket."""

from __future__ import annotations

import asyncio
import json
import shutil
import ssl
import subprocess
import sys
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

import pytest

from tests.support import examples
from tests.support.certificate import Certificate
from tests.support.hosts import Host, Kind
from tests.support.ports import free_port
from tests.support.socketio import Socket
from tests.support.tornadio2 import Program

ROOT = Path(__file__).parents[3]
EXAMPLES = ROOT / "examples" / "tornadio2"
NAMES = ("ackping", "crosssite", "gen", "multiplexed", "rpcping", "ssl_transports", "stats", "transports")
PATIENCE = 20
CLIENT_PATIENCE = 130


def play(
    name: str,
    visit: Callable[[Program], Coroutine[Any, Any, None]],
    *options: str,
    certificate: Certificate | None = None,
    socket_port: int | None = None,
) -> None:
    """See `tests.support.examples.play`."""
    host = Host(Kind("native", tls=certificate is not None), certificate)
    examples.play(EXAMPLES / f"{name}.py", Program(host), visit, *options, socket_port=socket_port)


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Certificate:
    if shutil.which("openssl") is None:
        pytest.skip("makes a certificate: apt-get install openssl")
    return Certificate.make(tmp_path_factory.mktemp("tls"))


async def chat(site: Program) -> None:
    first = await checked(site)
    assert await first.packet() == "3:::welcome, 127.0.0.1"
    second = await checked(site)
    assert await first.packet() == "3:::somebody has come"
    assert await second.packet() == "3:::welcome, 127.0.0.1"
    second.say("3:::поздрав \U0001f600")
    assert [await first.packet(), await second.packet()] == ["3:::поздрав \U0001f600"] * 2
    sid = await site.shake()
    assert "welcome" in (await site.poll(sid)).body.decode()
    assert await first.packet() == "3:::somebody has come"
    assert (await site.post(sid, "3:::by polling")).status == 200
    assert await first.packet() == "3:::by polling"
    first.say("0::")
    assert await second.packet() == "3:::somebody has come"
    assert await second.packet() == "3:::by polling"
    assert await second.packet() == "3:::somebody has left"


async def checked(site: Program) -> Socket:
    """A WebSocket that has to answer a heartbeat first."""
    socket = await site.websocket(await site.shake(), first=False)
    assert await socket.packet() == "2::"
    socket.say("2::")
    assert await socket.packet() == "1::"
    return socket


def test_transports() -> None:
    async def visit(site: Program) -> None:
        page = (EXAMPLES / "pages" / "transports.html").read_text(encoding="utf-8")
        offered = (await site.ask("GET", "/socket.io/1/")).body.decode().rpartition(":")[2].split(",")
        assert [name for name in offered if f'value="{name}"' in page] == offered
        assert "flashsocket" in offered
        await chat(site)

    play("transports", visit)


def test_ssl_transports(certificate: Certificate) -> None:
    files = f"--certificate={certificate.certificate}", f"--key={certificate.key}"
    play("ssl_transports", chat, *files, certificate=certificate)


def test_ssl_transports_with_a_certificate_of_its_own() -> None:
    class Unknown(Certificate):
        def client(self) -> ssl.SSLContext:
            return ssl._create_unverified_context()

    play("ssl_transports", chat, certificate=Unknown(Path(), Path()))


def test_multiplexed() -> None:
    async def visit(site: Program) -> None:
        socket = await site.opened()
        socket.say("1::/chat", "1::/ping", "3::/chat:hello", '4::/ping:{"client":7}')
        assert [await socket.packet() for _ in range(4)] == ["1::/chat", "3::/chat:welcome to the chat", "1::/ping", "3::/chat:hello"]
        kind, _, endpoint, body = (await socket.packet()).split(":", 3)
        assert (kind, endpoint) == ("4", "/ping")
        answer = json.loads(body)
        assert answer["client"] == 7
        assert answer["server"] > 1.7e9

    play("multiplexed", visit)


def test_ackping() -> None:
    async def visit(site: Program) -> None:
        socket = await site.opened()
        socket.say('5:1+::{"name":"ping","args":[1234]}')
        head, _, body = (await socket.packet()).partition("+")
        client, server = json.loads(body)
        assert (head, client) == ("6:::1", 1234)
        assert server > 1.7e9

    play("ackping", visit)


def test_rpcping() -> None:
    async def visit(site: Program) -> None:
        socket = await site.opened()
        socket.say('5:::{"name":"ping","args":[1,"in a row"]}', '5:::{"name":"ping","args":[{"client_time":2,"text":"by name"}]}')
        for expected in ([1, "in a row"], [2, "by name"]):
            endpoint, name, args = await socket.event()
            assert (endpoint, name, args[:2]) == ("", "pong", expected)
            assert args[2] > 1.7e9

    play("rpcping", visit)


def test_gen() -> None:
    async def visit(site: Program) -> None:
        socket = await site.opened()
        socket.say('5:::{"name":"query","args":[1]}', '5:::{"name":"query","args":[2]}')
        heard = [(await socket.event())[1:] for _ in range(4)]
        assert heard == [("begun", [1]), ("response", ["1 is done"]), ("begun", [2]), ("response", ["2 is done"])]

    play("gen", visit, "--seconds=0.1")


def test_stats() -> None:
    async def visit(site: Program) -> None:
        socket = await site.opened()
        socket.say('5:1+::{"name":"stats"}')
        [figures] = json.loads((await socket.packet()).partition("+")[2])
        assert set(figures) == {
            "active_sessions", "max_sessions", "active_connections", "max_connections", "connections_ps", "packets_sent_ps",
            "packets_recv_ps",
        }  # fmt: skip
        assert (figures["active_sessions"], figures["active_connections"]) == (1, 1)
        assert b"flashsocket" not in (await site.ask("GET", "/socket.io/1/")).body

    play("stats", visit)


def test_crosssite() -> None:
    port = free_port()

    async def visit(site: Program) -> None:
        origin = "Origin: http://127.0.0.1:1"
        answer = await site.ask("GET", "/socket.io/1/", origin)
        assert answer.headers[b"access-control-allow-origin"] == b"http://127.0.0.1:1"
        assert answer.headers[b"access-control-allow-credentials"] == b"true"
        sid = answer.body.decode().partition(":")[0]
        assert (await site.ask("GET", f"/socket.io/1/xhr-polling/{sid}", origin)).body == b"1::"

    play("crosssite", visit, f"--socket-port={port}", socket_port=port)


def test_port_that_is_taken() -> None:
    import socket

    with socket.create_server(("127.0.0.1", 0)) as taken:
        taken_port = taken.getsockname()[1]
        command = [sys.executable, str(EXAMPLES / "gen.py"), f"--port={taken_port}", "--no-client"]
        ran = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE, check=False, env={"PYTHONPATH": str(ROOT)})
    assert ran.returncode == 1
    assert f"--port={taken_port}: Address already in use" in ran.stderr
    assert "Traceback" not in ran.stderr


def test_every_example_is_tried() -> None:
    found = {file.stem for file in EXAMPLES.glob("*.py")} - {"showcase"}
    assert found == set(NAMES)
    assert all(f"test_{name}" in globals() for name in NAMES)


@pytest.mark.skipif(shutil.which("npm") is None, reason="installs the browser's client: apt-get install npm")
def test_client_is_fetched() -> None:
    command = [sys.executable, str(EXAMPLES / "ackping.py"), "--port=0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=ROOT) as process:
        try:
            assert process.stdout is not None
            address = process.stdout.readline().strip()
            site = Program(Host(Kind("native"), None))
            site.host.port = int(address.rpartition(":")[2].rstrip("/"))

            async def scenario() -> None:
                script = await site.ask("GET", "/client/socket.io.js")
                assert script.status == 200
                assert b"0.9.17" in script.body
                async with asyncio.timeout(PATIENCE):
                    assert (await site.ask("GET", "/client/../../package.json")).status in (400, 403, 404)

            site.host.run(scenario())
        finally:
            process.terminate()
            _, said = process.communicate(timeout=PATIENCE)
    assert "Traceback" not in said
