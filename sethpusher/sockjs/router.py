"""What makes sessions of requests: the router, its settings and its places in an Application, by sockjs-tornado's names."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Iterable, Mapping, Sequence
from functools import partial
from typing import Any

from sockjs.tornado import router as _sockjs_tornado
from tornado.ioloop import IOLoop
from tornado.routing import Rule

from hbpush.core import jsontext
from hbpush.core.batch import Batch
from hbpush.core.clock import Clock, LoopClock, TimerWheel
from hbpush.core.counters import Counters
from hbpush.core.figures import Figure
from hbpush.core.message import ChannelRef, Message, MessageId
from hbpush.errors import ConfigError
from hbpush.session.transport import End
from hbpush.web.exchange import Endpoint, Exchange
from hbpush.web.limits import Limits
from hbpush.web.proxies import TrustedProxies
from hbpush.web.routes import Route
from hbpush.web.tornado_exchange import Host
from hbpush.web.tornado_host import EndpointRule
from sethpusher.sockjs import codec
from sethpusher.sockjs.access import Access
from sethpusher.sockjs.contract import Opening
from sethpusher.sockjs.dispatch import ConnectionHandler, Connections
from sethpusher.sockjs.face import Session
from sethpusher.sockjs.options import effective, machine
from sethpusher.sockjs.places import Places, routes, session_places
from sethpusher.sockjs.server import Server
from sethpusher.sockjs.session import SockSession
from sethpusher.sockjs.shapes import BODIES
from sethpusher.sockjs.stats import StatsCollector

_NOWHERE = ChannelRef("", "", "")
_NO_ID = MessageId(0, 0)
_NOBODY = Opening("", False, "", b"", b"")


class RouterRule(EndpointRule):
    """The one of `SockJSRouter.urls`; ``router`` is whose."""

    router: SockJSRouter


class SockJSRouter(_sockjs_tornado.SockJSRouter):  # type: ignore[misc]
    """Serves a class of connections under ``prefix``.

    ``connection`` is a ``sockjs.tornado.conn.SockJSConnection``, or anything that is called with a session and gives one. ``user_settings``
    are laid over `options.DEFAULT_SETTINGS`; one that cannot be raises ConfigError with its place. ``io_loop`` is accepted: the running
    loop is taken. ``session_kls`` derives from `face.Session`. ``clock`` is for tests.

    What is served begins with the first request, in its loop; `close` ends it.
    """

    def __init__(
        self,
        connection: Any,
        prefix: str = "",
        user_settings: Mapping[str, Any] | None = None,
        io_loop: IOLoop | None = None,
        session_kls: type[Session] | None = None,
        *,
        clock: Clock | None = None,
    ) -> None:
        # What the base would make belongs to a loop, and there may be none yet.
        if not callable(connection):
            raise ConfigError(f"is {connection!r}; must be a SockJSConnection, or what is called as one", "connection")
        self._connection = connection
        self._session_kls = session_kls or Session
        if not issubclass(self._session_kls, Session):
            raise TypeError("session_kls must derive from sethpusher.sockjs.Session")
        self._io_loop = io_loop
        self.settings = effective(user_settings)
        self.stats = StatsCollector()
        self._machine = machine(self.settings, prefix)
        Access(self._machine)
        self.websockets_enabled = "websocket" in self._machine.served
        self.cookie_needed = bool(self.settings["jsessionid"])
        self._clock = clock
        self._host = Host(Limits(), TrustedProxies(), clock)
        self._server: Server | None = None
        rule = RouterRule(self._routes(), self._host)
        rule.router = self
        self._transport_urls: list[Rule] = [rule]

    @property
    def io_loop(self) -> IOLoop:
        """The loop: the one given, else the current one."""
        return self._io_loop or IOLoop.current()

    @property
    def urls(self) -> list[Rule]:
        """Rules for the handlers of an Application."""
        return list(self._transport_urls)

    def apply_routes(self, routes: list[Any]) -> list[Any]:
        """Append `urls` to a list of handlers, and return that list."""
        routes.extend(self._transport_urls)
        return routes

    def create_session(self, session_id: str, register: bool = True) -> Session:
        """A session before its client has come. Unless it is registered, no request finds it."""
        below = SockSession(self.server, _NOBODY, session_id if register else None)
        face = self.face_of(session_id, below)
        below.handler = ConnectionHandler(below, face)
        return face

    def get_session(self, session_id: str) -> Session | None:
        """The session with an id, None when there is none, or none any more."""
        below = None if self._server is None else self._server.registry.get(session_id)
        handler = None if below is None else below.handler
        return handler.face if isinstance(handler, ConnectionHandler) else None

    def get_connection_class(self) -> Any:
        """The class of connections."""
        return self._connection

    def broadcast(self, clients: Iterable[Any], msg: Any) -> None:
        """Send a message to many connections: it is made ready once for all that get it alike. Those that are closed are left out.

        A session of sockjs-tornado's own making (its ``BaseSession``, as multiplexers have) is sent it by its methods.
        """
        body = codec.text_of(msg).encode("utf-8", "surrogatepass")
        batch = Batch((Message(_NOWHERE, _NO_ID, _NO_ID, body),))
        made = ""
        for client in tuple(clients):
            session = client.session
            if isinstance(session, Session):
                if not session.below.state:
                    session.below.broadcast(batch, BODIES)
            elif not session.is_closed:
                if session.send_expects_json:
                    made = made or jsontext.encode(msg)
                    session.send_jsonified(made, False)
                else:
                    session.send_message(msg, stats=False)

    def close(self) -> None:
        """End all sessions: the server goes. The next request begins anew."""
        server, self._server = self._server, None
        self.stats.stop()
        if server is not None:
            server.close(End.SHUTDOWN)

    @property
    def server(self) -> Server:
        """The machine below, made in the loop that runs."""
        if self._server is None:
            clock, wheel, counters = self.ground()
            self._server = Server(Connections(self), self._machine, clock, wheel, counters)
            self.stats.watch(self._server, wheel)
        return self._server

    def figures(self) -> Sequence[Figure]:
        """What the status page tells of it."""
        return () if self._server is None else self._server.figures()

    def ground(self) -> tuple[Clock, TimerWheel, Counters]:
        """What the machine goes by and counts into: the running loop, unless a router that derives from this one shares somebody else's."""
        clock = self._clock or LoopClock(asyncio.get_running_loop())
        return clock, TimerWheel(clock), Counters(clock)

    def face_of(self, session_id: str, below: SockSession) -> Session:
        """What a connection sees of a new session; its connection is made."""
        make = self._session_kls
        face = make.__new__(make)
        # The constructor of a connection may speak already.
        face.below = below
        face.__init__(self._connection, self, session_id, self._machine.disconnect_delay)  # type: ignore[misc]
        return face

    def _routes(self) -> list[Route]:
        settings = self._machine
        sessions = {name: self._place("sessions", name) for name in session_places(settings)}
        iframe = self._place("iframe") if settings.framed else None
        raw = self._place("websocket") if settings.raw else None
        return routes(settings.prefix, Places(self._place("greeting"), self._place("info"), iframe, raw, sessions), settings.max_body)

    def _place(self, place: str, name: str = "") -> Endpoint:
        return partial(self._answer, place, name)

    def _answer(self, place: str, name: str, exchange: Exchange) -> Awaitable[object] | None:
        found = getattr(self.server.places, place)
        endpoint: Endpoint = found[name] if name else found
        return endpoint(exchange)
