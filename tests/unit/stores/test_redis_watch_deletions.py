"""When a watched channel is told to be deleted: in its place among the messages, and once."""

from __future__ import annotations

import asyncio
from asyncio import Future

from hbpush.core.message import MessageId
from hbpush.stores.base import Receipt
from hbpush.stores.redis_codec import Announcement, Found
from hbpush.stores.redis_tail import Tails
from hbpush.stores.redis_watch import Ending, Watch
from tests.unit.stores.test_redis_tail import tags
from tests.unit.stores.test_redis_watch import NAMES, NOW, REF, Told, at, begun, found, gone, heard, look, next_message, said


def replied(watch: Watch, generation: int) -> None:
    """The reply to a deletion has come, and all that was announced before it."""
    with asyncio.Runner() as runner:
        ending = Ending(generation, Future(loop=runner.get_loop()), Receipt())
        watch.ending.append(ending)
        watch.end_heard(ending)


def test_a_deletion_is_told_once() -> None:
    watch, told = begun()
    heard(watch, said(1), gone(1), gone(1))
    replied(watch, 1)
    assert look(watch, found(1, generation=0)) is False
    assert (told, watch.generation) == (["1", "deleted"], 0)
    heard(watch, said(2, generation=2), gone(2, generation=2))
    assert told == ["1", "deleted", "2", "deleted"]


def test_a_deletion_that_was_not_heard_shows_in_what_is_read() -> None:
    watch, told = begun()
    assert look(watch, found(0, generation=0)) is False
    assert told == ["deleted"]
    assert look(watch, found(1, 1, generation=2)) is False
    assert told == ["deleted", "1"]
    assert look(watch, found(3, 3, generation=5)) is False
    assert told[2] == "deleted" or told[3] == "deleted"
    assert sorted(told[2:]) == ["3", "deleted", "gap"]
    assert told[-1] == "3"


def test_a_deletion_comes_after_the_messages_before_it_and_before_those_after() -> None:
    watch, told = begun()
    watch.reading = True
    heard(watch, said(1), gone(1), said(2, generation=2))
    assert watch.found(found(2, 2, generation=2)) is False
    assert told == ["1", "deleted", "2"]


def test_the_reply_to_a_deletion_tells_it_when_nothing_else_has() -> None:
    watch, told = begun()
    replied(watch, 1)
    heard(watch, gone(0))
    assert (told, watch.generation) == (["deleted"], 0)


def test_a_deletion_between_what_was_heard_leaves_the_next_channel_known() -> None:
    watch, told = begun()
    watch.reading = True
    heard(watch, said(1), gone(1), said(2, generation=2))
    watch.found(found(2, 2, generation=2))
    assert (told, watch.generation) == (["1", "deleted", "2"], 2)
    look(watch, found(2, generation=0))
    assert told == ["1", "deleted", "2", "deleted"]


def test_a_message_of_a_deleted_channel_comes_before_its_deletion() -> None:
    # It was heard, the deletion not yet: the reply to the read was faster than what was announced before it.
    watch, told = begun()
    watch.reading = True
    heard(watch, said(1))
    watch.found(found(1, generation=0))
    heard(watch, gone(1))
    assert told == ["1", "deleted"]
    assert (watch.generation, tags(watch, 1)) == (0, [None])


def test_the_reply_to_a_deletion_does_not_overtake_messages_that_wait() -> None:
    watch, told = begun()
    watch.reading = True
    heard(watch, said(1), gone(1))
    replied(watch, 1)
    watch.found(found(1, generation=0))
    assert told == ["1", "deleted"]
    assert (watch.generation, tags(watch, 1)) == (0, [None])


def test_the_deletion_of_a_channel_without_messages_after_another_deletion() -> None:
    watch, told = begun()
    watch.reading = True
    heard(watch, gone(0, generation=1), gone(0, generation=2))
    watch.found(found(0, generation=2))
    assert told == ["deleted", "deleted"]
    assert (watch.generation, tags(watch, 0)) == (0, [None])


def test_a_deletion_that_was_not_heard_comes_before_messages_that_were() -> None:
    # The deletion of 1 was announced while nothing was heard, message 1 of the next channel and its deletion afterwards.
    watch, told = begun()
    watch.reading = True
    heard(watch, said(1, generation=2), gone(1, generation=2))
    watch.found(found(1, generation=0))
    assert told == ["deleted", "1", "deleted"]


def test_a_late_deletion_does_not_end_the_next_channel() -> None:
    # What was read has messages of the next channel before the deletion is heard, and nothing was known of the one that it is of.
    watch, told = begun(generation=0)
    look(watch, found(3, 3, generation=2))
    heard(watch, gone(2, generation=1))
    assert told == ["gap", "3"]


def test_a_deletion_after_something_missing_waits_for_it() -> None:
    told = Told()
    watch = Watch(REF, NAMES, told, Tails(0, 0))
    watch.reading = True
    heard(watch, said(3), gone(3))
    again = watch.found(found(0))
    assert (again, told) == (True, [])
    look(watch, found(3, generation=0))
    assert told == ["gap", "3", "deleted"]


def test_generations_may_come_again_in_another_epoch() -> None:
    # A replica that lagged has not counted as far as the lost master had.
    watch, told = begun(generation=5)
    heard(watch, gone(0, generation=5))
    assert told == ["deleted"]
    look(watch, Found(b"f", 101, 4, at(0), 0, False, []))
    heard(watch, gone(0, generation=4, epoch=b"f"), Announcement(b"f", 5, 0, MessageId(101, 0), next_message(101)))
    assert told == ["deleted", "gap", "deleted", "next"]
    heard(watch, Announcement(b"f", 5, 0, MessageId(101, 0), None))
    assert told == ["deleted", "gap", "deleted", "next", "deleted"]
    assert (watch.generation, watch.page(MessageId(101, 0), 1, NOW)) == (0, None)


def test_a_deletion_in_a_new_epoch_between_two_channels() -> None:
    watch, told = begun()
    watch.reading = True
    heard(watch, said(1, generation=2, epoch=b"f"), gone(1, generation=2, epoch=b"f"), said(2, generation=3, epoch=b"f"))
    watch.found(found(2, 2, generation=3, epoch=b"f"))
    assert told == ["gap", "1", "deleted", "2"]
