"""A TornadIO2 program as one wrote them, on the names that are ours: the other side of ``scenarios``.

::

    python -m tests.conformance.socketio.server stock|native PORT

``stock`` mounts the ``urls`` in an Application on Tornado's own HTTPServer; ``native`` gives the same Application to ``SocketServer``.
Beside "socket.io" there is a router under "other", which tries WebSockets out and refuses endpoints with an error, and one
under "calm" with rare heartbeats. ``/seen?who=NAME``
tells which connections of a caller opened and closed.
"""

from __future__ import annotations

import sys
from typing import Any

from socketio_compat.tornadio2 import SocketConnection, SocketServer, TornadioServer, event
from tests.conformance.driving.programs import SEEN, serve

TIMES = {"heartbeat_interval": 1, "client_timeout": 2, "xhr_polling_timeout": 2}
"""Seconds. Clients hear of 3 for heartbeats and of 4 for anything."""


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


def main(host: str, port: int) -> None:
    router = TornadioServer(Root, TIMES)
    other = TornadioServer(
        Root,
        {**TIMES, "heartbeat_interval": 30, "client_timeout": 1, "websocket_check": True, "reject_endpoint_with_error": True},
        namespace="other",
    )
    calm = TornadioServer(Root, {**TIMES, "heartbeat_interval": 8}, namespace="calm")
    serve(host, port, router.apply_routes([*other.urls, *calm.urls]), SocketServer)


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
