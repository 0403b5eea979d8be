"""The place of the console in a configuration: ``type: console``."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any

from hbpush.console import files
from hbpush.console.desk import Desk
from hbpush.console.guard import Guard
from hbpush.console.settings import ConsoleSettings
from hbpush.daemon import keys
from hbpush.daemon.keyed import KeyedLocation
from hbpush.daemon.location import LocationContext, check_folder
from hbpush.errors import ConfigError
from hbpush.web.answers import Head
from hbpush.web.exchange import Exchange
from hbpush.web.routes import Exact, Route

BELOW = "console/"
"""Where what the page needs is, from the page."""


class ConsoleLocation(KeyedLocation):
    """A page for people. Its figures and what it publishes need the key, where there is one; what is the same for everybody does not."""

    type_name = "console"
    Settings = ConsoleSettings
    settings: ConsoleSettings

    def __init__(self, settings: Any, context: LocationContext) -> None:
        super().__init__(settings, context)
        self._guard = Guard(keys.read(settings), context.counters)
        self._desk = Desk(context, settings)

    @classmethod
    def check(cls, settings: Any) -> None:
        check_folder(settings.prefix)
        super().check(settings)

    @classmethod
    def check_exposed(cls, settings: Any) -> None:
        if keys.read(settings) is None:
            raise ConfigError("is missing, and others than this machine may reach the console; set it, or address: 127.0.0.1", "key")

    def routes(self) -> Sequence[Route]:
        prefix, desk, guard = self.settings.prefix, self._desk, self._guard
        below = prefix + BELOW
        routes = [Route(Exact(prefix), guard.locally(files.endpoint("index.html")), _nothing)]
        if prefix != "/":
            # The page's own URLs are relative to it: without the last slash they would lead beside it.
            name = prefix.rstrip("/").rpartition("/")[2].encode()
            routes.append(Route(Exact(prefix.rstrip("/")), partial(_redirect, Head(308, b"Location: %b/\r\n" % name)), _nothing))
        routes += [Route(Exact(below + name), files.endpoint(name), _nothing) for name in files.NAMES if name != "index.html"]
        routes += [
            Route(Exact(below + "sample"), guard.asked(b"GET", desk.sample), _nothing),
            Route(Exact(below + "channel"), guard.asked(b"GET", desk.channel), _nothing),
            Route(Exact(below + "server"), guard.asked(b"GET", desk.server), _nothing),
        ]
        if self.settings.publish:
            routes.append(Route(Exact(below + "publish"), guard.asked(b"POST", desk.publish), _nothing, self.settings.max_body))
        return routes

    def stop(self) -> None:
        self._desk.stop()


def _redirect(head: Head, exchange: Exchange) -> None:
    exchange.respond(head.wire())


def _nothing(_: bytes) -> None:
    return None
