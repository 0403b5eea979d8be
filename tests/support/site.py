"""Locations of a configuration on a real socket."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import msgspec

from hbpush.core.clock import TimerWheel
from hbpush.core.hub import Hub
from hbpush.core.message import ChannelRef
from hbpush.daemon import plugins
from hbpush.daemon import site as daemon_site
from hbpush.daemon.location import Location, LocationContext
from hbpush.stores.base import Store, StoreContext, StoreSettings
from hbpush.stores.memory import MemoryStore
from tests.support.clock import ManualClock
from tests.support.hosts import PATIENCE, Answer, Client, Host, request
from tests.support.late_store import LateStore

USUAL = (
    {"type": "publisher", "prefix": "/pub/"},
    {"type": "subscriber", "prefix": "/sub/"},
    {"type": "subscriber", "prefix": "/isub/", "polling": "interval"},
)


def late_store(context: StoreContext) -> LateStore:
    """For `Site.serve`: the store that answers when the test lets it."""
    return LateStore(context, asyncio.get_running_loop())


class Site:
    """A hub with one store, and locations in front of it, those of the relay by default. `serve` first."""

    def __init__(self, host: Host) -> None:
        self.host = host
        self.hub: Hub
        self.store: Store
        self.wheel: TimerWheel
        self.locations: list[Location] = []
        self.seen = daemon_site.Site()
        """What the locations see of their server."""

    @property
    def clock(self) -> ManualClock:
        return self.host.clock

    async def serve(
        self,
        *locations: dict[str, Any],
        make_store: Callable[[StoreContext], Store] | None = None,
        **store_settings: Any,
    ) -> None:
        """Serve locations as a configuration lists them; those of `USUAL` without any."""
        context = StoreContext("default", self.clock, self.host.counters)
        self.store = make_store(context) if make_store else MemoryStore(StoreSettings(**store_settings), context)
        self.hub = Hub({"default": self.store}, self.clock)
        self.store.start(self.hub)
        self.wheel = TimerWheel(self.clock)
        self.seen.stores = {"default": self.store}
        self.seen.locations = self.locations
        self.seen.started = self.clock.time()
        for index, options in enumerate(locations or USUAL):
            kind = plugins.location_type(options["type"], "type")
            settings = msgspec.convert({key: value for key, value in options.items() if key != "type"}, kind.Settings)
            kind.check(settings)
            where = LocationContext(f"locations[{index}]", self.hub, self.clock, self.wheel, self.host.counters, self.seen)
            self.locations.append(kind(settings, where))
        for location in self.locations:
            await self._done(location.start())
        await self.host.serve([route for location in self.locations for route in location.routes()])

    async def close(self) -> None:
        """End the locations."""
        for location in self.locations:
            await self._done(location.stop())

    async def _done(self, result: object) -> None:
        if isinstance(result, asyncio.Future):
            await asyncio.wait_for(result, PATIENCE)

    async def ask(self, method: str, path: str, *lines: str, body: bytes = b"") -> Answer:
        """One request on a connection of its own."""
        return await self.host.ask(wire(method, path, *lines, body=body), head=method == "HEAD")

    async def post(self, path: str, body: bytes, *lines: str) -> Answer:
        return await self.ask("POST", path, *lines, body=body)

    async def hold(self, path: str, *lines: str) -> Client:
        """Send a GET that is to be held, and wait until it is."""
        ref = ChannelRef("default", "", path.partition("?")[0].removesuffix("/").rpartition("/")[2])
        before = self.hub.subscribers(ref)
        client = await self.host.connect()
        await client.send(wire("GET", path, *lines))
        await self.until(lambda: any(subscriber not in before for subscriber in self.hub.subscribers(ref)))
        return client

    async def until(self, happened: Callable[[], object]) -> None:
        """Let the loop turn until something is so."""
        loop = asyncio.get_running_loop()
        async with asyncio.timeout(PATIENCE):
            while not happened():
                turned = loop.create_future()
                loop.call_soon(turned.set_result, None)
                await turned


def wire(method: str, path: str, *lines: str, body: bytes = b"") -> bytes:
    length = ["Content-Length: 0"] if method in ("POST", "PUT") and not body else []
    return request(method.encode(), path.encode(), *[line.encode() for line in [*lines, *length]], body=body)
