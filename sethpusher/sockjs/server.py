"""The server of SockJS: its sessions, and the endpoints that clients find them by (SockJS specification 1-6)."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from functools import partial
from hashlib import md5
from typing import cast

from hbpush.core import jsontext
from hbpush.core.clock import Clock, TimerWheel
from hbpush.core.counters import Counters
from hbpush.errors import ProtocolError
from hbpush.session.registry import Terms
from hbpush.session.session import Session
from hbpush.session.transport import Transport
from hbpush.web.answers import RETRY_AFTER, Head, not_allowed
from hbpush.web.exchange import Endpoint, Exchange, HeaderLines
from hbpush.web.session_server import SessionServer
from sethpusher.sockjs import codec, forms
from sethpusher.sockjs.access import NO_CACHE, YEAR, Access, cached
from sethpusher.sockjs.contract import Application, Opening
from sethpusher.sockjs.places import Places, session_places
from sethpusher.sockjs.polling import JsonpPoll, Poll, XhrPoll
from sethpusher.sockjs.session import LAST_WORDS, OPEN_ALREADY, OTHER_ADDRESS, SockSession
from sethpusher.sockjs.settings import EVENTSOURCE, HTMLFILE, JSONP, RAW_WEBSOCKET, WEBSOCKET, XHR, XHR_STREAMING, Settings
from sethpusher.sockjs.streaming import EventSource, HtmlFile, Stream, XhrStream
from sethpusher.sockjs.websocket import RawSocket, Socket

TEXT = b"Content-Type: text/plain; charset=UTF-8\r\n"
GREETING = Head(200, TEXT)
WELCOME = b"Welcome to SockJS!\n"
INFO = Head(200, b"Content-Type: application/json; charset=UTF-8\r\n" + NO_CACHE)
PREFLIGHT = b"Access-Control-Allow-Methods: OPTIONS, %b\r\nAccess-Control-Max-Age: %d\r\n"
SENT = Head(204, TEXT + NO_CACHE)
SENT_BY_FORM = Head(200, TEXT + NO_CACHE)
NOT_FOUND = Head(404, TEXT + NO_CACHE)
NOBODY = b"404 Error: Page not found\n"
FORBIDDEN = Head(403, TEXT)
FULL = Head(503, TEXT + RETRY_AFTER)
NO_SOCKET = Head(400, TEXT)

ALWAYS = sys.maxsize
"""Heartbeats that may stay unanswered: clients do not answer any."""
NEVER = 1e9
"""Seconds until a poll gets a heartbeat where there are none."""


class Server(SessionServer[SockSession]):
    """Sessions of one application. ``open_sessions`` counts them by the transport that they began with; `places` are the endpoints."""

    def __init__(self, application: Application, settings: Settings, clock: Clock, wheel: TimerWheel, counters: Counters) -> None:
        room, most, waiting = settings.room, settings.max_sessions, settings.max_waiting
        terms = Terms(settings.disconnect_delay, settings.heartbeat_delay, ALWAYS, most, room, waiting)
        super().__init__(clock, wheel, counters, terms, settings.heartbeat_delay or NEVER)
        self.application = application
        self.settings = settings
        self.access = Access(settings)
        self.open_sessions: dict[str, int] = {}
        self._clock = clock
        served = settings.served
        sockets = WEBSOCKET in served
        self._websocket_enabled = sockets
        sessions: dict[str, Endpoint] = {
            "xhr_send": partial(self._post, self._xhr_send),
            XHR: partial(self._post, partial(self._poll, XHR, self._xhr)),
            XHR_STREAMING: partial(self._post, partial(self._stream, XHR_STREAMING, XhrStream)),
            EVENTSOURCE: partial(self._get, True, partial(self._stream, EVENTSOURCE, EventSource)),
            HTMLFILE: partial(self._get, False, self._htmlfile),
            JSONP: partial(self._get, False, self._jsonp),
            "jsonp_send": self._jsonp_send,
            WEBSOCKET: partial(self._socket, Socket, WEBSOCKET),
        }
        needed = session_places(settings)
        self.places = Places(
            self._greeting,
            self._info,
            self._iframe if settings.framed else None,
            partial(self._socket, RawSocket, RAW_WEBSOCKET) if settings.raw else None,
            {name: endpoint for name, endpoint in sessions.items() if name in needed},
        )
        self._page = forms.iframe(settings.sockjs_url)
        self._tag = b'"%b"' % md5(self._page, usedforsecurity=False).hexdigest().encode()

    # What sessions and carriers tell

    def session_open(self, session: SockSession) -> None:
        """There is a session."""
        name = session.opening.transport
        self.open_sessions[name] = self.open_sessions.get(name, 0) + 1

    def session_over(self, session: SockSession) -> None:
        """A session is closed."""
        self.open_sessions[session.opening.transport] -= 1

    def attach(self, session: Session, transport: Transport) -> None:
        if not transport.single and not session.state:
            self.registry.heartbeats.start(session)
        super().attach(session, transport)

    def detach(self, session: Session, transport: Transport) -> None:
        if session.transport is transport:
            self.registry.heartbeats.stop(session)
        super().detach(session, transport)

    # Pages

    def _greeting(self, exchange: Exchange) -> None:
        exchange.respond(GREETING.wire(WELCOME) if exchange.method == b"GET" else not_allowed(b"GET").wire())

    def _info(self, exchange: Exchange) -> None:
        if not self._may(exchange, b"GET"):
            return
        settings = self.settings
        facts: dict[str, object] = {
            "websocket": self._websocket_enabled,
            "origins": ["*:*"],
            "cookie_needed": bool(settings.jsessionid),
            "entropy": int.from_bytes(os.urandom(4)),
        }
        if settings.base_url:
            facts["base_url"] = settings.base_url(exchange) if callable(settings.base_url) else settings.base_url
        exchange.respond(INFO.wire(jsontext.encode(facts).encode()))

    def _iframe(self, exchange: Exchange) -> None:
        if exchange.method != b"GET":
            exchange.respond(not_allowed(b"GET").wire())
            return
        lines = b"Etag: %b\r\n%b" % (self._tag, cached(self._clock.time()))
        if exchange.header(b"if-none-match") == self._tag:
            exchange.respond(Head(304, lines).wire())
        else:
            exchange.respond(Head(200, b"Content-Type: text/html; charset=UTF-8\r\n" + lines).wire(self._page))

    # Requests of sessions

    def _may(self, exchange: Exchange, method: bytes) -> bool:
        """Whether a request is to be answered by its endpoint; if not, it is answered here."""
        admitted = self.access.admits(exchange)
        asked = exchange.method
        if not admitted:
            self.counters.refuse("bad_origin", "a request of an origin that is not allowed")
            exchange.respond(FORBIDDEN.wire(b"bad origin\n"))
        elif asked == b"OPTIONS":
            exchange.respond(Head(204, PREFLIGHT % (method, YEAR) + cached(self._clock.time())).wire())
        elif asked != method:
            exchange.respond(not_allowed(b"OPTIONS, " + method).wire())
        else:
            return True
        return False

    def _post(self, endpoint: Callable[[Exchange], None], exchange: Exchange) -> None:
        self.access.set_cookie(exchange)
        if self._may(exchange, b"POST"):
            endpoint(exchange)

    def _get(self, shared: bool, endpoint: Callable[[Exchange], None], exchange: Exchange) -> None:
        """``shared``: pages of other origins may read the answer."""
        self.access.set_cookie(exchange)
        if shared:
            if self._may(exchange, b"GET"):
                endpoint(exchange)
        elif exchange.method != b"GET":
            exchange.respond(not_allowed(b"GET").wire())
        else:
            endpoint(exchange)

    def _poll(self, name: str, make: Callable[[SockSession, Exchange], Poll], exchange: Exchange) -> None:
        session, why_not = self._receiver(exchange, name)
        if session is None:
            return
        poll = make(session, exchange)
        if why_not is not None:
            poll.refuse(codec.close(*why_not))
        elif session.fresh:
            poll.greet()
        else:
            poll.begin()

    def _stream(self, name: str, make: Callable[[Server, SockSession], Stream], exchange: Exchange) -> None:
        session, why_not = self._receiver(exchange, name)
        if session is None:
            return
        stream = make(self, session)
        if why_not is not None:
            stream.refuse(exchange, codec.close(*why_not))
        elif session.fresh:
            stream.greet(exchange)
        else:
            stream.begin(exchange)

    def _xhr(self, session: SockSession, exchange: Exchange) -> XhrPoll:
        return XhrPoll(self, session, exchange)

    def _jsonp(self, exchange: Exchange) -> None:
        callback = self._callback(exchange, codec.LONGEST_CALLBACK)
        if callback is not None:
            self._poll(JSONP, lambda session, exchange: JsonpPoll(self, session, exchange, callback), exchange)

    def _htmlfile(self, exchange: Exchange) -> None:
        callback = self._callback(exchange)
        if callback is not None:
            self._stream(HTMLFILE, lambda server, session: HtmlFile(server, session, callback), exchange)

    def _callback(self, exchange: Exchange, longest: int = 128) -> str | None:
        try:
            return codec.callback(exchange.target.partition(b"?")[2], longest)
        except ProtocolError as error:
            exchange.respond(_refusal(error))
            return None

    def _receiver(self, exchange: Exchange, transport: str) -> tuple[SockSession | None, tuple[int, str] | None]:
        """The session that a request is to carry, a fresh one if need be, and why it may not; None when it has been answered."""
        session = self.registry.get(cast("str", exchange.args))
        if session is None:
            if self.registry.full():
                exchange.respond(FULL.wire(b"too many sessions\n"))
                return None, None
            return SockSession(self, _opening(exchange, transport), exchange.args), None
        if session.fresh:
            session.opening = _opening(exchange, transport)
        elif self._from_elsewhere(session, exchange):
            return session, OTHER_ADDRESS
        return session, None if session.transport is None else OPEN_ALREADY

    def _from_elsewhere(self, session: SockSession, exchange: Exchange) -> bool:
        if not self.settings.verify_ip or session.opening.ip == exchange.remote_ip:
            return False
        self.counters.refuse("other_address", "a session is asked for from another address than its own")
        return True

    # What clients send

    def _xhr_send(self, exchange: Exchange) -> None:
        session = self._sender(exchange)
        if session is not None:
            self._take(exchange, session, lambda: codec.posted(exchange.body), SENT.wire())

    def _jsonp_send(self, exchange: Exchange) -> None:
        self.access.set_cookie(exchange)
        if exchange.method != b"POST":
            exchange.respond(not_allowed(b"POST").wire())
            return
        session = self._sender(exchange)
        if session is not None:
            content_type = exchange.header(b"content-type")
            self._take(exchange, session, lambda: codec.jsonp_posted(exchange.body, content_type), SENT_BY_FORM.wire(b"ok"))

    def _sender(self, exchange: Exchange) -> SockSession | None:
        session = self.registry.get(cast("str", exchange.args))
        if session is None or self._from_elsewhere(session, exchange):
            exchange.respond(NOT_FOUND.wire(NOBODY))
            return None
        return session

    def _take(self, exchange: Exchange, session: SockSession, read: Callable[[], list[object]], done: bytes) -> None:
        try:
            messages = read()
        except ProtocolError as error:
            self.counters.refuse("malformed_payload", f"a payload that was posted: {error}")
            exchange.respond(_refusal(error))
            return
        # First the answer: what a handler does with the messages is not for this request to wait for.
        exchange.respond(done)
        session.received(messages)

    # WebSockets

    def _socket(self, make: Callable[[Server, Opening], Socket], name: str, exchange: Exchange) -> None:
        if exchange.method != b"GET":
            exchange.respond(not_allowed(b"GET").wire())
        elif not self.access.admits_socket(exchange):
            self.counters.refuse("bad_origin", "a WebSocket of an origin that is not allowed")
            exchange.respond(FORBIDDEN.wire(b"bad origin\n"))
        elif not exchange.upgrade:
            exchange.respond(NO_SOCKET.wire(b"Not a valid websocket request\n"))
        elif self.registry.full():
            exchange.respond(FULL.wire(b"too many sessions\n"))
        else:
            settings = self.settings
            listener = make(self, _opening(exchange, name))
            ping, timeout = settings.heartbeat_delay, settings.ping_timeout
            exchange.websocket(listener, None, settings.max_body, settings.room.bytes + LAST_WORDS, ping, timeout)


def _opening(exchange: Exchange, transport: str) -> Opening:
    ip, secure = exchange.client()
    return Opening(ip, secure, transport, exchange.target, _lines(exchange))


def _lines(exchange: Exchange) -> HeaderLines:
    return b"".join([b"%b: %b\r\n" % pair for pair in exchange.headers])


def _refusal(error: ProtocolError) -> bytes:
    return Head(error.status_hint, TEXT + NO_CACHE).wire(str(error).encode())
