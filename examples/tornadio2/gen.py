"""Work that takes its time, in handlers that are generators; each connection's questions are answered one after the other.

    bin/run examples/tornadio2/gen.py --port=8001

Then open the address that it prints.
"""

from __future__ import annotations

from collections.abc import Callable, Generator
from typing import Any

import showcase
from tornado.ioloop import IOLoop
from tornado.web import Application

from socketio_compat import tornadio2
from socketio_compat.tornadio2 import event, gen


class QueryConnection(tornadio2.SocketConnection):
    seconds = 3.0

    def on_message(self, message: Any) -> None:
        """Only events are of interest."""

    def work(self, number: int, callback: Callable[[str], None]) -> None:
        """Stands for whatever takes long and calls back."""
        IOLoop.current().call_later(self.seconds, callback, f"{number} is done")

    @event
    def query(self, number: int) -> Generator[Any, Any, None]:
        self.emit("begun", number)
        response = yield gen.Task(self.work, number)
        self.emit("response", response)

    @gen.sync_engine
    def on_event(self, name: str, *args: Any, **kwargs: Any) -> Any:
        """With ``gen.engine`` instead, all questions would be worked on at the same time."""
        return super().on_event(name, *args, **kwargs)


if __name__ == "__main__":
    parser = showcase.arguments("Handlers that are generators.")
    parser.add_argument("--seconds", type=float, default=QueryConnection.seconds, help="how long each piece of work takes")
    chosen = parser.parse_args()
    QueryConnection.seconds = chosen.seconds
    router = tornadio2.TornadioRouter(QueryConnection)
    application = Application(router.apply_routes(showcase.pages("gen.html")))
    showcase.run(application, chosen)
