"""What makes connections of clients' requests: the router, its settings and its place in an Application (TornadIO API, A3)."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any, ClassVar

from tornado.ioloop import IOLoop

from hbpush.core.clock import Clock, LoopClock, TimerWheel
from hbpush.core.counters import Counters
from hbpush.errors import ConfigError
from hbpush.session.transport import End
from hbpush.web.exchange import Endpoint, Exchange
from hbpush.web.limits import Limits
from hbpush.web.proxies import TrustedProxies
from hbpush.web.tornado_exchange import Host
from hbpush.web.tornado_host import target_of
from socketio_compat.handlers import PreflightHandler, origins
from socketio_compat.router_rule import RouterRule
from socketio_compat.tornadio.conn import SocketConnection
from socketio_compat.tornadio.dispatch import ConnectionHandler, Connections
from socketio_compat.tornadio.options import DEFAULT_SETTINGS, effective, machine
from socketio_compat.tornadio.persistent import TornadioFlashSocketHandler, TornadioWebSocketHandler
from socketio_compat.tornadio.polling import (
    TornadioHtmlFileSocketHandler,
    TornadioJSONPSocketHandler,
    TornadioXHRMultipartSocketHandler,
    TornadioXHRPollingSocketHandler,
)
from socketio_compat.tornadio.pollingsession import PollingSession
from socketio_compat.tornadio.session import RouterSessions
from socketio_compat.v06.places import ResourcePattern, pattern_routes
from socketio_compat.v06.server import Server
from socketio_compat.v06.session import SocketSession

__all__ = ["DEFAULT_SETTINGS", "PROTOCOLS", "Placement", "RouteRule", "SocketRouterBase", "get_router"]

ConnectionClass = Callable[[PollingSession, IOLoop, float], SocketConnection]

PROTOCOLS: dict[str, type[PreflightHandler]] = {
    "websocket": TornadioWebSocketHandler,
    "flashsocket": TornadioFlashSocketHandler,
    "xhr-multipart": TornadioXHRMultipartSocketHandler,
    "xhr-polling": TornadioXHRPollingSocketHandler,
    "jsonp-polling": TornadioJSONPSocketHandler,
    "htmlfile": TornadioHtmlFileSocketHandler,
}
"""The transports, each with a handler for those who make their routes themselves; see `polling`."""


class Placement:
    """What stands behind a router: a server under a resource. It begins with the first request, in its loop; `close` ends it."""

    def __init__(
        self, connection: ConnectionClass, settings: Mapping[str, Any] | None, pattern: ResourcePattern, io_loop: IOLoop | None,
        clock: Clock | None,
    ) -> None:  # fmt: skip
        self.connection = connection
        self.settings = effective(settings)
        self.pattern = pattern
        self.host = Host(Limits(), TrustedProxies(), clock)
        self._machine = machine(self.settings)
        self._origins = origins(self.settings["origins"], [PROTOCOLS[name] for name in self._machine.transports])
        self._io_loop = io_loop
        self._clock = clock
        self._server: Server | None = None

    @property
    def io_loop(self) -> IOLoop:
        """The loop: the one given, else the current one."""
        return self._io_loop or IOLoop.current()

    @property
    def server(self) -> Server:
        """The machine below, made in the loop that runs."""
        if self._server is None:
            clock = self._clock or LoopClock(asyncio.get_running_loop())
            self._server = Server(Connections(self), self._machine, clock, TimerWheel(clock), Counters(clock), self._origins)
        return self._server

    @property
    def running(self) -> Server | None:
        """The machine below, if there is one."""
        return self._server

    def endpoint(self, name: str) -> Endpoint:
        """Who answers: the same for all transports."""
        return self.answer

    def answer(self, exchange: Exchange) -> None:
        """The endpoint, whose args are a `socketio_compat.v06.places.Path`."""
        self.server.request(exchange)

    def rule(self, router: type[SocketRouterBase]) -> RouteRule:
        """The place as one of an Application's handlers."""
        return RouteRule(pattern_routes(self.pattern, self.answer, self._machine.max_body), self, router)

    def close(self) -> None:
        """End all sessions: the server goes. The next request begins anew."""
        server, self._server = self._server, None
        if server is not None:
            server.close(End.SHUTDOWN)


