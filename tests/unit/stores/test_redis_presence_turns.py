"""What is told of subscribers when there are many channels, and to a server that was away."""

from __future__ import annotations

import pytest

from hbpush.stores.redis_presence import AGAIN, AT_ONCE, PAUSE
from tests.support.clock import START
from tests.unit.stores.test_redis_presence import NEWS, NOBODY, Told, channel


@pytest.fixture(name="told")
def _told() -> Told:
    return Told()


# A server that is away


def test_nothing_is_lost_when_it_cannot_be_told(told: Told) -> None:
    told.away = True
    told.presence.report(NEWS, 1, 0, START)
    assert told.beat(3) == []
    assert told.refused > 1
    told.presence.report(NEWS, 2, 0, START + 3)
    told.away = False
    assert told.beat() == [((2, 0), START + 3)]
    told.presence.report(NEWS, 0, 0, None)
    told.away = True
    told.beat(3)
    told.away = False
    assert told.beat() == [(NOBODY, None)]
    assert told.is_empty()


def test_who_left_while_it_was_away_breaks_no_later_beat(told: Told) -> None:
    told.presence.report(NEWS, 0, 1, START)
    told.tick()
    told.away = True
    told.presence.tell_all()
    told.presence.report(NEWS, 0, 0, None)
    told.away = False
    assert told.beat() == [(NOBODY, None)]
    assert told.is_empty()
    assert told.beat(int(AGAIN) + 2) == []


def test_one_refusal_ends_a_turn(told: Told) -> None:
    for number in range(100):
        told.presence.report(channel(number), 0, 0, START)
    told.away = True
    told.clock.advance(1)
    told.presence.beat()
    assert told.refused == 1


def test_nothing_is_told_after_the_end(told: Told) -> None:
    told.presence.report(NEWS, 1, 0, None)
    told.presence.stop()
    assert told.tick() == []
    assert told.beat() == []


# Many channels


def test_many_channels_are_told_in_turns(told: Told) -> None:
    count = 2 * AT_ONCE + 500
    for number in range(count):
        told.presence.report(channel(number), 0, 0, START)
    told.presence.beat()
    turns = [len(told.all)]
    told.presence.beat()
    assert len(told.all) == AT_ONCE
    while told.clock.waiting():
        told.clock.advance(PAUSE)
        turns.append(len(told.all))
    assert turns == [AT_ONCE, 2 * AT_ONCE, count]
    assert len({channel for channel, _, _ in told.all}) == count
    assert told.is_empty()


def test_what_changes_between_two_turns_is_told_as_it_is_then(told: Told) -> None:
    for number in range(AT_ONCE + 2):
        told.presence.report(channel(number), 1, 0, None)
    told.clock.run_until_idle()
    told.all.clear()
    told.presence.tell_all()
    told.presence.report(channel(AT_ONCE), 3, 0, None)
    told.clock.advance(PAUSE)
    assert told.all[AT_ONCE:] == [(str(AT_ONCE), (3, 0), None), (str(AT_ONCE + 1), (1, 0), None)]
    told.clock.run_until_idle()
    assert len(told.all) == AT_ONCE + 2


def test_who_leaves_while_everything_is_told_anew_is_told_to_have_left(told: Told) -> None:
    for number in range(AT_ONCE + 1):
        told.presence.report(channel(number), 0, 1, None)
    told.clock.run_until_idle()
    told.presence.tell_all()
    told.all.clear()
    # It has not had its turn; the server knows it from before.
    told.presence.report(channel(AT_ONCE), 0, 0, None)
    told.clock.advance(PAUSE)
    told.presence.beat()
    assert told.all == [(str(AT_ONCE), NOBODY, None)]


def test_nothing_is_left_when_everybody_has_gone(told: Told) -> None:
    for turn in range(3):
        for number in range(50):
            ref = channel(number)
            told.presence.watch(ref, True)
            told.presence.report(ref, number % 3, number % 2, START + turn)
            if number % 5 == 0:
                told.presence.claim(ref)
                told.presence.claim_ended(ref, (number % 3, number % 2))
        for _ in range(25):
            told.clock.run_until_idle()
            told.clock.advance(1)
            told.presence.beat()
        for number in range(50):
            told.presence.report(channel(number), 0, 0, None)
            told.presence.watch(channel(number), False)
        told.clock.run_until_idle()
        told.clock.advance(1)
        told.presence.beat()
        assert told.is_empty()
        last = {channel: present for channel, present, _ in told.all}
        assert set(last.values()) == {NOBODY}
