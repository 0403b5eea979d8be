"""The order in which a watched channel is told, branch by branch.

`test_redis_watch_deletions` has the ends of channels, `test_redis_tail` the pages, `test_redis_watch_model` all of it at random.
"""

from __future__ import annotations

import asyncio
from asyncio import Future

from hbpush.core.message import OLDEST, ChannelRef, Message, MessageId
from hbpush.stores.base import Page
from hbpush.stores.redis_codec import Announcement, Found, names
from hbpush.stores.redis_tail import Tails
from hbpush.stores.redis_watch import PENDING, Held, Watch

REF = ChannelRef("default", "", "news")
NAMES = names(REF, b"", b"0", 0)
NOW = 1000.0


class Told(list[str]):
    """`StoreEvents` that notes bodies, ``gap`` and ``deleted``."""

    def deliver(self, message: Message) -> None:
        self.append(message.body.decode())

    def deleted(self, ref: ChannelRef) -> None:
        self.append("deleted")

    def gap(self, ref: ChannelRef) -> None:
        self.append("gap")

    def displaced(self, ref: ChannelRef, number: int) -> None:
        raise AssertionError("nobody claims here")


def at(tag: int) -> MessageId:
    return MessageId(100, tag)


def message(tag: int, stored: bool = True, expires: float = 0, body: bytes = b"") -> Message:
    return Message(REF, at(tag), at(tag - 1), body or b"%d" % tag, None, None, expires, stored)


def next_message(second: int, previous: MessageId | None = None) -> Message:
    """The first of another second."""
    return Message(REF, MessageId(second, 0), previous or message(0).id, b"next")


def said(tag: int, stored: bool = True, generation: int = 1, epoch: bytes = b"e", expires: float = 0, body: bytes = b"") -> Announcement:
    return Announcement(epoch, generation, 0, at(tag), message(tag, stored, expires, body))


def gone(last: int, generation: int = 1, epoch: bytes = b"e") -> Announcement:
    return Announcement(epoch, generation, 0, at(last), None)


def found(last: int, *tags: int, generation: int = 1, epoch: bytes = b"e", more: bool = False, lost: int = 0) -> Found:
    return Found(epoch, lost, generation, at(last), 0, more, [message(tag) for tag in tags])


def begun(last: int = 0, generation: int = 1, tails: Tails | None = None) -> tuple[Watch, Told]:
    """A watch that has had its first look."""
    told = Told()
    watch = Watch(REF, NAMES, told, tails or Tails(0, 0))
    watch.reading = True
    assert watch.found(found(last, generation=generation)) is False
    return watch, told


def heard(watch: Watch, *announcements: Announcement) -> list[bool]:
    return [watch.heard(each) for each in announcements]


def look(watch: Watch, reply: Found) -> bool:
    watch.reading = True
    return watch.found(reply)


# The beginning


def test_nothing_is_told_before_the_first_look() -> None:
    told = Told()
    watch = Watch(REF, NAMES, told, Tails(0, 0))
    assert heard(watch, said(1), said(2), said(3)) == [False, False, False]
    assert (told, watch.tip, watch.page(OLDEST, 1, NOW)) == ([], None, None)
    watch.reading = True
    assert watch.found(found(2)) is False
    assert (told, watch.tip, watch.generation, watch.reading) == (["3"], at(3), 1, False)


def test_what_is_missing_after_the_first_look_is_read() -> None:
    told = Told()
    watch = Watch(REF, NAMES, told, Tails(0, 0))
    watch.reading = True
    heard(watch, said(5))
    assert watch.found(found(2)) is True
    assert told == []
    assert look(watch, found(5, 3, 4, 5)) is False
    assert told == ["3", "4", "5"]


def test_too_much_to_wait_before_the_first_look_is_read() -> None:
    told = Told()
    watch = Watch(REF, NAMES, told, Tails(0, 0))
    watch.reading = True
    heard(watch, *(said(tag) for tag in range(1, PENDING + 2)))
    assert watch.overrun
    assert watch.found(found(0)) is True
    assert look(watch, found(PENDING + 1, *range(1, PENDING + 2))) is False
    assert told == [str(tag) for tag in range(1, PENDING + 2)]


# Announcements


def test_what_follows_the_tip_is_told_at_once() -> None:
    watch, told = begun()
    assert heard(watch, said(1), said(2, stored=False), said(3)) == [False, False, False]
    assert (told, watch.tip) == (["1", "2", "3"], at(3))


def test_what_was_told_is_not_told_again() -> None:
    watch, told = begun()
    assert heard(watch, said(1), said(2), said(1), said(2)) == [False] * 4
    assert told == ["1", "2"]


def test_a_jump_waits_for_what_is_read() -> None:
    watch, told = begun()
    assert heard(watch, said(3)) == [True]
    watch.reading = True
    assert heard(watch, said(4)) == [False]
    assert told == []
    assert watch.found(found(3, 1, 2, 3)) is False
    assert told == ["1", "2", "3", "4"]


def test_unstored_messages_are_told_in_their_place_among_what_is_read() -> None:
    watch, told = begun()
    watch.reading = True
    heard(watch, said(1), said(2, stored=False), said(3))
    assert watch.found(found(3, 1)) is False
    assert told == ["1", "2", "3"]


