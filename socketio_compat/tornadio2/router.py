"""What makes connections of handshakes: the router, its settings and its places in an Application (TornadIO API, B2)."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from functools import partial
from typing import Any

from tornado.httputil import HTTPServerRequest
from tornado.ioloop import IOLoop
from tornado.routing import Rule
from tornado.web import HTTPError

from hbpush.core.clock import Clock, LoopClock, TimerWheel
from hbpush.core.counters import Counters
from hbpush.errors import ConfigError
from hbpush.session.transport import End
from hbpush.web.exchange import Endpoint, Exchange
from hbpush.web.limits import Limits
from hbpush.web.proxies import TrustedProxies
from hbpush.web.tornado_exchange import Host
from socketio_compat.handlers import origins
from socketio_compat.router_rule import RouterRule
from socketio_compat.tornadio2.conn import SocketConnection
from socketio_compat.tornadio2.counted import CountedServer, RouterStats
from socketio_compat.tornadio2.dispatch import ConnectionHandler, Connections
from socketio_compat.tornadio2.options import DEFAULT_SETTINGS, effective, machine
from socketio_compat.tornadio2.persistent import TornadioFlashSocketHandler, TornadioWebSocketHandler
from socketio_compat.tornadio2.polling import TornadioHtmlFileHandler, TornadioJSONPHandler, TornadioXHRPollingHandler
from socketio_compat.tornadio2.preflight import PreflightHandler
from socketio_compat.tornadio2.session import Session, opening_of
from socketio_compat.v09.places import Places, grouped_routes
from socketio_compat.v09.session import SocketSession

__all__ = ["DEFAULT_SETTINGS", "PROTOCOLS", "HandshakeHandler", "RouterRule", "TornadioRouter", "TornadioServer"]

HANDSHAKE, OTHER = "handshake", "other"
"""Places of a router beside its transports."""


class HandshakeHandler(PreflightHandler):
    """The place of handshakes, as a handler of an Application."""

    name = HANDSHAKE


PROTOCOLS: dict[str, type[PreflightHandler]] = {
    "websocket": TornadioWebSocketHandler,
    "flashsocket": TornadioFlashSocketHandler,
    "xhr-polling": TornadioXHRPollingHandler,
    "jsonp-polling": TornadioJSONPHandler,
    "htmlfile": TornadioHtmlFileHandler,
}
"""The transports, each with a handler for those who make their routes themselves; see `preflight.PreflightHandler`."""


class TornadioRouter:
    """Serves a class of connections under ``/<namespace>/1/``.

    ``connection`` is a `SocketConnection`, or anything that is called with a session and gives one. ``user_settings`` are laid over
    `DEFAULT_SETTINGS`; one that cannot be raises ConfigError with its place. ``io_loop`` is accepted: the running loop is taken. ``clock``
    is for tests.

    What is served begins with the first request, in its loop; `close` ends it.
    """

    def __init__(
        self,
        connection: Callable[[Session], SocketConnection],
        user_settings: Mapping[str, Any] | None = None,
        namespace: str = "socket.io",
        io_loop: IOLoop | None = None,
        *,
        clock: Clock | None = None,
    ) -> None:
        if not callable(connection):
            raise ConfigError(f"is {connection!r}; must be a SocketConnection, or what is called as one", "connection")
        self.connection = connection
        self.settings = effective(user_settings)
        self.stats = RouterStats()
        self._machine = machine(self.settings, namespace)
        self._origins = origins(self.settings["origins"], [HandshakeHandler, *(PROTOCOLS[name] for name in self._machine.served)])
        self._clock = clock
        self._io_loop = io_loop
        self._host = Host(Limits(), TrustedProxies(), clock)
        self._server: CountedServer | None = None
        self._endpoints: dict[str, Endpoint] = {}

    @property
    def io_loop(self) -> IOLoop:
        """The loop: the one given, else the current one."""
        return self._io_loop or IOLoop.current()

    @property
    def urls(self) -> list[Rule]:
        """Rules for the handlers of an Application: the handshake, each protocol, and what else clients ask for below the namespace."""
        settings = self._machine
        places = Places(self._place(HANDSHAKE), self._place, self._place(OTHER))
        groups = grouped_routes(settings.resource, settings.transports, places, settings.max_body)
        return [RouterRule(routes, self._host, self) for routes in groups]

    def apply_routes(self, routes: list[Any]) -> list[Any]:
        """Append `urls` to a list of handlers, and return that list."""
        routes.extend(self.urls)
        return routes

    def create_session(self, request: HTTPServerRequest) -> Session | Awaitable[Session]:
        """Make the session of whoever sent a request; its root is opened.

        An awaitable when ``on_open`` is one. Raises HTTPError when the connection refuses, and what ``on_open`` raises.
        """
        below = SocketSession(self.server, opening_of(request))
        verdict = below.open()
        if isinstance(verdict, bool):
            return self._created(below, verdict)
        return self._created_later(below, verdict)

    def get_session(self, session_id: str) -> Session | None:
        """The open session with an id, or None."""
        below = None if self._server is None else self._server.registry.get(session_id)
        return None if below is None or not isinstance(below.root, ConnectionHandler) else below.root.connection.session

    def close(self) -> None:
        """End all sessions: the server goes. The next request begins anew."""
        server, self._server = self._server, None
        self._endpoints = {}
        self.stats.stop()
        if server is not None:
            server.close(End.SHUTDOWN)

    @property
    def server(self) -> CountedServer:
        """The machine below, made in the loop that runs."""
        if self._server is None:
            clock = self._clock or LoopClock(asyncio.get_running_loop())
            counters, wheel = Counters(clock), TimerWheel(clock)
            self._server = CountedServer(Connections(self), self._machine, clock, wheel, counters, self._origins)
            self._server.count_into(self.stats)
            self.stats.start(self.io_loop)
        return self._server

    def endpoint(self, name: str) -> Endpoint:
        """Who answers at a place: a transport's, `HANDSHAKE`'s, or `OTHER`'s."""
        found = self._endpoints.get(name)
        if found is None:
            places = self.server.places
            found = {HANDSHAKE: places.handshake, OTHER: places.other}.get(name) or places.transport(name)
            self._endpoints[name] = found
        return found

    @property
    def host(self) -> Host:
        """What the exchanges of this router share on a stock server."""
        return self._host

    def _place(self, name: str) -> Endpoint:
        return partial(self._answer, name)

    def _answer(self, name: str, exchange: Exchange) -> Awaitable[object] | None:
        return self.endpoint(name)(exchange)

    def _created(self, below: SocketSession, verdict: bool) -> Session:
        root = below.root
        if not verdict or not isinstance(root, ConnectionHandler):
            raise HTTPError(self._machine.refusal_status)
        return root.connection.session

    async def _created_later(self, below: SocketSession, verdict: Awaitable[bool]) -> Session:
        return self._created(below, await verdict)


TornadioServer = TornadioRouter
"""The name until November 2011."""
