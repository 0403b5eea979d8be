"""What the memory store promises beyond the contract: no growth by reading, nothing held that was dropped, cheap sweeps."""

from __future__ import annotations

import sys
import time
import tracemalloc
from asyncio import Future
from typing import Any
from unittest.mock import patch

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hbpush.core.counters import Counters
from hbpush.core.message import NEWEST, OLDEST, ChannelRef, Draft, Last, Message, MessageId, size_of
from hbpush.errors import StoreFull
from hbpush.stores import memory, memory_log
from hbpush.stores.base import StoreContext, StoreSettings
from hbpush.stores.memory import MemoryStore
from tests.support.clock import ManualClock


class Heard(list[Message]):
    def deliver(self, message: Message) -> None:
        self.append(message)

    def deleted(self, ref: ChannelRef) -> None:
        """The contract suite looks at what is told of deletions."""

    def gap(self, ref: ChannelRef) -> None:
        raise AssertionError("a memory store loses nothing")


def ref(name: str) -> ChannelRef:
    return ChannelRef("default", "", name)


def make(clock: ManualClock, **options: Any) -> MemoryStore:
    store = MemoryStore(StoreSettings(**options), StoreContext("default", clock, Counters(clock)))
    store.start(Heard())
    return store


def id_of(store: MemoryStore, name: str, body: bytes = b"x", **fields: Any) -> MessageId:
    last = store.publish(ref(name), Draft(body, **fields)).last
    assert last is not None
    return last


def test_every_result_is_there_at_once() -> None:
    store: Any = make(ManualClock())
    news = ref("news")
    results = [
        store.watch(news),
        store.create(news, False),
        store.publish(news, Draft(b"x")),
        store.read_after(news, OLDEST, 1),
        store.info(news),
        store.unwatch(news),
        store.delete(news),
        store.stop(),
    ]
    assert not any(isinstance(result, Future) for result in results)


def test_ids_from_before_the_start_count_as_dropped() -> None:
    clock = ManualClock()
    start = int(clock.time())
    clock.advance(0.5)
    store = make(clock)
    given = MessageId(start - 1, 7), MessageId(start, -1), MessageId(start, 3), MessageId(start, 300_000)
    assert [store.read_after(ref("news"), since, 1).missed for since in given] == [True] * 4
    store.create(ref("news"), False)
    assert [store.read_after(ref("news"), since, 1).missed for since in given] == [True] * 4
    clock.advance(2)
    id_of(store, "news")
    for since in given:
        page = store.read_after(ref("news"), since, 1)
        assert (len(page.messages), page.missed) == (1, True)


@pytest.mark.parametrize("pause", [0.000_002, 0.1, 0.6, 1.0])
@pytest.mark.parametrize("began", [0.0, 0.3])
def test_who_comes_back_after_a_restart_loses_nothing_unawares(began: float, pause: float) -> None:
    clock = ManualClock()
    clock.advance(began)
    store = make(clock)
    given = []
    for _ in range(100):
        clock.advance(0.000_002)
        given.append(id_of(store, "news"))
    clock.advance(pause)
    again = make(clock)
    assert [again.read_after(ref("news"), since, 1).missed for since in given] == [True] * 100
    # As many as before: a client that was away does not take them for those that it had.
    bodies = [b"%d" % n for n in range(100)]
    first, *_ = [id_of(again, "news", body) for body in bodies]
    for since in given:
        assert since < first
        page = again.read_after(ref("news"), since, 1000)
        assert ([message.body for message in page.messages], page.missed) == (bodies, True)


def test_tags_begin_at_0_from_the_next_second_on() -> None:
    clock = ManualClock()
    start = int(clock.time())
    clock.advance(0.5)
    store = make(clock)
    assert [id_of(store, "news"), id_of(store, "news"), id_of(store, "sport")] == [(start, 500_000), (start, 500_001), (start, 500_000)]
    clock.advance(0.5)
    assert [id_of(store, "news"), id_of(store, "news")] == [(start + 1, 0), (start + 1, 1)]


