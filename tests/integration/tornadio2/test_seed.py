"""The program of the original's README, as it is written there but for its import line: on both hosts, and by itself."""

from __future__ import annotations

import signal
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import tornado.web
from tornado.web import Application, RequestHandler

from socketio_compat import tornadio2
from tests.support.certificate import Certificate
from tests.support.hosts import Host, Kind
from tests.support.ports import free_port
from tests.support.tornadio2 import Program

ROOT = Path(__file__).parents[3]
PATIENCE = 20

ROUTES = """
# Fill your routes here
routes = [(r"/", IndexHandler)]
# Extend list of routes with Tornadio2 URLs
routes.extend(ChatServer.urls)

application = tornado.web.Application(routes)
"""

APPLIED = """
application = tornado.web.Application(ChatServer.apply_routes([(r"/", IndexHandler)]))
"""

DERIVED = """
class ChatConnection(tornadio2.SocketConnection):
    def on_message(self, message):
        self.send(message)

ChatServer = tornadio2.router.TornadioServer(ChatConnection)
"""

ALONE = """
import sys
import tornado.web
from socketio_compat import tornadio2
from socketio_compat.tornadio2 import SocketServer

class MyConnection(tornadio2.SocketConnection):
    def on_message(self, message):
        self.send(message)

    def on_close(self):
        print("closed", flush=True)

MyServer = tornadio2.router.TornadioServer(MyConnection)

application = tornado.web.Application(
  MyServer.urls,
  socket_io_address = '127.0.0.1',
  socket_io_port = int(sys.argv[1]))

if __name__ == "__main__":
    socketio_server = SocketServer(application{options})
    print("ended", flush=True)
"""


class IndexHandler(RequestHandler):
    def get(self) -> None:
        self.write("the index")


@pytest.mark.parametrize("way", [ROUTES, APPLIED], ids=["routes", "applied"])
async def test_routes(program: Program, way: str) -> None:
    names: dict[str, Any] = {"tornado": tornado, "tornadio2": tornadio2, "IndexHandler": IndexHandler}
    exec(DERIVED + way, names)
    application = names["application"]
    assert isinstance(application, Application)
    await program.serve_application(application)
    assert (await program.ask("GET", "/")).body == b"the index"
    socket = await program.opened()
    await socket.quiet()
    names["ChatServer"].close()
    assert await socket.read_close() == 1001


@pytest.mark.parametrize("tls", [False, True], ids=["plain", "tls"])
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT], ids=["term", "int"])
def test_alone(tmp_path: Path, certificate: Certificate, tls: bool, number: signal.Signals) -> None:
    port = free_port()
    files = {"certfile": str(certificate.certificate), "keyfile": str(certificate.key)}
    program = tmp_path / "program.py"
    program.write_text(ALONE.replace("{options}", f", ssl_options={files!r}, xheaders=True" if tls else ", no_keep_alive=True"))
    site = Program(Host(Kind("native", tls=tls), certificate if tls else None))
    command = [sys.executable, "-W", "error", str(program), str(port)]
    environment = {"PYTHONPATH": str(ROOT), "PATH": "/usr/bin:/bin"}
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment) as process:
        site.host.port = port

        async def scenario() -> None:
            await site.listening()
            sid = await site.shake()
            assert (await site.poll(sid)).headers.get(b"connection") == (None if tls else b"close")
            socket = await site.websocket(sid, first=False)
            await socket.quiet()
            process.send_signal(number)
            assert await socket.read_close() == 1001
            socket.writer.close()

        try:
            site.host.run(scenario())
            said, complaints = process.communicate(timeout=PATIENCE)
        finally:
            process.kill()
    assert (process.returncode, said) == (0, "closed\nended\n")
    assert [line for line in complaints.splitlines() if "INFO" not in line] == []


def test_port_that_is_taken(tmp_path: Path) -> None:
    program = tmp_path / "program.py"
    program.write_text(ALONE.replace("{options}", ""))
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        command = [sys.executable, str(program), str(port)]
        environment = {"PYTHONPATH": str(ROOT), "PATH": "/usr/bin:/bin"}
        ran = subprocess.run(command, capture_output=True, text=True, env=environment, timeout=PATIENCE, check=False)
    assert ran.returncode == 1
    assert "OSError" in ran.stderr
    assert "ended" not in ran.stdout
