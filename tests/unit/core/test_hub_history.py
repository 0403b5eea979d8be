"""From history to live: with a store that answers at once, and with one whose answers wait."""

from __future__ import annotations

from typing import Any

import pytest

from hbpush.core import hub as hub_module
from hbpush.core.message import NEWEST, OLDEST, Draft, Last, MessageId, Since
from hbpush.core.subscription import CloseReason
from hbpush.errors import StoreUnavailable
from hbpush.stores.base import StoreSettings
from tests.support.listener import Listener, poll
from tests.unit.core.conftest import LATE, NEWS, House


def subscribed(house: House, listener: Listener, since: Since = OLDEST, must_exist: bool = False, ref: Any = NEWS) -> Listener:
    house.hub.subscribe(ref, listener, since, must_exist)
    return listener


# A store that answers at once


def test_a_stream_gets_history_then_is_live(house: House) -> None:
    house.keep(b"a", b"b")
    stream = subscribed(house, Listener())
    assert stream.told == [[b"a", b"b"], "joined"]
    house.publish(b"c")
    house.tick()
    assert stream.told == [[b"a", b"b"], "joined", [b"c"]]


@pytest.mark.parametrize(
    ("since", "bodies"), [(OLDEST, [b"a", b"b", b"c"]), (NEWEST, []), (Last(2), [b"b", b"c"]), (MessageId(9_999_999_999, 0), [])]
)
def test_where_a_stream_starts(house: House, since: Since, bodies: list[bytes]) -> None:
    house.keep(b"a", b"b", b"c")
    stream = subscribed(house, Listener(), since)
    house.publish(b"d")
    house.settle()
    assert stream.bodies == [*bodies, b"d"]


def test_a_poll_takes_one_of_history_or_waits(house: House) -> None:
    first, second = house.keep(b"a", b"b")
    held = subscribed(house, poll())
    assert held.told == [[b"a"]]
    assert house.hub.listening(NEWS) == 0
    held = subscribed(house, poll(), first)
    assert held.told == [[b"b"]]
    held = subscribed(house, poll(), second)
    assert held.told == ["joined"]
    assert house.hub.listening(NEWS) == 1


@pytest.mark.parametrize("takes", [1, None])
def test_what_was_dropped_is_told_before_the_delivery(house: House, takes: int | None) -> None:
    (second,) = house.keep(b"b")
    house.keep(b"now", stored=False)
    (third,) = house.keep(b"c")
    listener = subscribed(house, Listener(takes), second)
    assert listener.told == ["missed", [b"c"], "joined"][: 2 if takes else 3]
    listener = subscribed(house, Listener(takes), third)
    assert listener.told == ["joined"]
    house.keep(b"now", stored=False)
    house.tick()
    listener = subscribed(house, Listener(takes), third)
    assert listener.told == ["missed", "joined"]


def test_a_gap_in_the_middle_is_told_where_it_is(house: House) -> None:
    house.keep(b"a", b"b")
    house.keep(b"now", stored=False)
    house.keep(b"c")
    stream = subscribed(house, Listener())
    house.settle()
    assert stream.told == [[b"a", b"b"], "missed", [b"c"], "joined"]


@pytest.mark.parametrize("takes", [1, None])
def test_an_absent_channel(house: House, takes: int | None) -> None:
    strict = subscribed(house, Listener(takes), must_exist=True)
    assert strict.told == [CloseReason.ABSENT]
    assert house.hub.listening(NEWS) == 0
    patient = subscribed(house, Listener(takes))
    assert patient.told == ["joined"]
    assert not house.memory.read_after(NEWS, OLDEST, 1).exists
    house.publish(b"a")
    house.tick()
    assert patient.bodies == [b"a"]
    strict = subscribed(house, Listener(takes), must_exist=True)
    assert strict.bodies == [b"a"]


