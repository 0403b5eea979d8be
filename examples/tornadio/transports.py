"""An echo, over the transports that you pick on its page; it logs what comes and goes.

    bin/run examples/tornadio/transports.py --port=8001

Flash players also want a policy file: ``--policy-port=843``, which takes a privilege.
"""

from __future__ import annotations

import logging
from typing import Any

import early

from socketio_compat import tornadio

_log = logging.getLogger("transports")


class EchoConnection(tornadio.SocketConnection):
    def on_open(self, *args: Any, **kwargs: Any) -> None:
        _log.debug("opened by %s", kwargs["protocol"])

    def on_message(self, message: Any) -> None:
        _log.debug("received %r", message)
        self.send(message)

    def on_close(self) -> None:
        _log.debug("closed")


if __name__ == "__main__":
    parser = early.arguments("An echo with a choice of transports.")
    parser.add_argument("--quiet", action="store_true", help="log nothing")
    chosen = parser.parse_args()
    logging.basicConfig(level=logging.WARNING if chosen.quiet else logging.DEBUG)
    EchoRouter = tornadio.get_router(EchoConnection)
    early.serve([EchoRouter.route()], "transports.html", chosen)
