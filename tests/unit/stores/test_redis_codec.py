"""Names, ids, messages and announcements there and back, as the scripts write them."""

from __future__ import annotations

from contextlib import suppress

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from redis.crc import key_slot

from hbpush.core.message import BEFORE_ALL, NEWEST, OLDEST, ChannelRef, Last, Message, MessageId
from hbpush.stores.redis_codec import (
    Announcement,
    Displacement,
    announcement,
    found,
    head,
    id_text,
    names,
    parse_id,
    since_text,
    store_keys,
)

REF = ChannelRef("default", "", "news")

texts = st.text(st.characters())
"""Any characters, lone surrogates too."""

escaped = st.binary().map(lambda data: data.decode("utf-8", "surrogateescape"))
channels = st.one_of(texts, escaped)
spaces = texts.filter(lambda text: "\0" not in text)
"""Spaces are of protocols, none of which has a NUL in one: it is what ends them."""

ids = st.builds(MessageId, st.integers(0, 10**15), st.integers(0, 10**15))
previous_ids = st.builds(MessageId, st.integers(0, 10**15), st.integers(-1, 10**15))
types = st.none() | st.binary()
events = st.none() | texts
epochs = st.text("0123456789abcdef", min_size=1).map(str.encode)
counts = st.integers(1, 10**15)
milliseconds = st.integers(1, 10**15)


# Names


@given(spaces, channels, spaces, channels)
@example("", "a", "a", "")
@example("a", "b", "", "a b")
@example("", "\udcc3\udca9", "", "é")
@example("", "\udcff", "", "ÿ")
@example("", "\ud83d\ude00", "", "\U0001f600")
def test_two_channels_never_share_a_key(space: str, channel: str, other_space: str, other: str) -> None:
    one = names(ChannelRef("default", space, channel), b"p", b"0", 0)
    two = names(ChannelRef("default", other_space, other), b"p", b"0", 0)
    same = (space, channel) == (other_space, other)
    assert (one.key == two.key, one.announced == two.announced) == (same, same)
    assert (set(one.keys[:4]) & set(two.keys[:4]) != set()) == same


@given(channels, st.binary(max_size=10).filter(lambda prefix: not {123, 125} & set(prefix)), st.integers(0, 15))
def test_all_keys_of_a_tag_are_in_one_slot_and_begin_with_the_prefix(channel: str, prefix: bytes, number: int) -> None:
    tag = b"%x" % number
    name = names(ChannelRef("default", "", channel), prefix, tag, 3)
    shared = store_keys(prefix, tag)
    slots = {key_slot(key) for key in (*name.keys, *shared, name.announced)}
    assert slots == {key_slot(tag)}
    assert all(key.startswith(prefix) for key in (name.key, name.announced, *name.keys, *shared))
    assert name.keys[4:] == shared[:3]
    assert len({*name.keys, *shared}) == 8
    # Scripts make the names of the others from that of the stream.
    assert (name.keys[0][:-2], name.keys[0][:-2] + b":3") == (name.key, name.announced)


def test_databases_and_prefixes_do_not_hear_each_other() -> None:
    announced = {names(REF, prefix, b"0", database).announced for prefix in (b"", b"a", b"a1") for database in (0, 1, 11)}
    assert len(announced) == 9


@pytest.mark.parametrize(
    ("space", "channel", "shown"),
    [
        ("", "news", b"news"),
        ("", "\udcff\udc80", b"\xff\x80"),
        ("", "é", b"\xc3\xa9"),
        ("", "\ud800", b"\xed\xa0\x80"),
        ("", "\ud800\udcff", b"\xed\xa0\x80\xed\xb3\xbf"),
        ("private", "a b", b"private\0a b"),
    ],
)
def test_a_channel_is_called_by_its_own_bytes(space: str, channel: str, shown: bytes) -> None:
    assert names(ChannelRef("default", space, channel), b"", b"0", 0).id == shown


# Ids


@given(previous_ids)
@example(BEFORE_ALL)
def test_ids(message_id: MessageId) -> None:
    assert parse_id(id_text(message_id)) == message_id


def test_places_to_read_from() -> None:
    places = [OLDEST, NEWEST, Last(0), Last(12), MessageId(12, 3), BEFORE_ALL]
    assert [since_text(place) for place in places] == [b"oldest", b"newest", b"last 0", b"last 12", b"12-3", b"0--1"]


# Messages


def payload(message: Message, epoch: bytes, generation: int, given: int, expires: int) -> bytes:
    """What ``publish.lua`` announces."""
    words = (generation, given, id_text(message.id), id_text(message.previous), expires, 1 if message.stored else 0)
    return b"m %b %d %d %b %b %d %d\n" % (epoch, *words) + head(message.content_type, message.event) + message.body


