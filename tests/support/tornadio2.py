"""Programs of TornadIO2's kind for tests: a router in an Application, on every host."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from tornado.web import Application

from hbpush.web.bridge import native_routes
from socketio_compat.tornadio2 import SocketConnection, TornadioRouter
from socketio_compat.tornadio2.session import Session
from tests.support.socketio import Site


class Program(Site):
    """`mount` a router first; it is `router`, and time is driven by hand."""

    router: TornadioRouter

    async def mount(
        self, connection: Callable[[Session], SocketConnection], handlers: Sequence[Any] = (), namespace: str = "socket.io", **settings: Any
    ) -> None:
        """Serve a class of connections, after an Application's other handlers."""
        self.router = TornadioRouter(connection, settings, namespace, clock=self.clock)
        await self.serve_application(Application(self.router.apply_routes(list(handlers))))
        self.server = self.router.server

    async def serve_application(self, application: Application) -> None:
        """Serve any Application."""
        if self.host.kind.tornado:
            await self.host.serve([], handlers=application.default_router.rules)
        else:
            routes, rest = native_routes(application)
            await self.host.serve(routes, fallback=rest)
