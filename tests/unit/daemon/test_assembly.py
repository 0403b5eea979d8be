"""The parts of a server: what a reload keeps, what it releases, and what happens when one cannot start."""

from __future__ import annotations

import asyncio
from asyncio import Future
from collections.abc import Callable, Coroutine
from typing import Any

import pytest

from hbpush.core.batch import Batch
from hbpush.core.clock import LoopClock
from hbpush.core.message import OLDEST, ChannelRef, Draft
from hbpush.core.result import Result
from hbpush.core.subscription import CloseReason
from hbpush.daemon.addresses import is_loopback
from hbpush.daemon.assembly import Assembly
from hbpush.daemon.configuration import Configuration, LocationChoice, StoreChoice
from hbpush.daemon.location import Location, StoreLocationSettings
from hbpush.daemon.settings import ServerSettings
from hbpush.errors import ConfigError, StoreUnavailable
from hbpush.stores.base import StoreSettings
from hbpush.stores.memory import MemoryStore
from hbpush.web.routes import Prefix, Route, Routes


class Reader:
    """A stream that notes what it gets."""

    takes = None
    claim: int | None = None

    def __init__(self, owner: object) -> None:
        self.owner = owner
        self.bodies: list[bytes] = []
        self.reason: CloseReason | None = None

    def missed(self) -> None:
        raise AssertionError("nothing is missed here")

    def joined(self) -> None:
        pass

    def deliver(self, batch: Batch) -> None:
        self.bodies += [message.body for message in batch.messages]

    def has_room(self) -> bool:
        return True

    def closed(self, reason: CloseReason) -> None:
        self.reason = reason


class PlaceSettings(StoreLocationSettings, frozen=True, forbid_unknown_fields=True, kw_only=True):
    prefix: str
    fault: str = ""


class Place(Location):
    """A location whose readers are made by the test, and that notes its life."""

    type_name = "place"
    Settings = PlaceSettings

    def __init__(self, settings: PlaceSettings, context: Any) -> None:
        super().__init__(settings, context)
        self.life: list[str] = []
        if settings.fault == "made":
            raise ConfigError("cannot be", "fault")

    def routes(self) -> list[Route]:
        return [Route(Prefix(self.settings.prefix), lambda exchange: None, bytes)]

    def start(self) -> Result[None]:
        self.life.append("started")
        if self.settings.fault == "start":
            raise StoreUnavailable("nobody there")
        return None

    def stop(self) -> Result[None]:
        self.life.append("stopped")
        if self.settings.fault == "stop":
            raise StoreUnavailable("nobody there")
        return Future() if self.settings.fault == "slow stop" else None

    def read(self) -> Reader:
        reader = Reader(self)
        self.context.hub.subscribe(ChannelRef(self.settings.store, "", "c"), reader, OLDEST)
        return reader


def failed(error: BaseException) -> Future[None]:
    future: Future[None] = asyncio.get_running_loop().create_future()
    future.set_exception(error)
    return future


class Rude(Place):
    """A location that raises what is none of our errors, at once or later."""

    type_name = "rude"

    @classmethod
    def warnings(cls, settings: PlaceSettings, loopback: bool) -> list[str]:
        if settings.fault == "warnings":
            raise ZeroDivisionError("warnings")
        return []

    def routes(self) -> list[Route]:
        if self.settings.fault == "routes":
            raise ZeroDivisionError("routes")
        return super().routes()

    def start(self) -> Result[None]:
        super().start()
        match self.settings.fault:
            case "raised at start":
                raise ZeroDivisionError("start")
            case "set at start":
                return failed(ZeroDivisionError("start"))
            case "cancelled at start":
                future: Future[None] = Future()
                future.cancel()
                return future
            case "never starts":
                return Future()
        return None

    def stop(self) -> Result[None]:
        super().stop()
        if self.settings.fault == "raised at stop":
            raise ZeroDivisionError("stop")
        return failed(ZeroDivisionError("stop")) if self.settings.fault == "set at stop" else None


class RudeStore(MemoryStore):
    """A store that raises what is none of our errors."""

    def start(self, events: Any) -> Result[None]:
        raise ZeroDivisionError("start")


class HangingStore(MemoryStore):
    """A store that never gets ready; it notes that it was stopped."""

    stopped = False

    def start(self, events: Any) -> Result[None]:
        return Future()

    def stop(self) -> Result[None]:
        HangingStore.stopped = True
        return super().stop()


