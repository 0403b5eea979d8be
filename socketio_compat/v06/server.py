"""The server of Socket.IO 0.6: its sessions, and the endpoint that clients find them by (specification 1, 3, 4, 6)."""

from __future__ import annotations

from typing import cast
from weakref import WeakValueDictionary

from hbpush.core.clock import Clock, TimerWheel
from hbpush.core.counters import Counters
from hbpush.errors import ProtocolError
from hbpush.session.heartbeat import Heartbeats
from hbpush.session.session import Session
from hbpush.session.transport import End, Transport
from hbpush.web.answers import RETRY_AFTER, Head, not_allowed
from hbpush.web.exchange import Exchange
from hbpush.web.session_server import SessionServer
from socketio_compat.origins import Origins, refusal
from socketio_compat.terms import terms
from socketio_compat.v06 import codec, forms
from socketio_compat.v06.contract import Application, Opening
from socketio_compat.v06.places import Path
from socketio_compat.v06.polling import Poll, ScriptPoll
from socketio_compat.v06.session import SocketSession
from socketio_compat.v06.settings import FLASHSOCKET, HTMLFILE, JSONP, MULTIPART, WEBSOCKET, Settings
from socketio_compat.v06.streams import HtmlFile, Multipart
from socketio_compat.v06.websocket import WebSocketTransport

PLAIN = b"Content-Type: %b\r\nCache-Control: no-store\r\n" % forms.TEXT
OK = Head(200, PLAIN)
BAD_REQUEST = Head(400, PLAIN)
UNAUTHORIZED = Head(401, PLAIN)
FORBIDDEN = Head(403, PLAIN)
FAULT = Head(500, PLAIN)
UNAVAILABLE = Head(503, PLAIN + RETRY_AFTER)
NOT_ALLOWED = not_allowed(b"GET, POST, OPTIONS")

MISSED_BEATS = 6
"""Heartbeats that may stay unanswered: when the next one is due after so many, the client is gone."""