class RouteRule(RouterRule):
    """What `SocketRouterBase.route` returns: a rule that can be taken for a pair of a regular expression and a handler, too."""

    def __init__(self, routes: Any, placement: Placement, handler: type[SocketRouterBase]) -> None:
        super().__init__(routes, placement.host, placement)
        self._pair = placement.pattern.text, handler

    def __iter__(self) -> Iterator[Any]:
        return iter(self._pair)

    def __len__(self) -> int:
        return len(self._pair)

    def __getitem__(self, index: int) -> Any:
        return self._pair[index]


class SocketRouterBase(PreflightHandler):
    """What `get_router` derives from. A router is a class, all of whose state is its own: nobody makes an instance but Tornado.

    ``connection`` is the class of connections, ``settings`` what is in force, ``sessions`` what is open.
    """

    placement: ClassVar[Placement]
    connection: ClassVar[ConnectionClass]
    settings: ClassVar[dict[str, Any]]
    io_loop: ClassVar[IOLoop | None]
    sessions: ClassVar[RouterSessions]

    @classmethod
    def tornadio_initialize(
        cls,
        connection: ConnectionClass,
        user_settings: Mapping[str, Any] | None,
        resource: str,
        io_loop: IOLoop | None = None,
        extra_re: str | None = None,
        extra_sep: str | None = None,
        clock: Clock | None = None,
    ) -> None:
        """Make a router of a derived class; the arguments are those of `get_router`."""
        if not callable(connection):
            raise ConfigError(f"is {connection!r}; must be a SocketConnection, or what is called as one", "handler")
        try:
            pattern = ResourcePattern(resource, extra_re, extra_sep or "")
        except re.error as error:
            raise ConfigError(f"{resource!r} with {extra_re!r} is no regular expression: {error}", "resource") from None
        placement = Placement(connection, user_settings, pattern, io_loop, clock)
        cls.placement = placement
        cls.connection = staticmethod(connection)
        cls.settings = placement.settings
        cls.io_loop = io_loop
        cls.sessions = RouterSessions(lambda: placement.running, _face)

    @classmethod
    def route(cls) -> RouteRule:
        """What to put into an Application's list of handlers. It can be unpacked into a regular expression and a handler."""
        return cls.placement.rule(cls)

    @classmethod
    def close(cls) -> None:
        """End all sessions: the server goes. The next request begins anew."""
        cls.placement.close()

    def get(self, *args: str, **named: str) -> None:
        """As a handler of an Application, when its route was unpacked."""
        path = target_of(self.request).partition(b"?")[0]
        self.hand_over(self.placement, self.placement.pattern.parse(path))

    def post(self, *args: str, **named: str) -> None:
        self.get()

    def options(self, *args: str, **named: str) -> None:
        self.get()


def get_router(
    handler: ConnectionClass,
    settings: Mapping[str, Any] | None = None,
    resource: str = "socket.io/*",
    io_loop: IOLoop | None = None,
    extra_re: str | None = None,
    extra_sep: str | None = None,
    *,
    clock: Clock | None = None,
) -> type[SocketRouterBase]:
    """A new router class that serves a class of connections: ``Application([get_router(MyConnection).route()])``.

    ``handler`` is a `SocketConnection`, or anything that is called as one. ``settings`` are laid over `DEFAULT_SETTINGS`. ``resource`` is a
    regular expression, the first segment of its paths. ``extra_re`` is one for what has to follow there, behind the text ``extra_sep``:
    connections get it as ``extra``. ``io_loop`` is handed to connections; the running loop serves. ``clock`` is for tests.

    Raises ConfigError for a handler, a setting or an expression that cannot be.
    """

    class SocketRouter(SocketRouterBase):
        """A router of its own."""

    SocketRouter.tornadio_initialize(handler, settings, resource, io_loop, extra_re, extra_sep, clock)
    return SocketRouter


def _face(below: SocketSession) -> PollingSession | None:
    handler = below.handler
    return handler.connection.protocol if isinstance(handler, ConnectionHandler) else None