def test_reading_from_the_place_before_the_first_message_misses_nothing() -> None:
    clock = ManualClock()
    clock.advance(0.5)
    store = make(clock)
    place = store.read_after(ref("news"), NEWEST, 1).last
    assert store.read_after(ref("news"), place, 1).missed is False
    id_of(store, "news", b"first")
    page = store.read_after(ref("news"), place, 1)
    assert ([message.body for message in page.messages], page.missed) == ([b"first"], False)


@pytest.mark.parametrize("began", [0.0, 0.5])
def test_ids_are_above_those_before_the_start_when_the_clock_is_set_back_behind_it(began: float) -> None:
    clock = ManualClock()
    start = int(clock.time())
    clock.advance(began)
    store = make(clock)
    clock.set_time(start - 3600)
    assert [id_of(store, "news"), id_of(store, "news")] == [(start, began * 1_000_000), (start, began * 1_000_000 + 1)]


def test_the_page_at_the_tip_is_one_object_until_the_next_publish() -> None:
    store = make(ManualClock())
    last = id_of(store, "news")
    page = store.read_after(ref("news"), last, 1)
    assert store.read_after(ref("news"), NEWEST, 1) is page
    id_of(store, "news")
    assert store.read_after(ref("news"), NEWEST, 1) is not page


def test_reading_and_reporting_absent_channels_allocates_nothing() -> None:
    store = make(ManualClock())
    refs = [ref(f"absent {n}") for n in range(5000)]
    tracemalloc.start()
    try:
        before, _ = tracemalloc.get_traced_memory()
        for each in refs:
            store.read_after(each, MessageId(5, 5), 1)
            store.read_after(each, OLDEST, 1)
            store.report(each, 1, 0, 1.0)
        after, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert after - before < 5000


def test_the_time_of_a_request_before_the_channel_is_there_is_not_lost() -> None:
    store = make(ManualClock())
    store.watch(ref("news"))
    store.report(ref("news"), 1, 0, 17.0)
    assert store.publish(ref("news"), Draft(b"x")).requested == 17.0


def test_a_channel_that_is_made_again_was_not_asked_for() -> None:
    store = make(ManualClock())
    store.watch(ref("news"))
    store.report(ref("news"), 1, 0, 17.0)
    assert store.create(ref("news"), False).requested == 17.0
    store.delete(ref("news"))
    assert store.create(ref("news"), False).requested is None


def test_what_is_dropped_is_let_go() -> None:
    clock = ManualClock()
    store = make(clock, max_messages=10)
    body = bytes(1000)
    free = sys.getrefcount(body)
    id_of(store, "news", body)
    assert sys.getrefcount(body) == free + 1
    for _ in range(10):
        id_of(store, "news")
    assert sys.getrefcount(body) == free
    id_of(store, "sport", body)
    store.delete(ref("sport"))
    assert sys.getrefcount(body) == free


def test_a_channel_does_not_grow_with_what_went_through_it() -> None:
    store = make(ManualClock(), max_messages=10)
    tracemalloc.start()
    try:
        for _ in range(100):
            id_of(store, "news")
        before, _ = tracemalloc.get_traced_memory()
        for _ in range(5000):
            id_of(store, "news")
        after, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert after - before < 5000


@pytest.mark.parametrize("timeouts", [(10.0, 10.0, 10.0), (30.0, 10.0, 0.0)])
def test_what_has_expired_is_let_go_though_nobody_reads(timeouts: tuple[float, ...]) -> None:
    clock = ManualClock()
    store = make(clock)
    body = bytes(1000)
    free = sys.getrefcount(body)
    id_of(store, "news", timeout=timeouts[0])
    id_of(store, "news", body, timeout=timeouts[1])
    id_of(store, "news", timeout=timeouts[2])
    clock.advance(9)
    assert sys.getrefcount(body) == free + 1
    clock.advance(3)
    assert sys.getrefcount(body) == free


def test_a_publish_costs_the_same_however_many_messages_are_kept_when_timeouts_are_mixed() -> None:
    def cost(kept: int) -> float:
        clock = ManualClock()
        store = make(clock, max_messages=0, max_channel_bytes=0, max_bytes=0)
        for _ in range(kept):
            id_of(store, "news")
        spent = []
        for _ in range(5):
            begin = time.process_time()
            for _ in range(40):
                clock.set_time(clock.time() + 1 / 16)
                id_of(store, "news", timeout=1)
            spent.append(time.process_time() - begin)
        assert store.info(ref("news")).messages == kept + 16
        return min(spent[1:])

    assert cost(100_000) < 20 * cost(100)


