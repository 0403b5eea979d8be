"""TornadIO2's sessions: a view of the server's, and the handlers that hold a program's connections (TornadIO API, B5)."""

from __future__ import annotations

import asyncio
import inspect
import logging
from collections.abc import Awaitable, Mapping, Sequence
from functools import cached_property, partial
from types import MappingProxyType
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urlencode

from tornado.web import HTTPError

from hbpush.errors import ProtocolError
from hbpush.session.session import CLOSED
from hbpush.session.transport import End, Transport
from socketio_compat.tornadio2.conn import ConnectionInfo, SocketConnection, cookie_jar
from socketio_compat.v09 import codec
from socketio_compat.v09.contract import Handler, Opening
from socketio_compat.v09.packet import Packet
from socketio_compat.v09.session import SocketSession

if TYPE_CHECKING:
    from socketio_compat.tornadio2.router import TornadioRouter

logger = logging.getLogger(__name__)

MAX_ARGUMENTS = 1000


class Session:
    """One client. ``server`` is the router, ``conn`` the root's connection; all else is what the server says now.

    ``conn`` is given as its class. ``request`` is Tornado's, unless ``core`` is the server's session already.
    """

    def __init__(
        self,
        conn: type[SocketConnection],
        server: TornadioRouter,
        request: Any,
        expiry: float | None = None,
        core: SocketSession | None = None,
    ) -> None:
        self.server = server
        if core is None:
            core = SocketSession(server.core, opening_of(request))
        self.core = core
        self.conn = conn(self)

    # What it is now

    @property
    def session_id(self) -> str:
        return self.core.id

    @property
    def remote_ip(self) -> str:
        return self.core.opening.ip

    @property
    def is_closed(self) -> bool:
        return bool(self.core.state)

    @property
    def handler(self) -> Transport | None:
        """What carries it now."""
        return self.core.transport

    @property
    def send_queue(self) -> Sequence[str]:
        """The packets that wait, as encoded."""
        return tuple(self.core.outbox.packets)

    @property
    def endpoints(self) -> Mapping[str, SocketConnection]:
        """The connections of open endpoints, by their names."""
        found = {name: handler.conn for name, handler in (self.core.endpoints or {}).items() if isinstance(handler, ConnectionHandler)}
        return MappingProxyType(found)

    @cached_property
    def info(self) -> ConnectionInfo:
        """Who has come."""
        return self.info_with("")

    def info_with(self, query: str) -> ConnectionInfo:
        """Who has come, with arguments laid over those of the handshake."""
        opening = self.core.opening
        arguments: dict[str, list[str]] = {}
        for text in (opening.query, query):
            try:
                arguments.update(parse_qs(text, keep_blank_values=True, errors="replace", max_num_fields=MAX_ARGUMENTS))
            except ValueError:
                logger.info("a query with more than %d arguments is left out", MAX_ARGUMENTS)
        return ConnectionInfo(opening.ip, dict(arguments), cookie_jar(opening.cookie))

    def get_connection(self, endpoint: str | None) -> SocketConnection | None:
        """The connection of an endpoint, None when it is not open."""
        return self.endpoints.get(endpoint) if endpoint else self.conn

    # What it does

    def send_message(self, pack: str) -> None:
        """Send an encoded packet; nothing for ''."""
        if pack:
            self.core.send(pack)

    def flush(self) -> None:
        """Send what waits without waiting for the end of this turn of the loop."""
        self.core.flush()

    def close(self, endpoint: str | None = None) -> None:
        """Close an endpoint, or everything."""
        self.core.disconnect(endpoint or "")

    def raw_message(self, msg: str) -> None:
        """Take a packet as if the client had sent it."""
        self.core.received(msg)

    def connect_endpoint(self, url: str) -> None:
        """Connect an endpoint, as if the client had asked for it."""
        self.core.received(codec.connect(url))

    def disconnect_endpoint(self, endpoint: str) -> None:
        """Close an endpoint."""
        self.core.disconnect(endpoint)

    def set_handler(self, handler: Transport) -> bool:
        """Let a transport carry it; False if one does already."""
        if self.core.transport is not None or self.core.state == CLOSED:
            return False
        self.server.core.attach(self.core, handler)
        return True

    def remove_handler(self, handler: Transport) -> None:
        """A transport carries it no more. Raises ProtocolError if it did not."""
        if self.core.transport is not handler:
            raise ProtocolError("this transport does not carry the session")
        self.server.core.detach(self.core, handler)

    def reset_heartbeat(self) -> None:
        """Begin heartbeats anew."""
        self.core.registry.heartbeats.start(self.core)

    def stop_heartbeat(self) -> None:
        """No more heartbeats."""
        self.core.registry.heartbeats.stop(self.core)

    def delay_heartbeat(self) -> None:
        """The next one comes a whole period from now."""
        self.core.registry.heartbeats.postpone(self.core)

    def is_alive(self) -> bool:
        return not self.core.state

    def promote(self) -> None:
        """Let its time without a transport begin anew."""
        if self.core.transport is None:
            self.core.registry.detached(self.core)

    def on_delete(self, forced: bool) -> None:
        """Close it, unless something carries it and it is not forced."""
        if forced or self.core.transport is None:
            self.core.close(End.APPLICATION if forced else End.EXPIRED)


