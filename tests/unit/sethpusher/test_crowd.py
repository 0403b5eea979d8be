"""`sethpusher.crowd.Crowd`: who hears what, and what is kept (SethPusher specification 4, 8, 12)."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from hbpush.core.message import OLDEST, ChannelRef, Draft
from hbpush.stores.base import UNHEARD_TIMEOUT, Receipt
from sethpusher.crowd import Crowd
from sethpusher.envelope import mail_ref, notice, notices_ref
from sethpusher.utils import BasicPubSubManager
from tests.support.sethpusher import Ear
from tests.unit.sethpusher.conftest import House


def joined(house: House, channel: str, *ears: Ear, crowd: Crowd | None = None) -> None:
    for ear in ears:
        house.join(crowd or house.crowd, channel, ear)
    house.settle()


def test_members_get_what_is_posted_and_others_do_not(house: House) -> None:
    inside, outside = Ear(), Ear()
    joined(house, "news", inside)
    joined(house, "sport", outside)
    house.crowd.post("news", b'{"my": "data", "sender_id": "zed"}')
    house.settle()
    assert inside.heard() == [{"message": {"my": "data", "sender_id": "zed"}, "sender_id": "zed"}]
    assert outside.heard() == []


def test_what_other_protocols_publish_is_heard(house: House) -> None:
    ear = Ear()
    joined(house, "news", ear)
    ref = ChannelRef("default", "", "news")
    for body, kind in ((b"plain", b"text/plain"), (b"[1]", b"application/json"), (b"\xff", None)):
        house.hub.publish(ref, Draft(body, kind))
    house.settle()
    assert ear.heard() == [
        {"message": "plain", "sender_id": None},
        {"message": [1], "sender_id": None},
        {"message": "/w==", "sender_id": None, "encoding": "base64"},
    ]


def test_what_is_posted_is_kept_as_it_came_and_notices_and_mail_are_not(house: House) -> None:
    ear = Ear("bob")
    joined(house, "all", ear)
    house.crowd.post("all", b'{"a":  1.00}')
    house.crowd.tell("all", '{"any":"thing"}')
    house.crowd.mail("bob", b'{"b":2}')
    house.settle()
    assert len(ear.heard()) == 3
    [kept] = house.memory.read_after(ChannelRef("default", "", "all"), OLDEST, 10).messages
    assert (kept.body, kept.content_type) == (b'{"a":  1.00}', b"application/json")
    for ref in (notices_ref("default"), mail_ref("default", "bob")):
        assert len(house.memory.read_after(ref, OLDEST, 10).messages) == 0


def test_mail_reaches_all_sockets_of_a_user_and_nobody_else(house: House) -> None:
    first, second, other, stranger = Ear("bob"), Ear("bob"), Ear("alice"), Ear()
    joined(house, "all", first, second, other, stranger)
    house.crowd.mail("bob", b'{"x":1}')
    house.settle()
    expected = [{"message": {"x": 1}, "target_id": "bob", "sender_id": None}]
    assert (first.heard(), second.heard(), other.heard(), stranger.heard()) == (expected, expected, [], [])
    assert house.crowd.connections("bob") == [first, second]
    house.crowd.leave("all", first)
    house.crowd.mail("bob", b'{"x":2}')
    house.settle()
    assert first.heard() == []
    assert second.heard()[0]["message"] == {"x": 2}


def test_mail_to_nobody_and_users_who_have_left_leave_nothing_in_the_store(house: House) -> None:
    house.crowd.mail("nobody", b"{}")
    ear = Ear("bob")
    joined(house, "all", ear)
    house.crowd.mail("bob", b"{}")
    house.settle()
    house.crowd.leave("all", ear)
    house.settle()
    assert not house.memory.read_after(mail_ref("default", "nobody"), OLDEST, 1).exists
    house.clock.advance(UNHEARD_TIMEOUT + 60)
    assert not house.memory.read_after(mail_ref("default", "bob"), OLDEST, 1).exists


def test_joining_makes_no_channel_and_leaving_forgets_it(house: House) -> None:
    ear = Ear()
    joined(house, "news", ear)
    assert house.crowd.channels() == {"news": {ear}}
    assert not house.memory.read_after(ChannelRef("default", "", "news"), OLDEST, 1).exists
    assert house.crowd.leave("news", ear)
    assert not house.crowd.leave("news", ear)
    assert not house.crowd.leave("never", ear)
    assert house.crowd.channels() == {}
    assert house.crowd.listing() == {}


def test_notices_reach_those_who_were_there_when_they_were_made(house: House) -> None:
    early, leaver, late = Ear(), Ear(), Ear()
    joined(house, "news", early, leaver)
    house.crowd.tell("news", '"one"')
    house.crowd.join("news", late)
    house.crowd.tell("news", '"two"')
    house.crowd.leave("news", leaver)
    house.crowd.tell("news", '"three"')
    house.settle()
    assert early.heard() == ["one", "two", "three"]
    assert leaver.heard() == ["one", "two"]
    assert late.heard() == ["two", "three"]


def test_its_own_notice_is_not_for_whoever_connects(house: House) -> None:
    for crowd in (house.crowd, house.far):
        first, second = Ear("a"), Ear("b")
        joined(house, "all", first, crowd=crowd)
        receipt = crowd.tell("all", '"b is here"')
        if isinstance(receipt, asyncio.Future):
            # The worst that can be: the store has answered, and has not announced it yet.
            house.late.answer()
            house.loop.run_until_complete(receipt)
            receipt = receipt.result()
        second.own_notice = receipt.last
        house.join(crowd, "all", second)
        house.settle()
        assert first.heard() == ["b is here"]
        assert second.heard() == []


def test_the_same_texts_are_made_once_for_all(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    ears = [Ear() for _ in range(50)]
    joined(house, "news", *ears)
    house.crowd.post("news", b'{"n":1}')
    house.settle()
    assert len({id(ear.texts[0]) for ear in ears}) == 1


def test_one_that_cannot_be_sent_to_costs_the_others_nothing(house: House, expected_logs: Any) -> None:
    class Broken(Ear):
        def send(self, text: str) -> None:
            raise RuntimeError("no more")

    expected_logs("a subscriber could not be sent to")
    broken, well = Broken(), Ear()
    joined(house, "news", broken, well)
    for _ in range(2):
        house.crowd.post("news", b'{"n":1}')
        house.crowd.tell("news", '{"n":2}')
        house.settle()
    assert len(well.heard()) == 4


def test_more_members_than_a_turn_takes_all_have_it_in_order(house: House) -> None:
    ears = [Ear() for _ in range(2500)]
    joined(house, "news", *ears)
    for number in range(3):
        house.crowd.tell("news", str(number))
        house.clock.run_soon()
    house.settle()
    assert all(ear.heard() == [0, 1, 2] for ear in ears)


def test_a_store_that_answers_later(house: House) -> None:
    ear = Ear("bob")
    result = house.join(house.far, "all", ear)
    assert isinstance(result, asyncio.Future)
    assert not result.done()
    house.settle()
    assert result.done()
    house.far.tell("all", '"now"')
    house.far.mail("bob", b'{"x":1}')
    house.settle()
    assert ear.heard() == ["now", {"message": {"x": 1}, "target_id": "bob", "sender_id": None}]


def test_leaving_before_the_store_has_answered(house: House) -> None:
    ear = Ear("bob")
    result = house.join(house.far, "news", ear)
    assert isinstance(result, asyncio.Future)
    house.far.leave("news", ear)
    house.settle()
    assert result.cancelled()
    assert house.far.count() == 0


def test_a_deleted_channel_is_told_and_stays_joined(house: House) -> None:
    ear = Ear()
    joined(house, "news", ear)
    house.crowd.post("news", b"{}")
    house.settle()
    ear.heard()
    house.hub.delete(ChannelRef("default", "", "news"))
    house.settle()
    assert ear.heard() == [{"message": {"body": "Channel news was deleted", "channel": "news", "type": "deleted"}}]
    house.crowd.post("news", b'{"again":1}')
    house.settle()
    assert ear.heard()[0]["message"] == {"again": 1}


def test_missed_messages_are_told(house: House) -> None:
    ear = Ear()
    joined(house, "news", ear)
    house.hub.gap(ChannelRef("default", "", "news"))
    assert ear.heard() == [{"message": {"body": "Messages of news were missed", "channel": "news", "type": "gap"}}]


def test_names_and_bounds(house: House) -> None:
    small = Crowd(house.hub, house.clock, house.counters, bound=2)
    ear = Ear()
    for name in ("", "x" * 201, "a\nb", "\ud800"):
        with pytest.raises(ValueError, match="channel"):
            small.join(name, ear)
    for name in ("a", "b", "a"):
        small.join(name, ear)
    with pytest.raises(ValueError, match="2 channels"):
        small.join("c", ear)


def test_lists_are_sorted_and_show_who_has_not_connected(house: House) -> None:
    joined(house, "news", Ear("b"), Ear(), Ear("a"))
    joined(house, "all", Ear("b"))
    assert house.crowd.listing() == {"all": ["b"], "news": [None, "a", "b"]}
    assert house.crowd.listing("news") == {"news": [None, "a", "b"]}
    assert house.crowd.listing("none") == {"none": []}
    assert (house.crowd.count(), house.crowd.count("news"), house.crowd.count("none")) == (4, 3, 0)


def test_the_public_publisher_tells_hub_messages_from_others(house: House) -> None:
    manager = BasicPubSubManager(lambda: house.crowd)
    ear = Ear()
    manager.subscribe(["news", "sport"], ear)
    manager.publish("news", {"message": {"a": 1}, "sender_id": None})
    manager.publish("news", notice("subscribe", "x", "news"))
    manager.publish("sport", {"message": {"sender_id": 1}, "sender_id": True})
    house.settle()
    assert ear.heard() == [
        {"message": {"a": 1}, "sender_id": None},
        {"message": {"body": "User: x subscribed to news", "subscriber_id": "x", "type": "subscribe"}},
        {"message": {"sender_id": 1}, "sender_id": True},
    ]
    assert [m.body for m in house.memory.read_after(ChannelRef("default", "", "news"), OLDEST, 9).messages] == [b'{"a":1}']
    assert manager.channels == {"news": {ear}, "sport": {ear}}
    manager.unsubscribe("news", ear)
    assert manager.channels == {"sport": {ear}}


def test_a_publisher_of_its_own(house: House) -> None:
    async def alone() -> None:
        manager = BasicPubSubManager()
        ear = Ear()
        manager.subscribe("news", ear)
        receipt = manager.publish("news", {"message": {}, "sender_id": None})
        assert isinstance(receipt, Receipt)
        assert receipt.takers == 1
        manager.unsubscribe("news", ear)
        assert ear.heard() == [{"message": {}, "sender_id": None}]

    house.loop.run_until_complete(alone())


def test_closing_ends_all(house: House) -> None:
    ear = Ear("bob")
    joined(house, "all", ear)
    house.crowd.close()
    house.crowd.post("all", b"{}")
    house.crowd.tell("all", "{}")
    house.settle()
    assert ear.heard() == []
    assert house.hub.listening(notices_ref("default")) == 0
