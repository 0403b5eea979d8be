"""The handlers of TornadIO and TornadIO2, as far as they are alike: they hand their requests to the endpoints of a router (TornadIO API,
A5, B7).

What a router gives to an Application goes to its endpoints without them. They are for code that makes routes of its own, and for code that
has its own `PreflightHandler.verify_origin`, which every router asks.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any, ClassVar, Protocol, cast

from tornado.http1connection import HTTP1Connection
from tornado.web import RequestHandler

from hbpush.web.exchange import Endpoint, Exchange
from hbpush.web.tornado_exchange import Host, TornadoExchange
from hbpush.web.tornado_host import request_of, target_of
from socketio_compat.origins import Origins


class Router(Protocol):
    """A router, to its handlers."""

    @property
    def host(self) -> Host:
        """What its exchanges share on a stock server."""

    def endpoint(self, name: str) -> Endpoint:
        """Who answers at a place of it."""


class PreflightHandler(RequestHandler):
    """A place of a router as a handler. ``name`` is what the place is called there."""

    SUPPORTED_METHODS = ("GET", "POST", "OPTIONS")
    name: ClassVar[str] = ""

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

    def hand_over(self, router: Router, args: object) -> None:
        """Let the endpoint of a router answer, below Tornado's handlers."""
        self._auto_finish = False
        request, host = self.request, router.host
        connection = cast("HTTP1Connection", request.connection)
        native = getattr(connection, "give_back", None)
        exchange: Exchange
        if native is not None:
            exchange = native()
            exchange.args = args
        else:
            exchange = TornadoExchange(host, connection, request, args, target_of(request), request.body)
        host.run(router.endpoint(self.name), exchange)
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
