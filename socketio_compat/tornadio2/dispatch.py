"""Between the contract of the protocol and the connections of TornadIO2: who is asked what, and what becomes of the answer."""

from __future__ import annotations

import logging
from collections.abc import Awaitable
from inspect import isawaitable, isgenerator
from typing import TYPE_CHECKING, Any

from tornado.web import HTTPError

from hbpush.session.transport import End
from socketio_compat.tornadio2 import proto
from socketio_compat.tornadio2.conn import HandshakeInfo, SocketConnection, WrongArguments
from socketio_compat.tornadio2.gen import Runner
from socketio_compat.tornadio2.session import FacedSession, Session
from socketio_compat.v09.contract import Application, Handler, No
from socketio_compat.v09.packet import Packet
from socketio_compat.v09.session import SocketSession

if TYPE_CHECKING:
    from socketio_compat.tornadio2.router import TornadioRouter

_log = logging.getLogger("hbpush.socketio")

RESERVED = frozenset(("close", "connect", "disconnect", "error", "message", "open", "reconnect", "retry"))
"""What clients call events of their own: a peer's are not to be taken for them (Socket.IO 0.7 specification 11)."""

_PLAIN = frozenset((bool, dict, float, int, list, str, tuple))


class Connections(Application):
    """The connection classes of a router, as the application of its server."""

    def __init__(self, router: TornadioRouter) -> None:
        self._router = router

    def handler(self, session: SocketSession, endpoint: str) -> Handler | No:
        root = session.root
        if not endpoint:
            face, kind = (
                (session.face, session.kind)
                if isinstance(session, FacedSession)
                else (Session.of(self._router, session), self._router.connection)
            )
            face.info = HandshakeInfo(session.opening)
            face.conn = kind(face)
            return ConnectionHandler(session, "", face.conn)
        if not isinstance(root, ConnectionHandler):
            return No.UNKNOWN
        chosen = root.connection.get_endpoint(endpoint)
        if chosen is None:
            root.connection.session.refuse("unknown_endpoint", f"there is no endpoint {endpoint[:100]!r}")
            return No.UNKNOWN
        return ConnectionHandler(session, endpoint, chosen(root.connection.session, endpoint))


class ConnectionHandler(Handler):
    """Calls the methods of one connection."""

    __slots__ = ("connection",)

    def __init__(self, session: SocketSession, endpoint: str, connection: SocketConnection) -> None:
        super().__init__(session, endpoint)
        self.connection = connection

    def opened(self, query: str) -> bool | Awaitable[bool]:
        info = self.connection.session.info
        assert isinstance(info, HandshakeInfo)  # noqa: S101 - made by `Connections`
        try:
            result = self.connection.on_open(info.on_endpoint(query) if self.endpoint else info)
        except HTTPError:
            return self._settled(False)
        if result is None:
            return True
        later = _awaitable(result)
        return self._settled(result) if later is None else self._settled_later(later)

    def message(self, value: Any, packet: Packet) -> Awaitable[object] | None:
        try:
            result = self.connection.on_message(value)
        except BaseException as error:
            self.connection.session.failed(error)
            raise
        return None if result is None else _awaitable(result)

    def event(self, name: str, args: list[Any], packet: Packet) -> Awaitable[object] | None:
        connection = self.connection
        if name in RESERVED and name not in connection._events:
            _log.info("event %r is the client's own, and goes nowhere", name)
            return None
        try:
            if len(args) == 1 and isinstance(args[0], dict):
                result = connection.on_event(name, kwargs=args[0])
            else:
                result = connection.on_event(name, args=args)
            later = None if result is None else _awaitable(result)
            if later is not None:
                return self._acknowledge_later(packet, later)
            self._acknowledge(packet, result)
        except WrongArguments as error:
            # It was told of, and says nothing of where in the program something is wrong.
            connection.session.failed(error)
            self.session.close(End.FAULT)
        except BaseException as error:
            connection.session.failed(error)
            raise
        return None

    def acknowledged(self, id: int, args: list[Any]) -> Awaitable[object] | None:
        try:
            result = self.connection.deque_ack(id, args or None)
        except BaseException as error:
            self.connection.session.failed(error)
            raise
        return None if result is None else _awaitable(result)

    def closed(self, why: End) -> None:
        connection = self.connection
        if connection.is_closed:
            return
        try:
            result = connection.on_close()
        finally:
            connection.is_closed = True
            connection.ack_queue.clear()
        later = None if result is None else _awaitable(result)
        if later is not None:
            self.session.see_out(later)

    def _settled(self, result: Any) -> bool:
        """The verdict of `SocketConnection.on_open`: endpoints refuse by False itself only."""
        verdict = result is not False if self.endpoint else result is None or bool(result)
        if not verdict and not self.endpoint:
            # Nobody tells it that it is over: it has not begun.
            self.connection.is_closed = True
        return verdict

    async def _settled_later(self, later: Awaitable[Any]) -> bool:
        try:
            return self._settled(await later)
        except HTTPError:
            return self._settled(False)

    def _acknowledge(self, packet: Packet, result: Any) -> None:
        if packet.id is not None:
            self.session.send(proto.ack(self.endpoint, packet.id, result))

    async def _acknowledge_later(self, packet: Packet, later: Awaitable[Any]) -> None:
        self._acknowledge(packet, await later)


def _awaitable(result: Any) -> Awaitable[Any] | None:
    """What is to be waited for before a handler is done: None for a plain result. A generator is run."""
    if type(result) in _PLAIN:
        # What most handlers return, told apart from the rest at a tenth of the price.
        return None
    if isgenerator(result):
        return Runner(result).start()
    return result if isawaitable(result) else None
