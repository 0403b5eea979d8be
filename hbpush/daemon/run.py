"""The life of the process: event loop, descriptors, sockets, signals, and the order in which things start and end."""

from __future__ import annotations

import asyncio
import errno
import gc
import logging
import os
import resource
import signal
import socket
import ssl
from collections.abc import Callable, Sequence

import msgspec
from tornado.ioloop import IOLoop

import hbpush
from hbpush.core.clock import LoopClock
from hbpush.daemon import log
from hbpush.daemon.assembly import Assembly
from hbpush.daemon.configuration import Configuration, Flags, load, tls_context
from hbpush.daemon.settings import ServerSettings
from hbpush.errors import ConfigError, HbpushError
from hbpush.web.answers import stamp
from hbpush.web.native import NativeServer
from hbpush.web.proxies import TrustedProxies
from hbpush.web.routes import Routes

logger = logging.getLogger("hbpush")

CLOSING = 1.2
"""Seconds for connections that are still being answered when the server goes; with the parts' own time it stays under three."""

LEAVING = 0.5
"""Seconds for a start or a reload that is under way to give up."""

RELEASE_AGAIN = 0.1
"""Seconds. A request that waited behind a held one on its connection may be held in its turn."""

ENDING = (signal.SIGTERM, signal.SIGINT)
OWN_DESCRIPTORS = 100
UNLIMITED_DESCRIPTORS = 1_000_000
GC_THRESHOLD = 100_000


def serve(flags: Flags, configuration: Configuration) -> int:
    """Serve in this process until a signal ends it; return the exit status. Raises ConfigError when it cannot start."""
    log.set_up(configuration.server.log_level)
    return serve_as(Role(configuration.server), flags, configuration, raise_descriptor_limit())


def serve_as(role: Role, flags: Flags, configuration: Configuration, descriptors: int) -> int:
    """Run a Daemon in an event loop of its own; the same results."""
    with asyncio.Runner(loop_factory=loop_factory()) as runner:
        return runner.run(_serve(role, flags, configuration, descriptors))


async def _serve(role: Role, flags: Flags, configuration: Configuration, descriptors: int) -> int:
    return await Daemon(role, flags, configuration, descriptors).run()


class Role:
    """What a Daemon is within its server: here, all of it. A subclass is a part, which others start and end.

    ``started_as`` are the settings that only a restart changes, ``port`` is what to listen on.
    """

    reuse_port = False
    warns = True
    """Whether it tells the operator what is to be known about the configuration: one process does."""

    number = 1
    """Which of the processes that share the port it is."""

    def __init__(self, started_as: ServerSettings) -> None:
        self.started_as = started_as
        self.port = started_as.port

    def begin(self, stop: Callable[[], object], reload: Callable[[], object]) -> None:
        """The loop runs and signals are taken. ``stop`` and ``reload`` do what SIGTERM and SIGHUP do."""

    def listening(self, line: str) -> None:
        """The server listens, as ``line`` tells."""
        log.say(line)

    def reloaded(self) -> None:
        """Another configuration is served from now on."""

    def stopped(self) -> None:
        """Everything has ended as it should."""
        logger.info("stopped")


