"""The figures of a server as they change; its page asks for them by an event, once a second.

    bin/run examples/tornadio2/stats.py --port=8001

Then open the address that it prints.
"""

from __future__ import annotations

from typing import Any

import showcase
from tornado.web import Application

from socketio_compat import tornadio2
from socketio_compat.tornadio2 import event


class StatsConnection(tornadio2.SocketConnection):
    def on_message(self, message: Any) -> None:
        """Something to count."""
        self.send(message)

    @event
    def stats(self) -> dict[str, Any]:
        return dict(router.stats.dump())


router = tornadio2.TornadioRouter(StatsConnection, {"enabled_protocols": ["websocket", "xhr-polling", "jsonp-polling", "htmlfile"]})

if __name__ == "__main__":
    application = Application(router.apply_routes(showcase.pages("stats.html")))
    showcase.run(application, showcase.arguments("The figures of a server.").parse_args())
