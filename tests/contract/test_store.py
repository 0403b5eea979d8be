"""The contract of stores (`hbpush.stores.base`), for every implementation.

One file, though a long one: a package that brings a store runs it by this name.
"""

from __future__ import annotations

from collections.abc import Callable

import pytest

from hbpush.core.message import NEWEST, OLDEST, ChannelRef, Draft, Last, Message, MessageId, size_of
from hbpush.errors import ChannelNotFound, MessageTooLarge, StoreFull
from hbpush.stores.base import UNHEARD_TIMEOUT, Page
from tests.contract.harness import Subject, ref

Make = Callable[..., Subject]

FAR = MessageId(9_999_999_999, 0)


# What publishing gives


def test_a_receipt_counts_the_message_and_has_its_id(store: Subject) -> None:
    first = store.publish("news", b"a")
    second = store.publish("news", b"b")
    assert (first.messages, second.messages) == (1, 2)
    assert first.last is not None
    assert second.last is not None
    assert first.last < second.last == store.read("news").last
    assert (second.subscribers, second.takers, second.requested) == (0, 0, None)


def test_a_message_has_all_that_its_draft_had(store: Subject) -> None:
    store.publish("news", b"plain")
    store.publish("news", bytes(range(256)), content_type=b"image/png; a=\xff", event="tick")
    store.publish("news", b"", content_type=b"")
    plain, picture, empty = store.read("news").messages
    assert (plain.body, plain.content_type, plain.event, plain.stored) == (b"plain", None, None, True)
    assert (picture.body, picture.content_type, picture.event) == (bytes(range(256)), b"image/png; a=\xff", "tick")
    assert (empty.body, empty.content_type, empty.event) == (b"", b"", None)
    assert {message.channel for message in (plain, picture, empty)} == {ref("news")}


def test_previous_is_the_id_before(store: Subject) -> None:
    ids = [store.id_of("news") for _ in range(3)]
    messages = store.read("news").messages
    assert [message.id for message in messages] == ids
    assert [message.previous for message in messages[1:]] == ids[:2]
    assert messages[0].previous < ids[0]


def test_publishing_makes_the_channel_unless_told_not_to(store: Subject) -> None:
    with pytest.raises(ChannelNotFound):
        store.publish("news", create=False)
    assert not store.exists("news")
    store.publish("news")
    assert store.publish("news", create=False).messages == 2


def test_an_id_is_the_second_and_a_tag_from_0(store: Subject) -> None:
    store.advance(0.25)
    second = store.now()
    assert [store.id_of("news") for _ in range(3)] == [(second, 0), (second, 1), (second, 2)]
    assert store.id_of("sport") == (second, 0)
    store.advance(1)
    assert store.id_of("news") == (second + 1, 0)


def test_ids_count_on_while_the_clock_is_behind(store: Subject) -> None:
    store.advance(0)
    second = store.now()
    store.id_of("news")
    store.set_time(second - 3600)
    assert store.id_of("news") == (second, 1)
    assert store.id_of("news") == (second, 2)
    store.set_time(second + 1)
    assert store.id_of("news") == (second + 1, 0)


def test_ids_are_greater_after_delete(store: Subject) -> None:
    before = [store.id_of("news") for _ in range(3)][-1]
    store.delete("news")
    after = store.id_of("news")
    assert after > before
    assert store.read("news").messages[0].previous == before


def test_ids_are_greater_after_delete_with_the_clock_behind(store: Subject) -> None:
    before = store.id_of("news")
    store.delete("news")
    store.set_time(store.now() - 7200)
    store.create("news")
    assert store.id_of("news") > before


def test_ids_are_greater_after_two_deletes_without_a_message_between(store: Subject) -> None:
    before = [store.id_of("news") for _ in range(3)][-1]
    store.delete("news")
    store.create("news")
    store.delete("news")
    assert store.id_of("news") > before


