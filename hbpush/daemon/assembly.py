"""The living parts of a server, made from a configuration and changed when another one is read: stores, hub, locations, routes.

It knows no socket and no signal. A part whose configuration is the same in both stays the same object, so a store keeps its messages and a
location its clients.

Parts may be plug-ins, which raise whatever they like. Before anything has changed that is the caller's to hear; when a server has changed,
or goes, it is one line in the log.
"""

from __future__ import annotations

import asyncio
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
from hbpush.daemon.addresses import is_loopback
from hbpush.daemon.configuration import OTHER_VARIABLES, SERVER_VARIABLES, Configuration, LocationChoice, StoreChoice
from hbpush.daemon.location import Location, LocationContext
from hbpush.daemon.options import join, nearest
from hbpush.daemon.routes_check import Placed, hidden
from hbpush.daemon.site import Site
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
        self.site = Site()
        self.site.started = clock.time()
        """What locations may see of all this."""
        self._publish_routes = publish_routes
        self._stores: dict[str, Store] = {name: self._store(name, choice, configuration) for name, choice in configuration.stores.items()}
        self.site.stores = self._stores
        self.hub = Hub(self._stores, clock)
        self._locations: list[tuple[LocationChoice, Location]] = [
            (choice, self._location(choice, configuration)) for choice in configuration.locations
        ]
        self.site.locations = [location for _, location in self._locations]
        self._placed = _placed(self._locations)
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

    @property
    def troubles(self) -> dict[str, str]:
        """The stores that cannot serve now, by their names, and why: the server is ready when there is none."""
        return {name: trouble for name, store in self._stores.items() if (trouble := store.trouble)}

    async def start(self) -> None:
        """Start stores, then locations. Raises HbpushError, TimeoutError and what a plug-in raises; what was started is then stopped."""
        started: list[Store | Location] = []
        try:
            for store in self._stores.values():
                started.append(store)
                await _wait(store.start(self.hub))
            for _, location in self._locations:
                started.append(location)
                await _wait(location.start())
        except BaseException:
            await _stop(reversed(started))
            raise
        self._running = True
        self._publish_routes(self.routes)

    def release(self) -> None:
        """Tell every subscriber that the server goes."""
        self.site.closing = True
        try:
            self.hub.release(CloseReason.SHUTDOWN)
        except Exception as error:  # noqa: BLE001 - a plug-in's subscriber: the server goes all the same
            _report("subscribers were not all told that the server goes", error)
        for _, location in self._locations:
            _tell(location)

    async def stop(self) -> None:
        """Stop locations, then stores, in bounded time. Harmless when nothing was started."""
        if not self._running:
            return
        self._running = False
        try:
            await _stop([location for _, location in self._locations])
        finally:
            await _stop(list(self._stores.values()))
            self.wheel.stop()

    async def reload(self, configuration: Configuration) -> Kept:
        """Become what another configuration says. Raises HbpushError, or what a plug-in raises, before anything has changed, and
        nothing afterwards.

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
        placed = _placed(locations)
        try:
            for store in new_stores:
                await _wait(store.start(self.hub))
        except BaseException:
            await _stop(new_stores)
            raise

        for location in leaving:
            self._release(location)
        old_stores = [store for name, store in self._stores.items() if stores.get(name) is not store]
        self._stores.clear()
        self._stores.update(stores)
        self._locations = locations
        self.site.locations = [location for _, location in locations]
        self._placed = placed
        self.configuration = configuration
        for choice, location in locations:
            location.context = msgspec.structs.replace(location.context, path=choice.path)
        starting = [(path, _started(path, location)) for path, location in new]
        self.routes = self._table()
        self._publish_routes(self.routes)

        try:
            for path, result in starting:
                try:
                    await _wait(result)
                except Exception as error:  # noqa: BLE001 - a plug-in's: the others go on
                    _report(f"{path}: did not start", error)
        finally:
            await _stop([*leaving, *old_stores])
        return Kept(len(stores) - len(new_stores), len(locations) - len(new), len(new), len(leaving))

    def warnings(self, address: str) -> list[str]:
        """What an operator should know about this configuration on a server that listens on ``address``, one line each."""
        lines = [] if self._locations else ["locations: there are none, so every request is answered 404"]
        known = (*SERVER_VARIABLES, *OTHER_VARIABLES)
        lines += [
            f"{name}: is no variable of the server's; {nearest(name, known)}those are {', '.join(known)} and HBPUSH_STORE_..."
            for name in self.configuration.unknown_variables
        ]
        lines += hidden(self._placed)
        for choice, _ in self._locations:
            try:
                lines += [f"{choice.path}: {line}" for line in choice.kind.warnings(choice.settings, is_loopback(address))]
            except Exception as error:  # noqa: BLE001 - a plug-in's: what it has to say is not worth the server
                _report(f"{choice.path}: its warnings are not known", error)
        return lines

    def _release(self, location: Location) -> None:
        try:
            self.hub.release(CloseReason.SHUTDOWN, location)
        except Exception as error:  # noqa: BLE001 - a plug-in's subscriber: the reload goes on
            _report(f"{location.context.path}: its subscribers were not all told", error)
        _tell(location)

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
            return choice.kind(choice.settings, LocationContext(choice.path, self.hub, self.clock, self.wheel, self.counters, self.site))
        except ConfigError as error:
            path = join(choice.path, error.path) if error.path else choice.path
            raise ConfigError(error.message, f"{configuration.source}: {path}") from None

    def _table(self) -> Routes:
        return Routes([route for placed in self._placed for route in placed.routes], _not_found)


def _not_found(exchange: Exchange) -> None:
    exchange.respond(NOT_FOUND.wire())


def _placed(locations: Iterable[tuple[LocationChoice, Location]]) -> list[Placed]:
    return [Placed(choice.path, choice.kind.type_name, list(location.routes()), choice.kind.place) for choice, location in locations]


def _started(path: str, location: Location) -> Result[None]:
    try:
        return location.start()
    except Exception as error:  # noqa: BLE001 - a plug-in's: the others go on
        _report(f"{path}: did not start", error)
        return None


async def _wait(result: Result[None]) -> None:
    """Wait for the start of a part. Raises what the part raises, TimeoutError, and HbpushError when the part gave up by itself."""
    if not isinstance(result, Future):
        return
    try:
        await asyncio.wait_for(result, START_TIMEOUT)
    except asyncio.CancelledError:
        task = asyncio.current_task()
        if task is None or task.cancelling():
            if result.done() and not result.cancelled() and (failure := result.exception()) is not None:
                _report("what was starting failed when it was told to leave off", failure)
            raise
        raise HbpushError("its start was cancelled") from None


def _tell(location: Location) -> None:
    try:
        location.release()
    except Exception as error:  # noqa: BLE001 - a plug-in's: the others are told all the same
        _report(f"{location.context.path}: its clients were not all told", error)


async def _stop(parts: Iterable[Store | Location]) -> None:
    """Stop each, and wait for all of them together. What they raise is logged."""
    ending: dict[Future[None], str] = {}
    for part in parts:
        try:
            result = part.stop()
        except Exception as error:  # noqa: BLE001 - a plug-in's: the others are stopped all the same
            _report(f"{part.type_name}: did not stop", error)
            continue
        if isinstance(result, Future):
            ending[result] = f"{part.type_name}: did not stop"
    if not ending:
        return
    done, pending = await asyncio.wait(ending, timeout=STOP_TIMEOUT)
    for future in pending:
        future.cancel()
    for future in done:
        if not future.cancelled() and (failure := future.exception()) is not None:
            _report(ending[future], failure)


def _report(what: str, error: BaseException) -> None:
    """Log what a part did, in one line: the reason it gives, or where something that is none of our errors was raised."""
    if isinstance(error, HbpushError | TimeoutError):
        logger.error("%s: %s", what, str(error) or "no answer")
    else:
        logger.error("%s", what, exc_info=error)
