"""Two services over one connection: a chat at the endpoint ``/chat``, a ping at ``/ping``.

    bin/run examples/tornadio2/multiplexed.py --port=8001

Then open the address that it prints.
"""

from __future__ import annotations

import time
from typing import Any, ClassVar

import showcase
from tornado.web import Application

from socketio_compat import tornadio2


class ChatConnection(tornadio2.SocketConnection):
    participants: ClassVar[set[ChatConnection]] = set()

    def on_open(self, request: Any) -> None:
        self.participants.add(self)
        self.send("welcome to the chat")

    def on_message(self, message: Any) -> None:
        for participant in self.participants:
            participant.send(message)

    def on_close(self) -> None:
        self.participants.discard(self)


class PingConnection(tornadio2.SocketConnection):
    def on_message(self, message: Any) -> None:
        self.send({**message, "server": time.time()} if isinstance(message, dict) else message)


class RouterConnection(tornadio2.SocketConnection):
    """The root, which has nothing to say itself."""

    __endpoints__: ClassVar = {"/chat": ChatConnection, "/ping": PingConnection}

    def on_message(self, message: Any) -> None:
        """Nobody speaks to it."""


if __name__ == "__main__":
    router = tornadio2.TornadioRouter(RouterConnection)
    application = Application(router.apply_routes(showcase.pages("multiplexed.html")))
    showcase.run(application, showcase.arguments("A chat and a ping over one connection.").parse_args())