def test_ids_are_greater_long_after_delete_with_the_clock_behind(store: Subject) -> None:
    before = store.id_of("news")
    store.delete("news")
    store.create("another")
    store.advance(300)
    store.set_time(store.now() - 7200)
    assert store.id_of("news") > before


def test_an_unstored_message_takes_an_id_and_makes_the_channel_and_is_not_kept(store: Subject) -> None:
    receipt = store.publish("news", b"now or never", stored=False)
    assert receipt.messages == 0
    assert receipt.last is not None
    assert store.exists("news")
    assert store.bodies("news") == []
    info = store.info("news")
    assert (info.messages, info.last) == (0, receipt.last)
    assert store.id_of("news") > receipt.last


# Reading


def test_where_a_reader_starts(store: Subject) -> None:
    ids = [store.id_of("news", body) for body in (b"a", b"b", b"c", b"d")]
    assert store.bodies("news", OLDEST) == [b"a", b"b", b"c", b"d"]
    assert store.bodies("news", NEWEST) == []
    assert store.bodies("news", Last(0)) == []
    assert store.bodies("news", Last(1)) == [b"d"]
    assert store.bodies("news", Last(3)) == [b"b", b"c", b"d"]
    assert store.bodies("news", Last(9)) == [b"a", b"b", b"c", b"d"]
    for place, given in enumerate(ids):
        assert store.bodies("news", given) == [b"a", b"b", b"c", b"d"][place + 1 :]


def test_an_id_that_was_never_given_leads_to_the_next_greater_one(store: Subject) -> None:
    first = store.id_of("news", b"a")
    store.publish("news", b"b")
    assert store.bodies("news", MessageId(first.time, first.tag - 1)) == [b"a", b"b"]
    assert store.bodies("news", MessageId(first.time - 10, 5)) == [b"a", b"b"]


@pytest.mark.parametrize("since", [OLDEST, Last(5)])
def test_a_page_is_bounded_and_tells_that_more_follows(store: Subject, since: Last) -> None:
    ids = [store.id_of("news", b"%d" % n) for n in range(5)]
    page = store.read("news", since, 2)
    assert [message.body for message in page.messages] == [b"0", b"1"]
    assert (page.more, page.missed, page.last, page.exists) == (True, False, ids[-1], True)
    page = store.read("news", page.messages[-1].id, 3)
    assert [message.body for message in page.messages] == [b"2", b"3", b"4"]
    assert (page.more, page.missed, page.last) == (False, False, ids[-1])


def test_a_page_at_the_tip_is_empty(store: Subject) -> None:
    for _ in range(2):
        given = store.id_of("news")
        for since in (given, NEWEST, Last(0)):
            page = store.read("news", since, 1)
            assert (list(page.messages), page.missed, page.more, page.last, page.exists) == ([], False, False, given, True)


def test_an_id_beyond_the_last_one_means_the_last_one(store: Subject) -> None:
    given = store.id_of("news")
    page = store.read("news", FAR)
    assert (list(page.messages), page.missed, page.more, page.last) == ([], False, False, given)
    page = store.read("news", MessageId(given.time, given.tag + 1))
    assert (list(page.messages), page.missed) == ([], False)


def test_reading_an_absent_channel_does_not_make_it(store: Subject) -> None:
    for since in (OLDEST, NEWEST, Last(3), FAR):
        page = store.read("news", since)
        assert (list(page.messages), page.missed, page.more, page.exists) == ([], False, False, False)
    with pytest.raises(ChannelNotFound):
        store.info("news")


def test_reading_on_from_the_last_of_an_absent_or_new_channel_misses_nothing(store: Subject) -> None:
    absent = store.read("news", NEWEST).last
    store.create("news")
    new = store.read("news", NEWEST).last
    store.publish("news", b"a")
    for since in (absent, new):
        page = store.read("news", since)
        assert ([message.body for message in page.messages], page.missed) == ([b"a"], False)


