"""Between the contract of the protocol and the connections of sockjs-tornado."""

from __future__ import annotations

import logging
from collections.abc import Awaitable
from inspect import isawaitable
from typing import TYPE_CHECKING, Any

from tornado.web import HTTPError

from hbpush.session.transport import End
from sethpusher.sockjs.contract import Application, Handler, Opening
from sethpusher.sockjs.face import Session
from sethpusher.sockjs.info import ConnectionInfo
from sethpusher.sockjs.session import SockSession

if TYPE_CHECKING:
    from sethpusher.sockjs.router import SockJSRouter

logger = logging.getLogger("hbpush.sockjs")


class Connections(Application):
    """The connection class of a router, as the application of its server."""

    def __init__(self, router: SockJSRouter) -> None:
        self._router = router

    def handler(self, session: SockSession) -> ConnectionHandler:
        face = self._router.face_of(session.id if session.named else "", session)
        return ConnectionHandler(session, face)


class ConnectionHandler(Handler):
    """Calls the methods of one connection. ``face`` is its session. One that has ``check_origin`` is asked whether a page may come."""

    __slots__ = ("_opened", "face")

    def __init__(self, session: SockSession, face: Session) -> None:
        super().__init__(session)
        self.face = face
        self._opened = False

    def opened(self, opening: Opening) -> bool | Awaitable[bool]:
        face = self.face
        info = face.conn_info = ConnectionInfo(opening)
        check = getattr(face.conn, "check_origin", None)
        if check is not None and (origin := info.get_header("Origin")) is not None and not check(origin):
            return False
        self._opened = True
        try:
            result = face.conn.on_open(info)
        except HTTPError:
            return False
        return self._settled_later(result) if _is_later(result) else result is not False

    def message(self, message: object) -> Awaitable[object] | None:
        result = self.face.conn.on_message(message)
        return result if _is_later(result) else None

    def closed(self, why: End) -> None:
        face = self.face
        conn, face.conn = face.conn, None
        if not self._opened:
            # It was never told that somebody has come.
            return
        result = conn.on_close()
        if _is_later(result):
            self.session.see_out(result)

    async def _settled_later(self, later: Awaitable[Any]) -> bool:
        try:
            return await later is not False
        except HTTPError:
            return False


def _is_later(result: Any) -> bool:
    return result is not None and result is not True and result is not False and isawaitable(result)
