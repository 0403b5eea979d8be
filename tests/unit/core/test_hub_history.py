"""From history to live, with a store that answers at once."""

from __future__ import annotations

import pytest

from hbpush.core import hub as hub_module
from hbpush.core import subscription
from hbpush.core.message import NEWEST, OLDEST, OVERHEAD, Draft, Last, MessageId, Since, size_of
from hbpush.core.subscription import CloseReason
from tests.support.listener import Listener, poll
from tests.unit.core.conftest import LATE, NEWS, House, subscribed


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


def test_a_page_of_large_messages_is_given_in_parts(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(subscription, "PAGE_BYTES", 10_000)
    monkeypatch.setattr(hub_module, "PAGE", 8)
    sizes = [4000, 4000, 4000, 50_000, 10_000 - OVERHEAD, 1, *[10] * 20]
    house.keep(*[bytes(size) for size in sizes])
    stream = subscribed(house, Listener(full_after=2))
    house.settle()
    assert [len(each) for each in stream.told] == [2, 1]
    stream.room = None
    house.hub.resume(NEWS, stream)
    house.settle()
    assert [len(body) for body in stream.bodies] == sizes
    assert all(len(batch.messages) == 1 or sum(map(size_of, batch.messages)) <= 10_000 for batch in stream.batches)
    # Small ones are read in larger pages again, and no page in vain.
    assert [len(batch.messages) for batch in stream.batches] == [2, 1, 1, 1, 1, 2, 4, 8, 6]
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