def test_dropped_messages_are_missed_by_those_who_had_not_seen_them(make: Make) -> None:
    store = make(max_messages=3)
    ids = [store.id_of("news", b"%d" % n) for n in range(6)]
    assert store.read("news", ids[2]).missed is False
    for since in (ids[1], ids[0]):
        page = store.read("news", since)
        assert ([message.body for message in page.messages], page.missed) == ([b"3", b"4", b"5"], True)
    for edge in (OLDEST, Last(5)):
        page = store.read("news", edge)
        assert ([message.body for message in page.messages], page.missed) == ([b"3", b"4", b"5"], False)


def test_a_page_ends_before_a_gap(store: Subject) -> None:
    first = store.id_of("news", b"a")
    store.publish("news", b"b")
    store.publish("news", b"gone", stored=False)
    store.publish("news", b"c")
    page = store.read("news", OLDEST)
    assert ([message.body for message in page.messages], page.more, page.missed) == ([b"a", b"b"], True, False)
    page = store.read("news", first)
    assert ([message.body for message in page.messages], page.more, page.missed) == ([b"b"], True, False)
    page = store.read("news", page.messages[-1].id)
    assert ([message.body for message in page.messages], page.more, page.missed) == ([b"c"], False, True)


def test_what_was_lost_at_the_end_is_missed_too(store: Subject) -> None:
    first = store.id_of("news", b"a")
    last = store.id_of("news", b"gone", stored=False)
    page = store.read("news", first)
    assert (list(page.messages), page.missed, page.more, page.last) == ([], True, False, last)
    assert store.read("news", last).missed is False


def test_a_deleted_channels_messages_are_missed_by_those_who_had_not_seen_them(store: Subject) -> None:
    first = store.id_of("news", b"a")
    last = store.id_of("news", b"b")
    store.delete("news")
    store.publish("news", b"c")
    for since, missed in ((first, True), (last, False)):
        page = store.read("news", since)
        assert ([message.body for message in page.messages], page.missed) == ([b"c"], missed)


# Channels


def test_channels_and_spaces_do_not_mix(store: Subject) -> None:
    names = ["a", "b", "a:b", "a/b", " a", "{a}", "A", "\u00e9", "e\u0301", "*", "a\nb", "a\0b", "\udcff", "\udcc3\udca9", "x" * 1024]
    refs = [ChannelRef("default", space, name) for space in ("", "private", "a") for name in names]
    for place, channel in enumerate(refs):
        store.watch(channel)
        store.publish(channel, b"%d" % place)
    for place, channel in enumerate(refs):
        (message,) = store.read(channel).messages
        assert (message.body, message.channel) == (b"%d" % place, channel)
    assert [message.channel for message in store.announced(len(refs))] == refs
    store.delete(refs[0])
    assert [store.exists(channel) for channel in refs] == [False] + [True] * (len(refs) - 1)


def test_many_channels(store: Subject) -> None:
    for n in range(500):
        store.publish(f"channel {n}", b"%d" % n)
    assert all(store.bodies(f"channel {n}") == [b"%d" % n] for n in range(500))


def test_creating_is_repeatable(store: Subject) -> None:
    receipt = store.create("news")
    assert (receipt.messages, receipt.requested, receipt.last) == (0, None, None)
    page = store.read("news")
    assert (list(page.messages), page.missed, page.exists) == ([], False, True)
    given = store.id_of("news")
    receipt = store.create("news")
    assert (receipt.messages, receipt.last) == (1, given)


def test_info_is_what_the_channel_is_now(store: Subject) -> None:
    with pytest.raises(ChannelNotFound):
        store.info("news")
    store.publish("news")
    given = store.id_of("news")
    info = store.info("news")
    assert (info.messages, info.requested, info.last, info.subscribers, info.takers) == (2, None, given, 0, 0)