class FailingStore(MemoryStore):
    """A store that cannot start; it notes that it was stopped."""

    made: list[FailingStore]

    def start(self, events: Any) -> Result[None]:
        self.stopped = False
        self.made.append(self)
        future: Future[None] = asyncio.get_running_loop().create_future()
        future.set_exception(StoreUnavailable("nobody there"))
        return future

    def stop(self) -> Result[None]:
        self.stopped = True
        return super().stop()


def memory(**options: Any) -> StoreChoice:
    return StoreChoice(MemoryStore, StoreSettings(**options))


def place(index: int, prefix: str, **options: Any) -> LocationChoice:
    return LocationChoice(f"locations[{index}]", Place, PlaceSettings(prefix=prefix, **options))


def rude(index: int, prefix: str, fault: str) -> LocationChoice:
    return LocationChoice(f"locations[{index}]", Rude, PlaceSettings(prefix=prefix, fault=fault))


def configuration(*locations: LocationChoice, **stores: StoreChoice) -> Configuration:
    return Configuration("c.yaml", ServerSettings(), stores or {"default": memory()}, locations)


class World:
    """An assembly, its places by prefix, and the route tables that it made."""

    def __init__(self, first: Configuration) -> None:
        self.tables: list[Routes] = []
        self.assembly = Assembly(first, LoopClock(asyncio.get_running_loop()), self.tables.append)

    def place(self, prefix: str) -> Place:
        return next(p for _, p in self.assembly.locations if isinstance(p, Place) and p.settings.prefix == prefix)

    def publish(self, store: str, body: bytes) -> None:
        self.assembly.hub.publish(ChannelRef(store, "", "c"), Draft(body))


def within(test: Callable[[World], Coroutine[Any, Any, None]], first: Configuration) -> None:
    async def run() -> None:
        world = World(first)
        await world.assembly.start()
        await test(world)
        await world.assembly.stop()

    asyncio.run(asyncio.wait_for(run(), 20))


async def turn() -> None:
    await asyncio.sleep(0)
    await asyncio.sleep(0)


def test_what_is_the_same_stays_the_same_object() -> None:
    async def test(world: World) -> None:
        a, b = world.place("/a"), world.place("/b")
        store = world.assembly.stores["default"]
        reader = a.read()
        kept = await world.assembly.reload(configuration(place(0, "/b"), place(1, "/new"), place(2, "/a")))
        assert kept == (1, 2, 1, 0)
        assert world.assembly.stores["default"] is store
        assert [world.place("/a"), world.place("/b")] == [a, b]
        assert (a.life, b.life) == (["started"], ["started"])
        assert a.context.path == "locations[2]"
        assert [route.pattern.text for route in world.tables[-1].routes] == ["/b", "/new", "/a"]
        world.publish("default", b"1")
        await turn()
        assert (reader.bodies, reader.reason) == ([b"1"], None)

    within(test, configuration(place(0, "/a"), place(1, "/b")))


def test_two_locations_of_the_same_settings_are_two() -> None:
    async def test(world: World) -> None:
        first, second = (location for _, location in world.assembly.locations)
        assert await world.assembly.reload(configuration(place(0, "/a"))) == (1, 1, 0, 1)
        assert [location for _, location in world.assembly.locations] == [first]
        assert isinstance(second, Place)
        assert second.life == ["started", "stopped"]

    within(test, configuration(place(0, "/a"), place(1, "/a")))


def test_a_changed_location_releases_its_clients_and_no_others() -> None:
    async def test(world: World) -> None:
        a, b = world.place("/a"), world.place("/b")
        readers = a.read(), b.read()
        world.publish("default", b"before")
        await world.assembly.reload(configuration(place(0, "/a2"), place(1, "/b")))
        assert [reader.reason for reader in readers] == [CloseReason.SHUTDOWN, None]
        assert readers[0].bodies == [b"before"]
        assert (a.life, b.life) == (["started", "stopped"], ["started"])
        assert world.place("/a2").read().bodies == [b"before"]

    within(test, configuration(place(0, "/a"), place(1, "/b")))


