"""A program as one wrote them for sockjs-tornado, on the names that are ours: the other side of ``scenarios``.

::

    python -m tests.conformance.sockjs.talker stock|native PORT

On the native front, or as ``stock`` on Tornado's own server. ``/seen?who=NAME`` tells which connections of a caller opened and closed.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from typing import Any

from sockjs.tornado.conn import SockJSConnection

from sethpusher.sockjs import SockJSRouter
from tests.conformance.driving.programs import SEEN, SEEN_RULE
from tests.conformance.sockjs.services import SMALL, run

COMMAND = "do:"

SETTINGS = {"sockjs_url": "/__client.js", "heartbeat_delay": 1, "disconnect_delay": 3, "jsessionid": False}
"""Seconds. By JSONP a client cannot call its poll off: that such a client has left, shows when both are over."""


class Talker(SockJSConnection):  # type: ignore[misc]
    """Says everything again, but for commands, which it obeys."""

    service = ""

    def on_open(self, info: Any) -> None:
        self.info = info
        self.who = info.get_argument("who")
        SEEN.append((self.who, self.service, "open"))

    def on_message(self, message: str) -> None:
        if message.startswith(COMMAND):
            self.obey(json.loads(message.removeprefix(COMMAND)))
        else:
            self.send(message)

    def on_close(self) -> None:
        SEEN.append((self.who, self.service, "close"))

    def obey(self, command: Mapping[str, Any]) -> None:
        """Do what scenarios ask for: ``burst`` or ``first`` (texts to send), ``argument`` (of the query, to be told), ``close`` (code and
        reason)."""
        for text in [*command.get("burst", ()), *command.get("first", ())]:
            self.send(text)
        if "argument" in command:
            self.send(self.info.get_argument(command["argument"]))
        if "close" in command:
            self.session.close(*command["close"])


class Closer(Talker):
    """Lets nobody stay."""

    def on_open(self, info: Any) -> None:
        super().on_open(info)
        self.close()


def router(service: str, kind: type[Talker], **settings: Any) -> SockJSRouter:
    """The router of a service of that name."""
    return SockJSRouter(type(kind.__name__, (kind,), {"service": service}), f"/{service}", SETTINGS | settings)


def routers() -> list[SockJSRouter]:
    """All services."""
    return [
        router("echo", Talker, response_limit=SMALL),
        router("talk", Talker),
        router("without_websocket", Talker, disabled_transports=["websocket"]),
        router("beating", Talker, disconnect_delay=2),
        router("close", Closer),
    ]


if __name__ == "__main__":
    run(int(sys.argv[2]), sys.argv[1] == "stock", routers(), [SEEN_RULE])
