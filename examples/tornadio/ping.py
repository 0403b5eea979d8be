"""A ping: how long does a message take to the server and back, by one transport?

    bin/run examples/tornadio/ping.py --port=8001

Then open the address that it prints.
"""

from __future__ import annotations

import time
from typing import Any

import early
from tornado.httputil import HTTPServerRequest

from socketio_compat import tornadio


class PingConnection(tornadio.SocketConnection):
    """An object comes back with the time of the server, and with the address that it came from."""

    ip: str | None = None

    def on_open(self, request: HTTPServerRequest, *args: Any, **kwargs: Any) -> None:
        self.ip = request.remote_ip

    def on_message(self, message: Any) -> None:
        if isinstance(message, dict):
            self.send({**message, "server": time.time(), "ip": self.ip})


if __name__ == "__main__":
    chosen = early.arguments("A ping.").parse_args()
    PingRouter = tornadio.get_router(PingConnection, {"enabled_protocols": ["websocket"]})
    early.serve([PingRouter.route()], "ping.html", chosen)
