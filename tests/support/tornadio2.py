"""Programs of TornadIO2's kind for tests: a router in an Application, on every host."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from tornado.web import Application

from socketio_compat.tornadio2 import SocketConnection, TornadioRouter
from socketio_compat.tornadio2.session import Session
from tests.support.programs import Mounted


class Program(Mounted):
    """`mount` a router first; it is `router`, and time is driven by hand."""

    router: TornadioRouter

    async def mount(
        self, connection: Callable[[Session], SocketConnection], handlers: Sequence[Any] = (), namespace: str = "socket.io", **settings: Any
    ) -> None:
        """Serve a class of connections, after an Application's other handlers."""
        self.router = TornadioRouter(connection, settings, namespace, clock=self.clock)
        await self.serve_application(Application(self.router.apply_routes(list(handlers))))
        self.server = self.router.server
