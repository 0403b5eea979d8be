"""The services that suites and clients of SockJS are tried with, in one process on one port.

    python -m tests.conformance.sockjs.services --port 8081 [--stock] [--sockjs-url URL]

On the native front, or with ``--stock`` on Tornado's own server. Port 0 takes a free one; the line ``port N`` on standard output tells
which. SIGTERM and SIGINT end it.
"""

from __future__ import annotations

import argparse
import asyncio
import logging
import signal
from collections.abc import Collection, Iterable
from typing import Any, ClassVar

from sockjs.tornado.conn import SockJSConnection
from tornado.httpserver import HTTPServer
from tornado.netutil import bind_sockets
from tornado.web import Application

from hbpush.core.clock import Clock, LoopClock, TimerWheel
from hbpush.core.counters import Counters
from hbpush.daemon.run import loop_factory
from hbpush.web.bridge import native_routes
from hbpush.web.limits import Limits
from hbpush.web.native import NativeServer
from hbpush.web.proxies import TrustedProxies
from hbpush.web.routes import Routes
from sethpusher.sockjs import SockJSRouter

SMALL = 4096
"""Bytes after which streams of the echoing services end."""

TICK = 1.0


class Echo(SockJSConnection):  # type: ignore[misc]
    """Sends back what it hears."""

    def on_message(self, message: Any) -> None:
        self.send(message)


class Close(SockJSConnection):  # type: ignore[misc]
    """Closes whoever comes."""

    def on_open(self, request: Any) -> None:
        self.close()

    def on_message(self, message: Any) -> None:
        """Nobody stays."""


class Ticker(SockJSConnection):  # type: ignore[misc]
    """Says tick! each second."""

    _timer: asyncio.TimerHandle

    def on_open(self, request: Any) -> None:
        self._tick_later()

    def on_message(self, message: Any) -> None:
        """It only talks."""

    def on_close(self) -> None:
        self._timer.cancel()

    def _tick_later(self) -> None:
        self._timer = asyncio.get_running_loop().call_later(TICK, self._tick)

    def _tick(self) -> None:
        self.send("tick!")
        self._tick_later()


class Amplify(SockJSConnection):  # type: ignore[misc]
    """Answers a number n, 1 to 18, with 2 to the nth letters x."""

    def on_message(self, message: Any) -> None:
        try:
            power = int(message)
        except (TypeError, ValueError):
            power = 1
        self.send("x" * 2 ** (power if 0 < power < 19 else 1))


class Broadcast(SockJSConnection):  # type: ignore[misc]
    """Sends to all what one says."""

    everybody: ClassVar[set[Broadcast]] = set()

    def on_open(self, request: Any) -> None:
        self.everybody.add(self)

    def on_message(self, message: Any) -> None:
        self.broadcast(self.everybody, message)

    def on_close(self) -> None:
        self.everybody.discard(self)


def routers(sockjs_url: str, clock: Clock | None = None) -> dict[str, SockJSRouter]:
    """The services by their paths."""
    common = {"sockjs_url": sockjs_url, "jsessionid": False}
    small = {**common, "response_limit": SMALL}
    chosen: dict[str, tuple[type[SockJSConnection], dict[str, Any]]] = {
        "/echo": (Echo, small),
        "/disabled_websocket_echo": (Echo, {**small, "disabled_transports": ["websocket"]}),
        "/cookie_needed_echo": (Echo, {**small, "jsessionid": True}),
        "/close": (Close, common),
        "/ticker": (Ticker, common),
        "/amplify": (Amplify, common),
        "/broadcast": (Broadcast, common),
    }
    return {path: SockJSRouter(kind, path, settings, clock=clock) for path, (kind, settings) in chosen.items()}


def application(served: Iterable[SockJSRouter], more: Iterable[Any] = ()) -> Application:
    """All of them in one Application, with ``more`` rules of its own."""
    return Application([*(rule for router in served for rule in router.urls), *more])


async def serve(port: int, stock: bool, served: Collection[SockJSRouter], more: Iterable[Any] = ()) -> None:
    """Serve routers, and ``more`` rules of an Application, until a signal ends it."""
    loop = asyncio.get_running_loop()
    ended = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, ended.set)
    program = application(served, more)
    [listening] = bind_sockets(port, "127.0.0.1")
    port = listening.getsockname()[1]
    if stock:
        http = HTTPServer(program)
        http.add_socket(listening)
        print(f"port {port}", flush=True)
        await ended.wait()
        http.stop()
    else:
        clock = LoopClock(loop)
        native = NativeServer(Routes(*native_routes(program)), Limits(), clock, TimerWheel(clock), Counters(clock), TrustedProxies())
        await native.listen_on(listening, None)
        print(f"port {port}", flush=True)
        await ended.wait()
    for router in served:
        router.close()
    if stock:
        await http.close_all_connections()
    else:
        await native.close(0.5)


def run(port: int, stock: bool, served: Collection[SockJSRouter], more: Iterable[Any] = ()) -> None:
    """`serve` on a loop of its own, with what it complains of on standard error."""
    logging.basicConfig(level=logging.WARNING)
    logging.getLogger("tornado.access").setLevel(logging.CRITICAL)
    with asyncio.Runner(loop_factory=None if stock else loop_factory()) as runner:
        runner.run(serve(port, stock, served, more))


def main() -> None:
    parser = argparse.ArgumentParser(description="The services that clients of SockJS are tried with")
    parser.add_argument("--port", type=int, default=8081)
    parser.add_argument("--stock", action="store_true", help="on Tornado's own server")
    parser.add_argument("--sockjs-url", default="http://localhost:8080/lib/sockjs.js", help="the library that pages in frames load")
    options = parser.parse_args()
    run(options.port, options.stock, routers(options.sockjs_url).values())


if __name__ == "__main__":
    main()
