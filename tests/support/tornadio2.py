"""Programs of TornadIO2's kind for tests: a router in an Application, on every host."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable, Sequence
from typing import Any

from tornado.web import Application

from hbpush.web.bridge import native_routes
from socketio_compat.tornadio2 import SocketConnection, TornadioRouter
from socketio_compat.tornadio2.session import Session
from tests.support.hosts import PATIENCE
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

    async def listening(self) -> None:
        """Wait for a server in another process."""
        async with asyncio.timeout(2 * PATIENCE):
            while True:
                try:
                    (await self.host.connect()).leave()
                except ConnectionError:
                    await asyncio.sleep(0.02)
                else:
                    return


def free_port() -> int:
    """A port that nobody listens on now."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])
