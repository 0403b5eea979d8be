"""TornadIO2's HTTPServer that configures and starts itself (TornadIO API, A4): the native front, with an Application behind it."""

from __future__ import annotations

import asyncio
import logging
import signal
import ssl
import threading
from typing import Any

from tornado.ioloop import IOLoop
from tornado.netutil import ssl_options_to_context
from tornado.web import Application

from hbpush.core.clock import LoopClock, TimerWheel
from hbpush.core.counters import Counters
from hbpush.daemon.run import loop_factory
from hbpush.errors import ConfigError
from hbpush.web.bridge import native_routes
from hbpush.web.limits import Limits
from hbpush.web.native import NativeServer
from hbpush.web.proxies import TrustedProxies
from hbpush.web.routes import Routes
from socketio_compat.tornadio2.flashserver import FlashPolicyServer

logger = logging.getLogger(__name__)

PORT = 8001
ANYBODY = ("0.0.0.0/0", "::/0")

AT_ONCE = 0.001
"""An idle time-out after which a connection is closed at the server's next look."""


class SocketServer:
    """Listens from the moment it is made; then, with ``auto_start``, runs the loop until it is stopped.

    Application settings: ``socket_io_port`` (8001), ``socket_io_address`` (all interfaces), and ``flash_policy_port`` with
    ``flash_policy_file``, which start a `FlashPolicyServer`. ``ssl_options`` is a dict (``certfile``, ``keyfile``) or an SSLContext.
    ``xheaders`` believes what proxies say about their clients. ``port`` is what was bound. Without ``auto_start`` the caller runs the
    loop. Raises OSError when the port cannot be had.
    """

    def __init__(
        self,
        application: Application,
        no_keep_alive: bool = False,
        io_loop: IOLoop | None = None,
        xheaders: bool = False,
        ssl_options: dict[str, Any] | ssl.SSLContext | None = None,
        auto_start: bool = True,
    ) -> None:
        settings = application.settings
        self.application = application
        self.io_loop = io_loop or _loop()
        loop: asyncio.AbstractEventLoop = self.io_loop.asyncio_loop  # type: ignore[attr-defined]
        clock = LoopClock(loop)
        limits = Limits(idle_timeout=AT_ONCE) if no_keep_alive else Limits()
        proxies = TrustedProxies(ANYBODY if xheaders else ())
        self.native = NativeServer(Routes(*native_routes(application)), limits, clock, TimerWheel(clock), Counters(clock), proxies)
        self.port = 0
        self._context = None if ssl_options is None else ssl_options_to_context(ssl_options, server_side=True)
        self._address = settings.get("socket_io_address", "")
        self._asked = settings.get("socket_io_port", PORT)
        if loop.is_running():
            self.started: asyncio.Future[None] = asyncio.ensure_future(self._listen())
            """Done when it listens: a loop that runs already has to turn first."""
        else:
            loop.run_until_complete(self._listen())
        self.policy_server = _policy_server(self.io_loop, settings.get("flash_policy_port"), settings.get("flash_policy_file"))
        if auto_start:
            self._run()

    async def stop(self, grace: float = 1.0) -> None:
        """Close the listening sockets, and wait a little for requests under way."""
        if self.policy_server is not None:
            self.policy_server.stop()
        await self.native.close(grace)

    async def _listen(self) -> None:
        bound = await self.native.listen(self._address, self._asked, self._context)
        self.port = bound[0][1]

    def _run(self) -> None:
        logger.info("listening on port %d", self.port)
        loop: asyncio.AbstractEventLoop = self.io_loop.asyncio_loop  # type: ignore[attr-defined]
        if threading.current_thread() is threading.main_thread():
            loop.add_signal_handler(signal.SIGTERM, self.io_loop.stop)
        self.io_loop.start()
        loop.run_until_complete(self.stop())


def _loop() -> IOLoop:
    """The current loop; if there is none yet, one of the fastest kind."""
    found = IOLoop.current(instance=False)
    if found is not None:
        return found
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        make = loop_factory()
        asyncio.set_event_loop(make() if make is not None else asyncio.new_event_loop())
    return IOLoop.current()


def _policy_server(io_loop: IOLoop, port: int | None, file: str | None) -> FlashPolicyServer | None:
    if port is None or file is None:
        return None
    try:
        if io_loop.asyncio_loop.is_running():  # type: ignore[attr-defined]
            return FlashPolicyServer(io_loop, port, file)

        async def make() -> FlashPolicyServer:
            return FlashPolicyServer(io_loop, port, file)

        return io_loop.asyncio_loop.run_until_complete(make())  # type: ignore[attr-defined, no-any-return]
    except ConfigError as error:
        logger.error("no policy server: %s", error)
        return None
