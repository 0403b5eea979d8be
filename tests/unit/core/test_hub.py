"""The hub while everybody is live: receipts, one flush a tick, slices, closing."""

from __future__ import annotations

import sys
from collections.abc import Callable
from types import FrameType

import pytest

from hbpush.core import hub as hub_module
from hbpush.core.message import NEWEST, OLDEST, Draft, MessageId
from hbpush.core.subscription import CloseReason
from hbpush.errors import ChannelNotFound, StoreUnavailable
from hbpush.stores.base import Receipt
from tests.support.listener import Listener, poll
from tests.unit.core.conftest import LATE, NEWS, SPORT, House


def listen(house: House, *listeners: Listener) -> None:
    for listener in listeners:
        house.hub.subscribe(NEWS, listener, NEWEST)
        assert listener.told == ["joined"]
        listener.told.clear()


def test_a_message_reaches_every_subscriber_of_its_channel_at_the_next_tick(house: House) -> None:
    stream, held, elsewhere = Listener(), poll(), Listener()
    listen(house, stream, held)
    house.hub.subscribe(SPORT, elsewhere, NEWEST)
    house.publish(b"a")
    assert (stream.told, held.told) == ([], [])
    house.tick()
    assert (stream.told, held.told, elsewhere.told) == ([[b"a"]], [[b"a"]], ["joined"])


def test_the_messages_of_one_tick_are_one_batch_that_all_share(house: House) -> None:
    streams = [Listener() for _ in range(3)]
    held = poll()
    listen(house, *streams, held)
    for body in (b"a", b"b", b"c"):
        house.publish(body)
    house.tick()
    assert [stream.told for stream in streams] == [[[b"a", b"b", b"c"]]] * 3
    assert len({id(stream.batches[0]) for stream in (*streams, held)}) == 1
    house.publish(b"d")
    house.tick()
    assert [stream.bodies for stream in streams] == [[b"a", b"b", b"c", b"d"]] * 3
    assert held.bodies == [b"a"]


def test_a_receipt_counts_those_who_listened_and_those_who_take_it(house: House) -> None:
    listen(house, Listener(), poll(), poll())
    first, second = house.publish(b"a"), house.publish(b"b")
    assert (first.subscribers, first.takers) == (3, 3)
    assert (second.subscribers, second.takers) == (3, 1)
    house.tick()
    third = house.publish(b"c")
    assert (third.subscribers, third.takers) == (1, 1)
    assert house.publish(b"elsewhere", SPORT).takers == 0


def test_a_poll_that_comes_after_the_first_message_of_a_tick_takes_the_second(house: House) -> None:
    early, late = poll(), poll()
    listen(house, early)
    house.publish(b"a")
    listen(house, late)
    assert house.publish(b"b").takers == 1
    house.tick()
    assert (early.told, late.told) == ([[b"a"]], [[b"b"]])


def test_a_late_receipt_is_complete_when_the_publisher_sees_it(house: House) -> None:
    stream = Listener()
    house.late.late = {"publish"}
    house.hub.subscribe(LATE, stream, NEWEST)
    seen: list[tuple[int, int]] = []
    result = house.hub.publish(LATE, Draft(b"a"))
    assert not isinstance(result, Receipt)
    result.add_done_callback(lambda future: seen.append((future.result().subscribers, future.result().takers)))
    house.wait_for(result)
    assert seen == [(1, 1)]
    house.late.refusal = StoreUnavailable("away")
    with pytest.raises(StoreUnavailable):
        house.hub.publish(LATE, Draft(b"b"))


def test_create_info_and_delete_count_the_subscribers_here(house: House) -> None:
    listen(house, Listener(), poll())
    assert house.hub.create(NEWS, False).subscribers == 2  # type: ignore[union-attr]
    assert house.hub.info(NEWS).subscribers == 2  # type: ignore[union-attr]
    assert house.hub.delete(NEWS).subscribers == 2  # type: ignore[union-attr]
    with pytest.raises(ChannelNotFound):
        house.hub.info(NEWS)


def test_the_store_knows_how_many_listen_and_when_one_asked(house: House) -> None:
    house.hub.create(NEWS, False)
    house.clock.advance(5)
    asked = house.clock.time()
    held = poll()
    listen(house, held)
    house.clock.advance(5)
    assert house.hub.info(NEWS).requested == asked  # type: ignore[union-attr]
    house.hub.touch(NEWS)
    assert house.hub.info(NEWS).requested == house.clock.time()  # type: ignore[union-attr]
    house.hub.touch(SPORT)
    house.clock.advance(7200)
    assert house.hub.info(NEWS).subscribers == 1  # type: ignore[union-attr]
    house.hub.unsubscribe(NEWS, held)
    house.clock.advance(7200)
    with pytest.raises(ChannelNotFound):
        house.hub.info(NEWS)