@given(epochs, counts, counts, ids, previous_ids, st.binary(), types, events, st.just(0) | milliseconds, st.booleans())
@example(b"e", 1, 1, MessageId(1, 0), MessageId(0, -1), b"\n", b"", "", 0, True)
@example(b"e", 1, 1, MessageId(1, 0), MessageId(0, -1), b"-1 -1\n", b"2 3\n", "1 1\n", 1, False)
def test_a_message_that_is_announced(
    epoch: bytes,
    generation: int,
    given: int,
    message_id: MessageId,
    previous: MessageId,
    body: bytes,
    content_type: bytes | None,
    event: str | None,
    expires: int,
    stored: bool,
) -> None:
    message = Message(REF, message_id, previous, body, content_type, event, expires / 1000, stored)
    said = announcement(REF, payload(message, epoch, generation, given, expires))
    assert said == Announcement(epoch, generation, given, message_id, message)


@given(epochs, counts, counts, previous_ids)
def test_a_deletion_that_is_announced(epoch: bytes, generation: int, given: int, last: MessageId) -> None:
    said = announcement(REF, b"d %b %d %d %b" % (epoch, generation, given, id_text(last)))
    assert said == Announcement(epoch, generation, given, last, None)


@given(epochs, counts)
def test_a_claim_that_is_announced(epoch: bytes, number: int) -> None:
    assert announcement(REF, b"x %b 0 %d" % (epoch, number)) == Displacement(number)


@pytest.mark.parametrize(
    "data",
    [b"", b"m", b"m ", b"hello", b"m 1 2", b"m \n", b"m e 1 1 1-0 0-0 0\n-1 -1\n", b"m e 1 1 1-0 0-0 0 1\n", b"m e 1 1 1-0 0-0 0 1\n1\n",
     b"m e 1 1 x 0-0 0 1\n-1 -1\n", b"m e 1 1 1-0 0-0 0 1\n-1 2\n\xff\xff", b"d ", b"d e 1 1", b"d e x 1 1-0", b"d e 1 1 1"],
)  # fmt: skip
def test_anything_else_is_no_announcement(data: bytes) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - whatever it says
        announcement(REF, data)


@given(st.sampled_from([b"m ", b"d ", b"x "]), st.binary())
@example(b"x ", b"")
@example(b"x ", b"hello")
def test_what_others_publish_is_refused_as_no_announcement(kind: bytes, rest: bytes) -> None:
    with suppress(ValueError):
        announcement(REF, kind + rest)


# Pages

entries = st.tuples(ids, previous_ids, st.just(0) | milliseconds, types, events, st.binary())


@given(epochs, st.integers(0, 10**10), st.integers(0, 10**15), previous_ids, counts, st.booleans(), st.lists(entries, max_size=4))
def test_a_page(
    epoch: bytes,
    lost: int,
    generation: int,
    last: MessageId,
    given: int,
    more: bool,
    parts: list[tuple[MessageId, MessageId, int, bytes, str, bytes]],
) -> None:
    reply: list[bytes | int] = [epoch, b"%d" % lost, b"%d" % generation, id_text(last), b"%d" % given, int(more)]
    for message_id, previous, expires, content_type, event, body in parts:
        reply += [id_text(message_id), id_text(previous), b"%d" % expires if expires else b"", head(content_type, event), body]
    page = found(REF, reply)
    assert (page.epoch, page.lost, page.generation, page.last, page.given, page.more) == (epoch, lost, generation, last, given, more)
    assert page.messages == [
        Message(REF, message_id, previous, body, content_type, event, expires / 1000)
        for message_id, previous, expires, content_type, event, body in parts
    ]


def test_the_page_of_an_absent_channel() -> None:
    page = found(REF, [b"e", b"0", b"0", b"12--1", b"7", 0])
    assert (page.generation, page.last, page.messages, page.more) == (0, MessageId(12, -1), [], False)


@pytest.mark.parametrize(
    ("since", "lost", "previous", "missed"),
    [
        (OLDEST, b"9", b"8-0", False),
        (NEWEST, b"9", b"8-0", False),
        (Last(3), b"9", b"8-0", False),
        (MessageId(8, 0), b"0", b"8-0", False),
        (MessageId(8, 1), b"0", b"8-0", False),
        (MessageId(7, 9), b"0", b"8-0", True),
        (MessageId(8, 0), b"8", b"8-0", False),
        (MessageId(8, 0), b"9", b"8-0", True),
        (MessageId(9, -1), b"9", b"8-0", False),
        (MessageId(8, 0), b"0", None, True),
        (MessageId(9, 0), b"0", None, False),
    ],
)
def test_what_is_missed_before_a_page(since: MessageId, lost: bytes, previous: bytes | None, missed: bool) -> None:
    entry = [] if previous is None else [b"9-0", previous, b"", b"-1 -1\n", b""]
    assert found(REF, [b"e", lost, b"1", b"9-0", b"1", 0, *entry]).missed(since) is missed
