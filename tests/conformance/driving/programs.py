"""The common part of the programs that real clients talk to: what a program has seen of its callers, told under ``/seen?who=NAME``, and the
two hosts of an Application of Socket.IO. Every program is a process of its own."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from typing import Any

from tornado.httpserver import HTTPServer
from tornado.ioloop import IOLoop
from tornado.web import Application, RequestHandler

ADDRESS = "127.0.0.1"

SEEN: list[tuple[str, str, str]] = []
"""Who, where (an endpoint or a service; "" where there are none), and "open" or "close". The program adds to it."""


class SeenHandler(RequestHandler):
    """Answers with the records of a caller, in order, without the caller: ``[[where, what], ...]``. Pages of any site may ask."""

    def get(self) -> None:
        who = self.get_argument("who")
        self.set_header("Access-Control-Allow-Origin", "*")
        self.finish(json.dumps([[where, what] for name, where, what in SEEN if name == who]))


SEEN_RULE = ("/seen", SeenHandler)


def serve(host: str, port: int, routes: Iterable[Any], native: Callable[[Application], object]) -> None:
    """Serve routes and `SEEN_RULE` until the process is ended: on the host "native" by ``native``, a ``SocketServer``, which takes the port
    from the Application's settings, and on "stock" by Tornado's own HTTPServer."""
    application = Application([*routes, SEEN_RULE], socket_io_port=port, socket_io_address=ADDRESS)
    if host == "native":
        native(application)
    else:
        HTTPServer(application).listen(port, ADDRESS)
        IOLoop.current().start()
