"""A program of TornadIO2 that acknowledges an event with what it says.

    python tornadio2_echo.py PORT [--stock]

On the native front, as such programs are; with ``--stock`` on Tornado's own HTTPServer and loop.
"""

from __future__ import annotations

import asyncio
import sys

from tornado.web import Application

from socketio_compat import tornadio2


class Echo(tornadio2.SocketConnection):
    """The root connection of every session."""

    def on_message(self, message: object) -> None:
        pass

    @tornadio2.event
    def echo(self, text: str) -> str:
        """Say it again."""
        return text


def application(port: int) -> Application:
    """The Application with the routes of Socket.IO; ``socket_io_port`` is what SocketServer listens on."""
    router = tornadio2.TornadioRouter(Echo, {"heartbeat_interval": 60})
    return Application(router.urls, socket_io_port=port, socket_io_address="127.0.0.1")


async def stock(port: int) -> None:
    """Serve without the native front until the process is ended."""
    application(port).listen(port, "127.0.0.1", backlog=4096)
    await asyncio.Event().wait()


if __name__ == "__main__":
    if sys.argv[2:] == ["--stock"]:
        asyncio.run(stock(int(sys.argv[1])))
    else:
        tornadio2.SocketServer(application(int(sys.argv[1])))
