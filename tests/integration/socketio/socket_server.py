"""A program of TornadIO2's kind that starts by itself, as users write them: prints its port and serves until it is ended."""

from __future__ import annotations

import sys
from typing import Any

from tornado.web import Application

from socketio_compat import tornadio2


class Echo(tornadio2.SocketConnection):
    def on_message(self, message: Any) -> None:
        self.send(message)


if __name__ == "__main__":
    router = tornadio2.TornadioRouter(Echo)
    ssl_options = {"certfile": sys.argv[1], "keyfile": sys.argv[2]} if len(sys.argv) > 2 and sys.argv[1] != "--auto" else None
    if "--auto" in sys.argv:
        # As most programs do: the constructor comes back when the server was ended.
        application = Application(router.urls, socket_io_port=int(sys.argv[2]), socket_io_address="127.0.0.1")
        tornadio2.SocketServer(application)
        print("ended", flush=True)
        sys.exit()
    application = Application(router.urls, socket_io_port=0, socket_io_address="127.0.0.1", flash_policy_port=1)
    server = tornadio2.SocketServer(application, ssl_options=ssl_options, auto_start=False, xheaders=True)
    print(server.port, flush=True)
    server.io_loop.start()