def test_the_store_knows_that_a_poll_was_answered(house: House) -> None:
    house.hub.create(NEWS, False)
    listen(house, poll())
    house.publish(b"a")
    house.tick()
    house.clock.advance(7200)
    with pytest.raises(ChannelNotFound):
        house.hub.info(NEWS)


def test_a_channel_is_watched_while_somebody_listens(house: House) -> None:
    house.late.late = set()
    stream, other = Listener(), Listener()
    house.hub.subscribe(LATE, stream, NEWEST)
    house.hub.subscribe(LATE, other, NEWEST)
    assert list(house.late.watching) == [LATE]
    house.hub.unsubscribe(LATE, stream)
    house.hub.unsubscribe(LATE, stream)
    assert list(house.late.watching) == [LATE]
    house.hub.unsubscribe(LATE, other)
    assert list(house.late.watching) == []
    held = poll()
    house.hub.subscribe(LATE, held, NEWEST)
    house.hub.publish(LATE, Draft(b"a"))
    house.tick()
    assert held.bodies == [b"a"]
    assert list(house.late.watching) == []


# Slices


def test_a_large_channel_is_served_in_slices_and_other_work_gets_its_turn(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hub_module, "SLICE", 10)
    listeners = [poll() if n % 2 else Listener() for n in range(25)]
    listen(house, *listeners)
    house.publish(b"a")
    served = []
    for _ in range(3):
        house.tick()
        served.append(sum(bool(listener.told) for listener in listeners))
    assert served == [10, 20, 25]


def test_order_is_kept_over_slices(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hub_module, "SLICE", 3)
    streams = [Listener() for _ in range(10)]
    listen(house, *streams)
    sent = [b"%d" % n for n in range(20)]
    for body in sent:
        house.publish(body)
        house.tick()
    house.settle()
    assert all(stream.bodies == sent for stream in streams)


def test_who_joins_between_two_slices_loses_and_doubles_nothing(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hub_module, "SLICE", 2)
    streams = [Listener() for _ in range(5)]
    listen(house, *streams)
    house.publish(b"a")
    house.tick()
    newcomer = Listener()
    house.hub.subscribe(NEWS, newcomer, OLDEST)
    house.publish(b"b")
    another = Listener()
    house.hub.subscribe(NEWS, another, OLDEST)
    house.settle()
    assert [listener.bodies for listener in (*streams, newcomer, another)] == [[b"a", b"b"]] * 7


def test_a_poll_that_joins_a_channel_of_streams_between_two_slices_waits_for_the_next_message(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hub_module, "SLICE", 2)
    crowd = [Listener() for _ in range(5)]
    for each in crowd:
        house.hub.subscribe(SPORT, each, NEWEST)
    stream, held = Listener(), poll()
    listen(house, stream)
    house.publish(b"for the crowd", SPORT)
    house.publish(b"a")
    house.tick()
    house.hub.subscribe(NEWS, held, NEWEST)
    house.settle()
    assert (stream.bodies, held.bodies) == ([b"a"], [])
    house.publish(b"b")
    house.settle()
    assert (stream.bodies, held.bodies) == ([b"a", b"b"], [b"b"])


def test_who_leaves_between_two_slices_is_not_missed_by_the_others(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hub_module, "SLICE", 2)
    streams = [Listener() for _ in range(6)]
    listen(house, *streams)
    house.publish(b"a")
    house.tick()
    house.hub.unsubscribe(NEWS, streams[0])
    house.hub.unsubscribe(NEWS, streams[3])
    house.publish(b"b")
    house.settle()
    assert [stream.bodies for place, stream in enumerate(streams) if place not in (0, 3)] == [[b"a", b"b"]] * 4
    assert streams[0].bodies == [b"a"]


# A clean boundary


