"""Between the contract of the protocol and the connections of TornadIO: who is called, and what with."""

from __future__ import annotations

from collections.abc import Awaitable
from inspect import isawaitable
from typing import TYPE_CHECKING, Any

from tornado.httputil import HTTPServerRequest

from hbpush.errors import ProtocolError
from hbpush.session.transport import End
from hbpush.web.tornado_host import request_from
from socketio_compat.tornadio.conn import SocketConnection
from socketio_compat.tornadio.pollingsession import PollingSession
from socketio_compat.v06.contract import Application, Handler, Opening
from socketio_compat.v06.session import SocketSession
from socketio_compat.v06.settings import JSONP

if TYPE_CHECKING:
    from socketio_compat.tornadio.router import Placement


class Connections(Application):
    """The connection class of a router, as the application of its server."""

    def __init__(self, placement: Placement) -> None:
        self._placement = placement

    def connection(self, session: SocketSession, opening: Opening) -> Handler:
        placement = self._placement
        face = PollingSession(session)
        face.connection = placement.connection(face, placement.io_loop, placement.settings["heartbeat_interval"])
        return ConnectionHandler(session, face.connection, opening)


class ConnectionHandler(Handler):
    """Calls the methods of one connection."""

    __slots__ = ("_opening", "connection")

    def __init__(self, session: SocketSession, connection: SocketConnection, opening: Opening) -> None:
        super().__init__(session)
        self.connection = connection
        self._opening: Opening | None = opening

    def opened(self) -> Awaitable[object] | None:
        opening = self._opening
        assert opening is not None  # noqa: S101 - it is called once
        request, described = _request(opening), _described(opening, self.session.id)
        self._opening = None
        return _awaitable(self.connection.on_open(request, **described))

    def message(self, value: Any) -> Awaitable[object] | None:
        return _awaitable(self.connection.on_message(value))

    def closed(self, why: End) -> Awaitable[object] | None:
        connection = self.connection
        try:
            # One that was never told that it is open does not hear of its end.
            return _awaitable(connection.on_close()) if self._opening is None else None
        finally:
            connection.is_closed = True


def _request(opening: Opening) -> HTTPServerRequest:
    try:
        request = request_from(opening.method, opening.target, opening.headers)
    except ProtocolError:
        # Tornado minds a query with very many fields. The client is served, and they are left out.
        request = request_from(opening.method, opening.target.partition(b"?")[0], opening.headers)
    request.remote_ip = opening.ip
    request.protocol = "https" if opening.secure else "http"
    return request


def _described(opening: Opening, session_id: str) -> dict[str, str | None]:
    """What `SocketConnection.on_open` gets by name."""
    path = opening.path
    first = next(filter(None, path.tail), None)
    is_time = first is None or first.isdigit()
    return {
        "resource": path.resource,
        "extra": path.extra,
        "protocol": path.transport,
        "session_id": session_id,
        "protocol_init": first if is_time else None,
        "xhr_path": None if is_time else first,
        "jsonp_index": path.jsonp_index if path.transport == JSONP else None,
    }


def _awaitable(result: Any) -> Awaitable[Any] | None:
    """What is to be waited for before a handler is done: most return None."""
    return result if result is not None and isawaitable(result) else None
