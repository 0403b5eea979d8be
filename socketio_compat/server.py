"""The server of TornadIO and TornadIO2: one line that serves an Application, on the native front (TornadIO API, A4; DESIGN section 5)."""

from __future__ import annotations

import asyncio
import logging
import signal
import socket
import ssl
import sys
import threading
import warnings
from collections.abc import Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Any
from weakref import WeakSet

from tornado.ioloop import IOLoop
from tornado.netutil import bind_sockets, ssl_options_to_context
from tornado.routing import RuleRouter
from tornado.web import Application

from hbpush.core.clock import LoopClock, TimerWheel
from hbpush.core.counters import Counters
from hbpush.daemon.run import OWN_DESCRIPTORS, loop_factory, raise_descriptor_limit
from hbpush.errors import ConfigError
from hbpush.web.bridge import native_routes
from hbpush.web.exchange import Endpoint, Exchange
from hbpush.web.limits import Limits
from hbpush.web.native import NativeServer
from hbpush.web.native.server import BACKLOG
from hbpush.web.proxies import TrustedProxies
from hbpush.web.routes import Routes
from socketio_compat.flashpolicy import FlashPolicyServer
from socketio_compat.router_rule import Closable, RouterRule

_log = logging.getLogger("hbpush.socketio")

PORT = 8001
MAX_PORT = 65535
CLOSING = 1.2
"""Seconds for connections that are still being answered when the server goes."""

NEAR = ("127.0.0.0/8", "10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "::1/128", "fc00::/7", "fe80::/10")
"""Where a proxy is believed with ``xheaders``: whoever comes from elsewhere would only have to claim an address to have it."""


class SocketServer:
    """Serves an Application, the routes of routers in it and everything else, from the moment it is made.

    It is told by the settings of the Application: ``socket_io_port`` (8001; 0 for a free one), ``socket_io_address`` (all interfaces),
    ``flash_policy_port`` and ``flash_policy_file`` (no policy server without both), ``trusted_proxies`` (networks; `NEAR` with
    ``xheaders``). ``ssl_options`` is an SSLContext or a mapping with ``certfile`` and ``keyfile``.

    With ``auto_start`` the loop is run as well: this returns when SIGINT or SIGTERM has ended it. Without it, start the current IOLoop,
    or call `run`. Raises OSError when the port or a file cannot be had, ValueError for what is no port;
    that the policy server cannot listen is logged only.
    """

    def __init__(
        self,
        application: Application,
        no_keep_alive: bool = False,
        io_loop: IOLoop | None = None,
        xheaders: bool = False,
        ssl_options: Mapping[str, Any] | ssl.SSLContext | None = None,
        auto_start: bool = True,
    ) -> None:
        settings = application.settings
        self.application = application
        self.io_loop = io_loop or _current_loop()
        self._keep_alive = not no_keep_alive
        self._tls = None if ssl_options is None else _context(ssl_options)
        self._proxies = TrustedProxies(settings.get("trusted_proxies", NEAR if xheaders else ()), as_tornado=xheaders)
        self._native: NativeServer | None = None
        port, address = settings.get("socket_io_port", PORT), settings.get("socket_io_address", "")
        if not isinstance(port, int) or isinstance(port, bool) or not 0 <= port <= MAX_PORT:
            raise ValueError(f"socket_io_port is {port!r}; must be a whole number from 0 to {MAX_PORT}")
        self._sockets: list[socket.socket] = bind_sockets(port, address or None, backlog=BACKLOG)
        self.port: int = self._sockets[0].getsockname()[1]
        """What it listens on."""
        self._policy = _policy_server(settings.get("flash_policy_port"), settings.get("flash_policy_file"))
        _servers.add(self)
        self.io_loop.add_callback(self._listen)
        if auto_start and not _is_running(self.io_loop):
            self.run()

    def run(self) -> None:
        """Run the loop until SIGINT or SIGTERM, or somebody who stops it; then close every server that was made in it."""
        loop = self.io_loop
        taken = _take_signals(loop)
        try:
            loop.start()
        finally:
            for number in taken:
                loop.asyncio_loop.remove_signal_handler(number)  # type: ignore[attr-defined]
            loop.run_sync(partial(_close_all, loop))

    def stop(self) -> None:
        """Accept no more connections."""
        for listening in self._sockets:
            listening.close()
        self._sockets = []
        if self._native is not None:
            self._native.stop_accepting()
        if self._policy is not None:
            self._policy.stop()
            self._policy = None

    async def close(self, grace: float = CLOSING) -> None:
        """End it: sessions and open connections too, which have ``grace`` seconds to take what was sent. Within the loop."""
        self.stop()
        _servers.discard(self)
        for router in _routers(self.application.default_router):
            router.close()
        native, self._native = self._native, None
        if native is not None:
            await native.close(grace)

    async def _listen(self) -> None:
        if not self._sockets:
            # It was stopped before the loop ran.
            return
        clock = LoopClock(asyncio.get_running_loop())
        routes, rest = native_routes(self.application)
        if not self._keep_alive:
            routes = [route._replace(endpoint=partial(_last, route.endpoint)) for route in routes]
            rest = partial(_last, rest)
        limits = Limits(max_connections=max(1, raise_descriptor_limit() - OWN_DESCRIPTORS))
        self._native = NativeServer(Routes(routes, rest), limits, clock, TimerWheel(clock), Counters(clock), self._proxies)
        sockets, self._sockets = self._sockets, []
        for listening in sockets:
            await self._native.listen_on(listening, self._tls)


_servers: WeakSet[SocketServer] = WeakSet()
"""Those that are open, for whoever runs their loop."""


async def _close_all(loop: IOLoop) -> None:
    await asyncio.gather(*(server.close() for server in list(_servers) if server.io_loop is loop))


def _current_loop() -> IOLoop:
    """The current loop; where there is none yet, one of uvloop's."""
    factory = loop_factory() or asyncio.new_event_loop
    if sys.version_info < (3, 14):
        # Asked for a loop where there is none, asyncio makes one: of its own kind, unless it is told how.
        policy = asyncio.get_event_loop_policy()
        policy.new_event_loop = factory  # type: ignore[method-assign]
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)
            asyncio.get_event_loop()
    except RuntimeError:
        asyncio.set_event_loop(factory())
    finally:
        if sys.version_info < (3, 14):
            del policy.new_event_loop
    return IOLoop.current()


