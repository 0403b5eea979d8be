"""TornadIO2's server object: settings, sessions, and the URLs for an Application (TornadIO API, B2)."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Mapping
from functools import partial
from typing import Any

from tornado.ioloop import IOLoop
from tornado.routing import Rule

from hbpush.core.clock import LoopClock, TimerWheel
from hbpush.core.counters import Counters
from hbpush.errors import ConfigError
from hbpush.session.outbox import Room
from hbpush.session.transport import End
from hbpush.web.answers import REASONS
from hbpush.web.exchange import Endpoint, Exchange
from hbpush.web.limits import Limits
from hbpush.web.proxies import TrustedProxies
from hbpush.web.tornado_exchange import Host
from hbpush.web.tornado_host import EndpointRule
from socketio_compat.origins import Origins
from socketio_compat.tornadio2.conn import SocketConnection
from socketio_compat.tornadio2.persistent import TornadioFlashSocketHandler, TornadioWebSocketHandler
from socketio_compat.tornadio2.polling import TornadioHtmlFileHandler, TornadioJSONPHandler, TornadioXHRPollingHandler
from socketio_compat.tornadio2.preflight import PreflightHandler
from socketio_compat.tornadio2.session import ConnectionHandler, Session, opening_of
from socketio_compat.tornadio2.stats import Figures, StatsCollector
from socketio_compat.v09.contract import Application, Handler, No
from socketio_compat.v09.places import Places, grouped_routes
from socketio_compat.v09.server import Server
from socketio_compat.v09.session import SocketSession
from socketio_compat.v09.settings import Settings

PROTOCOLS: dict[str, type[PreflightHandler]] = {
    "websocket": TornadioWebSocketHandler,
    "flashsocket": TornadioFlashSocketHandler,
    "xhr-polling": TornadioXHRPollingHandler,
    "jsonp-polling": TornadioJSONPHandler,
    "htmlfile": TornadioHtmlFileHandler,
}
"""Transports, and the classes that say which origins may use them."""

DEFAULT_SETTINGS: dict[str, Any] = {
    "session_check_interval": 15,
    "session_expiry": 30,
    "heartbeat_interval": 12,
    "enabled_protocols": ["websocket", "flashsocket", "xhr-polling", "jsonp-polling", "htmlfile"],
    "xhr_polling_timeout": 20,
    "websocket_check": False,
    "global_heartbeats": True,
    "client_timeout": 5,
    "verify_remote_ip": True,
    "strict": False,
    "origins": "*",
    "handshake_error_status": 401,
    "reject_endpoint_with_error": False,
    "close_on_clean_disconnect": False,
    "max_sessions": 0,
    "max_queue": 1024 * 1024,
    "max_body_size": 1024 * 1024,
}
"""What ``user_settings`` may change, and what is so otherwise. Times are in seconds, ``max_queue`` and ``max_body_size`` in bytes.

