"""A TornadIO program as one wrote them, on the names that are ours: the other side of ``scenarios``.

::

    python -m tests.conformance.socketio06.server stock|native PORT

``stock`` mounts the ``route`` in an Application on Tornado's own HTTPServer; ``native`` gives the same Application to ``SocketServer``.
``/seen?who=NAME`` tells which connections of a caller opened and closed.
"""

from __future__ import annotations

import json
import sys
from typing import Any

from tornado.httpserver import HTTPServer
from tornado.ioloop import IOLoop
from tornado.web import Application, RequestHandler

from socketio_compat.tornadio import SocketConnection, get_router
from socketio_compat.tornadio.server import SocketServer

TIMES = {"heartbeat_interval": 1, "xhr_polling_timeout": 2, "session_expiry": 4}
"""Seconds."""

SEEN: list[tuple[str, str, str]] = []
"""Who, an endpoint, of which there are none, and "open" or "close"."""


class Talker(SocketConnection):
    """Does what the scenarios ask for, and answers everything else."""

    who = ""

    def on_message(self, message: Any) -> None:
        match message:
            case {"who": str(who)}:
                self.who = who
                SEEN.append((who, "", "open"))
                self.send({"welcome": who})
            case {"burst": messages}:
                self.send(messages)
            case {"singly": messages}:
                for one in messages:
                    self.send(one)
            case {"bye": _}:
                self.close()
            case _:
                self.send(message)

    def on_close(self) -> None:
        if self.who:
            SEEN.append((self.who, "", "close"))


class SeenHandler(RequestHandler):
    def get(self) -> None:
        who = self.get_argument("who")
        self.set_header("Access-Control-Allow-Origin", "*")
        self.finish(json.dumps([[endpoint, what] for name, endpoint, what in SEEN if name == who]))


def main(host: str, port: int) -> None:
    router = get_router(Talker, TIMES)
    application = Application([router.route(), ("/seen", SeenHandler)], socket_io_port=port, socket_io_address="127.0.0.1")
    if host == "native":
        SocketServer(application)
    else:
        HTTPServer(application).listen(port, "127.0.0.1")
        IOLoop.current().start()


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
