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
from hbpush.daemon.assembly import Assembly, is_loopback
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
