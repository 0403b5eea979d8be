"""A TornadIO program as one wrote them, on the names that are ours: the other side of ``scenarios``.

::

    python -m tests.conformance.socketio06.server stock|native PORT

``stock`` mounts the ``route`` in an Application on Tornado's own HTTPServer; ``native`` gives the same Application to ``SocketServer``.
``/seen?who=NAME`` tells which connections of a caller opened and closed.
"""

from __future__ import annotations

import sys
from typing import Any

from socketio_compat.tornadio import SocketConnection, get_router
from socketio_compat.tornadio.server import SocketServer
from tests.conformance.driving.programs import SEEN, serve

TIMES = {"heartbeat_interval": 1, "xhr_polling_timeout": 2, "session_expiry": 4}
"""Seconds."""


class Talker(SocketConnection):
    """Does what the scenarios ask for, and answers everything else."""

    who = ""

    def on_message(self, message: Any) -> None:
        match message:
            case {"who": str(who)}:
                self.who = who
                SEEN.append((who, "", "open"))
                self.send({"welcome": who})
            case {"burst": messages}:
                self.send(messages)
            case {"singly": messages}:
                for one in messages:
                    self.send(one)
            case {"bye": _}:
                self.close()
            case _:
                self.send(message)

    def on_close(self) -> None:
        if self.who:
            SEEN.append((self.who, "", "close"))


def main(host: str, port: int) -> None:
    serve(host, port, [get_router(Talker, TIMES).route()], SocketServer)


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
