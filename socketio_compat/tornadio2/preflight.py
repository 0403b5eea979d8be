"""TornadIO2's handlers, as far as they are alike: they hand their requests to the endpoints of a router (TornadIO API, B7).

`TornadioRouter.urls` go there without them. They are for code that makes routes of its own::

    Application([(r"/push/(?P<session_id>[^/]+)", TornadioXHRPollingHandler, {"server": router})])

and for code that has its own `PreflightHandler.verify_origin`, which every router asks.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, Any, ClassVar, cast

from tornado.http1connection import HTTP1Connection
from tornado.web import RequestHandler

from hbpush.web.exchange import Exchange
from hbpush.web.tornado_exchange import TornadoExchange
from hbpush.web.tornado_host import request_of, target_of
from socketio_compat.origins import Origins

if TYPE_CHECKING:
    from socketio_compat.tornadio2.router import TornadioRouter


class PreflightHandler(RequestHandler):
    """A place of a router, ``server``, as a handler. ``name`` is what the place is called there."""

    SUPPORTED_METHODS = ("GET", "POST", "OPTIONS")
    name: ClassVar[str] = ""

    def initialize(self, server: TornadioRouter) -> None:
        self.server = server

    def verify_origin(self) -> bool:
        """Whether the page of another origin may use the server: to be overridden. Only ``self.request`` is there."""
        return True

    def preflight(self) -> bool:
        """Set the headers that a page of another origin needs, if it may use the server; whether it may."""
        origin = self.request.headers.get("Origin")
        if origin is None:
            return True
        if not self.verify_origin():
            return False
        self.set_header("Access-Control-Allow-Origin", origin)
        self.set_header("Access-Control-Allow-Credentials", "true")
        self.set_header("Vary", "Origin")
        return True

    def check_xsrf_cookie(self) -> None:
        """Clients have no such cookie; who may use the server is a matter of `verify_origin`."""

    def get(self, session_id: str = "", **named: str) -> None:
        self.hand_over(session_id)

    def post(self, session_id: str = "", **named: str) -> None:
        self.hand_over(session_id)

    def options(self, session_id: str = "", **named: str) -> None:
        self.hand_over(session_id)

    def hand_over(self, session_id: str) -> None:
        """Let the router's endpoint answer, below Tornado's handlers."""
        self._auto_finish = False
        request, host = self.request, self.server.host
        connection = cast("HTTP1Connection", request.connection)
        native = getattr(connection, "give_back", None)
        exchange: Exchange
        if native is not None:
            exchange = native()
            exchange.args = session_id
        else:
            exchange = TornadoExchange(host, connection, request, session_id, target_of(request), request.body)
        host.run(self.server.endpoint(self.name), exchange)
        if isinstance(exchange, TornadoExchange):
            exchange.check_peer()


def origins(allowed: str | Sequence[str], handlers: Iterable[type[PreflightHandler]]) -> Origins:
    """The policy of a router: the setting, and whatever ``verify_origin`` handlers have of their own. Raises ConfigError."""
    return _Asked(allowed, tuple(dict.fromkeys(handlers)))


_STOCK = PreflightHandler.verify_origin


class _Asked(Origins):
    """Asks `PreflightHandler.verify_origin` of each handler that does not have ours."""

    def __init__(self, allowed: str | Sequence[str], handlers: Sequence[type[PreflightHandler]]) -> None:
        super().__init__(allowed)
        self._handlers = handlers

    def permits(self, origin: bytes, exchange: Exchange) -> bool:
        hooks: dict[Callable[[Any], bool], type[PreflightHandler]] = {
            handler.verify_origin: handler for handler in self._handlers if handler.verify_origin is not _STOCK
        }
        if hooks:
            request = request_of(exchange)
            request.headers["Origin"] = origin.decode("latin-1")
            for hook, handler in hooks.items():
                stand_in = handler.__new__(handler)
                stand_in.request = request
                if not hook(stand_in):
                    return False
        return super().permits(origin, exchange)