def test_history_is_read_while_there_is_room(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hub_module, "PAGE", 2)
    sent = [b"%d" % n for n in range(9)]
    house.keep(*sent)
    stream = subscribed(house, Listener(full_after=2))
    house.settle()
    assert stream.bodies == sent[:4]
    house.publish(b"9")
    house.settle()
    assert stream.bodies == sent[:4]
    stream.room = 1
    house.hub.resume(NEWS, stream)
    house.settle()
    assert stream.bodies == sent[:6]
    stream.room = None
    house.hub.resume(NEWS, stream)
    house.settle()
    assert stream.bodies == [*sent, b"9"]
    assert stream.told[-1] == "joined"
    house.hub.resume(NEWS, stream)
    house.publish(b"10")
    house.settle()
    assert stream.bodies == [*sent, b"9", b"10"]


def test_a_long_history_is_read_a_page_a_turn(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hub_module, "PAGE", 10)
    house.keep(*[b"x"] * 35)
    stream = subscribed(house, Listener())
    read = [len(stream.bodies)]
    for _ in range(3):
        house.tick()
        read.append(len(stream.bodies))
    assert read == [10, 20, 30, 35]
    assert stream.told[-1] == "joined"


def test_no_room_while_unstored_messages_come_loses_the_oldest_and_says_so(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hub_module, "PAGE", 1)
    house.keep(b"a", b"b")
    stream = subscribed(house, Listener(full_after=1))
    for n in range(105):
        house.publish(b"%d" % n, stored=False)
        house.settle()
    stream.room = None
    house.hub.resume(NEWS, stream)
    house.settle()
    assert stream.bodies == [b"a", b"b", *[b"%d" % n for n in range(5, 105)]]
    assert "missed" in stream.told


@pytest.mark.parametrize("when", ["deliver", "joined", "missed"])
def test_leaving_while_history_is_delivered(house: House, when: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hub_module, "PAGE", 1)
    first, _ = house.keep(b"a", b"b")
    house.keep(b"now", stored=False)
    house.keep(b"c")
    stream = Listener()

    def leave() -> None:
        house.hub.unsubscribe(NEWS, stream)

    setattr(stream, f"on_{when}", leave)
    subscribed(house, stream, first)
    house.settle()
    assert house.hub.listening(NEWS) == 0
    told = list(stream.told)
    assert told == {"deliver": [[b"b"]], "missed": [[b"b"], "missed"], "joined": [[b"b"], "missed", [b"c"], "joined"]}[when]
    house.publish(b"d")
    house.settle()
    assert stream.told == told


def test_leaving_with_the_last_of_history(house: House) -> None:
    house.keep(b"a")
    stream = Listener()
    stream.on_deliver = lambda: house.hub.unsubscribe(NEWS, stream)
    subscribed(house, stream)
    assert stream.told == [[b"a"]]
    assert house.hub.listening(NEWS) == 0


def test_leaving_and_coming_back_while_history_is_read(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hub_module, "PAGE", 1)
    house.keep(b"a", b"b", b"c")
    stream = subscribed(house, Listener())
    house.hub.unsubscribe(NEWS, stream)
    subscribed(house, stream, Last(1))
    house.settle()
    assert stream.told == [[b"a"], [b"c"], "joined"]


def test_one_subscriber_closing_another_that_is_about_to_join(house: House) -> None:
    joining, jealous = Listener(), Listener()
    house.hub.create(NEWS, False)
    subscribed(house, jealous, NEWEST)
    house.late.late = {"read_after"}
    subscribed(house, joining, NEWEST, ref=LATE)
    other = Listener()
    other.on_deliver = lambda: house.hub.unsubscribe(LATE, joining)
    house.late.late = set()
    subscribed(house, other, NEWEST, ref=LATE)
    house.hub.publish(LATE, Draft(b"a"))
    house.answer()
    house.settle()
    assert other.bodies == [b"a"]
    assert joining.told == []


def test_the_last_message_may_expire_before_it_is_read(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hub_module, "PAGE", 1)
    house.keep(b"a", b"b")
    stream = subscribed(house, Listener(full_after=1))
    house.publish(b"short-lived", timeout=1)
    house.tick()
    house.clock.advance(5)
    stream.room = None
    house.hub.resume(NEWS, stream)
    house.settle()
    assert stream.bodies == [b"a", b"b"]
    house.publish(b"c")
    house.settle()
    assert stream.bodies == [b"a", b"b", b"c"]


# A store whose answers wait


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
