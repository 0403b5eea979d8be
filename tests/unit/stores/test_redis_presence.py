"""What is told of subscribers, and when: more with the next tick, fewer within a second, all of it again before it expires.

`test_redis_presence_turns` has what is told late: of many channels, and to a server that was away.
"""

from __future__ import annotations

import pytest

from hbpush.core.message import ChannelRef
from hbpush.stores.redis_presence import AGAIN, Presence
from tests.support.clock import START, ManualClock

EXPIRES = 60.0
"""Seconds after which the server forgets what it was told (``PRESENT`` in ``channel.lua``)."""

NEWS = ChannelRef("default", "", "news")
NOBODY = None


class Told:
    """A server that is told, or cannot be while ``away``."""

    def __init__(self) -> None:
        self.clock = ManualClock()
        self.presence = Presence(self.clock, self.tell)
        self.away = False
        self.all: list[tuple[str, tuple[int, int] | None, float | None]] = []
        self.refused = 0

    def tell(self, ref: ChannelRef, present: tuple[int, int] | None, requested: float | None) -> bool:
        if self.away:
            self.refused += 1
            return False
        self.all.append((ref.id, present, requested))
        return True

    def new(self) -> list[tuple[tuple[int, int] | None, float | None]]:
        """What was told of NEWS since the last call."""
        told, self.all = self.all, []
        assert {channel for channel, _, _ in told} <= {NEWS.id}
        return [(present, requested) for _, present, requested in told]

    def tick(self) -> list[tuple[tuple[int, int] | None, float | None]]:
        self.clock.run_until_idle()
        return self.new()

    def beat(self, seconds: int = 1) -> list[tuple[tuple[int, int] | None, float | None]]:
        """So many seconds, at the end of each a beat."""
        for _ in range(seconds):
            self.clock.run_until_idle()
            self.clock.advance(1)
            self.presence.beat()
        return self.new()

    def is_empty(self) -> bool:
        presence = self.presence
        return not (presence._here or presence._changed or presence._told_at or presence._urgent)


@pytest.fixture
def told() -> Told:
    return Told()


def channel(number: int) -> ChannelRef:
    return ChannelRef("default", "", str(number))


# More, and fewer


def test_a_subscriber_is_told_with_the_next_tick(told: Told) -> None:
    told.presence.report(NEWS, 0, 1, None)
    assert told.new() == []
    assert told.tick() == [((0, 1), None)]
    assert told.beat(5) == []


def test_more_of_either_kind_is_told_with_the_next_tick(told: Told) -> None:
    counts = [(1, 0), (2, 0), (2, 1), (1, 2)]
    for held, streaming in counts:
        told.presence.report(NEWS, held, streaming, None)
        assert told.tick() == [((held, streaming), None)]


def test_what_comes_in_one_tick_is_told_once(told: Told) -> None:
    for held in range(1, 6):
        told.presence.report(NEWS, held, 0, START + held)
    assert told.tick() == [((5, 0), START + 5)]
    assert told.beat() == []


def test_fewer_are_told_within_a_second(told: Told) -> None:
    told.presence.report(NEWS, 2, 2, None)
    told.tick()
    told.presence.report(NEWS, 2, 1, None)
    told.presence.report(NEWS, 1, 1, None)
    assert told.tick() == []
    assert told.beat() == [((1, 1), None)]
    told.presence.report(NEWS, 0, 0, None)
    assert told.tick() == []
    assert told.beat() == [(NOBODY, None)]
    assert told.is_empty()


def test_a_poll_that_comes_back_costs_nothing_at_once(told: Told) -> None:
    told.presence.report(NEWS, 1, 0, START)
    assert told.tick() == [((1, 0), START)]
    for second in range(1, 4):
        for _ in range(10):
            told.presence.report(NEWS, 0, 0, None)
            told.presence.report(NEWS, 1, 0, START + second)
            assert told.tick() == []
        assert told.beat() == [((1, 0), START + second)]
    told.presence.report(NEWS, 0, 0, None)
    told.presence.report(NEWS, 1, 0, None)
    assert told.beat() == []


def test_a_poll_between_two_is_listened_for(told: Told) -> None:
    told.presence.watch(NEWS, True)
    told.presence.report(NEWS, 1, 0, START)
    assert told.tick() == [((1, 0), START)]
    told.presence.report(NEWS, 0, 0, None)
    assert told.beat(3) == [((0, 0), None)]
    told.presence.watch(NEWS, False)
    assert told.beat() == [(NOBODY, None)]
    assert told.is_empty()


def test_a_channel_that_is_listened_to_is_told_with_the_next_tick(told: Told) -> None:
    told.presence.watch(NEWS, True)
    assert told.tick() == [((0, 0), None)]
    told.presence.watch(NEWS, True)
    assert told.beat() == []


def test_who_came_and_left_within_a_tick_is_not_told(told: Told) -> None:
    told.presence.watch(NEWS, True)
    told.presence.report(NEWS, 0, 1, None)
    told.presence.report(NEWS, 0, 0, None)
    told.presence.watch(NEWS, False)
    assert told.tick() == []
    assert told.beat() == []
    assert told.is_empty()


# Requests


def test_a_request_without_a_subscriber_is_told_within_a_second_and_forgotten(told: Told) -> None:
    told.presence.report(NEWS, 0, 0, START + 7)
    assert told.presence.requested(NEWS) == START + 7
    assert told.tick() == []
    assert told.beat() == [(NOBODY, START + 7)]
    assert (told.presence.requested(NEWS), told.is_empty()) == (None, True)


