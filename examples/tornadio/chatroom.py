"""A chat room for browsers of 2011, by four transports.

    bin/run examples/tornadio/chatroom.py --port=8001

Then open the address that it prints, in several windows.
"""

from __future__ import annotations

from typing import Any, ClassVar

import early

from socketio_compat import tornadio


class ChatConnection(tornadio.SocketConnection):
    """Everybody hears what anybody says, and who comes and goes. The first thing that somebody says is a name."""

    participants: ClassVar[dict[ChatConnection, str]] = {}

    def on_open(self, *args: Any, **kwargs: Any) -> None:
        self.send({"notice": "welcome; who are you?"})

    def on_message(self, message: Any) -> None:
        text = str(message)
        if self not in self.participants:
            self.participants[self] = text
            self.tell_all({"notice": f"{text} has come"})
        else:
            self.tell_all({"from": self.participants[self], "text": text})

    def on_close(self) -> None:
        name = self.participants.pop(self, None)
        if name is not None:
            self.tell_all({"notice": f"{name} has left"})

    def tell_all(self, message: Any) -> None:
        for participant in self.participants:
            participant.send(message)


if __name__ == "__main__":
    chosen = early.arguments("A chat room.").parse_args()
    protocols = ["websocket", "flashsocket", "xhr-multipart", "xhr-polling"]
    ChatRouter = tornadio.get_router(ChatConnection, {"enabled_protocols": protocols})
    early.serve([ChatRouter.route()], "chatroom.html", chosen)
