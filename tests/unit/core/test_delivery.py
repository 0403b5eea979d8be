"""Deliveries by themselves: one batch a tick, slices, those who join meanwhile, and what piles up."""

from __future__ import annotations

from dataclasses import dataclass, field

import pytest

from hbpush.core import delivery
from hbpush.core.channel import Channel
from hbpush.core.counters import Counters
from hbpush.core.delivery import Deliveries
from hbpush.core.message import ChannelRef, Draft, Message
from hbpush.core.subscription import Subscriber
from hbpush.stores.base import StoreContext, StoreSettings
from hbpush.stores.memory import MemoryStore
from tests.support.clock import ManualClock
from tests.support.listener import Listener, poll

NEWS = ChannelRef("default", "", "news")


@dataclass
class Told:
    """What a store tells, and the channel that it tells of."""

    deliveries: Deliveries
    channel: Channel | None = None

    def deliver(self, message: Message) -> None:
        channel = self.channel
        assert channel is not None
        if not channel.pending:
            self.deliveries.wake(channel)
        channel.pending.append(message)

    def deleted(self, ref: ChannelRef) -> None:
        raise AssertionError("nobody deletes")

    def gap(self, ref: ChannelRef) -> None:
        raise AssertionError("a memory store loses nothing")

    def displaced(self, ref: ChannelRef, number: int) -> None:
        raise AssertionError("nobody is displaced")


@dataclass
class Stage:
    """A channel, its store, and the deliveries on a clock that is turned by hand."""

    clock: ManualClock = field(default_factory=ManualClock)
    failed: list[tuple[Subscriber, bool]] = field(default_factory=list)
    ended: int = 0

    def __post_init__(self) -> None:
        self.deliveries = Deliveries(self.clock, lambda _, subscriber, log: self.failed.append((subscriber, log)), self._end)
        self.store = MemoryStore(StoreSettings(), StoreContext("default", self.clock, Counters(self.clock)))
        told = Told(self.deliveries)
        self.store.start(told)
        self.store.watch(NEWS)
        self.channel = told.channel = Channel(NEWS, self.store)

    def _end(self, channel: Channel) -> None:
        assert channel is self.channel
        self.ended += 1

    def join(self, *listeners: Listener) -> None:
        """Join as a newcomer does: on a clean boundary."""
        if self.channel.pending:
            self.deliveries.divide(self.channel)
        for each in listeners:
            (self.channel.polls if each.takes else self.channel.streams)[each] = None

    def publish(self, *bodies: bytes) -> None:
        for body in bodies:
            self.store.publish(NEWS, Draft(body))


def test_a_newcomer_holds_nobody_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(delivery, "SLICE", 10)
    stage = Stage()
    crowd = [Listener() for _ in range(25)]
    stage.join(*crowd)
    stage.publish(b"a")
    newcomer = Listener()
    stage.join(newcomer)
    # Joining has called none of them.
    assert [len(each.told) for each in crowd] == [0] * 25
    stage.publish(b"b")
    served = []
    while stage.clock.run_soon():
        served.append(sum(len(each.told) for each in (*crowd, newcomer)))
    assert served == [10, 20, 30, 40, 50, 51]
    assert [each.told for each in crowd] == [[[b"a"], [b"b"]]] * 25
    assert newcomer.told == [[b"b"]]


def test_a_poll_that_was_there_takes_what_was_pending_and_a_later_one_what_follows() -> None:
    stage = Stage()
    early, late = poll(), poll()
    stage.join(early)
    stage.publish(b"a", b"b")
    stage.join(late)
    stage.publish(b"c")
    stage.clock.run_until_idle()
    assert (early.told, late.told, len(stage.channel.polls)) == ([[b"a"]], [[b"c"]], 0)


def test_batches_do_not_pile_up_however_many_join_between_messages(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(delivery, "SLICE", 1)
    stage = Stage()
    crowd = [Listener() for _ in range(5)]
    stage.join(*crowd)
    most = 0
    sent = [b"%d" % n for n in range(50)]
    newcomers = []
    for body in sent:
        stage.publish(body)
        newcomers.append(Listener())
        stage.join(newcomers[-1])
        most = max(most, len(stage.channel.running))
    assert most == delivery.RUNNING
    stage.clock.run_until_idle()
    assert [each.bodies for each in crowd] == [sent] * 5
    assert [each.bodies for each in newcomers] == [sent[n + 1 :] for n in range(50)]
    assert not stage.channel.running


def test_one_that_ends_the_channel_while_it_is_served_early(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(delivery, "RUNNING", 1)
    stage = Stage()
    listener = Listener()
    listener.on_deliver = lambda: stage.deliveries.settle(stage.channel)
    stage.join(listener)
    for body in (b"a", b"b", b"c"):
        stage.publish(body)
        stage.join(Listener())
    stage.clock.run_until_idle()
    assert listener.told == [[b"a"], [b"b"], [b"c"]]


def test_settling_serves_everybody_in_order_and_leaves_nothing() -> None:
    stage = Stage()
    crowd = [Listener() for _ in range(3)]
    stage.join(*crowd)
    stage.publish(b"a")
    stage.join(Listener())
    stage.publish(b"b", b"c")
    stage.deliveries.settle(stage.channel)
    assert [each.told for each in crowd] == [[[b"a"], [b"b", b"c"]]] * 3
    stage.clock.run_until_idle()
    assert [len(each.told) for each in crowd] == [2] * 3
    assert stage.ended == 2


def test_who_raises_is_told_of_once_a_batch_and_the_others_are_served() -> None:
    stage = Stage()
    good, bad, worse = Listener(), Listener(), Listener()

    def boom() -> None:
        raise ZeroDivisionError

    bad.on_deliver = worse.on_deliver = boom
    stage.join(bad, worse, good)
    stage.publish(b"a")
    stage.clock.run_until_idle()
    assert stage.failed == [(bad, True), (worse, False)]
    assert good.told == [[b"a"]]