def test_who_joins_while_a_message_is_pending_finds_it_in_history_only(house: House) -> None:
    stream = Listener()
    listen(house, stream)
    house.publish(b"a")
    newcomer, latest = Listener(), Listener()
    house.hub.subscribe(NEWS, newcomer, OLDEST)
    house.hub.subscribe(NEWS, latest, NEWEST)
    assert stream.told == [[b"a"]]
    assert (newcomer.told, latest.told) == ([[b"a"], "joined"], ["joined"])
    house.tick()
    house.publish(b"b")
    house.tick()
    assert (stream.bodies, newcomer.bodies, latest.bodies) == ([b"a", b"b"], [b"a", b"b"], [b"b"])


@pytest.mark.parametrize("joining", ["poll", "stream"])
def test_who_joins_when_the_only_poll_was_claimed_is_heard_of(house: House, joining: str) -> None:
    house.hub.create(NEWS, False)
    listen(house, poll())
    house.publish(b"a")
    newcomer = poll() if joining == "poll" else Listener()
    listen(house, newcomer)
    assert house.hub.listening(NEWS) == 1
    house.publish(b"b")
    house.tick()
    assert newcomer.told == [[b"b"]]


def test_a_poll_is_not_lost_when_the_last_stream_leaves_in_the_flush_it_causes(house: House) -> None:
    stream, held = Listener(), poll()
    listen(house, stream)
    stream.on_deliver = lambda: house.hub.unsubscribe(NEWS, stream)
    house.publish(b"a")
    listen(house, held)
    house.publish(b"b")
    house.tick()
    assert (stream.told, held.told) == ([[b"a"]], [[b"b"]])


# What subscribers do while they are called


def test_unsubscribing_in_deliver(house: House) -> None:
    first, second, third = Listener(), Listener(), Listener()
    listen(house, first, second, third)
    second.on_deliver = lambda: house.hub.unsubscribe(NEWS, second)
    house.publish(b"a")
    house.tick()
    house.publish(b"b")
    house.tick()
    assert [each.bodies for each in (first, second, third)] == [[b"a", b"b"], [b"a"], [b"a", b"b"]]


def test_subscribing_again_in_deliver_takes_every_message_once(house: House) -> None:
    polls = [poll() for _ in range(3)]
    for held in polls:
        held.on_deliver = lambda held=held: house.hub.subscribe(NEWS, held, held.messages[-1].id)  # type: ignore[misc]
    listen(house, *polls)
    sent = [b"%d" % n for n in range(9)]
    for n in range(0, 9, 3):
        for body in sent[n : n + 3]:
            house.publish(body)
        house.settle()
    assert [held.bodies for held in polls] == [sent] * 3


def test_publishing_and_subscribing_in_deliver_keeps_the_order(house: House) -> None:
    streams = [Listener() for _ in range(3)]
    listen(house, *streams)
    newcomer = Listener()

    def interfere() -> None:
        streams[0].on_deliver = lambda: None
        house.publish(b"b")
        house.hub.subscribe(NEWS, newcomer, OLDEST)

    streams[0].on_deliver = interfere
    house.publish(b"a")
    house.hub.subscribe(NEWS, Listener(), OLDEST)
    house.settle()
    assert [stream.bodies for stream in (*streams, newcomer)] == [[b"a", b"b"]] * 4


def test_joining_other_busy_channels_in_deliver(house: House) -> None:
    stream, sporting = Listener(), Listener()
    listen(house, stream)
    house.hub.subscribe(SPORT, sporting, NEWEST)
    newcomers = [Listener(), Listener()]

    def join() -> None:
        house.hub.subscribe(SPORT, newcomers[0], OLDEST)
        house.hub.subscribe(NEWS, newcomers[1], OLDEST)

    stream.on_deliver = join
    house.publish(b"s", SPORT)
    house.publish(b"a")
    house.hub.deleted(SPORT)
    house.settle()
    assert (stream.bodies, newcomers[0].bodies, newcomers[1].bodies) == ([b"a"], [b"s"], [b"a"])


# Closing


def test_delete_delivers_what_came_before_then_closes(house: House) -> None:
    stream, held, waiting = Listener(), poll(), poll()
    listen(house, stream, held)
    house.publish(b"a")
    listen(house, waiting)
    house.publish(b"b")
    house.publish(b"c")
    house.hub.delete(NEWS)
    assert stream.told == [[b"a"], [b"b", b"c"], CloseReason.DELETED]
    assert held.told == [[b"a"]]
    assert waiting.told == [[b"b"]]
    assert house.hub.listening(NEWS) == 0
    house.settle()
    house.publish(b"d")
    house.settle()
    assert stream.told[-1] == CloseReason.DELETED


