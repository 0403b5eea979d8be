"""The hub while everybody is live: receipts, one flush a tick, slices, clean boundaries."""

from __future__ import annotations

from typing import Any

import pytest

from hbpush.core import delivery
from hbpush.core.message import HEADER_BYTES, NEWEST, OLDEST, Draft
from hbpush.errors import ChannelNotFound, ProtocolError, StoreUnavailable
from hbpush.stores.base import Receipt
from tests.support.listener import Listener, poll
from tests.unit.core.conftest import LATE, NEWS, SPORT, House, listen


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
    monkeypatch.setattr(delivery, "SLICE", 10)
    listeners = [poll() if n % 2 else Listener() for n in range(25)]
    listen(house, *listeners)
    house.publish(b"a")
    served = []
    for _ in range(3):
        house.tick()
        served.append(sum(bool(listener.told) for listener in listeners))
    assert served == [10, 20, 25]


def test_order_is_kept_over_slices(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(delivery, "SLICE", 3)
    streams = [Listener() for _ in range(10)]
    listen(house, *streams)
    sent = [b"%d" % n for n in range(20)]
    for body in sent:
        house.publish(body)
        house.tick()
    house.settle()
    assert all(stream.bodies == sent for stream in streams)


def test_who_joins_between_two_slices_loses_and_doubles_nothing(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(delivery, "SLICE", 2)
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
    monkeypatch.setattr(delivery, "SLICE", 2)
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
    monkeypatch.setattr(delivery, "SLICE", 2)
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
    # Those who were there have their turn with the flush, and nobody joins at their expense.
    assert (stream.told, newcomer.told, latest.told) == ([], [[b"a"], "joined"], ["joined"])
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


def test_what_comes_while_a_delivery_goes_on_in_slices_is_joined(monkeypatch: pytest.MonkeyPatch, house: House) -> None:
    monkeypatch.setattr(delivery, "SLICE", 2)
    listeners = [Listener() for _ in range(5)]
    listen(house, *listeners)
    house.publish(b"a")
    house.tick()
    for body in (b"b", b"c"):
        # The first one is still on its way to some.
        house.publish(body)
        assert listeners[-1].told == []
        house.tick()
    house.settle()
    assert [listener.told for listener in listeners] == [[[b"a"], [b"b", b"c"]]] * len(listeners)


@pytest.mark.parametrize(
    "more", [{"content_type": b"t" * (HEADER_BYTES + 1)}, {"event": "e" * (HEADER_BYTES + 1)}, {"event": "\u00fc" * 513}]
)
@pytest.mark.parametrize("stored", [True, False])
def test_no_message_has_more_before_its_body_than_its_readers_bear(house: House, more: dict[str, Any], stored: bool) -> None:
    listener = Listener()
    for _ in range(2):
        with pytest.raises(ProtocolError, match="has at most 1024 bytes"):
            house.publish(b"x", stored=stored, **more)
        listen(house, listener)
    [(what, value)] = more.items()
    house.publish(b"y", stored=stored, **{what: value[: HEADER_BYTES // 2]})
    house.tick()
    assert listener.bodies == [b"y"]
