"""The server of Socket.IO 0.7-0.9: its sessions, and the endpoints that clients find them by (specification 1, 2, 7, 10)."""

from __future__ import annotations

import logging
from asyncio import CancelledError, current_task
from collections.abc import Awaitable, Callable
from functools import partial
from typing import cast

from hbpush.core.clock import Clock, TimerWheel, end_program
from hbpush.core.counters import Counters
from hbpush.errors import ProtocolError
from hbpush.session.deadlines import Deadlines
from hbpush.session.session import Session
from hbpush.session.transport import End, Transport
from hbpush.web import jsonp
from hbpush.web.answers import RETRY_AFTER, TEXT, Head, not_allowed
from hbpush.web.exchange import Endpoint, Exchange
from hbpush.web.query import argument
from hbpush.web.session_server import SessionServer
from socketio_compat.origins import Origins, refusal
from socketio_compat.terms import terms
from socketio_compat.v09 import codec
from socketio_compat.v09.contract import Application, Opening
from socketio_compat.v09.htmlfile import HtmlFile
from socketio_compat.v09.places import Places
from socketio_compat.v09.polling import Poll, ScriptPoll
from socketio_compat.v09.session import SocketSession
from socketio_compat.v09.settings import FLASHSOCKET, HTMLFILE, JSONP, WEBSOCKET, XHR, Settings
from socketio_compat.v09.websocket import STRANGER, WebSocketTransport

logger = logging.getLogger("hbpush.socketio")

NO_STORE = b"Cache-Control: no-store\r\n"
PLAIN = b"Content-Type: text/plain; charset=UTF-8\r\n" + NO_STORE
GREETING = Head(200, PLAIN)
SCRIPT = Head(200, b"Content-Type: application/javascript; charset=UTF-8\r\n" + NO_STORE)
POSTED = Head(200, PLAIN)
UNAUTHORIZED = Head(401, PLAIN)
FORBIDDEN = Head(403, PLAIN)
BAD_REQUEST = Head(400, PLAIN)
GONE_BYE = Head(200, PLAIN)
PREFLIGHT = Head(200, TEXT)
NOT_ALLOWED = not_allowed(b"GET, POST, OPTIONS")
UNAVAILABLE = Head(503, PLAIN + RETRY_AFTER)

MISSED_BEATS = 2
"""Heartbeats that may stay unanswered."""