def test_delete_returns_what_was_and_leaves_nothing(store: Subject) -> None:
    with pytest.raises(ChannelNotFound):
        store.delete("news")
    store.publish("news")
    given = store.id_of("news")
    receipt = store.delete("news")
    assert (receipt.messages, receipt.last) == (2, given)
    assert not store.exists("news")
    assert store.bodies("news") == []
    for again in (store.delete, store.info):
        with pytest.raises(ChannelNotFound):
            again("news")
    with pytest.raises(ChannelNotFound):
        store.publish("news", create=False)
    receipt = store.create("news")
    assert (receipt.messages, receipt.last) == (0, None)


def test_requested_is_when_a_subscriber_last_asked(store: Subject) -> None:
    store.create("news")
    store.report("news", 1, 0, 1234567890.5)
    assert store.info("news").requested == 1234567890.5
    store.report("news", 0, 0, None)
    assert store.info("news").requested == 1234567890.5
    store.report("news", 0, 1, 1234567900.0)
    assert store.publish("news").requested == 1234567900.0
    assert store.delete("news").requested == 1234567900.0


def test_a_report_does_not_make_a_channel(store: Subject) -> None:
    store.report("news", 1, 1, 5.0)
    assert not store.exists("news")


# Announcing


def test_a_watched_channel_is_announced_once_in_order(store: Subject) -> None:
    store.watch("news")
    assert not store.exists("news")
    ids = [store.id_of("news", b"%d" % n, stored=n % 3 > 0, event="e", content_type=b"t") for n in range(10)]
    store.publish("sport", b"not watched")
    messages = store.announced(10)
    assert [message.id for message in messages] == ids
    assert [message.body for message in messages] == [b"%d" % n for n in range(10)]
    assert [message.stored for message in messages] == [n % 3 > 0 for n in range(10)]
    assert [message.previous for message in messages[1:]] == ids[:-1]
    assert {(message.channel, message.event, message.content_type) for message in messages} == {(ref("news"), "e", b"t")}


def test_an_announced_message_is_the_one_that_is_kept(store: Subject) -> None:
    store.publish("news", b"before")
    store.watch("news")
    store.publish("news", b"a", content_type=b"text/plain")
    assert list(store.announced(1)) == store.read("news").messages[1:]


def test_an_announced_message_can_be_read(store: Subject) -> None:
    found: list[object] = []

    def look(message: Message) -> None:
        found.append(store.store.read_after(message.channel, message.previous, 1))

    store.heard.on_deliver = look
    store.watch("news")
    store.publish("news", b"a")
    store.announced(1)
    (result,) = found
    page: Page = store.call(lambda: result)
    assert [message.body for message in page.messages] == [b"a"]


def test_a_page_holds_nothing_that_is_still_to_be_announced(store: Subject) -> None:
    store.watch("news")
    reads: list[object] = []

    def publish_and_read() -> None:
        for n in range(20):
            results.append(store.store.publish(ref("news"), Draft(b"%d" % n)))
            reads.append(store.store.read_after(ref("news"), OLDEST, 100))

    results: list[object] = []
    store.call(publish_and_read)
    for read in reads:
        page: Page = store.call(lambda read=read: read)
        assert list(page.messages) == store.heard.messages[: len(page.messages)]
    for result in results:
        store.call(lambda result=result: result)
    assert [message.body for message in store.announced(20)] == [b"%d" % n for n in range(20)]


def test_watching_ends_and_begins_again(store: Subject) -> None:
    store.watch("news")
    store.publish("news", b"a")
    store.announced(1)
    store.unwatch("news")
    store.publish("news", b"not heard")
    store.watch("news")
    store.publish("news", b"b")
    assert [message.body for message in store.announced(2)] == [b"a", b"b"]
    store.unwatch("never watched, never made")


