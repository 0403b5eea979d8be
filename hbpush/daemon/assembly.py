"""The living parts of a server, made from a configuration and changed when another one is read: stores, hub, locations, routes.

It knows no socket and no signal. A part whose configuration is the same in both stays the same object, so a store keeps its messages and a
location its clients.
"""

from __future__ import annotations

import asyncio
import ipaddress
import logging
from asyncio import Future
from collections.abc import Callable, Iterable
from typing import NamedTuple

import msgspec

from hbpush.core.clock import Clock, TimerWheel
from hbpush.core.counters import Counters
from hbpush.core.hub import Hub
from hbpush.core.result import Result
from hbpush.core.subscription import CloseReason
from hbpush.daemon.configuration import Configuration, LocationChoice, StoreChoice
from hbpush.daemon.location import Location, LocationContext
from hbpush.daemon.options import join
from hbpush.daemon.routes_check import Placed, hidden
from hbpush.errors import ConfigError, HbpushError
from hbpush.stores.base import Store, StoreContext
from hbpush.web.answers import NOT_FOUND
from hbpush.web.exchange import Exchange
from hbpush.web.routes import Routes

logger = logging.getLogger("hbpush")

START_TIMEOUT = 10.0
STOP_TIMEOUT = 0.4
"""Seconds for all stores or all locations together; what takes longer is left behind."""


class Kept(NamedTuple):
    """What a reload did, in numbers of parts."""

    stores: int
    locations: int
    new: int
    released: int


