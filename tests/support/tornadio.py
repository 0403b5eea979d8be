"""Programs of TornadIO's kind for tests: a router in an Application, on every host."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from tornado.web import Application

from socketio_compat.tornadio import get_router
from socketio_compat.tornadio.router import ConnectionClass, SocketRouterBase
from tests.support import socketio06
from tests.support.programs import Mounted


class Program(Mounted, socketio06.Site):
    """`mount` a router first; it is `router`, and time is driven by hand."""

    router: type[SocketRouterBase]

    async def mount(
        self, connection: ConnectionClass, handlers: Sequence[Any] = (), resource: str = "socket.io/*", **settings: Any
    ) -> None:
        """Serve a class of connections, after an Application's other handlers."""
        self.router = get_router(connection, settings, resource, clock=self.clock)
        await self.serve_application(Application([*handlers, self.router.route()]))
        self.server = self.router.placement.server