``session_check_interval`` is accepted: sessions expire when their time is over, without waiting for a look at all of them.
"""


class HandshakeHandler(PreflightHandler):
    """Says which origins may shake hands."""


class TornadioRouter:
    """A server of one class of connections, made before or after the loop runs. ``io_loop`` is accepted, and not needed."""

    def __init__(
        self,
        connection: type[SocketConnection],
        user_settings: Mapping[str, Any] | None = {},
        namespace: str = "socket.io",
        io_loop: IOLoop | None = None,
    ) -> None:
        self.settings: dict[str, Any] = {**DEFAULT_SETTINGS, **(user_settings or {})}
        status = self.settings["handshake_error_status"]
        if status not in REASONS or status < 400:
            raise ConfigError(f"is {status!r}; must be an HTTP status of errors, such as 403", "handshake_error_status")
        self.stats: StatsCollector = ServerStats(self)
        self._connection = connection
        self._io_loop = io_loop
        self._core: Server | None = None
        self._origins = Origins(self.settings["origins"])
        transports = tuple(name for name in self.settings["enabled_protocols"] if name in PROTOCOLS)
        self._server_settings = server_settings(self.settings, namespace, transports)
        limits = Limits(max_body=self._server_settings.max_body)
        host = Host(limits, TrustedProxies())
        places = Places(partial(self._answer, HandshakeHandler, "handshake"), self._transport, partial(self._answer, None, "other"))
        groups = grouped_routes(namespace, transports, places, self._server_settings.max_body)
        self._urls: list[Rule] = [EndpointRule(group, host) for group in groups]

    @property
    def urls(self) -> list[Rule]:
        """For the handlers of an Application: one for the handshake, one for each transport, one for the rest of the namespace."""
        return list(self._urls)

    def apply_routes(self, routes: list[Any]) -> list[Any]:
        """Append `urls` to a list of handlers, which is returned."""
        routes.extend(self._urls)
        return routes

    @property
    def io_loop(self) -> IOLoop:
        """The loop that it runs in."""
        return self._io_loop or IOLoop.current()

    @property
    def core(self) -> Server:
        """The server proper, made within the running loop."""
        if self._core is None:
            clock = LoopClock(asyncio.get_running_loop())
            application = ConnectionApplication(self, self._connection)
            self._core = Server(application, self._server_settings, clock, TimerWheel(clock), Counters(clock), self._origins)
            self.stats.start()
        return self._core

    def create_session(self, request: Any) -> Session:
        """Make a session for one of Tornado's requests, as a handshake does. Raises ConfigError when ``on_open`` has to be awaited."""
        core = SocketSession(self.core, opening_of(request))
        verdict = core.open()
        if not isinstance(verdict, bool):
            core.close(End.FAULT)
            raise ConfigError("on_open is a coroutine, which only a handshake can wait for")
        return self._skin(core)

    def get_session(self, session_id: str) -> Session | None:
        """The session with an id, None when there is none."""
        core = self.core.registry.get(session_id)
        return None if core is None or core.root is None else self._skin(core)

    def close(self) -> None:
        """End every session in a way that lets clients come back."""
        self.stats.stop()
        if self._core is not None:
            self._core.close(End.SHUTDOWN)

    def _skin(self, core: SocketSession) -> Session:
        root = core.root
        if not isinstance(root, ConnectionHandler):
            raise ConfigError("the session was refused")
        return root.skin

    # Endpoints, which may be asked for before there is a loop

    def _transport(self, name: str) -> Endpoint:
        return partial(self._answer_by, PROTOCOLS[name], name)

    def _answer(self, kind: type[PreflightHandler] | None, place: str, exchange: Exchange) -> Awaitable[object] | None:
        core = self.core
        endpoint: Endpoint = getattr(core.places, place)
        return self._verified(kind, endpoint, exchange)

    def _answer_by(self, kind: type[PreflightHandler], name: str, exchange: Exchange) -> Awaitable[object] | None:
        return self._verified(kind, self.core.carriers[name], exchange)

    def _verified(self, kind: type[PreflightHandler] | None, endpoint: Endpoint, exchange: Exchange) -> Awaitable[object] | None:
        # Nobody pays for a hook that is not used.
        if kind is not None and kind.verify_origin is not PreflightHandler.verify_origin:
            handler = kind(exchange, self._origins)
            if handler.origin is not None and not handler.verify_origin():
                self.core.refuse_origin(exchange)
                return None
        return endpoint(exchange)


TornadioServer = TornadioRouter
"""The first name of `TornadioRouter`."""


class ConnectionApplication(Application):
    """A program's connections, as the server sees them."""

    def __init__(self, router: TornadioRouter, connection: type[SocketConnection]) -> None:
        self._router = router
        self._connection = connection

    def handler(self, session: SocketSession, endpoint: str) -> Handler | No:
        root = session.root
        if not endpoint:
            skin = Session(self._connection, self._router, None, core=session)
            return ConnectionHandler(session, "", skin, skin.conn)
        assert isinstance(root, ConnectionHandler)  # noqa: S101 - the root comes first
        kind = root.conn.get_endpoint(endpoint)
        if kind is None:
            return No.UNKNOWN
        return ConnectionHandler(session, endpoint, root.skin, kind(root.skin, endpoint))


class ServerStats(StatsCollector):
    """Figures that are read off the server when somebody looks, once a second at least."""

    def __init__(self, router: TornadioRouter) -> None:
        super().__init__()
        self._router = router
        self._opened = self._sent = self._received = 0

    def dump(self) -> Figures:
        self._read()
        return super().dump()

    def _flush(self) -> None:
        self._read()
        super()._flush()

    def _read(self) -> None:
        core = self._router._core
        if core is None:
            return
        self.active_sessions = core.open_sessions
        self.max_sessions = max(self.max_sessions, core.most_sessions)
        self.active_connections = core.connections
        self.max_connections = max(self.max_connections, core.most_connections)
        self.connections_ps.add(core.attached - self._opened)
        self.on_packet_sent(core.sent - self._sent)
        self.on_packet_recv(core.received - self._received)
        self._opened, self._sent, self._received = core.attached, core.sent, core.received


def server_settings(settings: Mapping[str, Any], namespace: str, transports: tuple[str, ...]) -> Settings:
    """TornadIO2's settings in the server's words."""
    return Settings(
        resource=namespace,
        transports=transports,
        heartbeat_interval=settings["heartbeat_interval"],
        global_heartbeats=settings["global_heartbeats"],
        client_timeout=settings["client_timeout"],
        polling_timeout=settings["xhr_polling_timeout"],
        session_expiry=settings["session_expiry"],
        websocket_check=settings["websocket_check"],
        strict=settings["strict"],
        verify_ip=settings["verify_remote_ip"],
        refusal_status=settings["handshake_error_status"],
        refusal_by_error=settings["reject_endpoint_with_error"],
        close_on_goodbye=settings["close_on_clean_disconnect"],
        max_sessions=settings["max_sessions"],
        max_body=settings["max_body_size"],
        room=Room(settings["max_queue"]),
    )