class Assembly:
    """The parts of one server. Made within a running loop; raises ConfigError for what only a constructor can tell.

    ``publish_routes`` is called with the route table whenever there is a new one.
    """

    def __init__(self, configuration: Configuration, clock: Clock, publish_routes: Callable[[Routes], object] = lambda _: None) -> None:
        self.configuration = configuration
        self.clock = clock
        self.wheel = TimerWheel(clock)
        self.counters = Counters(clock)
        self._publish_routes = publish_routes
        self._stores: dict[str, Store] = {name: self._store(name, choice, configuration) for name, choice in configuration.stores.items()}
        self.hub = Hub(self._stores, clock)
        self._locations: list[tuple[LocationChoice, Location]] = [
            (choice, self._location(choice, configuration)) for choice in configuration.locations
        ]
        self.routes = self._table()
        self._running = False

    @property
    def stores(self) -> dict[str, Store]:
        """The stores by their configured names."""
        return dict(self._stores)

    @property
    def locations(self) -> list[tuple[LocationChoice, Location]]:
        """The locations in their order, each with what it was configured as."""
        return list(self._locations)

    async def start(self) -> None:
        """Start stores, then locations. Raises HbpushError; those that were started are then stopped again."""
        started: list[Store | Location] = []
        try:
            for store in self._stores.values():
                started.append(store)
                await _wait(store.start(self.hub))
            for _, location in self._locations:
                started.append(location)
                await _wait(location.start())
        except (HbpushError, TimeoutError, asyncio.CancelledError):
            await _stop(reversed(started))
            raise
        self._running = True
        self._publish_routes(self.routes)

    def release(self) -> None:
        """Tell every subscriber that the server goes."""
        self.hub.release(CloseReason.SHUTDOWN)

    async def stop(self) -> None:
        """Stop locations, then stores, in bounded time. Harmless when nothing was started."""
        if not self._running:
            return
        self._running = False
        await _stop(location for _, location in self._locations)
        await _stop(self._stores.values())
        self.wheel.stop()

    async def reload(self, configuration: Configuration) -> Kept:
        """Become what another configuration says. Raises HbpushError before anything has changed, and nothing afterwards.

        Between releasing what goes and serving what comes no other code runs, so no request meets half a server.
        """
        stores = {
            name: self._stores[name] if self.configuration.stores.get(name) == choice else self._store(name, choice, configuration)
            for name, choice in configuration.stores.items()
        }
        new_stores = [store for name, store in stores.items() if self._stores.get(name) is not store]
        locations = self._matched(configuration, {name for name, store in stores.items() if self._stores.get(name) is store})
        before = {id(location) for _, location in self._locations}
        after = {id(location) for _, location in locations}
        new = [(choice.path, location) for choice, location in locations if id(location) not in before]
        leaving = [location for _, location in self._locations if id(location) not in after]
        try:
            for store in new_stores:
                await _wait(store.start(self.hub))
        except (HbpushError, TimeoutError):
            await _stop(new_stores)
            raise

        for location in leaving:
            self.hub.release(CloseReason.SHUTDOWN, location)
        old_stores = [store for name, store in self._stores.items() if stores.get(name) is not store]
        self._stores.clear()
        self._stores.update(stores)
        self._locations = locations
        self.configuration = configuration
        for choice, location in locations:
            location.context = msgspec.structs.replace(location.context, path=choice.path)
        starting = [(path, _started(path, location)) for path, location in new]
        self.routes = self._table()
        self._publish_routes(self.routes)

        for path, result in starting:
            try:
                await _wait(result)
            except (HbpushError, TimeoutError) as error:
                logger.error("%s: did not start: %s", path, error or "no answer")
        await _stop([*leaving, *old_stores])
        return Kept(len(stores) - len(new_stores), len(locations) - len(new), len(new), len(leaving))

    def warnings(self, address: str) -> list[str]:
        """What an operator should know about this configuration on a server that listens on ``address``, one line each."""
        lines = [] if self._locations else ["locations: there are none, so every request is answered 404"]
        lines += hidden([Placed(choice.path, choice.kind.type_name, location.routes()) for choice, location in self._locations])
        for choice, _ in self._locations:
            lines += [f"{choice.path}: {line}" for line in choice.kind.warnings(choice.settings, is_loopback(address))]
        return lines

    def _matched(self, configuration: Configuration, kept_stores: set[str]) -> list[tuple[LocationChoice, Location]]:
        """The locations of another configuration: present ones where type, settings and store are the same, else new ones."""
        present = self.locations
        matched = []
        for choice in configuration.locations:
            same = next(
                (pair for pair in present if pair[0][1:] == choice[1:] and (choice.store is None or choice.store in kept_stores)),
                None,
            )
            if same is not None:
                present.remove(same)
            matched.append((choice, self._location(choice, configuration) if same is None else same[1]))
        return matched

    def _store(self, name: str, choice: StoreChoice, configuration: Configuration) -> Store:
        try:
            return choice.kind(choice.settings, StoreContext(name, self.clock, self.counters))
        except ConfigError as error:
            path = join(f"store.{name}", error.path) if error.path else f"store.{name}"
            raise ConfigError(error.message, f"{configuration.source}: {path}") from None

    def _location(self, choice: LocationChoice, configuration: Configuration) -> Location:
        try:
            return choice.kind(choice.settings, LocationContext(choice.path, self.hub, self.clock, self.wheel, self.counters))
        except ConfigError as error:
            path = join(choice.path, error.path) if error.path else choice.path
            raise ConfigError(error.message, f"{configuration.source}: {path}") from None

    def _table(self) -> Routes:
        return Routes([route for _, location in self._locations for route in location.routes()], _not_found)


def is_loopback(address: str) -> bool:
    """Whether only this machine can reach what listens on an address."""
    if address == "localhost":
        return True
    try:
        return ipaddress.ip_address(address).is_loopback
    except ValueError:
        return False


def _not_found(exchange: Exchange) -> None:
    exchange.respond(NOT_FOUND.wire())


def _started(path: str, location: Location) -> Result[None]:
    try:
        return location.start()
    except HbpushError as error:
        logger.error("%s: did not start: %s", path, error)
        return None


async def _wait(result: Result[None]) -> None:
    if isinstance(result, Future):
        await asyncio.wait_for(result, START_TIMEOUT)


async def _stop(parts: Iterable[Store | Location]) -> None:
    """Stop each, and wait for all of them together."""
    ending = []
    for part in parts:
        try:
            result = part.stop()
        except HbpushError as error:
            logger.error("%s: did not stop: %s", part.type_name, error)
            continue
        if isinstance(result, Future):
            ending.append(result)
    if not ending:
        return
    done, pending = await asyncio.wait(ending, timeout=STOP_TIMEOUT)
    for future in pending:
        future.cancel()
    for future in done:
        if not future.cancelled() and (failure := future.exception()) is not None:
            logger.error("did not stop: %s", failure)