class ConnectionHandler(Handler):
    """Calls a program's connection."""

    __slots__ = ("conn", "skin")

    def __init__(self, core: SocketSession, endpoint: str, skin: Session, conn: SocketConnection) -> None:
        super().__init__(core, endpoint)
        self.skin = skin
        self.conn = conn

    def opened(self, query: str) -> bool | Awaitable[bool]:
        info = self.skin.info_with(query) if self.endpoint and query else self.skin.info
        try:
            result = self.conn.on_open(info)
        except HTTPError:
            return False
        return self._verdict_later(result) if inspect.isawaitable(result) else self._verdict(result)

    def message(self, value: Any, packet: Packet) -> Awaitable[object] | None:
        result = self.conn.on_message(value)
        return result if inspect.isawaitable(result) else None

    def event(self, name: str, args: list[Any], packet: Packet) -> Awaitable[object] | None:
        if len(args) == 1 and isinstance(args[0], dict):
            result = self.conn.on_event(name, kwargs=args[0])
        else:
            result = self.conn.on_event(name, args=args)
        if inspect.isawaitable(result):
            return self._acknowledge_later(packet, result)
        self._acknowledge(packet, result)
        return None

    def acknowledged(self, id: int, args: list[Any]) -> Awaitable[object] | None:
        result = self.conn.deque_ack(id, args or None)
        return result if inspect.isawaitable(result) else None

    def closed(self, why: End) -> None:
        self.conn.is_closed = True
        self.conn.ack_queue.clear()
        result = self.conn.on_close()
        if inspect.isawaitable(result):
            running = self.session.server.running
            future = asyncio.ensure_future(result)
            running.add(future)
            future.add_done_callback(partial(_closed, running))

    def _verdict(self, result: object) -> bool:
        return result is not False if self.endpoint else result is None or bool(result)

    async def _verdict_later(self, result: Awaitable[object]) -> bool:
        try:
            return self._verdict(await result)
        except HTTPError:
            return False

    def _acknowledge(self, packet: Packet, result: Any) -> None:
        if packet.id is not None:
            self.session.acknowledge(packet, None if result is None else result if isinstance(result, tuple) else (result,))

    async def _acknowledge_later(self, packet: Packet, result: Awaitable[Any]) -> None:
        self._acknowledge(packet, await result)


def opening_of(request: Any) -> Opening:
    """What is kept of one of Tornado's requests."""
    arguments = [(name, value) for name, values in request.arguments.items() for value in values]
    cookie = request.headers.get("Cookie", "") if hasattr(request, "headers") else ""
    secure = getattr(request, "protocol", "http") == "https"
    return Opening(request.remote_ip or "", secure, urlencode(arguments), cookie)


def _closed(running: set[asyncio.Future[object]], future: asyncio.Future[object]) -> None:
    running.discard(future)
    if not future.cancelled() and (error := future.exception()) is not None:
        logger.error("on_close failed", exc_info=error)