def test_deletion_is_told_once_the_channel_is_gone(store: Subject) -> None:
    found: list[object] = []
    store.heard.on_deleted = lambda channel: found.append(store.store.read_after(channel, OLDEST, 1))
    store.publish("news")
    store.publish("sport")
    store.watch("news")
    store.delete("sport")
    store.delete("news")
    assert list(store.removed(1)) == [ref("news")]
    (result,) = found
    page: Page = store.call(lambda: result)
    assert (list(page.messages), page.exists) == ([], False)


def test_watching_outlives_deletion(store: Subject) -> None:
    store.watch("news")
    store.publish("news", b"a")
    store.delete("news")
    store.publish("news", b"b")
    assert [message.body for message in store.announced(2)] == [b"a", b"b"]


def test_nothing_is_told_after_the_end(store: Subject) -> None:
    store.watch("news")
    store.publish("news", b"a")
    store.announced(1)
    store.stop()
    store.advance(10_000)
    assert len(store.heard.messages) == 1
    assert store.heard.removed == []


# Bounds


def test_max_messages_drops_the_oldest(make: Make) -> None:
    store = make(max_messages=3)
    counts = [store.publish("news", b"%d" % n).messages for n in range(20)]
    assert counts == [1, 2, 3] + [3] * 17
    assert store.bodies("news") == [b"17", b"18", b"19"]
    assert store.info("news").messages == 3


def test_max_channel_bytes_drops_the_oldest(make: Make) -> None:
    store = make(max_channel_bytes=10_000)
    for n in range(5):
        store.publish("news", b"%d" % n * 4000)
    assert store.bodies("news") == [b"3" * 4000, b"4" * 4000]
    assert store.publish("news", b"5" * 9000).messages == 1
    assert store.bodies("news") == [b"5" * 9000]
    assert store.publish("sport", b"s" * 9000).messages == 1


@pytest.mark.parametrize("bound", ["max_channel_bytes", "max_bytes"])
def test_a_message_counts_its_content_type_and_its_event_too(make: Make, bound: str) -> None:
    store = make(**{bound: 10_000})
    for content_type, event in (
        *((None, None), (b"", ""), (b"t" * 64, None), (b"t" * 65, None), (b"t" * 1024, None), (b"t" * 32, "e" * 32), (b"t" * 32, "e" * 33)),
        *((None, "e" * 9000), (None, "\u00fc" * 100), (b"t" * 900, "\U0001f600" * 100), (None, "\udcff" * 100)),
    ):
        body = b"b" * (10_000 - size_of(Draft(b"", content_type, event)))
        assert store.publish("news", body, content_type=content_type, event=event).messages == 1
        with pytest.raises(MessageTooLarge):
            store.publish("news", body + b"b", content_type=content_type, event=event)


def test_what_messages_count_is_freed_with_them(make: Make) -> None:
    draft = Draft(b"b", b"t" * 1000, "\u00fc" * 100)
    store = make(max_bytes=10 * size_of(draft))
    for _ in range(3):
        assert [store.publish("news", b"b", content_type=b"t" * 1000, event="\u00fc" * 100).messages for _ in range(15)][8:] == [9] + [
            10
        ] * 6
        with pytest.raises(StoreFull):
            store.publish("sport", b"")
        store.delete("news")


@pytest.mark.parametrize("bound", ["max_channel_bytes", "max_bytes"])
def test_a_message_that_is_too_large_alone_changes_nothing(make: Make, bound: str) -> None:
    store = make(**{bound: 10_000})
    given = store.id_of("news", b"a" * 1000)
    for channel in ("news", "sport"):
        with pytest.raises(MessageTooLarge):
            store.publish(channel, b"b" * 10_001)
    assert store.bodies("news") == [b"a" * 1000]
    assert store.info("news").last == given
    assert not store.exists("sport")
    assert store.counters.counts["message_too_large"] == 2