def _is_running(loop: IOLoop) -> bool:
    below = getattr(loop, "asyncio_loop", None)
    return below is not None and bool(below.is_running())


def _take_signals(loop: IOLoop) -> list[signal.Signals]:
    """Let SIGINT and SIGTERM end the loop, unless the program has other plans with them: those that do."""
    below = getattr(loop, "asyncio_loop", None)
    if below is None or threading.current_thread() is not threading.main_thread():
        return []
    usual = {signal.SIGINT: signal.default_int_handler, signal.SIGTERM: signal.SIG_DFL}
    taken = [number for number, handler in usual.items() if signal.getsignal(number) is handler]
    for number in taken:
        below.add_signal_handler(number, loop.stop)
    return taken


def _context(options: Mapping[str, Any] | ssl.SSLContext) -> ssl.SSLContext:
    if isinstance(options, ssl.SSLContext):
        return options
    try:
        return ssl_options_to_context(dict(options), server_side=True)
    except FileNotFoundError as error:
        # The library does not say which.
        absent = next(
            (file for name in ("certfile", "keyfile", "ca_certs") if (file := options.get(name)) and not Path(file).exists()), None
        )
        raise FileNotFoundError(error.errno, error.strerror, absent) from None


def _policy_server(port: int | None, file: str | None) -> FlashPolicyServer | None:
    if port is None or file is None:
        return None
    try:
        return FlashPolicyServer(port=port, policy_file=file)
    except ConfigError as error:
        _log.error("there is no policy server for Flash: %s", error)
        return None


def _last(endpoint: Endpoint, exchange: Exchange) -> Any:
    """An endpoint whose answer is the last of its connection."""
    exchange.keep = False
    return endpoint(exchange)


def _routers(router: RuleRouter) -> Iterator[Closable]:
    for rule in router.rules:
        if isinstance(rule, RouterRule):
            yield rule.router
        elif isinstance(rule.target, RuleRouter):
            yield from _routers(rule.target)