def test_expiries_of_dropped_messages_are_forgotten() -> None:
    clock = ManualClock()
    store = make(clock, max_messages=10)
    for n in range(200):
        id_of(store, "news", timeout=1000 - n)
    tracemalloc.start()
    try:
        before, _ = tracemalloc.get_traced_memory()
        for n in range(5000):
            id_of(store, "news", timeout=10_000 - n)
        after, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert after - before < 50_000


def test_expired_messages_of_other_channels_make_room_at_once() -> None:
    clock = ManualClock()
    store = make(clock, max_bytes=10_000, message_timeout=10)
    id_of(store, "news", bytes(8000))
    with pytest.raises(StoreFull):
        id_of(store, "sport", bytes(8000))
    clock.advance(9.9)
    clock.set_time(clock.time() + 1)
    id_of(store, "sport", bytes(8000))


@pytest.mark.parametrize("heads", [{}, {"content_type": b"t" * 900, "event": "\u00fc" * 90}])
def test_bytes_are_counted_right_whatever_drops_them(heads: dict[str, Any]) -> None:
    clock = ManualClock()
    store = make(clock, max_bytes=10 * size_of(Draft(bytes(1000), **heads)), max_channel_bytes=0, max_messages=3)
    for n in range(50):
        id_of(store, f"c{n % 2}", bytes(1000), timeout=(n % 5) * 3.0, **heads)
        clock.advance(1)
    for n in range(2):
        store.delete(ref(f"c{n}"))
    for _ in range(10):
        id_of(store, "news", bytes(1000), **heads)
    for n in range(3, 10):
        id_of(store, f"other {n}", bytes(1000), **heads)
    with pytest.raises(StoreFull):
        id_of(store, "one more", b"")


def test_who_resumes_after_the_tombstone_is_gone_is_told_what_was_missed() -> None:
    clock = ManualClock()
    store = make(clock)
    seen = id_of(store, "news")
    clock.advance(1)
    id_of(store, "news", b"not seen")
    store.delete(ref("news"))
    clock.advance(memory.TOMBSTONE_SECONDS + 2)
    assert store.read_after(ref("news"), seen, 1).missed
    store.publish(ref("news"), Draft(b"new"))
    page = store.read_after(ref("news"), seen, 1)
    assert page.missed
    assert page.messages[0].body == b"new"


def test_the_sweep_runs_only_while_there_is_something_to_sweep() -> None:
    clock = ManualClock()
    store = make(clock)
    assert clock.waiting() == 0
    id_of(store, "news")
    id_of(store, "sport")
    assert clock.waiting() == 1
    clock.advance(500)
    assert clock.waiting() == 1
    store.delete(ref("news"))
    store.delete(ref("sport"))
    clock.advance(memory.TOMBSTONE_SECONDS + 2)
    assert clock.waiting() == 0
    store.create(ref("news"), False)
    assert clock.waiting() == 1
    store.stop()
    assert clock.waiting() == 0


def test_a_channel_made_after_a_rest_is_not_idle_at_once() -> None:
    clock = ManualClock()
    store = make(clock, idle_channel_timeout=100)
    clock.advance(10_000)
    store.create(ref("news"), False)
    clock.advance(99)
    assert store.read_after(ref("news"), OLDEST, 1).exists


def test_a_sweep_looks_at_a_part_of_many_channels() -> None:
    clock = ManualClock()
    store = make(clock, idle_channel_timeout=10)
    refs = [ref(f"c{n}") for n in range(5000)]
    for each in refs:
        store.create(each, False)
    clock.advance(10)
    left = [5000]
    while left[-1]:
        clock.advance(1)
        left.append(sum(store.read_after(each, OLDEST, 1).exists for each in refs))
        assert left[-2] - left[-1] <= memory.SWEPT_AT_LEAST
        assert len(left) < 2 * memory.ROUND, "idle channels stay"
    assert len(left) > 5000 / memory.SWEPT_AT_LEAST


