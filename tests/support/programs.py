"""What tests of programs have in common, whichever Python API they are written for: an Application on every host."""

from __future__ import annotations

import asyncio

from tornado.web import Application

from hbpush.web.bridge import native_routes
from tests.support import socketio
from tests.support.hosts import PATIENCE


class Mounted(socketio.Site):
    """A site that is somebody's Application."""

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