class Daemon:
    """One server process: a NativeServer in front of an Assembly, and the signals that end or reload them."""

    def __init__(self, role: Role, flags: Flags, configuration: Configuration, descriptors: int) -> None:
        self._role = role
        self._flags = flags
        self._descriptors = descriptors
        self._started_as = role.started_as
        self._certificate: Certificate | None = None
        clock = LoopClock(asyncio.get_running_loop())
        self._assembly = Assembly(configuration, clock, self._route)
        self._server = NativeServer(
            self._assembly.routes,
            self._limits(configuration.server),
            clock,
            self._assembly.wheel,
            self._assembly.counters,
            TrustedProxies(configuration.server.trusted_proxies),
        )
        site = self._assembly.site
        site.front = self._server
        site.worker, site.workers = role.number, role.started_as.workers
        self._signalled = False
        """Whether a signal has asked for the end. The next one is the second; the first after what the role asked may be the same wish."""
        self._stop_asked = asyncio.Event()
        self._reload_asked = asyncio.Event()

    async def run(self) -> int:
        """Start, serve, end. Returns the exit status. Raises ConfigError when it cannot start."""
        loop = asyncio.get_running_loop()
        for number in ENDING:
            loop.add_signal_handler(number, self._stop, number)
        loop.add_signal_handler(signal.SIGHUP, self._reload_asked.set)
        self._role.begin(self._ask_to_stop, self._reload_asked.set)
        serving = asyncio.ensure_future(self._serve())
        stopping = asyncio.ensure_future(self._stop_asked.wait())
        await asyncio.wait([serving, stopping], return_when=asyncio.FIRST_COMPLETED)
        if serving.done():
            stopping.cancel()
            await serving
        await give_up(serving)
        await self._end()
        ignore_signals()
        self._role.stopped()
        return 0

    async def _serve(self) -> None:
        """Start, then read the configuration again whenever that is asked for: one at a time."""
        await self._start()
        # A plug-in that answers its cancellation with another error has taken it away from here.
        while not self._stop_asked.is_set():
            await self._reload_asked.wait()
            self._reload_asked.clear()
            await self._reload()

    async def _start(self) -> None:
        server = self._started_as
        # Handlers of Tornado look for their loop, which is the running one.
        IOLoop.current()
        stamp.name_server(self._assembly.configuration.server.server_header)
        try:
            await self._assembly.start()
        except (HbpushError, TimeoutError) as error:
            raise ConfigError(f"cannot start: {error or 'a store or location did not answer'}") from error
        if server.tls is not None:
            self._certificate = Certificate(tls_context(server.tls))
        listening = None if self._certificate is None else self._certificate.listening
        try:
            bound = await self._server.listen(server.address, self._role.port, listening, self._role.reuse_port)
        except OSError as error:
            await self._assembly.stop()
            raise ConfigError(cannot_listen(server, error, self._flags)) from None
        self._warn(self._assembly.configuration.server)
        settle_garbage()
        self._role.listening(listening_line(self._flags.program, bound, self._assembly.configuration, self._descriptors))

    async def _reload(self) -> None:
        try:
            configuration = load(self._flags, os.environ, self._started_as)
            server = configuration.server
            tls = None if server.tls is None or server.tls != self._started_as.tls else tls_context(server.tls)
            kept = await self._assembly.reload(configuration)
        except (HbpushError, TimeoutError) as error:
            logger.error("the configuration stays as it was: %s", error or "a store did not answer")
            return
        except Exception:
            # A plug-in may raise anything; what is served must not end by it.
            logger.exception("the configuration could not be read again")
            return
        if tls is not None and self._certificate is not None:
            self._certificate.shown = tls
        self._server.limits = self._limits(server)
        self._server.proxies = TrustedProxies(server.trusted_proxies)
        stamp.name_server(server.server_header)
        log.set_level(server.log_level)
        self._warn(server)
        logger.info(
            "configuration read again: %d stores kept; %d locations kept, %d new, %d released",
            kept.stores, kept.locations, kept.new, kept.released,
        )  # fmt: skip
        self._role.reloaded()

    async def _end(self) -> None:
        self._server.stop_accepting()
        closing = asyncio.ensure_future(self._server.close(CLOSING))
        while not closing.done():
            self._assembly.release()
            await asyncio.wait([closing], timeout=RELEASE_AGAIN)
        await self._assembly.stop()

    def _stop(self, number: signal.Signals) -> None:
        if self._signalled:
            logger.info("%s again: leaving at once", number.name)
            os._exit(128 + number)
        logger.info("%s: stopping", number.name)
        self._signalled = True
        self._ask_to_stop()

    def _ask_to_stop(self) -> None:
        self._assembly.site.closing = True
        self._stop_asked.set()

    def _route(self, routes: Routes) -> None:
        self._server.routes = routes

    def _limits(self, server: ServerSettings) -> ServerSettings:
        return msgspec.structs.replace(server, max_connections=server.max_connections or max(1, self._descriptors - OWN_DESCRIPTORS))

    def _warn(self, server: ServerSettings) -> None:
        if not self._role.warns:
            return
        for option in ("port", "address", "tls", "workers"):
            if getattr(server, option) != getattr(self._started_as, option):
                logger.warning("%s: has changed; that takes a restart", option)
        if server.max_connections > self._descriptors - OWN_DESCRIPTORS:
            logger.warning(
                "max_connections: %d are more than %d file descriptors allow; raise the limit of the process",
                server.max_connections, self._descriptors,
            )  # fmt: skip
        for line in self._assembly.warnings(self._started_as.address):
            logger.warning("%s", line)