def test_max_bytes_drops_the_oldest_of_the_channel_that_publishes(make: Make) -> None:
    store = make(max_bytes=20_000)
    store.publish("sport", b"s" * 8000)
    for n in range(5):
        store.publish("news", b"%d" % n * 4000)
    assert store.bodies("news") == [b"3" * 4000, b"4" * 4000]
    assert store.bodies("sport") == [b"s" * 8000]


def test_a_message_that_finds_no_room_changes_nothing(make: Make) -> None:
    store = make(max_bytes=20_000)
    store.publish("sport", b"s" * 8000)
    store.publish("sport", b"t" * 8000)
    given = store.id_of("news", b"a" * 2000)
    store.watch("news")
    for channel in ("news", "politics"):
        with pytest.raises(StoreFull):
            store.publish(channel, b"b" * 8000)
    assert store.bodies("news") == [b"a" * 2000]
    assert store.info("news").last == given
    assert not store.exists("politics")
    assert store.bodies("sport") == [b"s" * 8000, b"t" * 8000]
    assert store.counters.counts["store_full"] == 2
    store.publish("news", b"c" * 8000, stored=False)
    assert [message.body for message in store.announced(1)] == [b"c" * 8000]
    store.delete("sport")
    assert store.publish("news", b"b" * 8000).messages == 2


def test_max_channels_refuses_new_ones(make: Make) -> None:
    store = make(max_channels=2)
    store.publish("a")
    store.create("b")
    with pytest.raises(StoreFull):
        store.create("c")
    with pytest.raises(StoreFull):
        store.publish("c")
    with pytest.raises(StoreFull):
        store.publish("c", stored=False)
    assert not store.exists("c")
    assert store.counters.counts["store_full"] == 3
    assert store.publish("a").messages == 2
    assert store.create("b").messages == 0
    store.delete("a")
    store.publish("c")


def test_0_is_no_limit(make: Make) -> None:
    store = make(max_messages=0, max_channel_bytes=0, max_bytes=0, max_channels=0, message_timeout=0, idle_channel_timeout=0)
    for _ in range(1100):
        store.publish("news", b"x" * 100)
    assert store.info("news").messages == 1100
    store.advance(1_000_000)
    assert store.info("news").messages == 1100


# Expiry


def test_an_expired_message_is_neither_returned_nor_counted(make: Make) -> None:
    store = make(message_timeout=10, idle_channel_timeout=0)
    store.advance(0)
    first = store.id_of("news", b"a")
    assert store.read("news").messages[0].expires == store.clock.time() + 10
    store.advance(6)
    last = store.id_of("news", b"b")
    store.advance(3.5)
    assert store.bodies("news") == [b"a", b"b"]
    store.advance(0.5)
    assert store.info("news").messages == 1
    page = store.read("news", MessageId(first.time, -1))
    assert ([message.body for message in page.messages], page.missed) == ([b"b"], True)
    assert store.read("news", first).missed is False
    assert store.publish("news", b"c").messages == 2
    store.advance(100)
    page = store.read("news", first)
    assert (list(page.messages), page.missed, page.exists) == ([], True, True)
    assert store.bodies("news", Last(5)) == []
    info = store.info("news")
    assert info.messages == 0
    assert info.last is not None
    assert info.last > last
    assert store.publish("news", b"d").messages == 1


def test_messages_expire_one_after_the_other(make: Make) -> None:
    store = make(message_timeout=10, idle_channel_timeout=0)
    store.advance(0)
    for n in range(5):
        store.publish("news", b"%d" % n)
        store.advance(1)
    store.advance(4)
    for n in range(5):
        assert store.bodies("news") == [b"%d" % m for m in range(n, 5)]
        assert store.info("news").messages == 5 - n
        store.advance(1)
    assert store.bodies("news") == []


