"""The table of watches: what waits for what is told, and what is left when it can be told no more. `Watch` has the order."""

from __future__ import annotations

import asyncio
from asyncio import Future
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from hbpush.core.message import ChannelRef, Since
from hbpush.errors import StoreError, StoreUnavailable
from hbpush.stores.base import Page, Receipt
from hbpush.stores.redis_codec import Announcement, Found
from hbpush.stores.redis_tail import Tails
from hbpush.stores.redis_watch import Held
from hbpush.stores.redis_watches import Watches
from tests.support.clock import ManualClock
from tests.unit.stores.test_redis_watch import NAMES, REF, Told, at, found, gone, said

RECEIPT = Receipt(messages=3)
LINGER = 10


class Table:
    """Watches, and the link under them: a test answers the reads, and lets what was announced before be heard."""

    def __init__(self) -> None:
        self.loop = asyncio.get_running_loop()
        self.ready = True
        self.told = Told()
        self.clock = ManualClock()
        self.tails = Tails(0, 0)
        self.subscribed: list[bytes] = []
        self.reads: list[Callable[[Found | StoreError], object]] = []
        self.hearing: list[Callable[[], object]] = []
        link: Any = self
        self.watches = Watches(link, self.read, self.clock, LINGER, self.tails)
        self.watches.events = self.told

    def subscribe(self, names: list[bytes]) -> None:
        self.subscribed += names

    def unsubscribe(self, names: list[bytes]) -> None:
        for name in names:
            self.subscribed.remove(name)

    def catch_up(self, then: Callable[[], object]) -> None:
        self.hearing.append(then)

    def read(self, ref: ChannelRef, since: Since, limit: int, answered: Callable[[Found | StoreError], object]) -> None:
        if not self.ready:
            raise StoreUnavailable("away")
        self.reads.append(answered)

    def answer(self, reply: Found | StoreError) -> None:
        """The only read that is under way is answered."""
        (answered,) = self.reads
        self.reads = []
        answered(reply)

    def catch(self) -> None:
        """All that was announced by now is heard."""
        hearing, self.hearing = self.hearing, []
        for then in hearing:
            then()

    def hear(self, announced: Announcement) -> None:
        watch = self.watches.get(REF)
        assert watch is not None
        self.watches.heard(watch, announced)

    def begin(self) -> None:
        """REF is watched from id 0 of generation 1 on."""
        asked = self.watches.watch(REF, NAMES)
        self.watches.subscribed(NAMES.announced)
        self.answer(found(0))
        assert asked is not None
        assert asked.done()

    def delete(self, generation: int = 1) -> Future[Receipt]:
        """The server has answered a deletion."""
        future: Future[Receipt] = Future(loop=self.loop)
        self.watches.end(REF, generation, future, RECEIPT)
        return future

    def read_page(self, last: int) -> Future[Page]:
        """The server has answered somebody else's read."""
        future: Future[Page] = Future(loop=self.loop)
        self.watches.hold_back(REF, Held(Page(last=at(last)), b"e", future))
        return future


@pytest.fixture
def table() -> Iterator[Table]:
    with asyncio.Runner() as runner:

        async def made() -> Table:
            return Table()

        yield runner.run(made())
        runner.run(asyncio.sleep(0))


# Receipts of deletions


def test_without_a_watch_the_receipt_comes_at_once(table: Table) -> None:
    assert table.delete().result() is RECEIPT
    assert (table.hearing, table.reads, table.told) == ([], [], [])


def test_the_receipt_comes_when_the_deletion_was_heard(table: Table) -> None:
    table.begin()
    future = table.delete()
    assert not future.done()
    table.hear(gone(0))
    assert (future.result() is RECEIPT, table.told) == (True, ["deleted"])
    table.catch()
    assert (table.told, table.reads) == (["deleted"], [])


def test_a_deletion_that_was_heard_before_its_receipt_is_not_told_again(table: Table) -> None:
    table.begin()
    table.hear(gone(0))
    future = table.delete()
    table.catch()
    assert (future.result() is RECEIPT, table.told, table.reads) == (True, ["deleted"], [])


def test_the_receipt_tells_a_deletion_that_nobody_heard(table: Table) -> None:
    table.begin()
    future = table.delete()
    assert table.told == []
    table.catch()
    assert (future.result() is RECEIPT, table.told, table.reads) == (True, ["deleted"], [])


def test_the_receipt_waits_for_messages_that_wait_to_be_told(table: Table) -> None:
    table.begin()
    table.hear(said(3))
    table.hear(gone(3))
    future = table.delete()
    table.catch()
    assert (future.done(), table.told) == (False, [])
    table.answer(found(3, generation=0))
    assert not future.done()
    table.catch()
    assert (future.result() is RECEIPT, table.told) == (True, ["gap", "3", "deleted"])


def test_the_receipt_waits_for_the_first_look_that_is_under_way(table: Table) -> None:
    asked = table.watches.watch(REF, NAMES)
    table.watches.subscribed(NAMES.announced)
    future = table.delete()
    table.catch()
    assert not future.done()
    table.answer(found(0))
    assert asked is not None
    assert asked.done()
    # What was found is from before the deletion.
    assert (future.result() is RECEIPT, table.told) == (True, ["deleted"])


def test_receipts_of_several_deletions_come_each_in_its_turn(table: Table) -> None:
    table.begin()
    first, second = table.delete(1), table.delete(2)
    table.hear(gone(0, generation=1))
    assert (first.done(), second.done()) == (True, False)
    table.hear(said(1, generation=2))
    table.hear(gone(1, generation=2))
    assert (second.done(), table.told) == (True, ["deleted", "1", "deleted"])