def settle_garbage() -> None:
    """The server is made: what there is now stays, and is not to be looked through again and again."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(GC_THRESHOLD)


def ignore_signals() -> None:
    """The server has ended as it should: a signal that comes from here on is not to change with which status the process does.

    Called in the loop that has taken them so far, which would leave them to the system when it is closed.
    """
    loop = asyncio.get_running_loop()
    for number in ENDING:
        loop.remove_signal_handler(number)
        signal.signal(number, signal.SIG_IGN)


class Certificate:
    """The certificate that a TLS listener shows, which can be another one for the connections to come.

    ``listening`` is the context to listen with. ``shown`` holds the certificate; it is always one whole context that was read and
    checked: loading new files into the listening one would leave it, for a moment or for good, with a key that does not fit.
    """

    def __init__(self, context: ssl.SSLContext) -> None:
        self.listening = self.shown = context
        context.sni_callback = self._choose

    def _choose(self, connection: ssl.SSLObject, name: str | None, listening: ssl.SSLContext) -> None:
        # Called at each greeting, also of a client that names no server.
        connection.context = self.shown


async def give_up(task: asyncio.Future[None]) -> None:
    """Cancel a start or a reload, and wait a little for it. How it fails is logged."""
    task.cancel()
    await asyncio.wait([task], timeout=LEAVING)
    if task.done() and not task.cancelled() and (failure := task.exception()) is not None:
        logger.error("what was under way failed while stopping", exc_info=failure)


def raise_descriptor_limit() -> int:
    """Allow the process all the file descriptors that it may have; return how many."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != hard:
        try:
            resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
        except (OSError, ValueError):
            # Some systems have a lower ceiling than the hard limit they tell.
            logger.info("the limit of file descriptors stays at %d", soft)
        else:
            soft = hard
    return UNLIMITED_DESCRIPTORS if soft == resource.RLIM_INFINITY else soft


def cannot_listen(server: ServerSettings, error: OSError, flags: Flags = Flags()) -> str:  # noqa: B008 - immutable
    """One line for why a port could not be had, and what to do."""
    where = f"port {server.port}" + (f" of {server.address}" if server.address else "")
    port, address = flags.port_option, flags.address_option
    if error.errno == errno.EADDRINUSE:
        return f"{where} is in use by another process; choose another with {port}"
    if error.errno in (errno.EACCES, errno.EPERM):
        return f"{where} needs a privilege that this user lacks, as ports below 1024 do; choose another with {port}, such as {port} 9090"
    if error.errno == errno.EADDRNOTAVAIL or isinstance(error, socket.gaierror):
        return f"address {server.address!r} is none of this machine's; choose another with {address}"
    return f"cannot listen on {where}: {os.strerror(error.errno) if error.errno else error}; choose another with {port} or {address}"


def listening_line(program: str, bound: Sequence[tuple[str, int]], configuration: Configuration, descriptors: int) -> str:
    """One line for a start that went well."""
    server, locations = configuration.server, len(configuration.locations)
    shares = f", {server.workers} workers" if server.workers > 1 else ""
    return (
        f"{program} {hbpush.__version__}: listening on {_urls(bound, server.tls is not None)} "
        f"({locations} location{'' if locations == 1 else 's'}, {descriptors} file descriptors{shares})"
    )


def _urls(bound: Sequence[tuple[str, int]], tls: bool) -> str:
    scheme = "https" if tls else "http"
    return ", ".join(f"{scheme}://{f'[{host}]' if ':' in host else host}:{port}" for host, port in bound)


def loop_factory() -> Callable[[], asyncio.AbstractEventLoop] | None:
    """uvloop's loop where there is uvloop, else asyncio's own."""
    try:
        import uvloop
    except ImportError:
        return None
    return uvloop.Loop