def test_the_last_request_is_known_as_long_as_somebody_is_here(told: Told) -> None:
    told.presence.report(NEWS, 1, 0, START)
    told.presence.report(NEWS, 0, 0, None)
    told.presence.report(NEWS, 1, 0, None)
    told.beat(3)
    assert told.presence.requested(NEWS) == START
    assert told.presence.claim(NEWS) == (1, 0)


def test_a_deletion_takes_the_request_with_it(told: Told) -> None:
    told.presence.report(NEWS, 1, 0, START)
    told.presence.deleted(NEWS)
    assert told.presence.requested(NEWS) is None
    assert told.tick() == [((1, 0), None)]
    told.presence.report(NEWS, 0, 0, None)
    told.beat()
    told.presence.deleted(NEWS)
    assert told.is_empty()


def test_nothing_is_known_of_a_channel_that_nobody_asked_for(told: Told) -> None:
    told.presence.report(NEWS, 0, 0, None)
    told.presence.watch(NEWS, False)
    told.presence.claim_ended(NEWS, (1, 0))
    told.presence.deleted(NEWS)
    told.presence.now(NEWS)
    assert (told.presence.claim(NEWS), told.presence.requested(NEWS)) == ((0, 0), None)
    assert (told.beat(), told.is_empty()) == ([], True)


# Again


def test_what_was_told_is_told_again_before_it_expires(told: Told) -> None:
    told.presence.report(NEWS, 1, 2, START)
    told.tick()
    times = []
    for second in range(1, 121):
        if new := told.beat():
            assert new == [((1, 2), None)]
            times.append(second)
    assert times
    assert max(later - sooner for sooner, later in zip([0, *times], [*times, 120], strict=True)) < EXPIRES / 2
    assert len(times) <= 120 / AGAIN


def test_it_is_told_again_even_when_the_server_was_away_at_that_time(told: Told) -> None:
    told.presence.report(NEWS, 1, 0, None)
    told.tick()
    told.away = True
    assert told.beat(30) == []
    told.away = False
    assert told.beat() == [((1, 0), None)]
    assert len(told.beat(60)) == 2


def test_everything_is_told_anew(told: Told) -> None:
    for number in range(3):
        told.presence.report(channel(number), number + 1, 0, START)
    told.clock.run_until_idle()
    told.all.clear()
    told.presence.tell_all()
    assert sorted(told.all) == [(str(number), (number + 1, 0), None) for number in range(3)]
    told.all.clear()
    told.presence.beat()
    assert told.all == []


# Claims


def test_a_claim_has_told_already(told: Told) -> None:
    told.presence.report(NEWS, 1, 0, None)
    assert told.presence.claim(NEWS) == (1, 0)
    told.presence.claim_ended(NEWS, (1, 0))
    told.tick()
    assert told.beat() == []


def test_after_a_claim_fewer_are_told_at_once(told: Told) -> None:
    told.presence.report(NEWS, 1, 0, None)
    told.tick()
    told.presence.claim(NEWS)
    told.presence.claim_ended(NEWS, (1, 0))
    told.presence.report(NEWS, 0, 0, None)
    assert told.tick() == [(NOBODY, None)]
    assert told.is_empty()


def test_fewer_are_told_at_once_though_the_claim_was_turned_away(told: Told) -> None:
    told.presence.report(NEWS, 2, 0, None)
    told.tick()
    told.presence.claim(NEWS)
    told.presence.claim_ended(NEWS, None)
    told.presence.report(NEWS, 1, 0, None)
    assert told.tick() == [((1, 0), None)]


def test_nobody_is_told_of_a_poll_whose_claim_is_not_decided(told: Told) -> None:
    told.presence.report(NEWS, 1, 0, None)
    told.presence.claim(NEWS)
    assert (told.tick(), told.beat()) == ([], [])
    told.presence.report(NEWS, 0, 0, None)
    told.presence.claim_ended(NEWS, None)
    assert (told.tick(), told.beat(), told.is_empty()) == ([], [], True)


def test_who_left_while_the_claim_was_on_its_way_is_told_at_once_and_after_it(told: Told) -> None:
    told.presence.watch(NEWS, True)
    told.presence.report(NEWS, 1, 0, None)
    told.tick()
    told.presence.claim(NEWS)
    told.presence.report(NEWS, 0, 0, None)
    assert told.tick() == []
    # What the claim told is wrong by now.
    told.presence.claim_ended(NEWS, (1, 0))
    assert told.tick() == [((0, 0), None)]
    assert told.beat() == []


def test_a_claimed_channel_is_told_again_before_it_expires(told: Told) -> None:
    told.presence.report(NEWS, 1, 0, None)
    told.presence.now(NEWS)
    told.presence.claim(NEWS)
    told.presence.claim_ended(NEWS, (1, 0))
    told.new()
    assert len(told.beat(61)) >= 2


# Now


def test_what_has_changed_is_told_now_where_that_is_asked_for(told: Told) -> None:
    told.presence.report(NEWS, 2, 0, None)
    told.presence.now(NEWS)
    assert told.new() == [((2, 0), None)]
    told.presence.now(NEWS)
    assert told.tick() == []
    told.presence.report(NEWS, 1, 0, None)
    told.presence.now(NEWS)
    assert told.new() == [((1, 0), None)]
