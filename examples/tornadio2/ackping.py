"""A ping whose answer is the acknowledgement of its event.

    bin/run examples/tornadio2/ackping.py --port=8001

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

    @event
    def ping(self, client_time: Any) -> tuple[Any, float]:
        return client_time, time.time()


if __name__ == "__main__":
    router = tornadio2.TornadioRouter(PingConnection)
    application = Application(router.apply_routes(showcase.pages("ackping.html")))
    showcase.run(application, showcase.arguments("A ping by acknowledgement.").parse_args())
