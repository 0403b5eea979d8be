"""From history to live, with a store whose answers wait."""

from __future__ import annotations

import pytest

from hbpush.core import hub as hub_module
from hbpush.core.message import NEWEST, OLDEST, Draft, MessageId, Since
from hbpush.core.subscription import CloseReason
from hbpush.errors import StoreUnavailable
from hbpush.stores.base import StoreSettings
from tests.support.listener import Listener, poll
from tests.unit.core.conftest import LATE, House, subscribed


def test_messages_that_come_while_history_is_on_its_way(house: House) -> None:
    house.keep(b"a", ref=LATE)
    stream = subscribed(house, Listener(), ref=LATE)
    assert stream.told == []
    house.hub.publish(LATE, Draft(b"b"))
    house.hub.publish(LATE, Draft(b"c"))
    house.tick()
    assert stream.told == []
    house.settle()
    assert stream.told == [[b"a"], [b"b", b"c"], "joined"]
    house.hub.publish(LATE, Draft(b"d"))
    house.settle()
    assert stream.bodies == [b"a", b"b", b"c", b"d"]


def test_a_message_that_is_both_in_the_answer_and_pending(house: House) -> None:
    house.late.echo_held = True
    house.late.inner.watch(LATE)
    house.hub.publish(LATE, Draft(b"a"))
    stream = subscribed(house, Listener(), ref=LATE)
    house.late.echo()
    house.settle()
    house.late.echo_held = False
    house.hub.publish(LATE, Draft(b"b"))
    house.settle()
    assert stream.bodies == [b"a", b"b"]


def test_unstored_messages_that_come_while_history_is_read_are_put_in_their_place(house: House) -> None:
    house.keep(b"a", ref=LATE)
    stream = subscribed(house, Listener(), ref=LATE)
    for body, stored in ((b"now 1", False), (b"b", True), (b"now 2", False)):
        house.hub.publish(LATE, Draft(body, stored=stored))
        house.tick()
    house.settle()
    assert stream.bodies == [b"a", b"now 1", b"b", b"now 2"]


@pytest.mark.parametrize("since", [NEWEST, MessageId(9_999_999_999, 0)])
@pytest.mark.parametrize("takes", [1, None])
@pytest.mark.parametrize("stored", [True, False])
def test_what_is_published_after_subscribing_is_not_taken_for_history(house: House, since: Since, takes: int | None, stored: bool) -> None:
    house.keep(b"history", ref=LATE)
    house.late.late = {"watch", "read_after"}
    listener = subscribed(house, Listener(takes), since, ref=LATE)
    house.hub.publish(LATE, Draft(b"a", stored=stored))
    house.tick()
    house.settle()
    assert listener.bodies == [b"a"]


def test_a_poll_whose_history_is_on_its_way_takes_an_unstored_message(house: House) -> None:
    house.late.inner.create(LATE, False)
    held = subscribed(house, poll(), ref=LATE)
    house.hub.publish(LATE, Draft(b"now", stored=False))
    house.tick()
    house.settle()
    assert held.told == [[b"now"]]
    assert house.hub.listening(LATE) == 0


@pytest.mark.parametrize("body", [b"history", None])
def test_a_poll_whose_history_is_on_its_way_takes_one_message(house: House, body: bytes | None) -> None:
    house.late.inner.create(LATE, False)
    if body is not None:
        house.keep(body, ref=LATE)
    held = subscribed(house, poll(), ref=LATE)
    house.hub.publish(LATE, Draft(b"live"))
    house.settle()
    assert held.told == [[body or b"live"]]
    house.hub.publish(LATE, Draft(b"next"))
    house.settle()
    assert len(held.told) == 1


def test_a_poll_with_nothing_to_read_is_held(house: House) -> None:
    house.late.inner.create(LATE, False)
    held = subscribed(house, poll(), must_exist=True, ref=LATE)
    assert held.told == []
    house.answer()
    assert held.told == ["joined"]
    house.hub.publish(LATE, Draft(b"a"))
    house.settle()
    assert held.told == ["joined", [b"a"]]


@pytest.mark.parametrize("takes", [1, None])
def test_history_is_read_once_the_echo_is_sure_to_come(house: House, takes: int | None) -> None:
    house.late.late = {"watch"}
    house.keep(b"a", ref=LATE)
    first, second = Listener(takes), Listener(takes)
    subscribed(house, first, ref=LATE)
    subscribed(house, second, ref=LATE)
    assert house.late.asked == ["watch"]
    house.answer()
    assert house.late.asked[:3] == ["watch", "read_after", "read_after"]
    assert (first.bodies, second.bodies) == ([b"a"], [b"a"])


