"""A TornadIO2 program as one wrote them, on the names that are ours: the other side of ``scenarios``.

::

    python -m tests.conformance.socketio.server stock|native PORT

``stock`` mounts the ``urls`` in an Application on Tornado's own HTTPServer; ``native`` gives the same Application to ``SocketServer``.
Beside "socket.io" there is a router under "other", which tries WebSockets out and refuses endpoints with an error, and one
under "calm" with rare heartbeats. ``/seen?who=NAME``
tells which connections of a caller opened and closed.
"""

from __future__ import annotations

import json
import sys
from typing import Any

from tornado.httpserver import HTTPServer
from tornado.ioloop import IOLoop
from tornado.web import Application, RequestHandler

from socketio_compat.tornadio2 import SocketConnection, SocketServer, TornadioServer, event

TIMES = {"heartbeat_interval": 1, "client_timeout": 2, "xhr_polling_timeout": 2}
"""Seconds. Clients hear of 3 for heartbeats and of 4 for anything."""

SEEN: list[tuple[str, str, str]] = []
"""Who, endpoint, "open" or "close"."""


class Talker(SocketConnection):
    """Answers everything, on whatever endpoint."""

    who = ""

    def on_open(self, request: Any) -> bool | None:
        self.who = request.get_argument("who")
        if self.who.startswith("refused"):
            return False
        self.see("open")
        self.emit("welcome", self.who)
        return None

    def on_message(self, message: Any) -> None:
        self.send(message)

    def on_close(self) -> None:
        if not self.who.startswith("refused"):
            self.see("close")

    def see(self, what: str) -> None:
        SEEN.append((self.who, self.endpoint or "", what))

    @event
    def echo(self, *args: Any, **kwargs: Any) -> None:
        self.emit("echo", *args, **kwargs)

    @event
    def count(self) -> None:
        self.emit("counted", 0)

    @event
    def burst(self, texts: list[str]) -> None:
        for text in texts:
            self.send(text)

    @event
    def ticks(self, count: int) -> None:
        for tick in range(count):
            self.emit("tick", tick)

    @event
    def add(self, a: int, b: int) -> tuple[int, str]:
        return a + b, f"{a}+{b}"

    @event
    def describe(self, text: str) -> dict[str, str]:
        return {"text": text}

    @event
    def nothing(self) -> None:
        return None

    @event
    def ask(self) -> None:
        self.emit_ack(self.on_answer, "question", "ready?")

    def on_answer(self, message: Any, answer: Any) -> None:
        self.emit("answered", *answer)

    @event("ask for receipt")
    def ask_for_receipt(self) -> None:
        self.send("sign here", self.on_receipt)

    def on_receipt(self, message: Any, answer: Any) -> None:
        self.emit("receipt", message)

    @event
    def bye(self) -> None:
        self.close()


class Closed(SocketConnection):
    """An endpoint that lets nobody in."""

    def on_open(self, request: Any) -> bool:
        return False

    def on_message(self, message: Any) -> None:
        raise AssertionError("a refused endpoint has no messages")


class Root(Talker):
    __endpoints__ = {"/chat": Talker, "/news": Talker, "/closed": Closed}  # noqa: RUF012 - as programs have it


class SeenHandler(RequestHandler):
    def get(self) -> None:
        who = self.get_argument("who")
        self.set_header("Access-Control-Allow-Origin", "*")
        self.finish(json.dumps([[endpoint, what] for name, endpoint, what in SEEN if name == who]))


def main(host: str, port: int) -> None:
    router = TornadioServer(Root, TIMES)
    other = TornadioServer(
        Root,
        {**TIMES, "heartbeat_interval": 30, "client_timeout": 1, "websocket_check": True, "reject_endpoint_with_error": True},
        namespace="other",
    )
    calm = TornadioServer(Root, {**TIMES, "heartbeat_interval": 30}, namespace="calm")
    routes = [*other.urls, *calm.urls, ("/seen", SeenHandler)]
    application = Application(router.apply_routes(routes), socket_io_port=port, socket_io_address="127.0.0.1")
    if host == "native":
        SocketServer(application)
    else:
        HTTPServer(application).listen(port, "127.0.0.1")
        IOLoop.current().start()


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
