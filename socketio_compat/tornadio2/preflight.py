"""TornadIO2's handlers, as far as they are alike (TornadIO API, B7): they hand their requests to the endpoints of a router.

`TornadioRouter.urls` go there without them. They are for code that makes routes of its own::

    Application([(r"/push/(?P<session_id>[^/]+)", TornadioXHRPollingHandler, {"server": router})])

and for code that has its own `PreflightHandler.verify_origin`, which every router asks.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from socketio_compat import handlers

if TYPE_CHECKING:
    from socketio_compat.tornadio2.router import TornadioRouter


class PreflightHandler(handlers.PreflightHandler):
    """A place of a router, ``server``, as a handler. ``name`` is what the place is called there."""

    def initialize(self, server: TornadioRouter) -> None:
        self.server = server

    def get(self, session_id: str = "", **named: str) -> None:
        self.hand_over(self.server, session_id)

    def post(self, session_id: str = "", **named: str) -> None:
        self.hand_over(self.server, session_id)

    def options(self, session_id: str = "", **named: str) -> None:
        self.hand_over(self.server, session_id)