def test_a_changed_store_takes_its_locations_along() -> None:
    async def test(world: World) -> None:
        on_default, on_other = world.place("/a"), world.place("/b")
        readers = on_default.read(), on_other.read()
        world.publish("default", b"1")
        world.publish("other", b"2")
        await turn()
        changed = configuration(place(0, "/a"), place(1, "/b", store="other"), default=memory(max_messages=7), other=memory())
        assert await world.assembly.reload(changed) == (1, 1, 1, 1)
        assert [reader.reason for reader in readers] == [CloseReason.SHUTDOWN, None]
        assert world.place("/a") is not on_default
        assert world.place("/a").read().bodies == []
        assert world.place("/b").read().bodies == [b"2"]
        world.publish("default", b"3")
        await turn()
        assert readers[0].bodies == [b"1"]

    within(test, configuration(place(0, "/a"), place(1, "/b", store="other"), default=memory(), other=memory()))


def test_a_location_that_cannot_be_made_changes_nothing() -> None:
    async def test(world: World) -> None:
        reader = world.place("/a").read()
        with pytest.raises(ConfigError, match=r"^c\.yaml: locations\[0\]\.fault: cannot be$"):
            await world.assembly.reload(configuration(place(0, "/x", fault="made")))
        assert (reader.reason, len(world.tables)) == (None, 1)
        assert world.place("/a").life == ["started"]

    within(test, configuration(place(0, "/a")))


def test_a_store_that_cannot_start_changes_nothing_and_is_stopped() -> None:
    async def test(world: World) -> None:
        FailingStore.made = []
        store = world.assembly.stores["default"]
        with pytest.raises(StoreUnavailable):
            await world.assembly.reload(configuration(default=StoreChoice(FailingStore, StoreSettings())))
        assert [failed.stopped for failed in FailingStore.made] == [True]
        assert world.assembly.stores == {"default": store}
        assert world.place("/a").life == ["started"]

    within(test, configuration(place(0, "/a")))


def test_a_location_that_cannot_start_or_stop_at_a_reload_is_logged(expected_logs: Callable[[str], None]) -> None:
    async def test(world: World) -> None:
        await world.assembly.reload(configuration(place(0, "/b", fault="start"), place(1, "/c")))
        assert world.place("/c").life == ["started"]

    expected_logs(r"ERROR hbpush: locations\[0\]: did not start: nobody there")
    expected_logs(r"ERROR hbpush: place: did not stop: nobody there")
    within(test, configuration(place(0, "/a", fault="stop")))


@pytest.mark.parametrize(
    ("fault", "told"),
    [
        ("raised at start", r"locations\[0\]: did not start\n(.*\n)+ZeroDivisionError: start"),
        ("set at start", r"locations\[0\]: did not start\n(.*\n)*ZeroDivisionError: start"),
        ("cancelled at start", r"locations\[0\]: did not start: its start was cancelled"),
    ],
)
def test_a_reload_goes_on_when_a_plug_in_raises_anything_at_its_start(expected_logs: Callable[[str], None], fault: str, told: str) -> None:
    async def test(world: World) -> None:
        left, store = world.place("/a"), world.assembly.stores["default"]
        changed = configuration(rude(0, "/b", fault), place(1, "/c"), default=memory(max_messages=7))
        assert await world.assembly.reload(changed) == (0, 0, 2, 1)
        assert (left.life, world.place("/c").life) == (["started", "stopped"], ["started"])
        assert [route.pattern.text for route in world.tables[-1].routes] == ["/b", "/c"]
        assert not is_started(store)
        assert is_started(world.assembly.stores["default"])

    expected_logs(told)
    within(test, configuration(place(0, "/a")))


def is_started(store: Any) -> bool:
    """Whether a memory store announces what is published."""
    return store._events is not None


@pytest.mark.parametrize("fault", ["raised at stop", "set at stop"])
def test_a_plug_in_that_raises_anything_at_its_stop_keeps_no_other_part(expected_logs: Callable[[str], None], fault: str) -> None:
    async def run() -> None:
        world = World(configuration(rude(0, "/a", fault), rude(1, "/b", fault), place(2, "/c")))
        await world.assembly.start()
        last, store = world.place("/c"), world.assembly.stores["default"]
        await world.assembly.reload(configuration(rude(0, "/b", fault), place(1, "/c")))
        await world.assembly.stop()
        assert last.life == ["started", "stopped"]
        assert not is_started(store)

    expected_logs(r"rude: did not stop\n(.*\n)*ZeroDivisionError: stop")
    asyncio.run(asyncio.wait_for(run(), 20))


