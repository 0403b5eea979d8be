"""A chat, over the transports that you pick on its page.

    bin/run examples/tornadio2/transports.py --port=8001

Flash players also want a policy file: ``--policy-port=843``, which takes a privilege.
"""

from __future__ import annotations

from typing import Any, ClassVar

import showcase
from tornado.web import Application

from socketio_compat import tornadio2


class ChatConnection(tornadio2.SocketConnection):
    """Everybody hears what anybody says."""

    participants: ClassVar[set[ChatConnection]] = set()

    def on_open(self, request: Any) -> None:
        self.tell_all("somebody has come")
        self.participants.add(self)
        self.send(f"welcome, {request.ip}")

    def on_message(self, message: Any) -> None:
        self.tell_all(message)

    def on_close(self) -> None:
        self.participants.discard(self)
        self.tell_all("somebody has left")

    def tell_all(self, message: Any) -> None:
        for participant in self.participants:
            participant.send(message)


if __name__ == "__main__":
    parser = showcase.arguments("A chat with a choice of transports.")
    parser.add_argument("--policy-port", type=int, default=None, help="where Flash players ask for a policy")
    chosen = parser.parse_args()
    # All of them, flashsocket too, which no server offers by itself.
    every = list(tornadio2.router.PROTOCOLS)
    router = tornadio2.TornadioRouter(ChatConnection, {"websocket_check": True, "enabled_protocols": every})
    application = Application(
        router.apply_routes(showcase.pages("transports.html")),
        flash_policy_port=chosen.policy_port,
        flash_policy_file=str(showcase.HERE / "pages" / "flashpolicy.xml"),
    )
    showcase.run(application, chosen)