def test_a_draft_may_have_its_own_time_out(make: Make) -> None:
    store = make(message_timeout=10, idle_channel_timeout=0)
    store.advance(0)
    for body, timeout in ((b"long", 30.0), (b"short", 5.0), (b"usual", None), (b"for ever", 0.0), (b"middle", 20.0)):
        store.publish("news", body, timeout=timeout)
    left = {
        4: [b"long", b"short", b"usual", b"for ever", b"middle"],
        6: [b"long", b"usual", b"for ever", b"middle"],
        12: [b"long", b"for ever", b"middle"],
        22: [b"long", b"for ever"],
        40: [b"for ever"],
    }
    now = 0
    for second, bodies in left.items():
        store.advance(second - now)
        now = second
        assert store.info("news").messages == len(bodies)
        assert every_page(store, "news") == bodies


def test_min_messages_are_kept_past_their_time(make: Make) -> None:
    store = make(message_timeout=10, min_messages=2, idle_channel_timeout=0)
    store.advance(0)
    for body in (b"a", b"b", b"c"):
        store.publish("news", body)
    store.advance(20)
    assert store.bodies("news") == [b"b", b"c"]
    assert store.info("news").messages == 2
    assert store.publish("news", b"d").messages == 2
    assert store.bodies("news") == [b"c", b"d"]
    store.advance(20)
    assert store.bodies("news") == [b"c", b"d"]


def test_an_unstored_message_lets_nothing_expire_early(make: Make) -> None:
    store = make(message_timeout=10, idle_channel_timeout=0)
    store.advance(0)
    store.publish("news", b"a")
    assert store.publish("news", b"now", stored=False, timeout=1).messages == 1
    store.advance(5)
    assert store.bodies("news") == [b"a"]


def every_page(store: Subject, channel: str) -> list[bytes]:
    """All bodies, page by page, as a reader who follows ``more``."""
    page = store.read(channel)
    bodies = [message.body for message in page.messages]
    while page.more:
        page = store.read(channel, page.messages[-1].id)
        assert page.missed
        bodies += [message.body for message in page.messages]
    return bodies


# Messages for those who listen


@pytest.mark.parametrize("stored", [False, True])
def test_a_message_for_listeners_makes_no_channel_where_nobody_listens(make: Make, stored: bool) -> None:
    store = make(max_channels=1)
    for number in range(5):
        receipt = store.publish(f"nobody{number}", stored=stored, if_heard=True)
        assert (receipt.messages, receipt.last, receipt.takers) == (0, None, 0)
        assert not store.exists(f"nobody{number}")
    store.publish("news")
    # Where there is a channel, or is not to be one, it is a message as any other.
    assert store.publish("news", stored=stored, if_heard=True).messages == 1 + stored
    with pytest.raises(ChannelNotFound):
        store.publish("sport", create=False, if_heard=True)


def test_a_message_for_listeners_is_heard_with_rising_ids(make: Make) -> None:
    store = make()
    store.watch("news")
    ids = [store.id_of("news", b"%d" % number, stored=False, if_heard=True) for number in range(3)]
    store.unwatch("news")
    store.watch("news")
    ids.append(store.id_of("news", b"3", stored=False, if_heard=True))
    assert [message.id for message in store.announced(4)] == ids == sorted(set(ids))
    assert [message.previous for message in store.announced(4)][1:] == ids[:3]


def test_a_channel_for_listeners_is_idle_soon(make: Make) -> None:
    store = make(idle_channel_timeout=IDLE)
    store.advance(0)
    for name in ("news", "watched"):
        store.watch(name)
        store.publish(name, if_heard=True)
    before = store.announced(2)[0].id
    store.unwatch("news")
    assert store.exists("news")
    store.advance(UNHEARD_TIMEOUT + LATE)
    assert not store.exists("news")
    store.watch("news")
    assert store.id_of("news", if_heard=True) > before


# Idle channels

IDLE = 3600
LATE = 120
"""How much later than its time an idle channel may be removed, in seconds."""


