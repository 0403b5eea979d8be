"""TornadIO's handlers of the transports that poll or stream over HTTP (TornadIO API, A5).

`router.SocketRouterBase.route` goes to the endpoint of a router without them. They are for code that makes routes of its own::

    Application([(r"/push/(?P<session_id>[0-9a-zA-Z]*)/?(?P<rest>.*)", TornadioXHRPollingSocketHandler, {"router": MyRouter})])

and for code that has its own ``verify_origin``, which every router asks.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from socketio_compat.handlers import PreflightHandler
from socketio_compat.v06.places import Path

if TYPE_CHECKING:
    from socketio_compat.tornadio.router import SocketRouterBase


class TornadioPollingHandlerBase(PreflightHandler):
    """A transport of a router. In a route of one's own, the groups are the session id and what stands behind it."""

    def initialize(self, router: type[SocketRouterBase]) -> None:
        self.router = router

    def data_available(self, raw_data: object) -> None:
        """Send a message, or a list of them, to the client of the request."""
        session = self.router.sessions.get(self.path_kwargs.get("session_id", ""))
        if session is not None:
            session.send(raw_data)

    def session_closed(self) -> None:
        """The session is over: the request has its answer."""

    def get(self, session_id: str = "", rest: str = "", **named: str) -> None:
        self.hand_over(self.router.placement, Path("", named.get("extra"), self.name, session_id, tuple(rest.split("/"))))

    def post(self, session_id: str = "", rest: str = "", **named: str) -> None:
        self.get(session_id, rest, **named)

    def options(self, session_id: str = "", rest: str = "", **named: str) -> None:
        self.get(session_id, rest, **named)


class TornadioXHRPollingSocketHandler(TornadioPollingHandlerBase):
    name = "xhr-polling"


class TornadioXHRMultipartSocketHandler(TornadioPollingHandlerBase):
    name = "xhr-multipart"


class TornadioHtmlFileSocketHandler(TornadioPollingHandlerBase):
    name = "htmlfile"


class TornadioJSONPSocketHandler(TornadioPollingHandlerBase):
    name = "jsonp-polling"