def test_a_gap_is_told_to_all_after_what_came_before(house: House) -> None:
    stream, held = Listener(), poll()
    listen(house, stream)
    house.publish(b"a")
    house.hub.gap(NEWS)
    house.hub.gap(SPORT)
    listen(house, held)
    house.hub.gap(NEWS)
    assert stream.told == [[b"a"], "missed", "missed"]
    assert held.told == ["missed"]
    house.publish(b"b")
    house.tick()
    assert (stream.told[3:], held.told) == ([[b"b"]], ["missed", [b"b"]])


def test_release_closes_those_of_one_owner(house: House) -> None:
    ours, theirs = object(), object()
    kept, leaving, polling = Listener(owner=theirs), Listener(owner=ours), poll(owner=ours)
    listen(house, kept, leaving, polling)
    house.hub.subscribe(SPORT, Listener(owner=ours), NEWEST)
    house.publish(b"a")
    house.hub.release(CloseReason.SHUTDOWN, ours)
    assert (kept.told, leaving.told, polling.told) == ([[b"a"]], [[b"a"], CloseReason.SHUTDOWN], [[b"a"]])
    assert (house.hub.listening(NEWS), house.hub.listening(SPORT)) == (1, 0)
    house.hub.release(CloseReason.SHUTDOWN)
    assert kept.told == [[b"a"], CloseReason.SHUTDOWN]
    assert house.hub.listening(NEWS) == 0


def test_release_serves_claimed_polls_that_their_slice_has_not_reached(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hub_module, "SLICE", 2)
    polls = [poll() for _ in range(5)]
    listen(house, *polls)
    assert house.publish(b"a").takers == 5
    house.tick()
    house.hub.release(CloseReason.SHUTDOWN)
    assert [held.told for held in polls] == [[[b"a"]]] * 5


def test_release_serves_claimed_polls_whose_channel_everybody_has_left(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hub_module, "SLICE", 1)
    stream, polls = Listener(), [poll() for _ in range(3)]
    listen(house, stream, *polls)
    house.publish(b"a")
    house.tick()
    house.hub.unsubscribe(NEWS, stream)
    house.hub.release(CloseReason.SHUTDOWN)
    assert [held.told for held in polls] == [[[b"a"]]] * 3


@pytest.mark.parametrize("flushed", [False, True])
@pytest.mark.parametrize("act", ["release", "delete", "settle"])
def test_ending_many_busy_channels_is_work_in_proportion(house: House, monkeypatch: pytest.MonkeyPatch, act: str, flushed: bool) -> None:
    monkeypatch.setattr(hub_module, "SLICE", 1)

    def work(channels: int) -> int:
        refs = [NEWS._replace(id=f"{channels}/{n}") for n in range(channels)]
        for ref in refs:
            house.hub.subscribe(ref, Listener(), NEWEST)
            house.publish(b"a", ref)
        if flushed:
            house.tick()
        lines = 0

        def trace(frame: FrameType, event: str, arg: object) -> Callable[..., object]:
            nonlocal lines
            lines += event == "line"
            return trace

        before = sys.gettrace()
        sys.settrace(trace)
        try:
            if act == "release":
                house.hub.release(CloseReason.SHUTDOWN)
            for ref in refs if act != "release" else ():
                getattr(house.hub, act)(ref)
        finally:
            sys.settrace(before)
        house.hub.release(CloseReason.SHUTDOWN)
        house.settle()
        return lines

    assert work(200) < 6 * work(50)


def test_close_drops_one_and_says_why(house: House) -> None:
    first, second = poll(), poll()
    listen(house, first, second)
    assert house.hub.subscribers(NEWS) == [first, second]
    house.hub.close(NEWS, first, CloseReason.DISPLACED)
    house.hub.close(NEWS, first, CloseReason.DISPLACED)
    assert first.told == [CloseReason.DISPLACED]
    assert house.hub.subscribers(NEWS) == [second]
    house.publish(b"a")
    house.tick()
    assert (first.bodies, second.bodies) == ([], [b"a"])


def test_nobody_listens_to_a_channel_without_subscribers(house: House) -> None:
    assert (house.hub.listening(NEWS), house.hub.subscribers(NEWS)) == (0, [])
    house.hub.unsubscribe(NEWS, Listener())
    house.hub.close(NEWS, Listener(), CloseReason.SLOW)
    house.hub.resume(NEWS, Listener())
    house.hub.deleted(NEWS)
    house.hub.release(CloseReason.SHUTDOWN)
    last = house.publish(b"a").last
    assert isinstance(last, MessageId)
