"""The code of the original's documentation, as it is written there but for the import line and Python 3's print: on every host, and by
itself."""

from __future__ import annotations

import signal
import subprocess
import sys
import warnings
from pathlib import Path
from typing import Any

import pytest
import tornado.web
from tornado.web import Application

from socketio_compat import tornadio
from tests.support.hosts import Host, Kind
from tests.support.ports import free_port
from tests.support.socketio06 import streamed
from tests.support.tornadio import Program

ROOT = Path(__file__).parents[3]
PATIENCE = 20

INTRODUCTION = """
class MyConnection(tornadio.SocketConnection):
    def on_message(self, message):
        pass

MyRouter = tornadio.get_router(MyConnection)

application = tornado.web.Application(
    [MyRouter.route()],
    socket_io_port = 8000)
"""

RESOURCES = """
class ChatConnection(tornadio.SocketConnection):
    def on_message(self, message):
        self.send(['chat', message])

class PingConnection(ChatConnection):
    def on_message(self, message):
        self.send(['ping', message])

class MapConnection(ChatConnection):
    def on_message(self, message):
        self.send(['map', message])

ChatRouter = tornadio.get_router(ChatConnection, resource='chat')
PingRouter = tornadio.get_router(PingConnection, resource='ping')
MapRouter = tornadio.get_router(MapConnection, resource='map')

application = tornado.web.Application(
    [ChatRouter.route(), PingRouter.route(), MapRouter.route()],
    socket_io_port = 8000)
"""

EXTRA = r"""
class MyConnection(tornadio.SocketConnection):
    def on_open(self, *args, **kwargs):
        print('Extra: %s' % kwargs['extra'])

ChatRouter = tornadio.get_router(MyConnection, resource='chat', extra_re='\d+', extra_sep='/')

application = tornado.web.Application([ChatRouter.route()])
"""

ALONE = """
import sys
import tornado.web
from socketio_compat import tornadio
from socketio_compat.tornadio.server import SocketServer

class MyConnection(tornadio.SocketConnection):
    def on_message(self, message):
        self.send(message)

    def on_close(self):
        print("closed", flush=True)

MyRouter = tornadio.get_router(MyConnection)

application = tornado.web.Application(
    [MyRouter.route()],
    socket_io_address = '127.0.0.1',
    socket_io_port = int(sys.argv[1]))

if __name__ == "__main__":
    socketio_server = SocketServer(application)
    print("ended", flush=True)
"""


async def run(program: Program, text: str) -> dict[str, Any]:
    names: dict[str, Any] = {"tornado": tornado, "tornadio": tornadio}
    with warnings.catch_warnings():
        # Newer Pythons warn of a backslash that is not doubled.
        warnings.simplefilter("ignore")
        exec(text, names)
    application = names["application"]
    assert isinstance(application, Application)
    await program.serve_application(application)
    return names


async def test_introduction(program: Program) -> None:
    router = (await run(program, INTRODUCTION))["MyRouter"]
    program.server = router.placement.server
    sid = await program.connect()
    assert (await program.post(sid, "hello")).body == b"ok"
    router.close()


async def test_resources(program: Program) -> None:
    names = await run(program, RESOURCES)
    for place in ("chat", "ping", "map"):
        socket = await program.websocket(place=f"/{place}")
        socket.say("hello")
        assert await socket.heard() == [place, "hello"]
        await socket.leave()
        names[f"{place.capitalize()}Router"].close()


async def test_extra(program: Program, capsys: pytest.CaptureFixture[str]) -> None:
    names = await run(program, EXTRA)
    assert len(streamed(await program.ask("GET", "/chat/123/xhr-polling//1"))) == 1
    assert capsys.readouterr().out == "Extra: 123\n"
    names["ChatRouter"].close()


def test_alone(tmp_path: Path) -> None:
    port = free_port()
    file = tmp_path / "program.py"
    file.write_text(ALONE)
    site = Program(Host(Kind("native"), None))
    command = [sys.executable, "-W", "error", str(file), str(port)]
    environment = {"PYTHONPATH": str(ROOT), "PATH": "/usr/bin:/bin"}
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment) as process:
        site.host.port = port

        async def scenario() -> None:
            await site.listening()
            sid = await site.connect()
            assert (await site.post(sid, "x")).body == b"ok"
            assert streamed(await site.poll(sid)) == ["x"]
            socket = await site.websocket()
            await socket.quiet()
            process.send_signal(signal.SIGTERM)
            assert await socket.read_close() == 1001
            socket.writer.close()

        try:
            site.host.run(scenario())
            said, complaints = process.communicate(timeout=PATIENCE)
        finally:
            process.kill()
    assert (process.returncode, said) == (0, "closed\nclosed\nended\n")
    assert [line for line in complaints.splitlines() if "INFO" not in line] == []
