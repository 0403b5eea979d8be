"""The program that was recorded on the servers of the originals, written for ours; and packets that can be compared."""

from __future__ import annotations

import json
from typing import Any

from socketio_compat.tornadio2 import SocketConnection, event
from socketio_compat.tornadio2.conn import ConnectionInfo


class Recorded(SocketConnection):
    """Echoes; ``/private`` and ``?deny`` are refused."""

    def on_open(self, request: ConnectionInfo) -> bool | None:
        return False if self.endpoint == "/private" or request.get_argument("deny") else None

    def on_message(self, message: Any) -> None:
        self.send(message)

    def get_endpoint(self, endpoint: str) -> type[SocketConnection] | None:
        return Recorded if endpoint in ("/chat", "/private") else None

    @event
    def echo(self, *args: Any) -> tuple[Any, ...]:
        self.emit("echo", *args)
        return args

    @event
    def noargs(self) -> None:
        self.emit("noargs")

    @event
    def askmsg(self) -> None:
        self.send("please ack", lambda _, answer: self.emit("msgacked", answer))

    @event
    def ask(self) -> None:
        self.emit_ack(lambda _, answer: self.emit("answered", *(answer or ())), "question", "q")

    @event
    def bye(self) -> None:
        self.close()

    @event
    def bad(self) -> None:
        raise RuntimeError("bad")


def plain(packet: str) -> tuple[str, Any]:
    """A packet with its JSON as a value, since spelling and order of keys are free."""
    kind = packet[:1]
    if kind in ("4", "5"):
        *head, text = packet.split(":", 3)
        return ":".join(head), json.loads(text)
    if kind == "6" and "+" in packet:
        start, _, text = packet.partition("+")
        return start, json.loads(text)
    return packet, None
