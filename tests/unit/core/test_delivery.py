"""Deliveries by themselves: one batch a tick, slices, those who join meanwhile, and what piles up."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import pytest

from hbpush.core import delivery
from hbpush.core.batch import Batch
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
    bad.on_deliver = worse.on_deliver = boom
    stage.join(bad, worse, good)
    stage.publish(b"a")
    stage.clock.run_until_idle()
    assert stage.failed == [(bad, True), (worse, False)]
    assert good.told == [[b"a"]]


Written = list[tuple[int, bytes]]
"""Bytes, and to how many they were written."""


def joined(messages: Sequence[Message]) -> bytes:
    """A Format."""
    return b",".join(message.body for message in messages)


def broken(messages: Sequence[Message]) -> bytes:
    """A Format that fails."""
    raise ZeroDivisionError


class Together(Listener):
    """One of those that are written to together: each takes ``sent`` bytes of that. ``written`` has what was written to how many."""

    def __init__(self, written: Written, form: Callable[[Sequence[Message]], bytes] = joined, sent: int = 100) -> None:
        super().__init__()
        self.written = written
        self.form = form
        self.sent = sent
        self.heard = b""
        self.rests: list[bytes] = []
        self.on_write: Callable[[], object] = lambda: None

    def deliver(self, batch: Batch) -> None:
        super().deliver(batch)
        if batch.gathered is None:
            self.heard += batch.wires[self.form]
        else:
            batch.gathered[self.form].append(self)

    def write_to_all(self, gathered: Sequence[Together], wire: bytes, /) -> Sequence[tuple[int, int]]:
        self.written.append((len(gathered), wire))
        for each in gathered:
            each.heard += wire[: each.sent]
        return [(index, each.sent) for index, each in enumerate(gathered) if each.sent < len(wire)]

    def write(self, wire: bytes, /) -> None:
        self.rests.append(wire)
        self.on_write()
        self.heard += wire


class Unfit(Together):
    """One for whom nothing can be written together."""

    def write_to_all(self, gathered: Sequence[Together], wire: bytes, /) -> Sequence[tuple[int, int]]:
        raise AttributeError


def other(messages: Sequence[Message]) -> bytes:
    """Another Format."""
    return b"other"


def boom() -> None:
    raise ZeroDivisionError


@pytest.fixture
def written() -> Written:
    return []


def test_bytes_are_written_to_many_at_the_end_of_each_turn(monkeypatch: pytest.MonkeyPatch, written: Written) -> None:
    monkeypatch.setattr(delivery, "SLICE", 4)
    stage = Stage()
    crowd = [Together(written) for _ in range(5)]
    between = Listener()
    between.on_deliver = lambda: written.append((0, b"called"))
    stage.join(*crowd[:2], between, *crowd[2:])
    stage.publish(b"a", b"b")
    stage.clock.run_until_idle()
    assert written == [(0, b"called"), (3, b"a,b"), (2, b"a,b")]
    assert [each.heard for each in crowd] == [b"a,b"] * 5
    # What is kept and delivered later is written at once.
    late = Together(written)
    late.deliver(crowd[0].batches[0])
    assert (late.heard, len(written)) == (b"a,b", 3)


def test_each_format_is_written_by_itself_and_what_is_left_goes_to_each(written: Written) -> None:
    stage = Stage()
    whole, partly, nothing = Together(written), Together(written, sent=1), Together(written, sent=0)
    another = Together(written, other)
    stage.join(whole, partly, another, nothing)
    stage.publish(b"abc")
    stage.clock.run_until_idle()
    assert sorted(written) == [(1, b"other"), (3, b"abc")]
    assert [each.rests for each in (whole, partly, nothing)] == [[], [b"bc"], [b"abc"]]
    assert [each.heard for each in (whole, partly, nothing, another)] == [b"abc", b"abc", b"abc", b"other"]


def test_what_is_gathered_is_not_overtaken_by_what_is_settled_meanwhile(written: Written) -> None:
    stage = Stage()
    before, after = Together(written), Together(written)
    between = Listener()

    def settle() -> None:
        between.on_deliver = lambda: None
        stage.publish(b"b")
        stage.deliveries.settle(stage.channel)
        assert [each.heard for each in (before, after)] == [b"ab", b"ab"]

    between.on_deliver = settle
    stage.join(before, between, after)
    stage.publish(b"a")
    stage.clock.run_until_idle()
    assert written == [(2, b"a"), (2, b"b")]
    assert between.told == [[b"a"], [b"b"]]


@pytest.mark.parametrize("fails", [False, True])
def test_what_is_owed_is_not_overtaken_by_what_is_settled_while_it_is_written(fails: bool, written: Written) -> None:
    stage = Stage()
    first, partly, nothing, another = (
        Together(written, sent=0),
        Together(written, sent=1),
        Together(written, sent=0),
        Together(written, other),
    )

    def settle() -> None:
        first.on_write = lambda: None
        stage.publish(b"BBB")
        stage.deliveries.settle(stage.channel)
        if fails:
            raise ZeroDivisionError

    first.on_write = settle
    stage.join(first, partly, nothing, another)
    stage.publish(b"AAA")
    stage.clock.run_until_idle()
    assert [each.heard for each in (partly, nothing, another)] == [b"AAABBB", b"AAABBB", b"otherother"]
    assert stage.failed == ([(first, True)] if fails else [])


def test_what_is_owed_outlasts_an_interrupt(written: Written) -> None:
    stage = Stage()
    crowd = [Together(written, sent=0), Together(written, sent=1), Together(written, other, sent=0)]

    def interrupt() -> None:
        for each in crowd:
            each.on_write = lambda: None
        raise KeyboardInterrupt

    for each in crowd:
        each.on_write = interrupt
    stage.join(*crowd)
    stage.publish(b"AAA")
    with pytest.raises(KeyboardInterrupt):
        stage.clock.run_until_idle()
    stage.publish(b"B")
    stage.clock.run_until_idle()
    # All but the one that was interrupted.
    assert sorted(each.heard for each in crowd) in ([b"AAAB", b"AAAB", b"other"], [b"AAAB", b"B", b"otherother"])


def test_who_raises_when_it_is_written_to_is_dropped_and_the_others_are_served(written: Written) -> None:
    stage = Stage()
    good, bad, last = Together(written), Together(written, sent=0), Together(written, sent=0)
    lost = [Together(written, broken), Together(written, broken)]
    bad.on_write = boom
    stage.join(lost[0], good, bad, lost[1], last)
    stage.publish(b"a")
    stage.clock.run_until_idle()
    assert {(each.form, each.heard) for each, _ in stage.failed if isinstance(each, Together)} == {(broken, b""), (joined, b"")}
    assert [log for _, log in stage.failed] == [True, False, False]
    assert {id(each) for each, _ in stage.failed} == {id(each) for each in (*lost, bad)}
    assert (good.heard, last.heard) == (b"a", b"a")


def test_when_nothing_can_be_written_together_each_is_written_to_by_itself(written: Written) -> None:
    stage = Stage()
    crowd = [Unfit(written), Unfit(written), Unfit(written)]
    crowd[1].on_write = boom
    stage.join(*crowd)
    stage.publish(b"a")
    stage.clock.run_until_idle()
    assert [each.heard for each in crowd] == [b"a", b"", b"a"]
    assert stage.failed == [(crowd[1], True)]


def test_one_that_is_to_be_ended_is_written_to_before(written: Written) -> None:
    stage = Stage()
    ending, between = Together(written), Listener()
    heard: list[bytes] = []

    def end() -> None:
        stage.deliveries.write(stage.channel)
        heard.append(ending.heard)

    between.on_deliver = end
    stage.join(ending, between, Together(written))
    stage.publish(b"a")
    stage.clock.run_until_idle()
    assert heard == [b"a"]
    assert written == [(1, b"a"), (1, b"a")]
    stage.deliveries.write(stage.channel)
    assert len(written) == 2
