"""Ids, batches, results that come later, and counters."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hbpush.core.batch import Batch
from hbpush.core.counters import Counters
from hbpush.core.message import BEFORE_ALL, HEADS, OVERHEAD, ChannelRef, Draft, Message, MessageId, size_of
from hbpush.core.result import then
from tests.support.clock import ManualClock

NEWS = ChannelRef("default", "", "news")

numbers = st.integers(0, 10**15 - 1)


# Ids


@given(numbers, numbers)
def test_an_id_is_read_from_what_it_is_written_as(second: int, tag: int) -> None:
    given = MessageId(second, tag)
    assert str(given) == f"{second}:{tag}"
    assert MessageId.parse(str(given)) == given
    assert MessageId.parse(f"{second}-{tag}") == given
    assert MessageId.parse(f"{second}:-1") == MessageId.parse(f"{second}--1") == MessageId(second, -1)


@given(numbers, numbers, numbers, numbers)
def test_ids_are_ordered_as_pairs_of_numbers(a: int, b: int, c: int, d: int) -> None:
    assert (MessageId(a, b) < MessageId(c, d)) == (a < c or (a == c and b < d))
    assert MessageId(a, b) > BEFORE_ALL


@pytest.mark.parametrize(
    "text",
    [
        *(
            "",
            ":",
            "1",
            "1:",
            ":1",
            "a:1",
            "1:a",
            "-1:0",
            "1:-2",
            "1--2",
            "1:--1",
            "1:-01",
            "1:2:3",
            "1:2-3",
            " 1:2",
            "1: 2",
            "+1:2",
            "1_0:2",
        ),
        *("\u0661:2", "\u00b2:2", "1.0:2", "1" * 16 + ":2", "1:" + "2" * 16, "1:2\n"),
    ],
)
def test_anything_else_is_no_id(text: str) -> None:
    with pytest.raises(ValueError, match="message id"):
        MessageId.parse(text)


def test_values_do_not_change() -> None:
    message = Message(NEWS, MessageId(1, 0), BEFORE_ALL, b"a")
    with pytest.raises(AttributeError):
        message.body = b"b"  # type: ignore[misc]
    with pytest.raises(AttributeError):
        Draft(b"a").stored = False  # type: ignore[misc]


@pytest.mark.parametrize(
    ("body", "content_type", "event", "size"),
    [
        (b"", None, None, OVERHEAD),
        (b"a" * 100, b"text/plain", None, OVERHEAD + 100),
        (b"a", b"t" * HEADS, None, OVERHEAD + 1),
        (b"a", b"t" * HEADS, "e", OVERHEAD + 2),
        (b"", b"t" * 500, "e" * 500, OVERHEAD + 1000 - HEADS),
        (b"", None, "\u00fc" * 500, OVERHEAD + 1000 - HEADS),
        (b"", None, "\ud800" * 500, OVERHEAD + 1500 - HEADS),
    ],
)
def test_what_a_message_counts(body: bytes, content_type: bytes | None, event: str | None, size: int) -> None:
    assert size_of(Draft(body, content_type, event)) == size
    assert size_of(Message(NEWS, MessageId(1, 0), BEFORE_ALL, body, content_type, event)) == size


# Batches


def test_each_wire_form_is_made_once() -> None:
    made: list[str] = []

    def joined(messages: Sequence[Message]) -> bytes:
        made.append("joined")
        return b",".join(message.body for message in messages)

    def first(messages: Sequence[Message]) -> bytes:
        made.append("first")
        return messages[0].body

    def empty(messages: Sequence[Message]) -> bytes:
        made.append("empty")
        return b""

    batch = Batch([Message(NEWS, MessageId(1, n), MessageId(1, n - 1), b"%d" % n) for n in range(3)])
    for _ in range(3):
        assert (batch.wires[joined], batch.wires[first], batch.wires[empty]) == (b"0,1,2", b"0", b"")
    assert batch.wires[joined] is batch.wires[joined]
    assert made == ["joined", "first", "empty"]
    Batch(batch.messages).wires[first]
    assert made[3:] == ["first"]


# Results


def test_a_result_that_is_there_is_handed_on_at_once() -> None:
    values: list[object] = []
    then(None, values.append, values.append)
    then(5, values.append, values.append)
    assert values == [None, 5]


@pytest.mark.parametrize("end", ["value", "error", "cancelled"])
@pytest.mark.parametrize("early", [True, False])
def test_a_result_that_comes_later_is_handed_on_once(end: str, early: bool) -> None:
    values: list[object] = []
    errors: list[BaseException] = []

    async def main() -> None:
        future: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        if not early:
            then(future, values.append, errors.append)
        if end == "value":
            future.set_result(5)
        elif end == "error":
            future.set_exception(ValueError("no"))
        else:
            future.cancel()
        if early:
            then(future, values.append, errors.append)
        assert (values, errors) == ([], [])
        await asyncio.sleep(0)

    asyncio.run(main())
    if end == "value":
        assert (values, errors) == ([5], [])
    else:
        assert values == []
        assert [type(error) for error in errors] == [ValueError if end == "error" else asyncio.CancelledError]


# Counters


def test_refusals_are_counted_and_logged_once_a_second_and_kind(caplog: pytest.LogCaptureFixture) -> None:
    clock = ManualClock()
    counters = Counters(clock)
    with caplog.at_level(logging.INFO, "hbpush"):
        for _ in range(3):
            counters.refuse("store_full", "no room")
        counters.refuse("body_too_large", "11 MiB")
        counters.add("connections")
        clock.advance(0.9)
        counters.refuse("store_full", "no room")
        clock.set_time(0)
        clock.advance(0.1)
        counters.refuse("store_full", "still none")
    assert counters.counts == {"store_full": 5, "body_too_large": 1, "connections": 1}
    assert [record.getMessage() for record in caplog.records] == [
        "refused: no room (store_full, 1 so far)",
        "refused: 11 MiB (body_too_large, 1 so far)",
        "refused: still none (store_full, 5 so far)",
    ]
    assert {record.levelno for record in caplog.records} == {logging.INFO}
