"""A ping by two events: the client's, with arguments in a row or by name, and the server's in return.

    bin/run examples/tornadio2/rpcping.py --port=8001

Then open the address that it prints.
"""

from __future__ import annotations

import time
from typing import Any

import showcase
from tornado.web import Application

from socketio_compat import tornadio2
from socketio_compat.tornadio2 import event


class PingConnection(tornadio2.SocketConnection):
    def on_message(self, message: Any) -> None:
        """Only events are of interest."""

    @event("ping")
    def answer(self, client_time: Any, text: str = "no text") -> None:
        self.emit("pong", client_time, text, time.time())


if __name__ == "__main__":
    router = tornadio2.TornadioRouter(PingConnection)
    application = Application(router.apply_routes(showcase.pages("rpcping.html")))
    showcase.run(application, showcase.arguments("A ping by events.").parse_args())
