"""Pages of history from what was heard of a watched channel: only where the store would say the same."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from hbpush.core.message import HEADS, NEWEST, OLDEST, OVERHEAD, Last, Message, MessageId
from hbpush.stores.base import Page
from hbpush.stores.redis_codec import Announcement
from hbpush.stores.redis_tail import LENGTH, Tail, Tails
from hbpush.stores.redis_watch import Watch
from tests.unit.stores.test_redis_watch import NAMES, NOW, REF, Told, at, begun, found, gone, heard, look, message, next_message, said


def bodies(page: Page | None) -> list[str] | None:
    return None if page is None else [each.body.decode() for each in page.messages]


def tags(watch: Watch, *places: int, limit: int = 10, now: float = NOW) -> list[Sequence[str] | None]:
    return [bodies(watch.page(at(place), limit, now)) for place in places]


def test_a_page_comes_from_what_was_heard() -> None:
    watch, _ = begun(3)
    heard(watch, said(4), said(5), said(6))
    assert tags(watch, 2, 3, 4, 5, 6, 7) == [None, ["4", "5", "6"], ["5", "6"], ["6"], [], None]
    assert watch.page(at(3), 2, NOW) == Page([message(4), message(5)], False, at(6), True)
    assert watch.page(at(4), 2, NOW) == Page([message(5), message(6)], False, at(6), False)
    assert watch.page(at(6), 2, NOW) == Page(last=at(6))


@pytest.mark.parametrize("since", [OLDEST, NEWEST, Last(1), Last(0)])
def test_a_place_that_is_no_id_is_asked_of_the_store(since: Last) -> None:
    watch, _ = begun()
    heard(watch, said(1))
    assert watch.page(since, 1, NOW) is None


def test_no_page_while_something_is_read() -> None:
    watch, _ = begun()
    heard(watch, said(1))
    watch.reading = True
    assert tags(watch, 0, 1) == [None, None]


def test_no_page_of_a_channel_that_is_not_there() -> None:
    watch, _ = begun(generation=0)
    assert tags(watch, 0) == [None]
    heard(watch, said(1))
    assert tags(watch, 0, 1) == [["1"], []]
    heard(watch, gone(1))
    assert tags(watch, 0, 1) == [None, None]
    heard(watch, said(2, generation=2))
    assert tags(watch, 0, 1, 2) == [None, ["2"], []]


def test_no_page_over_an_unstored_message() -> None:
    watch, _ = begun()
    heard(watch, said(1), said(2, stored=False))
    assert tags(watch, 0, 1, 2) == [None, None, []]
    heard(watch, said(3))
    assert tags(watch, 1, 2, 3) == [None, ["3"], []]


def test_no_page_with_an_expired_message() -> None:
    watch, _ = begun()
    heard(watch, said(1, expires=NOW + 1), said(2))
    assert tags(watch, 0, 1) == [["1", "2"], ["2"]]
    assert tags(watch, 0, 1, now=NOW + 1) == [None, ["2"]]


def test_no_page_from_before_what_was_lost() -> None:
    watch, told = begun()
    look(watch, found(3, 2, 3))
    assert told == ["gap", "2", "3"]
    # The store says that something is missed after 0.
    assert found(3, 2, 3).missed(at(0))
    assert tags(watch, 0, 1, 2) == [None, ["2", "3"], ["3"]]


@pytest.mark.parametrize("first", [True, False])
def test_no_page_from_a_history_that_is_not_whole(first: bool) -> None:
    # Nothing came after the tip, yet the store cannot tell who asks for what comes after it that nothing was lost.
    watch, _ = begun(3)
    if first:
        watch = Watch(REF, NAMES, Told(), Tails(0, 0))
    reply = found(3, epoch=b"f", lost=101)
    look(watch, reply)
    assert reply.missed(at(3))
    assert tags(watch, 3) == [None]
    heard(watch, Announcement(b"f", 1, 0, MessageId(101, 0), next_message(101, at(3))))
    assert tags(watch, 3) == [None]
    assert watch.page(MessageId(101, 0), 1, NOW) is not None


def test_a_tail_has_no_more_messages_than_a_channel() -> None:
    for max_messages, kept in ((3, 3), (0, LENGTH), (LENGTH + 1, LENGTH)):
        watch, _ = begun(tails=Tails(0, max_messages))
        heard(watch, *(said(tag) for tag in range(1, LENGTH + 6)))
        last = LENGTH + 5
        assert tags(watch, last - kept - 1) == [None]
        page = watch.page(at(last - kept), 1000, NOW)
        assert page is not None
        assert len(page.messages) == kept


def test_all_tails_together_have_a_bound() -> None:
    tails = Tails(3 * OVERHEAD + 30, 0)
    one, _ = begun(tails=tails)
    two, _ = begun(tails=tails)
    heard(one, said(1, body=b"x" * 10), said(2, body=b"x" * 10))
    heard(two, said(1, body=b"x" * 10))
    assert tails.bytes == 3 * (OVERHEAD + 10)
    heard(two, said(2, body=b"x" * 10))
    assert tails.bytes == 3 * (OVERHEAD + 10)
    assert [each is None for each in tags(two, 0, 1)] == [True, False]
    heard(two, said(3, body=b"x" * 1000))
    assert (tails.bytes, tags(two, 2, 3)) == (2 * (OVERHEAD + 10), [None, []])
    one.end()
    two.end()
    assert tails.bytes == 0


def test_what_is_long_before_a_body_counts_too() -> None:
    tails = Tails(3000, 0)
    tail = Tail(tails)
    for tag in range(1, 9):
        tail.add(Message(REF, at(tag), at(tag - 1), b"", b"t" * 900, "e" * 100))
    assert tails.bytes == 2 * (OVERHEAD + 1000 - HEADS)
    tail.clear()
    assert tails.bytes == 0


def test_a_lingering_channel_keeps_its_tail_for_who_comes_back() -> None:
    watch, told = begun()
    watch.watched = False
    heard(watch, said(1))
    assert (told, tags(watch, 0, 1)) == ([], [["1"], []])