def test_what_came_after_the_read_with_something_missing_waits_for_another() -> None:
    watch, told = begun()
    watch.reading = True
    heard(watch, said(4))
    assert watch.found(found(2, 1, 2)) is True
    assert told == ["1", "2"]
    assert look(watch, found(4, 3, 4)) is False
    assert told == ["1", "2", "3", "4"]


def test_too_many_announcements_are_read_instead() -> None:
    watch, told = begun()
    watch.reading = True
    heard(watch, *(said(tag) for tag in range(1, PENDING + 3)))
    assert watch.found(found(0)) is True
    assert told == []
    assert look(watch, found(PENDING + 2, *range(1, PENDING + 3))) is False
    assert told == [str(tag) for tag in range(1, PENDING + 3)]


def test_nothing_is_told_to_nobody_but_the_tip_moves_on() -> None:
    watch, told = begun()
    watch.watched = False
    heard(watch, said(1), said(3), gone(3))
    look(watch, found(3, 3, generation=0))
    assert (told, watch.tip) == ([], at(3))


# Pages


def test_a_long_run_is_read_in_pages() -> None:
    watch, told = begun()
    assert look(watch, found(6, 1, 2, more=True)) is True
    assert look(watch, found(6, 3, 4, more=True)) is True
    assert look(watch, found(6, 5, 6)) is False
    assert told == ["1", "2", "3", "4", "5", "6"]


def test_announcements_beyond_a_page_wait_for_the_pages_between() -> None:
    watch, told = begun()
    watch.reading = True
    heard(watch, said(4, stored=False), said(5))
    assert watch.found(found(5, 1, 2, more=True)) is True
    assert told == ["1", "2"]
    assert look(watch, found(5, 3)) is False
    assert told == ["1", "2", "3", "4", "5"]


def test_a_page_that_ends_before_a_gap_is_followed_by_it() -> None:
    watch, told = begun()
    assert look(watch, found(4, 1, more=True)) is True
    assert look(watch, found(4, 4)) is False
    assert told == ["1", "gap", "4"]


# What was lost


def test_a_gap_is_told_before_the_next_message() -> None:
    watch, told = begun()
    assert heard(watch, said(3)) == [True]
    assert look(watch, found(3, 3)) is False
    assert told == ["gap", "3"]
    assert heard(watch, said(4)) == [False]
    assert told == ["gap", "3", "4"]


def test_a_gap_is_told_where_no_message_follows() -> None:
    watch, told = begun()
    assert look(watch, found(2)) is False
    assert (told, watch.tip) == (["gap"], at(2))
    assert look(watch, found(2)) is False
    assert told == ["gap"]


def test_nothing_lost_is_no_gap() -> None:
    watch, told = begun()
    assert look(watch, found(0)) is False
    assert look(watch, found(1, 1)) is False
    assert told == ["1"]


def test_the_first_message_of_a_channel_that_was_not_there_is_no_gap() -> None:
    # Other channels were deleted meanwhile, and the floor of all names has risen with them.
    told = Told()
    watch = Watch(REF, NAMES, told, Tails(0, 0))
    look(watch, Found(b"e", 0, 0, MessageId(100, -1), 0, False, []))
    first = next_message(163, MessageId(163, -1))
    if watch.heard(Announcement(b"e", 1, 0, first.id, first)):
        look(watch, Found(b"e", 0, 1, first.id, 0, False, [first]))
    assert told == ["next"]


# Epochs


def test_history_that_was_lost_is_a_gap_and_no_deletion() -> None:
    watch, told = begun(5)
    assert heard(watch, said(9, epoch=b"f", generation=1)) == [True]
    assert look(watch, found(9, 9, epoch=b"f", lost=100)) is False
    assert told == ["gap", "9"]
    assert heard(watch, said(10, epoch=b"f")) == [False]
    assert told == ["gap", "9", "10"]


def test_history_that_was_set_back_is_gone_on_with() -> None:
    watch, told = begun(5)
    assert look(watch, found(3, epoch=b"f", lost=100)) is False
    assert (told, watch.tip) == (["gap"], at(3))
    heard(watch, said(4, epoch=b"f"))
    assert told == ["gap", "4"]


def test_what_was_announced_of_another_epoch_is_not_told() -> None:
    watch, told = begun()
    assert heard(watch, said(1, epoch=b"old"), gone(0, epoch=b"old")) == [True, True]
    assert look(watch, found(0)) is False
    assert told == []
    assert heard(watch, said(1)) == [False]
    assert told == ["1"]


# Reads that wait


def test_reads_wait_until_all_they_know_of_was_told() -> None:
    async def waits() -> None:
        watch, told = begun()
        loop = asyncio.get_running_loop()
        futures: list[Future[Page]] = [loop.create_future() for _ in range(3)]
        watch.waiting = [Held(Page(last=at(tag)), b"e", future) for tag, future in zip((1, 2, 4), futures, strict=True)]
        heard(watch, said(1))
        assert [future.done() for future in futures] == [True, False, False]
        look(watch, found(3, 2, 3))
        assert [future.done() for future in futures] == [True, True, False]
        futures[2].cancel()
        heard(watch, said(4))
        assert watch.waiting == []
        assert told == ["1", "2", "3", "4"]

    asyncio.run(waits())