def test_routes_that_cannot_be_told_change_nothing() -> None:
    async def test(world: World) -> None:
        reader, store = world.place("/a").read(), world.assembly.stores["default"]
        with pytest.raises(ZeroDivisionError):
            await world.assembly.reload(configuration(rude(0, "/b", "routes"), default=memory(max_messages=7)))
        assert (reader.reason, len(world.tables)) == (None, 1)
        assert world.place("/a").life == ["started"]
        assert world.assembly.stores == {"default": store}

    within(test, configuration(place(0, "/a")))


def test_warnings_that_cannot_be_told_are_left_out(expected_logs: Callable[[str], None]) -> None:
    async def test(world: World) -> None:
        assert world.assembly.warnings("127.0.0.1") == []

    expected_logs(r"locations\[0\]: its warnings are not known\n(.*\n)+ZeroDivisionError: warnings")
    within(test, configuration(rude(0, "/a", "warnings")))


def test_a_start_that_a_plug_in_fails_stops_what_was_started() -> None:
    async def run() -> None:
        world = World(configuration(place(0, "/a"), rude(1, "/b", "raised at start")))
        with pytest.raises(ZeroDivisionError):
            await world.assembly.start()
        assert [world.place(prefix).life for prefix in ("/a", "/b")] == [["started", "stopped"]] * 2
        assert not is_started(world.assembly.stores["default"])

    asyncio.run(run())


def test_a_reload_whose_store_raises_anything_changes_nothing() -> None:
    async def test(world: World) -> None:
        with pytest.raises(ZeroDivisionError):
            await world.assembly.reload(configuration(default=StoreChoice(RudeStore, StoreSettings())))
        assert world.place("/a").life == ["started"]

    within(test, configuration(place(0, "/a")))


async def cancelled_in(world: World, changed: Configuration) -> None:
    reloading = asyncio.ensure_future(world.assembly.reload(changed))
    await turn()
    reloading.cancel()
    with pytest.raises(asyncio.CancelledError):
        await reloading


def test_a_reload_that_is_cancelled_stops_its_new_stores() -> None:
    async def test(world: World) -> None:
        HangingStore.stopped = False
        await cancelled_in(world, configuration(place(0, "/b"), default=StoreChoice(HangingStore, StoreSettings())))
        assert HangingStore.stopped
        assert world.place("/a").life == ["started"]

    within(test, configuration(place(0, "/a")))


def test_a_reload_that_is_cancelled_late_stops_what_has_left() -> None:
    async def test(world: World) -> None:
        left, store = world.place("/a"), world.assembly.stores["default"]
        await cancelled_in(world, configuration(rude(0, "/b", "never starts"), default=memory(max_messages=7)))
        assert left.life == ["started", "stopped"]
        assert not is_started(store)

    within(test, configuration(place(0, "/a")))


def test_stopping_does_not_wait_for_ever() -> None:
    async def test(world: World) -> None:
        pass

    within(test, configuration(place(0, "/a", fault="slow stop")))


def test_what_was_started_is_stopped_when_the_rest_cannot_start() -> None:
    async def run() -> None:
        world = World(configuration(place(0, "/a"), place(1, "/b", fault="start"), place(2, "/c")))
        with pytest.raises(StoreUnavailable):
            await world.assembly.start()
        assert [world.place(prefix).life for prefix in ("/a", "/b", "/c")] == [["started", "stopped"], ["started", "stopped"], []]
        assert world.tables == []

    asyncio.run(run())


def test_everybody_is_told_when_the_server_goes() -> None:
    async def test(world: World) -> None:
        readers = world.place("/a").read(), world.place("/b").read()
        world.assembly.release()
        assert [reader.reason for reader in readers] == [CloseReason.SHUTDOWN] * 2

    within(test, configuration(place(0, "/a"), place(1, "/b")))


@pytest.mark.parametrize(
    ("address", "loopback"),
    [("127.0.0.1", True), ("127.1.2.3", True), ("::1", True), ("localhost", True), ("", False), ("0.0.0.0", False), ("example.org", False)],
)
def test_what_only_this_machine_reaches(address: str, loopback: bool) -> None:
    assert is_loopback(address) is loopback