def test_tombstones_are_bounded_and_ids_never_go_back(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memory, "TOMBSTONES", 3)
    clock = ManualClock()
    store = make(clock)
    before = []
    for n in range(10):
        before.append(id_of(store, f"c{n}"))
        clock.advance(1)
        store.delete(ref(f"c{n}"))
    clock.set_time(clock.time() - 3600)
    for n in range(10):
        assert id_of(store, f"c{n}") > before[n]


class Model:
    """The store's rules for one channel, written the slow and plain way."""

    def __init__(self, max_messages: int, min_messages: int, origin: MessageId) -> None:
        self.max = max_messages
        self.min = min_messages
        self.last = origin
        self.kept: list[Message] = []

    def publish(self, message: Message, now: float) -> None:
        assert message.id > self.last
        assert message.previous == self.last
        self.last = message.id
        if message.stored:
            self.kept.append(message)
        self.expire(now)
        del self.kept[: -self.max]

    def expire(self, now: float) -> None:
        old = self.kept[: max(0, len(self.kept) - self.min)]
        self.kept = [m for m in old if m.expires == 0 or m.expires > now] + self.kept[len(old) :]

    def read(self, since: MessageId, limit: int) -> tuple[list[Message], bool, bool]:
        after = [m for m in self.kept if m.id > since]
        page = after[:1]
        while len(page) < min(limit, len(after)) and after[len(page)].previous == page[-1].id:
            page.append(after[len(page)])
        missed = after[0].previous > since if after else self.last > since
        return page, missed, len(after) > len(page)


steps = st.lists(
    st.one_of(
        st.tuples(st.just("publish"), st.sampled_from([None, 0.0, 2.0, 5.0, 9.0])),
        st.tuples(st.just("unstored"), st.just(None)),
        st.tuples(st.just("wait"), st.sampled_from([0.25, 1.0, 3.0])),
        st.tuples(st.just("set back"), st.sampled_from([1.0, 4.0])),
    ),
    max_size=60,
)


@given(
    steps,
    st.integers(1, 8),
    st.integers(0, 3),
    st.sampled_from([0.0, 4.0]),
    st.integers(1, 5),
    st.sampled_from([0, 128]),
    st.integers(0, 1),
)
def test_any_history_reads_as_the_plain_rules_say(
    history: list[tuple[str, float | None]], max_messages: int, min_messages: int, timeout: float, limit: int, deletions: int, few: int
) -> None:
    with patch.multiple(memory_log, DELETIONS=deletions, FEW=few):
        check_history(history, max_messages, min_messages, timeout, limit)


def check_history(history: list[tuple[str, float | None]], max_messages: int, min_messages: int, timeout: float, limit: int) -> None:
    clock = ManualClock()
    store = make(clock, max_messages=max_messages, min_messages=min_messages, message_timeout=timeout, idle_channel_timeout=0)
    heard = Heard()
    store.start(heard)
    store.watch(ref("news"))
    model = Model(max_messages, min_messages, MessageId(int(clock.time()), -1))
    seen = [model.last]
    for verb, amount in history:
        if verb == "wait":
            assert amount is not None
            clock.advance(amount)
        elif verb == "set back":
            assert amount is not None
            clock.set_time(clock.time() - amount)
        else:
            receipt = store.publish(ref("news"), Draft(b"x", stored=verb == "publish", timeout=amount))
            model.publish(heard[-1], clock.time())
            assert (receipt.messages, receipt.last) == (len(model.kept), heard[-1].id)
            seen.append(heard[-1].id)
        if len(seen) == 1:
            continue
        model.expire(clock.time())
        for since in seen:
            page = store.read_after(ref("news"), since, limit)
            assert (list(page.messages), page.missed, page.more) == model.read(since, limit)
            assert page.last == model.last
        for count in range(max_messages + 1):
            first = store.read_after(ref("news"), Last(count), 1).messages
            assert list(first) == model.kept[len(model.kept) - min(count, len(model.kept)) :][:1]
        assert store.info(ref("news")).messages == len(model.kept)
