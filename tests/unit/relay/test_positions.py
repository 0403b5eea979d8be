"""Where a subscription stands: as text, and as what shares the bytes of a batch among all that stand alike."""

from __future__ import annotations

import gc
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hbpush.core.batch import Batch
from hbpush.core.message import BEFORE_ALL, ChannelRef, Message, MessageId
from hbpush.errors import ProtocolError
from hbpush.relay.positions import Form, Ids, parse, standing, text

numbers = st.integers(0, 10**15 - 1)
ids = st.builds(MessageId, numbers, st.one_of(st.just(-1), numbers))
several = st.lists(st.one_of(st.none(), ids), min_size=2, max_size=5).map(tuple)


@given(ids)
def test_one_id(one: MessageId) -> None:
    assert text((one,)) == str(one)
    assert parse(str(one), 1) == (one,)


@given(several, st.integers(0, 4))
def test_several_ids(some: Ids, newest: int) -> None:
    assert parse(text(some), len(some)) == some
    assert parse(text(some, newest), len(some)) == some


def test_text() -> None:
    assert text((MessageId(5, 0), None, MessageId(7, 2)), 2) == "5:0,-,[7:2]"
    # What comes in a query may be written without a colon.
    assert parse("5-0,-,7-2", 3) == (MessageId(5, 0), None, MessageId(7, 2))


@pytest.mark.parametrize(
    ("value", "channels"),
    [
        *(("", 1), ("-", 1), ("5", 1), ("a:b", 1), ("5:0,6:0", 1), ("5:-2", 1), ("5:0\n", 1), ("\u0661:2", 1), ("1" * 16 + ":2", 1)),
        *(("", 2), ("5:0", 2), ("5:0,6:0,7:0", 2), ("5:0,", 2), ("5:0,x", 2), ("[-],5:0", 2), ("9" * 200, 1)),
    ],
)
def test_what_is_no_id(value: str, channels: int) -> None:
    with pytest.raises(ProtocolError, match="last_event_id"):
        parse(value, channels)


made: list[str] = []
"""The channels of the messages of which parts were made."""


def parts(messages: Sequence[Message]) -> list[bytes]:
    made.append(messages[0].channel.id)
    return [message.body for message in messages]


def joined(messages: Sequence[Message], parts: Sequence[bytes], resumes: Sequence[str] | None) -> bytes:
    assert (len(messages), resumes is None) == (len(parts), False)
    return " ".join(resumes or ()).encode()


form = Form(parts, joined)


def batch(channel: str, *tags: int) -> Batch:
    return Batch([Message(ChannelRef("default", "", channel), MessageId(5, tag), BEFORE_ALL, b"") for tag in tags])


def test_all_that_stand_alike_share_one_form_of_a_batch() -> None:
    one, other = standing(form, (None, None)), standing(form, (None, None))
    assert one is other
    news = batch("news", 0, 1)
    assert news.wires[one.format(0)] is news.wires[other.format(0)]
    assert news.wires[one.format(0)] == b"[5:0],- [5:1],-"
    after = one.after(0, MessageId(5, 1))
    assert after is other.after(0, MessageId(5, 1))
    assert batch("sport", 7).wires[after.format(1)] == b"5:1,[5:7]"


def test_who_stands_elsewhere_gets_what_is_right_there() -> None:
    news = batch("news", 0)
    assert news.wires[standing(form, (None, MessageId(4, 0))).format(0)] == b"[5:0],4:0"
    assert news.wires[standing(form, (None, MessageId(4, 1))).format(0)] == b"[5:0],4:1"


def test_what_does_not_depend_on_where_one_stands_is_made_once() -> None:
    made.clear()
    news = batch("news", 0)
    wires = {news.wires[standing(form, (None, MessageId(4, tag))).format(0)] for tag in range(10)}
    assert (len(wires), made) == (10, ["news"])
    assert standing(form, (None, None)).format(0)(news.messages) == b"[5:0],-"


def test_nothing_is_left_where_nobody_stands() -> None:
    gc.collect()
    gc.disable()
    try:
        made = standing(form, (MessageId(9, 9), None))
        made.format(1)
        name = id(made)
        del made
        assert not any(id(held) == name and type(held).__name__ == "Standing" for held in gc.get_objects())
    finally:
        gc.enable()