class Server(SessionServer[SocketSession]):
    """Sessions of one application at one place. `request` is its endpoint, whose args are a `Path`; see `places`.

    What a client gets is always one of: 200; 400 for a post without a frame; 401 for a session that is over or never was, and for a post
    of an origin that may not; 403 for a transport that is not offered, and other requests of such an origin; 405; 500 when the
    application has failed; 503 when there are too many sessions, or when too much of the client's waits for the application.
    """

    def __init__(
        self, application: Application, settings: Settings, clock: Clock, wheel: TimerWheel, counters: Counters, origins: Origins
    ) -> None:
        super().__init__(clock, wheel, counters, terms(settings, MISSED_BEATS), settings.polling_timeout)
        self.application = application
        self.settings = settings
        self.origins = origins
        self._clock = clock
        self._wheel = wheel
        self._heartbeats: WeakValueDictionary[float, Heartbeats] = WeakValueDictionary()
        """Those of sessions with a period of their own, as long as there are any."""

    # What sessions and transports ask

    def heartbeats(self, period: float) -> Heartbeats:
        """The heartbeats of a period in seconds, 0 for none."""
        if period == self.registry.heartbeats.period:
            return self.registry.heartbeats
        found = self._heartbeats.get(period)
        if found is None:
            found = self._heartbeats[period] = Heartbeats(self._clock, self._wheel, max(0.0, period), MISSED_BEATS)
        return found

    def arrival(self, opening: Opening) -> SocketSession | None:
        """A session for a client that comes without one; None when the application has failed."""
        session = SocketSession(self)
        session.open(opening)
        return None if session.fault else session

    def attach(self, session: Session, transport: Transport) -> None:
        before = session.transport
        super().attach(session, transport)
        if session.transport is not None and not transport.single:
            cast("SocketSession", session).start_heartbeats()
        elif before is not None and not before.single:
            cast("SocketSession", session).stop_heartbeats()

    def detach(self, session: Session, transport: Transport) -> None:
        if session.transport is transport and not transport.single:
            cast("SocketSession", session).stop_heartbeats()
        super().detach(session, transport)

    # Requests

    def request(self, exchange: Exchange) -> None:
        """The endpoint of every transport."""
        path: Path = exchange.args
        method = exchange.method
        name = path.transport
        admitted = self.origins.admits(exchange, script=name == JSONP and method == b"GET")
        if name not in self.settings.transports:
            exchange.respond(FORBIDDEN.wire(b"this transport is not offered"))
        elif not admitted:
            self.counters.refuse("bad_origin", refusal(exchange))
            head = UNAUTHORIZED if method == b"POST" and name != JSONP else FORBIDDEN
            exchange.respond(head.wire(b"unauthorized"))
        elif method == b"OPTIONS":
            exchange.respond(OK.wire(b"ok"))
        elif name in (WEBSOCKET, FLASHSOCKET):
            self._websocket(exchange, path)
        elif method == b"GET":
            self._get(exchange, path)
        elif method == b"POST":
            self._post(exchange, path)
        else:
            exchange.respond(NOT_ALLOWED.wire())

    def _websocket(self, exchange: Exchange, path: Path) -> None:
        if exchange.method != b"GET":
            exchange.respond(NOT_ALLOWED.wire())
        elif not exchange.upgrade:
            exchange.respond(BAD_REQUEST.wire(b"this is a WebSocket"))
        elif self.registry.full():
            exchange.respond(UNAVAILABLE.wire(b"too many sessions"))
        else:
            exchange.extra = b""
            settings = self.settings
            # Heartbeats tell who is there, so pings would only cost.
            ping = 0.0 if settings.heartbeat_interval else 25.0
            transport = WebSocketTransport(self, opening_of(exchange, path))
            exchange.websocket(transport, None, settings.max_body, settings.room.bytes, ping)

    def _get(self, exchange: Exchange, path: Path) -> None:
        session: SocketSession | None
        if path.session_id:
            session = self._known(path.session_id)
            if session is None:
                exchange.respond(UNAUTHORIZED.wire(b"no such session"))
                return
        elif self.registry.full():
            exchange.respond(UNAVAILABLE.wire(b"too many sessions"))
            return
        else:
            session = self.arrival(opening_of(exchange, path))
            if session is None:
                exchange.respond(FAULT.wire(b"the application has failed"))
                return
        if path.transport == HTMLFILE:
            HtmlFile(self, session).begin(exchange)
        elif path.transport == MULTIPART:
            Multipart(self, session).begin(exchange)
        elif path.transport == JSONP:
            ScriptPoll(self, session, exchange, path.jsonp_index or "0").begin()
        else:
            Poll(self, session, exchange).begin()

    def _known(self, id: str) -> SocketSession | None:
        """The session that a URL names: never one on a WebSocket, whose id is for no URL."""
        session = self.registry.get(id)
        return None if session is None or isinstance(session.transport, WebSocketTransport) else session

    def _post(self, exchange: Exchange, path: Path) -> None:
        session = self._known(path.session_id)
        if session is None or session.state:
            exchange.respond(UNAUTHORIZED.wire(b"no such session"))
            return
        if not session.hears():
            exchange.respond(UNAVAILABLE.wire(b"too much waits for the application"))
            return
        try:
            bodies, fault = codec.decode_stream(codec.posted(exchange.body, path.transport == JSONP))
            if not bodies and fault is None:
                fault = ProtocolError("no frame in the form")
        except ProtocolError as error:
            bodies, fault = [], error
        for body in bodies:
            session.received(body)
        if fault is not None:
            self.counters.refuse("malformed_payload", f"a stream that was posted: {fault}")
        if session.fault:
            exchange.respond(FAULT.wire(b"the application has failed"))
        elif fault is not None and not bodies:
            exchange.respond(Head(fault.status_hint, PLAIN).wire(str(fault).encode()))
        else:
            exchange.respond(OK.wire(b"ok"))

    def close(self, why: End) -> None:
        super().close(why)
        for heartbeats in list(self._heartbeats.values()):
            heartbeats.clear()


def opening_of(exchange: Exchange, path: Path) -> Opening:
    """Who a request comes from."""
    ip, secure = exchange.client()
    return Opening(path, ip, secure, exchange.method, exchange.target, exchange.headers)