def test_the_receipt_comes_when_the_connection_is_lost(table: Table) -> None:
    table.begin()
    table.hear(said(3))
    future = table.delete()
    table.catch()
    assert not future.done()
    table.ready = False
    table.watches.disconnected()
    # It is done: only who watches here has not heard of it yet.
    assert (future.result() is RECEIPT, table.told) == (True, [])


def test_the_receipt_comes_when_the_channel_cannot_be_read(table: Table) -> None:
    table.begin()
    table.hear(said(3))
    future = table.delete()
    table.catch()
    table.answer(StoreUnavailable("away"))
    assert future.result() is RECEIPT


def test_the_receipt_comes_when_the_channel_is_left(table: Table) -> None:
    table.begin()
    table.hear(said(3))
    future = table.delete()
    assert table.watches.unwatch(REF)
    table.clock.advance(LINGER + 1)
    table.watches.sweep()
    assert future.result() is RECEIPT
    table.catch()
    assert (table.told, table.subscribed) == ([], [])


def test_whoever_asked_for_a_deletion_may_have_left(table: Table) -> None:
    table.begin()
    future = table.delete()
    future.cancel()
    table.catch()
    assert table.told == ["deleted"]


# Pages


def test_a_page_comes_when_all_that_it_knows_of_was_told(table: Table) -> None:
    table.begin()
    assert table.read_page(0).done()
    future = table.read_page(1)
    assert not future.done()
    table.hear(said(1))
    assert (future.done(), table.told) == (True, ["1"])


def test_a_page_whose_messages_nobody_heard_is_followed_by_a_look(table: Table) -> None:
    table.begin()
    future = table.read_page(1)
    table.catch()
    table.answer(found(1, 1))
    assert not future.done()
    table.catch()
    assert (future.done(), table.told) == (True, ["1"])


def test_a_page_fails_when_the_connection_is_lost(table: Table) -> None:
    table.begin()
    future = table.read_page(1)
    table.watches.disconnected()
    assert isinstance(future.exception(), StoreUnavailable)


# What was announced before what was read


def test_what_is_read_is_told_after_what_was_announced_before_it(table: Table) -> None:
    table.begin()
    watch = table.watches.get(REF)
    assert watch is not None
    table.watches.look(watch)
    table.answer(found(2, 2, generation=2))
    assert table.told == []
    table.hear(said(1))
    table.hear(gone(1))
    table.catch()
    assert table.told == ["1", "deleted", "2"]


# Lingering


def test_a_channel_that_nobody_came_back_to_is_left(table: Table) -> None:
    table.begin()
    assert table.watches.unwatch(REF)
    assert not table.watches.unwatch(REF)
    table.clock.advance(LINGER - 1)
    table.watches.sweep()
    assert table.watches.watch(REF, NAMES) is None
    assert table.watches.unwatch(REF)
    table.clock.advance(LINGER - 1)
    table.watches.sweep()
    assert table.watches.get(REF) is not None
    table.clock.advance(2)
    table.watches.sweep()
    assert (table.watches.get(REF), table.watches.named(NAMES.announced), table.subscribed) == (None, None, [])


def test_a_channel_that_could_not_be_watched_again_is_left_in_its_time(table: Table) -> None:
    asked = table.watches.watch(REF, NAMES)
    assert asked is not None
    table.ready = False
    table.watches.disconnected()
    assert isinstance(asked.exception(), StoreUnavailable)
    assert table.watches.unwatch(REF)
    # Somebody comes while the server is away, and is refused: it is not watched for him.
    with pytest.raises(StoreUnavailable):
        table.watches.watch(REF, NAMES)
    table.clock.advance(LINGER + 1)
    table.watches.sweep()
    assert table.watches.get(REF) is None


# Deletions whose announcement does not come


def settle(table: Table, reply: Found) -> int:
    reads = 0
    while (table.reads or table.hearing) and reads < 20:
        if table.reads:
            reads += 1
            table.answer(reply)
        table.catch()
    return reads


def test_a_deletion_executed_before_the_subscribe(table: Table) -> None:
    table.watches.watch(REF, NAMES)  # SUBSCRIBE is on its way
    future = table.delete(1)  # the reply to a DELETE that was executed before it
    table.watches.subscribed(NAMES.announced)  # the first look is sent
    table.catch()  # the pong: a read is under way
    reads = settle(table, found(0, generation=0))
    assert (future.done(), reads < 20) == (True, True)


def test_the_same_with_the_next_channel_there(table: Table) -> None:
    table.watches.watch(REF, NAMES)
    future = table.delete(1)
    table.watches.subscribed(NAMES.announced)
    table.catch()
    reads = settle(table, found(0, generation=2))
    assert (future.done(), reads < 20) == (True, True)


def test_an_unheard_channel_created_and_deleted_while_the_listening_connection_was_away(table: Table) -> None:
    table.begin()
    table.hear(gone(0))  # no channel
    future = table.delete(2)  # made by PUT and deleted; not heard
    table.watches.connected()
    table.watches.subscribed(NAMES.announced)  # the look after the reconnection is under way
    table.catch()
    reads = settle(table, found(0, generation=0))
    assert (future.done(), reads < 20) == (True, True)


def test_a_receipt_of_a_deletion_in_a_new_epoch(table: Table) -> None:
    table.begin()
    table.hear(said(1, generation=2, epoch=b"f"))
    table.hear(gone(1, generation=2, epoch=b"f"))
    table.hear(said(2, generation=3, epoch=b"f"))
    future = table.delete(2)
    table.catch()
    reads = settle(table, found(2, 2, generation=3, epoch=b"f"))
    assert (future.done(), reads < 20) == (True, True)