@pytest.mark.parametrize("takes", [1, None])
@pytest.mark.parametrize("what", ["watch", "read_after"])
@pytest.mark.parametrize("late", [True, False])
def test_a_store_that_is_away_closes_who_cannot_be_served(house: House, takes: int | None, what: str, late: bool) -> None:
    house.late.late = {what} if late else set()
    if not late and what == "read_after":
        subscribed(house, Listener(), NEWEST, ref=LATE)
    if not late:
        house.late.refusal = StoreUnavailable("away")
    listening = house.hub.listening(LATE)
    listener = subscribed(house, Listener(takes), ref=LATE)
    if late:
        assert listener.told == []
        house.late.answer(StoreUnavailable("away"))
        house.settle()
    assert listener.told == [CloseReason.UNAVAILABLE]
    assert house.hub.listening(LATE) == listening
    house.late.refusal = None
    house.keep(b"a", ref=LATE)
    listener = subscribed(house, Listener(takes), ref=LATE)
    house.settle()
    assert listener.bodies[:1] == [b"a"]


@pytest.mark.parametrize("takes", [1, None])
def test_an_absent_channel_behind_a_late_answer(house: House, takes: int | None) -> None:
    listener = subscribed(house, Listener(takes), must_exist=True, ref=LATE)
    house.settle()
    assert listener.told == [CloseReason.ABSENT]
    assert list(house.late.watching) == []


@pytest.mark.parametrize("takes", [1, None])
def test_who_left_before_the_answer_hears_nothing(house: House, takes: int | None) -> None:
    house.keep(b"a", ref=LATE)
    gone, back = Listener(takes), Listener(takes)
    subscribed(house, gone, ref=LATE)
    subscribed(house, back, ref=LATE)
    house.hub.unsubscribe(LATE, gone)
    house.hub.unsubscribe(LATE, back)
    subscribed(house, back, ref=LATE)
    house.settle()
    assert gone.told == []
    assert back.bodies == [b"a"]


def test_an_answer_that_fails_is_of_no_concern_to_who_left_and_came_back(house: House) -> None:
    house.keep(b"a", ref=LATE)
    subscribed(house, Listener(), ref=LATE)
    house.settle()
    stream = subscribed(house, Listener(), ref=LATE)
    house.hub.unsubscribe(LATE, stream)
    subscribed(house, stream, ref=LATE)
    house.late.answer(StoreUnavailable("away"))
    house.settle()
    assert stream.told == [[b"a"], "joined"]


def test_resuming_while_a_page_is_on_its_way_asks_for_no_other(house: House) -> None:
    house.keep(b"a", ref=LATE)
    stream = subscribed(house, Listener(), ref=LATE)
    house.hub.resume(LATE, stream)
    assert house.late.waiting() == 1
    house.settle()
    assert stream.told == [[b"a"], "joined"]


@pytest.mark.parametrize("takes", [1, None])
def test_deletion_closes_those_who_still_read(house: House, takes: int | None) -> None:
    house.keep(b"a", ref=LATE)
    listener = subscribed(house, Listener(takes), ref=LATE)
    house.hub.delete(LATE)
    house.settle()
    assert listener.told == [CloseReason.DELETED]


def test_a_gap_reaches_those_who_still_read_with_what_they_read_next(house: House) -> None:
    house.keep(b"a", ref=LATE)
    stream = subscribed(house, Listener(), ref=LATE)
    house.hub.gap(LATE)
    assert stream.told == []
    house.settle()
    assert stream.told == ["missed", [b"a"], "joined"]


def test_a_history_that_was_lost_while_it_was_read_ends_the_reading(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hub_module, "PAGE", 1)
    house.keep(b"a", b"b", ref=LATE)
    stream = subscribed(house, Listener(full_after=1), ref=LATE)
    house.settle()
    house.hub.publish(LATE, Draft(b"announced, then lost"))
    house.settle()
    # As when a backend comes back empty: the same channel, ids from the start again.
    house.clock.set_time(1000)
    empty = type(house.late.inner)(StoreSettings(), house.late.context)
    empty.start(house.late)
    empty.watch(LATE)
    house.late.inner = empty
    house.hub.gap(LATE)
    stream.room = None
    house.hub.resume(LATE, stream)
    house.settle()
    assert stream.told == [[b"a"], "missed", "joined"]
    house.hub.publish(LATE, Draft(b"new"))
    house.settle()
    assert stream.bodies == [b"a", b"new"]


def test_who_still_reads_history_is_not_reported(house: House) -> None:
    house.keep(b"a", ref=LATE)
    stream, one = Listener(), poll()
    house.hub.subscribe(LATE, stream, OLDEST)
    house.hub.subscribe(LATE, one, NEWEST)
    assert (house.hub.listening(LATE), house.late.reported) == (2, (0, 0))
    house.answer()
    assert house.late.reported == (0, 1)
    house.answer()
    assert house.late.reported == (1, 1)
    house.hub.unsubscribe(LATE, stream)
    assert house.late.reported == (1, 0)


def test_a_stream_that_may_be_displaced_is_reported_as_held(house: House) -> None:
    plain, displaceable = Listener(), Listener()
    displaceable.claim = 0
    for stream in (plain, displaceable):
        house.hub.subscribe(LATE, stream, NEWEST)
        house.answer()
    assert house.late.reported == (1, 1)
    house.hub.unsubscribe(LATE, displaceable)
    assert house.late.reported == (0, 1)
