"""Servers with sessions, which this one is measured against: Socket.IO 4 and sockjs-node, and our own locations on Tornado's HTTPServer."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import ClassVar

from tests.bench import node
from tests.bench.errors import BenchError
from tests.bench.servers import HERE, SESSIONS, SOCKJS, STREAMED, Bounds, Hbpush, Interpreter, Limit, Nchan, Server, StockTornado, Unjoined


class OnNode(Server):
    """A server of ``node/``. ``SCRIPT`` is its file, ``PACKAGE`` what it is made of, which has its WebSockets from ``CARRIER``."""

    SCRIPT: ClassVar[str]
    PACKAGE: ClassVar[str]
    CARRIER: ClassVar[str]

    def __init__(self, script: Path | None = None) -> None:
        self.script = script or node.HERE / self.SCRIPT

    def absent(self) -> str | None:
        try:
            node.program()
            node.modules()
        except BenchError as error:
            return str(error)
        return None

    def version(self) -> str:
        return f"{node.version(self.PACKAGE)} with {self.CARRIER} {node.version(self.CARRIER)}, on Node"

    def command(self, port: int, folder: Path, bounds: Bounds) -> list[str]:
        return [node.program(), "--expose-gc", str(self.script), str(port)]

    def environment(self) -> dict[str, str]:
        return {**os.environ, "NODE_PATH": str(node.modules()), "NODE_ENV": "production"}


class SocketIo4(OnNode):
    """The server of ``node/socketio_4.js``."""

    name = "socket.io"
    dialect = "socketio-4"
    SCRIPT = "socketio_4.js"
    PACKAGE = "socket.io"
    CARRIER = "ws"


class SockjsNode(OnNode):
    """The server of ``node/sockjs.js``."""

    name = "sockjs-node"
    SCRIPT = "sockjs.js"
    PACKAGE = "sockjs"
    CARRIER = "faye-websocket"


class StockHost(Server):
    """The server of ``stock_host``: the same locations as hbpush, without its front."""

    name = "stock-host"
    dialect = "socketio-0.9"

    def __init__(self, python: Interpreter) -> None:
        self.python = python

    def absent(self) -> str | None:
        return self.python.without("hbpush")

    def version(self) -> str:
        return f"the locations of hbpush on the HTTPServer of Tornado {self.python.facts['versions']['tornado']}"

    def command(self, port: int, folder: Path, bounds: Bounds) -> list[str]:
        if bounds.echo:
            return [self.python.program, str(HERE / "tornadio2_echo.py"), str(port), "--stock"]
        location = SOCKJS if bounds.sockjs else STREAMED if bounds.streams else SESSIONS
        return [self.python.program, str(HERE / "stock_host.py"), str(port), str(bounds.keep), json.dumps(location)]

    def environment(self) -> dict[str, str]:
        return self.python.environment()


def known(python: Interpreter, config: Path | None = None) -> list[Server]:
    """All servers; the first is the one that ratios are about."""
    return [Hbpush(python, config), Nchan(), StockTornado(python), Limit(), SocketIo4(), SockjsNode(), StockHost(python), Unjoined(python)]