def test_an_idle_channel_is_removed(make: Make) -> None:
    store = make(idle_channel_timeout=IDLE)
    store.advance(0)
    before = store.id_of("news")
    store.create("empty")
    store.advance(IDLE - 5)
    assert store.exists("news")
    assert store.exists("empty")
    store.advance(5 + LATE)
    assert not store.exists("news")
    assert not store.exists("empty")
    with pytest.raises(ChannelNotFound):
        store.info("news")
    store.set_time(before.time - 10)
    assert store.id_of("news") > before


def test_publishing_and_asking_keep_a_channel(make: Make) -> None:
    store = make(idle_channel_timeout=IDLE)
    store.publish("published")
    store.publish("asked")
    store.publish("idle")
    for _ in range(3):
        store.advance(IDLE - LATE)
        store.publish("published", create=False)
        store.report("asked", 0, 0, store.clock.time())
    assert [store.exists(name) for name in ("published", "asked", "idle")] == [True, True, False]


def test_a_subscriber_keeps_a_channel_and_its_going_starts_the_time(make: Make) -> None:
    store = make(idle_channel_timeout=IDLE)
    for name in ("held", "streaming", "watched"):
        store.publish(name)
    store.report("held", 1, 0, store.clock.time())
    store.report("streaming", 0, 1, store.clock.time())
    store.watch("watched")
    store.advance(3 * IDLE)
    assert all(store.exists(name) for name in ("held", "streaming", "watched"))
    store.report("held", 0, 0, None)
    store.report("streaming", 0, 0, None)
    store.unwatch("watched")
    store.advance(IDLE - 5)
    assert all(store.exists(name) for name in ("held", "streaming", "watched"))
    store.advance(5 + LATE)
    assert not any(store.exists(name) for name in ("held", "streaming", "watched"))


def test_a_channel_watched_before_it_was_made_is_kept(make: Make) -> None:
    store = make(idle_channel_timeout=IDLE)
    store.watch("news")
    store.publish("news")
    store.advance(3 * IDLE)
    assert store.exists("news")


def test_a_permanent_channel_lasts_until_it_is_deleted(make: Make) -> None:
    store = make(idle_channel_timeout=IDLE)
    store.create("born so", permanent=True)
    store.create("born so", permanent=False)
    store.publish("made so")
    store.create("made so", permanent=True)
    store.advance(3 * IDLE)
    assert store.exists("born so")
    assert store.exists("made so")
    store.delete("born so")
    store.create("born so")
    store.advance(IDLE + LATE)
    assert not store.exists("born so")


def test_an_idle_channel_makes_room_for_another(make: Make) -> None:
    store = make(idle_channel_timeout=IDLE, max_channels=1, max_bytes=10_000)
    store.publish("news", b"x" * 8000)
    store.advance(IDLE + LATE)
    store.publish("sport", b"x" * 8000)


# Leases


def test_of_those_who_want_a_lease_in_a_process_the_first_has_it(store: Subject) -> None:
    first, second = store.lease("feed"), store.lease("feed")
    other = store.lease("another")
    store.granted(first, 1)
    store.granted(other, 1)
    assert (first.lease.held, second.lease.held, other.lease.held) == (True, False, True)
    assert second.times == 0
    store.call(first.lease.end)
    assert (first.lease.held, second.lease.held, second.times) == (False, True, 1)
    store.call(first.lease.end)
    assert second.lease.held


def test_a_lease_is_kept_as_time_passes(store: Subject) -> None:
    lease = store.lease("feed")
    store.granted(lease, 1)
    for _ in range(10):
        store.advance(1)
        assert lease.lease.held
    assert lease.times == 1


def test_who_stops_wanting_a_lease_before_it_is_his_never_has_it(store: Subject) -> None:
    first, second, third = (store.lease("feed") for _ in range(3))
    store.granted(first, 1)
    store.call(second.lease.end)
    store.call(first.lease.end)
    assert (second.times, third.times, third.lease.held) == (0, 1, True)