class Server(SessionServer[SocketSession]):
    """Sessions of one application under one resource.

    ``open_sessions`` are those whose handshake succeeded (``most_sessions`` at the same time). `places` are its endpoints.
    """

    def __init__(
        self, application: Application, settings: Settings, clock: Clock, wheel: TimerWheel, counters: Counters, origins: Origins
    ) -> None:
        super().__init__(clock, wheel, counters, terms(settings, MISSED_BEATS), settings.polling_timeout)
        self.application = application
        self.settings = settings
        self.origins = origins
        self.unchecked: Deadlines[WebSocketTransport] = Deadlines(clock, wheel, settings.client_timeout, WebSocketTransport.unheard)
        self.open_sessions = self.most_sessions = 0
        self.carriers: dict[str, Endpoint] = {name: self._carrier(name) for name in settings.served}
        """The endpoints of the transports, by their names in URLs."""
        self.places = Places(self.handshake, self.carriers.__getitem__, self.other)

    # What sessions and transports tell

    def session_open(self, session: SocketSession) -> None:
        """A handshake has succeeded."""
        self.open_sessions += 1
        self.most_sessions = max(self.most_sessions, self.open_sessions)
        if self.settings.global_heartbeats:
            self.registry.heartbeats.start(session)

    def session_over(self, session: SocketSession, was_open: bool) -> None:
        """A session is closed; ``was_open`` is False for one that was refused at its handshake."""
        if was_open:
            self.open_sessions -= 1

    def attach(self, session: Session, transport: Transport) -> None:
        if not self.settings.global_heartbeats:
            (self.registry.heartbeats.stop if transport.single else self.registry.heartbeats.start)(session)
        super().attach(session, transport)

    def detach(self, session: Session, transport: Transport) -> None:
        if session.transport is transport and not self.settings.global_heartbeats:
            self.registry.heartbeats.stop(session)
        super().detach(session, transport)

    # The handshake

    def handshake(self, exchange: Exchange) -> Awaitable[object] | None:
        """The endpoint of ``/<resource>/1/``."""
        query = exchange.target.partition(b"?")[2]
        index = _index(query, b"jsonp")
        admitted = self.origins.admits(exchange, index is not None)
        method = exchange.method
        if method == b"OPTIONS":
            exchange.respond(PREFLIGHT.wire() if admitted else FORBIDDEN.wire(b"handshake bad origin"))
            return None
        if method not in (b"GET", b"POST"):
            exchange.respond(NOT_ALLOWED.wire())
            return None
        if not admitted:
            self.counters.refuse("bad_origin", refusal(exchange))
            self._refuse(exchange, index, 403, "handshake bad origin")
            return None
        if self.registry.full():
            self._refuse(exchange, index, 503, "too many sessions")
            return None
        ip, secure = exchange.client()
        cookie = exchange.header(b"cookie") or b""
        session = SocketSession(self, Opening(ip, secure, query.decode("latin-1"), cookie.decode("latin-1")))
        try:
            verdict = session.open()
        except BaseException as error:  # noqa: BLE001 - the wall between sessions
            self._failed(exchange, index, error)
            end_program(self.registry.clock, error)
            return None
        if isinstance(verdict, bool):
            self._greet(exchange, index, session, verdict)
            return None
        return self._greet_later(exchange, index, session, verdict)

    async def _greet_later(self, exchange: Exchange, index: str | None, session: SocketSession, verdict: Awaitable[bool]) -> None:
        try:
            may_stay = await verdict
        except CancelledError as error:
            task = current_task()
            if task is not None and task.cancelling():
                raise
            self._failed(exchange, index, error)
        except BaseException as error:
            self._failed(exchange, index, error)
            if not isinstance(error, Exception):
                raise
        else:
            self._greet(exchange, index, session, may_stay)

    def _greet(self, exchange: Exchange, index: str | None, session: SocketSession, verdict: bool) -> None:
        settings = self.settings
        if not verdict:
            self._refuse(exchange, index, settings.refusal_status, "handshake unauthorized")
            return
        text = codec.handshake(session.id, settings.heartbeat_timeout, settings.close_timeout, settings.transports)
        if index is None:
            exchange.respond(GREETING.wire(text.encode()))
        else:
            exchange.respond(SCRIPT.wire(codec.jsonp_handshake(index, text)))

    def _failed(self, exchange: Exchange, index: str | None, error: BaseException) -> None:
        logger.error("a handshake failed", exc_info=error)
        self._refuse(exchange, index, 500, "handshake error")

    def _refuse(self, exchange: Exchange, index: str | None, status: int, reason: str) -> None:
        if index is not None:
            exchange.respond(SCRIPT.wire(codec.jsonp_refusal(index, reason)))
        elif status == 503:
            exchange.respond(UNAVAILABLE.wire(reason.encode()))
        else:
            exchange.respond(Head(status, PLAIN).wire(reason.encode()))

    # The transports

    def refuse_origin(self, exchange: Exchange) -> None:
        """Tell a request that its origin may not use this server, without the lines that would let its page read that."""
        self.counters.refuse("bad_origin", refusal(exchange))
        exchange.respond(FORBIDDEN.wire(b"bad origin"))

    def _carrier(self, name: str) -> Endpoint:
        if name in (WEBSOCKET, FLASHSOCKET):
            return self._websocket
        get = {XHR: self._xhr, JSONP: self._jsonp, HTMLFILE: self._htmlfile}[name]
        return partial(self._http, get, _jsonp_payload if name == JSONP else _payload)

    def other(self, exchange: Exchange) -> None:
        """The endpoint of everything else below the version: a goodbye, or nothing."""
        if exchange.method == b"GET" and self._said_goodbye(exchange):
            return
        raise ProtocolError("not found", 404)

    def _websocket(self, exchange: Exchange) -> None:
        if exchange.method == b"GET" and b"disconnect" in exchange.target and self._said_goodbye(exchange):
            return
        if not self.origins.admits(exchange):
            self.refuse_origin(exchange)
            return
        exchange.extra = b""
        if exchange.method not in (b"GET", b"OPTIONS"):
            exchange.respond(NOT_ALLOWED.wire())
            return
        if not exchange.upgrade:
            exchange.respond(PREFLIGHT.wire() if exchange.method == b"OPTIONS" else BAD_REQUEST.wire(b"this is a WebSocket"))
            return
        session = self._session(exchange)
        listener = STRANGER if session is None else WebSocketTransport(self, session)
        settings = self.settings
        # Heartbeats tell who is there, so pings would only cost.
        ping = 0.0 if settings.heartbeat_interval else 25.0
        exchange.websocket(listener, None, settings.max_body, settings.room.bytes, ping)

    def _http(self, get: Callable[[Exchange, SocketSession], object], payload: Callable[[bytes], bytes | str], exchange: Exchange) -> None:
        method = exchange.method
        if method == b"GET" and b"disconnect" in exchange.target and self._said_goodbye(exchange):
            return
        admitted = self.origins.admits(exchange, method == b"GET" and payload is _jsonp_payload)
        if method == b"OPTIONS":
            exchange.respond(PREFLIGHT.wire() if admitted else FORBIDDEN.wire(b"bad origin"))
            return
        if method not in (b"GET", b"POST"):
            exchange.respond(NOT_ALLOWED.wire())
            return
        if not admitted:
            self.refuse_origin(exchange)
            return
        session = self._session(exchange)
        if session is None or (session.state and method == b"POST"):
            exchange.respond(UNAUTHORIZED.wire(b"client not handshaken"))
        elif method == b"GET":
            get(exchange, session)
        else:
            self._post(exchange, session, payload)

    def _xhr(self, exchange: Exchange, session: SocketSession) -> None:
        Poll(self, session, exchange).begin()

    def _jsonp(self, exchange: Exchange, session: SocketSession) -> None:
        ScriptPoll(self, session, exchange, _index(exchange.target.partition(b"?")[2], b"i")).begin()

    def _htmlfile(self, exchange: Exchange, session: SocketSession) -> None:
        HtmlFile(self, session).begin(exchange)

    def _post(self, exchange: Exchange, session: SocketSession, payload: Callable[[bytes], bytes | str]) -> None:
        if not session.hears():
            exchange.respond(UNAVAILABLE.wire(b"too much waits for the application"))
            return
        try:
            packets, fault = codec.decode_payload(payload(exchange.body))
        except ProtocolError as error:
            packets, fault = [], error
        for packet in packets:
            session.received(packet)
        if fault is None:
            exchange.respond(POSTED.wire(b"1"))
        else:
            # The session goes on; its client, however, takes this for the end.
            self.counters.refuse("malformed_payload", f"a payload that was posted: {fault}")
            exchange.respond(Head(fault.status_hint, PLAIN).wire(str(fault).encode()))

    def _session(self, exchange: Exchange) -> SocketSession | None:
        session = self.registry.get(cast("str", exchange.args))
        if session is not None and self.settings.verify_ip and session.opening.ip != exchange.remote_ip:
            self.counters.refuse("other_address", "a session is asked for from another address than its own")
            return None
        return session

    def _said_goodbye(self, exchange: Exchange) -> bool:
        """Whether it is the request that a page makes when it is left: then it is answered, and the session is over."""
        if argument(exchange.target.partition(b"?")[2], b"disconnect") is None:
            return False
        if not self.origins.admits(exchange):
            self.refuse_origin(exchange)
            return True
        session = self._session(exchange)
        if session is not None:
            session.close(End.LEFT)
        exchange.respond(GONE_BYE.wire())
        return True


def _payload(body: bytes) -> bytes:
    return codec.xhr_post(body)


def _jsonp_payload(body: bytes) -> str:
    return codec.jsonp_post(body)


def _index(query: bytes, name: bytes) -> str | None:
    value = argument(query, name)
    return None if value is None else jsonp.index(value.decode("latin-1"))
