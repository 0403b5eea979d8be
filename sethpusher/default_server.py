"""Serves an application on the native front: `AppRunner` for programs, and the command ``seth-pusher`` (specification 2).

Importing this defines the command's options in ``tornado.options``, so a program that calls ``parse_command_line()`` takes them, too.
"""

from __future__ import annotations

import asyncio
import importlib
import logging
import os
import signal
import sys
import threading
from collections.abc import Sequence
from functools import partial
from typing import Any, NoReturn

from tornado.ioloop import IOLoop
from tornado.options import Error, define, options, parse_command_line
from tornado.web import Application

from hbpush.core.clock import LoopClock, TimerWheel
from hbpush.core.counters import Counters
from hbpush.daemon.configuration import Flags
from hbpush.daemon.options import nearest, shown
from hbpush.daemon.program import guarded, leave
from hbpush.daemon.run import (
    OWN_DESCRIPTORS,
    cannot_listen,
    ignore_signals,
    loop_factory,
    raise_descriptor_limit,
    settle_garbage,
)
from hbpush.daemon.settings import ServerSettings
from hbpush.errors import ConfigError, HbpushError
from hbpush.web.bridge import native_routes
from hbpush.web.limits import Limits
from hbpush.web.native import NativeServer
from hbpush.web.proxies import TrustedProxies
from hbpush.web.routes import Routes
from sethpusher.applications import SethPusherInMemoryApplication

logger = logging.getLogger("hbpush.sethpusher")

PROGRAM = "seth-pusher"
LEAST_BODY = 1024
GRACE = 1.5
"""Seconds for connections that are still being answered when the server goes."""

LEVELS = ("debug", "info", "warning", "error", "none")

_OPTIONS: dict[str, dict[str, Any]] = {
    "debug": {"default": False, "help": "Run in debug mode"},
    "port": {"default": 8080, "help": "port to listen on"},
    "host": {"default": "127.0.0.1", "help": "address to listen on"},
    "max_body": {"default": Limits().max_body, "help": "largest request body, in bytes"},
    "app": {"default": "", "help": "dotted path of an application class (default: the one in memory)"},
    "redis_host": {"type": str, "help": "host of the Redis server of a SethPusherOnRedisApplication"},
    "redis_port": {"type": int, "help": "port of the Redis server"},
    "redis_db": {"type": int, "help": "number of the database in Redis"},
    "redis_password": {"type": str, "help": "password of the Redis server"},
}
_KEYWORDS = {"redis_db": "redis_selected_db"}

for _name, _declared in _OPTIONS.items():
    # A program that has one of these already keeps its own.
    if _name not in options:
        define(_name, group="default_server", **_declared)


class AppRunner:
    """Serves one application until SIGINT or SIGTERM; a second signal ends it at once.

    Keywords are those of the application, which gets all of them; ``host`` and ``port`` (0 for a free one) are where it listens,
    ``max_body`` is the largest request body in bytes (10 MiB).
    """

    host = "127.0.0.1"
    port = 8080

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        self.options = kwargs
        self._host = kwargs.get("host", self.host)
        self._port = kwargs.get("port", self.port)
        self._max_body = kwargs.get("max_body", Limits().max_body)

    def start(self, app: type[Application]) -> None:
        """Make an application of a class within the loop, and serve it. What prevents that ends the process, with one line.

        When a signal has ended it the process is to end, too: a further one is ignored.
        """
        try:
            self.run(app)
        except HbpushError as error:
            raise SystemExit(str(error)) from None

    def run(self, app: type[Application]) -> None:
        """The same for who handles errors himself. Raises ConfigError."""
        with asyncio.Runner(loop_factory=loop_factory()) as runner:
            runner.run(self._serve(app))

    async def _serve(self, app: type[Application]) -> None:
        # Handlers of Tornado look for their loop, which is the running one.
        IOLoop.current()
        served = Served()
        _take_signals(served)
        application = app(**self.options)
        logger.info("Application Class: %s", app.__name__)
        try:
            await _call(application, "start")
            await served.listen(application, self._host, self._port, self._max_body)
            settle_garbage()
            logger.info("Starting Seth pusher server on %s:%s.", self._host, served.port)
            await served.stopping.wait()
            await served.close(application)
        finally:
            await _call(application, "stop")
        if served.signalled:
            ignore_signals()
        logger.info("Seth pusher server stopped.")


