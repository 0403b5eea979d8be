"""Sessions under a clock that is driven by hand: queue, transports, heartbeats, expiry, and the feed that joins them to the hub."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from typing import Any

import pytest

from hbpush.core.batch import Batch
from hbpush.core.clock import TimerWheel
from hbpush.core.counters import Counters
from hbpush.core.hub import Hub
from hbpush.core.message import NEWEST, OLDEST, ChannelRef, Draft, Message, MessageId
from hbpush.core.subscription import CloseReason
from hbpush.session.deadlines import AT_ONCE, Deadlines
from hbpush.session.feed import Feed
from hbpush.session.outbox import Outbox, Room
from hbpush.session.registry import FLUSHED_AT_ONCE, Registry, Terms
from hbpush.session.session import Session
from hbpush.session.transport import End
from hbpush.stores.base import StoreContext, StoreSettings
from hbpush.stores.memory import MemoryStore
from tests.conftest import ExpectedLogs
from tests.support.clock import ManualClock

NEWS = ChannelRef("default", "", "news")


class Plain:
    """A shape: bodies are packets."""

    def __init__(self) -> None:
        self.made = 0

    def packets(self, messages: Sequence[Message]) -> list[str]:
        self.made += 1
        return [message.body.decode() for message in messages]


class Carrier:
    """A transport that remembers."""

    def __init__(self, single: bool = False) -> None:
        self.single = single
        self.room = True
        self.told: list[Any] = []

    def has_room(self) -> bool:
        return self.room

    def send(self, packets: Sequence[str]) -> None:
        self.told.append(list(packets))

    def broadcast(self, batch: Batch, shape: Any) -> None:
        self.told.append(tuple(batch.packets(shape.packets)))

    def displaced(self) -> None:
        self.told.append("displaced")

    def end(self, packets: Sequence[str], why: End) -> None:
        self.told.append((list(packets), why))


class Client(Session):
    """A protocol whose heartbeat is ``h`` and whose farewell is ``c``."""

    def __init__(self, registry: Registry[Any]) -> None:
        super().__init__(registry)
        self.ends: list[End] = []

    def beat(self) -> None:
        self.send("h")

    def farewell(self, why: End) -> Sequence[str]:
        return [] if why is End.SLOW else ["c"]

    def closed(self, why: End) -> None:
        self.ends.append(why)


class House:
    """A registry, a hub and their time."""

    def __init__(self, **terms: Any) -> None:
        self.clock = ManualClock()
        self.wheel = TimerWheel(self.clock)
        self.counters = Counters(self.clock)
        self.registry: Registry[Client] = Registry(self.clock, self.wheel, self.counters, Terms(**terms))
        store = MemoryStore(StoreSettings(), StoreContext("default", self.clock, self.counters))
        self.hub = Hub({"default": store}, self.clock)
        store.start(self.hub)

    def client(self) -> Client:
        return Client(self.registry)

    def publish(self, *bodies: bytes) -> None:
        for body in bodies:
            self.hub.publish(NEWS, Draft(body))


@pytest.fixture(autouse=True)
def loop() -> Iterator[None]:
    with asyncio.Runner() as runner:
        runner.get_loop()
        yield


def test_packets_of_one_turn_go_out_together() -> None:
    house = House()
    client, carrier = house.client(), Carrier()
    client.attach(carrier)
    client.send("a")
    client.send("b")
    assert carrier.told == []
    house.clock.run_until_idle()
    client.send("c")
    house.clock.run_until_idle()
    assert carrier.told == [["a", "b"], ["c"]]


def test_what_waits_goes_out_when_there_is_a_transport() -> None:
    house = House()
    client = house.client()
    client.send("a")
    client.send("b")
    house.clock.run_until_idle()
    poll = Carrier(single=True)
    client.attach(poll)
    assert poll.told == [["a", "b"]]
    assert client.transport is None
    client.send("c")
    again = Carrier(single=True)
    client.attach(again)
    assert again.told == [["c"]]


def test_the_newest_transport_displaces_the_one_before() -> None:
    house = House()
    client, old, new = house.client(), Carrier(), Carrier()
    client.attach(old)
    client.attach(new)
    client.detach(old)
    client.send("a")
    house.clock.run_until_idle()
    assert (old.told, new.told) == (["displaced"], [["a"]])


def test_broadcast_keeps_the_order() -> None:
    house = House()
    shape = Plain()
    client, carrier = house.client(), Carrier()
    client.attach(carrier)
    batch = Batch([_message(b"m")])
    client.broadcast(batch, shape)
    client.send("a")
    client.broadcast(batch, shape)
    house.clock.run_until_idle()
    assert carrier.told == [("m",), ["a", "m"]]
    assert shape.made == 1
    client.detach(carrier)
    client.broadcast(batch, shape)
    poll = Carrier(single=True)
    client.attach(poll)
    client.attach(held := Carrier(single=True))
    client.broadcast(batch, shape)
    assert (poll.told, held.told) == ([["m"]], [("m",)])
    assert client.transport is None


@pytest.mark.parametrize("before", [["x" * 50], ["x"] * 3])
def test_a_full_outbox_closes_the_session_as_slow(before: list[str]) -> None:
    house = House(room=Room(10, 3))
    client = house.client()
    for packet in before:
        client.send(packet)
    house.clock.run_until_idle()
    assert client.ends == []
    client.send("y")
    client.send("z")
    assert client.state
    assert client.outbox.packets == []
    assert client.ends == []
    house.clock.run_until_idle()
    assert client.ends == [End.SLOW]
    assert len(house.registry) == 0
    assert house.counters.counts["slow_session"] == 1
    client.attach(carrier := Carrier())
    client.send("never")
    house.clock.run_until_idle()
    assert carrier.told == [([], End.PEER)]


@pytest.mark.parametrize("attached", [True, False])
def test_what_is_sent_in_one_turn_counts_as_one_packet(attached: bool) -> None:
    house = House(room=Room(10, 3))
    client, carrier = house.client(), Carrier()
    if attached:
        client.attach(carrier)
    for turn in range(3):
        for number in range(100):
            client.send(f"{turn} {number}")
        if not attached:
            house.clock.run_until_idle()
            client.attach(carrier)
            client.detach(carrier)
        house.clock.run_until_idle()
    assert carrier.told == [[f"{turn} {number}" for number in range(100)] for turn in range(3)]
    assert client.ends == []


def test_messages_of_one_turn_count_as_one_packet() -> None:
    house = House(room=Room(10, 3))
    shape = Plain()
    client = house.client()
    for number in range(100):
        client.broadcast(Batch([_message(b"%d" % number)]), shape)
    client.send("behind them")
    house.clock.run_until_idle()
    assert client.ends == []
    assert client.outbox.packets == [*map(str, range(100)), "behind them"]
    client.broadcast(Batch([_message(b"too much")]), shape)
    assert client.ends == []
    house.clock.run_until_idle()
    assert client.ends == [End.SLOW]


def test_a_full_session_hears_of_no_channel_any_more() -> None:
    house = House(room=Room(10, 3))
    client = house.client()
    feed = Feed(house.hub, NEWS, client, Plain(), None, lambda *_: None)
    client.feeds = {NEWS: feed}
    feed.join(NEWEST)
    client.send("x" * 50)
    house.clock.run_until_idle()
    client.send("y")
    assert house.hub.listening(NEWS) == 0
    assert client.ends == []


@pytest.mark.parametrize("single", [True, False])
def test_a_transport_that_comes_when_a_session_is_overrun(single: bool) -> None:
    house = House(room=Room(10, 3))
    client, carrier = house.client(), Carrier(single)
    client.send("x" * 50)
    house.clock.run_until_idle()
    client.send("y")
    client.attach(carrier)
    assert carrier.told == [([], End.PEER)]
    house.clock.run_until_idle()
    assert client.ends == [End.SLOW]


def test_a_client_that_leaves_when_its_session_is_overrun() -> None:
    house = House(room=Room(10, 3))
    client = house.client()
    client.send("x" * 50)
    house.clock.run_until_idle()
    client.send("y")
    client.expire()
    house.clock.run_until_idle()
    assert client.ends == [End.EXPIRED]
    assert len(house.registry) == 0


def test_outbox_counts_bytes() -> None:
    outbox, room = Outbox(), Room(8, 100)
    outbox.add("ab")
    outbox.add("жж")
    assert outbox.size == 6
    outbox.turn(room)
    assert not outbox.full
    outbox.extend(["x" * 50])
    assert outbox.size == 56
    assert not outbox.full
    outbox.turn(room)
    assert outbox.full
    assert not outbox.under_half(room)
    assert outbox.take() == ["ab", "жж", "x" * 50]
    assert outbox.under_half(room)


def test_close_with_a_transport() -> None:
    house = House()
    client, carrier = house.client(), Carrier()
    client.attach(carrier)
    client.send("a")
    client.close(End.APPLICATION)
    client.close(End.FAULT)
    assert carrier.told == [(["a", "c"], End.APPLICATION)]
    assert client.ends == [End.APPLICATION]
    assert len(house.registry) == 0
    house.clock.run_until_idle()
    assert len(carrier.told) == 1


def test_close_between_two_polls_waits_for_the_next_one() -> None:
    house = House()
    client = house.client()
    client.send("a")
    client.close(End.APPLICATION)
    assert client.ends == [End.APPLICATION]
    assert house.registry.get(client.id) is client
    poll = Carrier(single=True)
    client.attach(poll)
    assert poll.told == [(["a", "c"], End.PEER)]
    assert house.registry.get(client.id) is None


def test_close_between_two_polls_that_nobody_comes_for() -> None:
    house = House(expiry=30)
    client = house.client()
    client.close(End.APPLICATION)
    house.clock.advance(32)
    assert len(house.registry) == 0
    assert client.ends == [End.APPLICATION]


def test_expiry() -> None:
    house = House(expiry=30)
    client, carrier = house.client(), Carrier()
    house.clock.advance(20)
    client.attach(carrier)
    house.clock.advance(100)
    client.detach(carrier)
    house.clock.advance(29)
    assert client.ends == []
    house.clock.advance(3)
    assert client.ends == [End.EXPIRED]
    assert len(house.registry) == 0
    assert house.clock.waiting() == 0


def test_heartbeats() -> None:
    house = House(heartbeat=12, missed=2)
    client, carrier = house.client(), Carrier()
    client.attach(carrier)
    house.registry.heartbeats.start(client)
    for _ in range(4):
        house.clock.advance(13)
        house.clock.run_until_idle()
        client.unheard = 0
    assert carrier.told == [["h"]] * 4
    house.registry.heartbeats.postpone(client)
    house.clock.advance(11)
    house.clock.run_until_idle()
    assert len(carrier.told) == 4
    house.clock.advance(40)
    house.clock.run_until_idle()
    assert client.ends == [End.SILENT]
    assert len(house.registry.heartbeats) == 0
    assert house.counters.counts["silent_session"] == 1


def test_registry_is_bounded_and_counts() -> None:
    house = House(max_sessions=2)
    first, second = house.client(), house.client()
    assert house.registry.full()
    assert house.registry.get(first.id) is first
    assert len({first.id, second.id}) == 2
    assert len(first.id) == 32
    first.close(End.LEFT)
    assert not house.registry.full()
    house.client()
    assert (house.registry.opened, house.registry.most, len(house.registry)) == (3, 2, 2)
    house.registry.close(End.SHUTDOWN)
    assert len(house.registry) == 0
    assert second.ends == [End.SHUTDOWN]


def test_flushes_leave_room_for_others() -> None:
    house = House()
    carriers = []
    for _ in range(FLUSHED_AT_ONCE + 1):
        client, carrier = house.client(), Carrier()
        client.attach(carrier)
        client.send("a")
        carriers.append(carrier)
    house.clock.run_soon()
    assert [len(carrier.told) for carrier in carriers] == [1] * FLUSHED_AT_ONCE + [0]
    house.clock.run_soon()
    assert carriers[-1].told == [["a"]]


def test_deadlines(expected_logs: ExpectedLogs) -> None:
    expected_logs("a time-out failed")
    clock = ManualClock()
    called: list[int] = []

    def due(number: int) -> None:
        called.append(number)
        if number == 1:
            deadlines.take(2)
            raise RuntimeError("boom")
        if number == 3:
            deadlines.put(3)

    deadlines: Deadlines[int] = Deadlines(clock, TimerWheel(clock), 10, due)
    for number in (1, 2, 3):
        deadlines.put(number)
    clock.advance(9)
    assert called == []
    clock.advance(2)
    assert called == [1, 3]
    clock.advance(5)
    deadlines.put(3)
    clock.advance(8)
    assert called == [1, 3]
    clock.advance(5)
    assert called == [1, 3, 3]
    deadlines.clear()
    # The wheel turns to where the last entry was, and then rests.
    clock.advance(12)
    assert called == [1, 3, 3]
    assert clock.waiting() == 0


def test_many_deadlines_at_a_time() -> None:
    clock = ManualClock()
    called: list[int] = []
    deadlines: Deadlines[int] = Deadlines(clock, TimerWheel(clock), 10, called.append)
    for number in range(AT_ONCE * 3):
        deadlines.put(number)
    clock.advance(13)
    assert called == list(range(AT_ONCE * 3))


def test_feed() -> None:
    house = House()
    told: list[CloseReason | None] = []
    house.publish(b"1", b"2")
    client, carrier = house.client(), Carrier()
    client.attach(carrier)
    feed = Feed(house.hub, NEWS, client, Plain(), "owner", lambda _, reason: told.append(reason))
    client.feeds = {"news": feed}
    feed.join(OLDEST)
    house.clock.run_until_idle()
    assert carrier.told == [("1", "2")]
    house.publish(b"3")
    house.publish(b"4")
    house.clock.run_until_idle()
    assert carrier.told[1:] == [("3", "4")]
    house.hub.gap(NEWS)
    house.hub.release(CloseReason.SHUTDOWN, "owner")
    assert told == [None, CloseReason.SHUTDOWN]
    feed.join(NEWEST)
    client.close(End.PEER)
    assert house.hub.listening(NEWS) == 0


def test_who_subscribes_again_while_a_message_is_on_its_way_has_it_once() -> None:
    house = House()
    client, carrier = house.client(), Carrier()
    client.attach(carrier)
    before, again, other = [Feed(house.hub, NEWS, client, Plain(), None, lambda *_: None) for _ in range(3)]
    before.join(NEWEST)
    house.publish(b"1")
    # From here on it is on its way to the first.
    other.join(NEWEST)
    other.leave()
    before.leave()
    again.join(OLDEST)
    house.clock.run_until_idle()
    assert carrier.told == [("1",)]


def test_history_is_pulled_when_there_is_room() -> None:
    house = House(room=Room(1000, 10_000))
    for number in range(500):
        house.publish(b"%d" % number)
    client = house.client()
    feed = Feed(house.hub, NEWS, client, Plain(), None, lambda *_: None)
    client.feeds = {"news": feed}
    feed.join(OLDEST)
    house.clock.run_until_idle()
    assert 0 < len(client.outbox.packets) < 500
    got: list[str] = []
    while client.outbox.packets:
        poll = Carrier(single=True)
        client.attach(poll)
        got += poll.told[0]
        house.clock.run_until_idle()
    assert got == [str(number) for number in range(500)]
    stream = Carrier()
    stream.room = False
    client.attach(stream)
    assert not client.has_room()
    stream.room = True
    client.drained()
    assert not client.starved


def test_history_of_many_channels_does_not_make_a_session_slow() -> None:
    house = House(room=Room(1000, 10_000))
    refs = [ChannelRef("default", "", str(number)) for number in range(10)]
    for ref in refs:
        for number in range(200):
            house.hub.publish(ref, Draft(b"%d" % number))
    client = house.client()
    client.feeds = {ref: Feed(house.hub, ref, client, Plain(), None, lambda *_: None) for ref in refs}
    for feed in client.feeds.values():
        feed.join(MessageId(1, 0))
    house.clock.run_until_idle()
    assert client.outbox.size < 2000
    got: list[str] = []
    while client.outbox.packets:
        poll = Carrier(single=True)
        client.attach(poll)
        got += poll.told[0]
        house.clock.run_until_idle()
    assert client.ends == []
    assert sorted(got) == sorted([str(number) for number in range(200)] * 10)
    assert all(feed.live for feed in client.feeds.values())
    house.hub.publish(refs[-1], Draft(b"live"))
    house.clock.run_until_idle()
    assert client.outbox.packets == ["live"]


def _message(body: bytes) -> Message:
    return Message(NEWS, MessageId(1, 0), MessageId(0, 0), body)


class Lingering(Client):
    """Tells whoever comes that it is over, until it expires."""

    @property
    def lingers(self) -> bool:
        return True

    def farewell(self, why: End) -> Sequence[str]:
        return []


@pytest.mark.parametrize("attached", [True, False])
def test_a_session_that_lingers_tells_every_transport_that_it_is_over(attached: bool) -> None:
    house = House(expiry=30)
    session = Lingering(house.registry)
    first = Carrier()
    if attached:
        session.attach(first)
    session.send("last")
    session.close(End.APPLICATION)
    if not attached:
        session.attach(first)
    assert first.told == [(["last"], End.APPLICATION if attached else End.PEER)]
    house.clock.advance(20)
    second = Carrier()
    session.attach(second)
    assert second.told == [([], End.PEER)]
    house.clock.advance(20)
    assert house.registry.get(session.id) is session
    house.clock.advance(11)
    assert house.registry.get(session.id) is None
    assert session.ends == [End.APPLICATION]


def test_a_session_whose_client_has_left_does_not_linger() -> None:
    house = House()
    session = Lingering(house.registry)
    session.close(End.LEFT)
    assert len(house.registry) == 0
