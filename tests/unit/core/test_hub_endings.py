"""The hub when subscribers interfere, and when they are closed."""

from __future__ import annotations

import sys
from collections.abc import Callable
from types import FrameType

import pytest

from hbpush.core import delivery
from hbpush.core.message import NEWEST, OLDEST, MessageId
from hbpush.core.subscription import CloseReason
from tests.support.listener import Listener, poll
from tests.unit.core.conftest import NEWS, SPORT, House, listen

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
    monkeypatch.setattr(delivery, "SLICE", 2)
    polls = [poll() for _ in range(5)]
    listen(house, *polls)
    assert house.publish(b"a").takers == 5
    house.tick()
    house.hub.release(CloseReason.SHUTDOWN)
    assert [held.told for held in polls] == [[[b"a"]]] * 5


def test_release_serves_claimed_polls_whose_channel_everybody_has_left(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(delivery, "SLICE", 1)
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
    monkeypatch.setattr(delivery, "SLICE", 1)

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


def test_a_poll_that_a_message_is_for_is_claimed(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(delivery, "SLICE", 1)
    polls = [poll() for _ in range(3)]
    listen(house, *polls)
    assert [house.hub.claimed(NEWS, held) for held in polls] == [False] * 3
    house.publish(b"a")
    assert [house.hub.claimed(NEWS, held) for held in polls] == [True] * 3
    late = poll()
    listen(house, late)
    assert [house.hub.claimed(NEWS, held) for held in (*polls, late)] == [True, True, True, False]
    house.tick()
    assert [house.hub.claimed(NEWS, held) for held in (*polls[1:], late)] == [True, True, False]
    house.settle()
    assert [held.bodies for held in polls] == [[b"a"]] * 3
    assert not house.hub.claimed(SPORT, late)