class Served:
    """A server that runs: what `shutdown` is given. ``port`` is what it listens on."""

    def __init__(self) -> None:
        self.stopping = asyncio.Event()
        self.signalled = False
        self.port = 0
        self._server: NativeServer | None = None

    def stop(self) -> None:
        """Let it come to its end."""
        self.stopping.set()

    async def listen(self, application: Application, host: str, port: int, max_body: int) -> None:
        """Serve an application. Raises ConfigError when it cannot listen."""
        clock = LoopClock(asyncio.get_running_loop())
        if not isinstance(max_body, int) or max_body < LEAST_BODY:
            raise ConfigError(f"max_body {max_body} is too small; must be a whole number at least {LEAST_BODY}")
        limits = Limits(max_body=max_body, max_connections=max(1, raise_descriptor_limit() - OWN_DESCRIPTORS))
        routes = Routes(*native_routes(application))
        self._server = NativeServer(routes, limits, clock, TimerWheel(clock), Counters(clock), TrustedProxies())
        if not 0 <= port <= 65535:
            raise ConfigError(f"port {port} is none; must be a whole number from 0 to 65535")
        try:
            bound = await self._server.listen(host, port)
        except OSError as error:
            where = ServerSettings(port=port, address=host)
            raise ConfigError(cannot_listen(where, error, Flags(port_option="--port", address_option="--host"))) from None
        self.port = bound[0][1]

    async def close(self, application: Application) -> None:
        """Take no more connections, tell those there are, and wait a little until they are gone."""
        if self._server is None:
            return
        self._server.stop_accepting()
        release = getattr(application, "release", None)
        if release is not None:
            release()
        await self._server.close(GRACE)


def shutdown(server_instance: Any) -> None:
    """Stop a server, and with it the loop, a moment later: a `Served`, or a ``tornado.httpserver.HTTPServer``."""
    logger.info("Stopping Seth pusher server gracefully.")
    server_instance.stop()
    if not isinstance(server_instance, Served):
        loop = IOLoop.current()
        loop.call_later(GRACE, loop.stop)


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command with arguments (the process's own by default). Returns the exit status; every error is one line, and 1."""
    return guarded(PROGRAM, partial(_main, sys.argv if argv is None else [PROGRAM, *argv]))


def command() -> NoReturn:
    """What is installed as ``seth-pusher``."""
    leave(main())


def _main(argv: Sequence[str]) -> int:
    _parse(list(argv))
    if options.debug:
        logging.getLogger().setLevel(logging.DEBUG)
    app = load(options.app) if options.app else SethPusherInMemoryApplication
    given = {_KEYWORDS.get(name, name): options[name] for name in _OPTIONS if name.startswith("redis_") and options[name] is not None}
    AppRunner(host=options.host, port=options.port, max_body=options.max_body, debug=options.debug, **given).run(app)
    return 0


def load(path: str) -> type[Application]:
    """The application class of a dotted path. Raises ConfigError."""
    module_name, dot, name = path.rpartition(".")
    problem = f"--app: Problem loading application from path {shown(path)}: "
    if not dot or not all(path.split(".")):
        raise ConfigError(problem + "must be a module and a class, such as my_app.MyVeryOwnApp")
    if "" not in sys.path and os.getcwd() not in sys.path:
        sys.path.insert(0, os.getcwd())
    try:
        found = getattr(importlib.import_module(module_name), name)
    except ImportError as error:
        raise ConfigError(problem + str(error)) from None
    except AttributeError:
        raise ConfigError(problem + f"module {module_name} has no {name}") from None
    if not (isinstance(found, type) and issubclass(found, Application)):
        raise ConfigError(problem + "is no application class")
    return found


def _parse(argv: list[str]) -> None:
    for argument in argv[1:]:
        name = argument.partition("=")[0]
        # Tornado would print all its help before it says so.
        if name.startswith("--") and len(name) > 2 and name[2:] not in options:
            raise ConfigError(f"{name} is no option; {nearest(name, [f'--{known}' for known in options])}{PROGRAM} --help lists them")
    for argument in argv[1:]:
        name, given, value = argument.partition("=")
        option = name.lstrip("-").replace("-", "_")
        if given and name.startswith("-") and _OPTIONS.get(option, {}).get("type", _type_of(option)) is int and not _is_whole(value):
            raise ConfigError(f"{name} is {shown(value)}; must be a whole number")
    try:
        rest = parse_command_line(argv, final=False)
    except (Error, ValueError) as error:
        raise ConfigError(str(error)) from None
    if rest:
        raise ConfigError(f"{shown(rest[0])} is no option; {PROGRAM} --help lists them")
    level = options.logging or "none"
    if level not in LEVELS:
        raise ConfigError(f"--logging is {shown(level)}; must be one of {', '.join(LEVELS)}")
    options.run_parse_callbacks()


def _type_of(option: str) -> type[object]:
    return type(_OPTIONS.get(option, {}).get("default", ""))


def _is_whole(value: str) -> bool:
    return value.removeprefix("-").isdecimal()


def _take_signals(served: Served) -> None:
    if threading.current_thread() is not threading.main_thread():
        return
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, _signalled, served, number)


def _signalled(served: Served, number: signal.Signals) -> None:
    if served.stopping.is_set():
        logger.info("%s again: leaving at once", number.name)
        os._exit(128 + number)
    served.signalled = True
    shutdown(served)


async def _call(application: Application, name: str) -> None:
    method = getattr(application, name, None)
    if method is not None:
        await method()
