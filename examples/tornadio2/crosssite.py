"""A page of one site that talks to another: two Applications in one process, on ports of their own.

    bin/run examples/tornadio2/crosssite.py --port=8001 --socket-port=8002

Then open the address that it prints.
"""

from __future__ import annotations

from typing import Any

import showcase
from tornado.web import Application

from socketio_compat import tornadio2


class EchoConnection(tornadio2.SocketConnection):
    def on_message(self, message: Any) -> None:
        self.send(message)


if __name__ == "__main__":
    parser = showcase.arguments("A page and a server of different origins.")
    parser.add_argument("--socket-port", type=int, default=8002, help="where the page finds the server")
    chosen = parser.parse_args()
    if not chosen.no_client:
        showcase.fetch_client()
    router = tornadio2.TornadioRouter(EchoConnection)
    sockets = showcase.server(Application(router.urls), chosen.socket_port, chosen.address, "--socket-port")
    page = showcase.pages("crosssite.html", server=f"http://{chosen.address}:{sockets.port}")
    serving = showcase.server(Application(page), chosen.port, chosen.address)
    showcase.tell("http", chosen.address, serving.port)
    serving.run()
