"""The rules of the relay: dates, tags, where a subscriber goes on, and the bytes of a message (relay specification 1.2, 1.7, 7.2)."""

from __future__ import annotations

import re
from email.utils import formatdate

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hbpush.core.message import HEADER_BYTES, ChannelRef, Message, MessageId
from hbpush.errors import ProtocolError
from hbpush.relay import rules
from hbpush.relay.rules import (
    NO_TAG,
    MessageAnswer,
    event_line,
    event_name,
    http_date,
    id_lines,
    parse_date,
    parse_tag,
    since_headers,
    since_query,
)

DATE = b"Sun, 06 Nov 1994 08:49:37 GMT"
SECOND = 784111777
LATEST = 253402300799
"""The last second of the year 9999."""


@pytest.mark.parametrize(
    "text",
    [
        DATE,
        b"Sunday, 06-Nov-94 08:49:37 GMT",
        b"Sun Nov  6 08:49:37 1994",
        b"Sun Nov 06 08:49:37 1994",
        b"sun, 06 nov 1994 08:49:37 gmt",
        b"Mon, 06 Nov 1994 08:49:37 GMT",
        b" \t" + DATE + b"\t ",
    ],
)
def test_dates_of_every_form(text: bytes) -> None:
    assert parse_date(text) == SECOND


@pytest.mark.parametrize(
    ("text", "second"),
    [
        (b"Thu, 01 Jan 1970 00:00:00 GMT", 0),
        (b"Wed, 31 Dec 1969 23:59:59 GMT", 0),
        (b"Sat, 31 Dec 2016 23:59:60 GMT", 1483228800),
        (b"Thu, 29 Feb 2024 00:00:00 GMT", 1709164800),
        (b"Fri, 31 Dec 9999 23:59:59 GMT", LATEST),
        (b"Wednesday, 01-Jan-69 00:00:00 GMT", 0),
        (b"Sunday, 01-Jan-68 00:00:00 GMT", 3092601600),
    ],
)
def test_dates_at_the_edges(text: bytes, second: int) -> None:
    assert parse_date(text) == second


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"abcd",
        b"0",
        b"784111777",
        DATE + b"x",
        DATE + b", " + DATE,
        DATE + b"\n",
        b"Sun, 06 Nov 1994 08:49:37",
        b"Sun, 06 Nov 1994 08:49:37 +0000",
        b"Sun, 06 Nov 1994 08:49:37 EST",
        b"Sun, 6 Nov 1994 08:49:37 GMT",
        b"Sun, 06 Nov 94 08:49:37 GMT",
        b"Sun, 00 Nov 1994 08:49:37 GMT",
        b"Sun, 31 Nov 1994 08:49:37 GMT",
        b"Thu, 29 Feb 2023 00:00:00 GMT",
        b"Sun, 06 Nov 1994 24:00:00 GMT",
        b"Sun, 06 Nov 1994 08:60:37 GMT",
        b"Sun, 06 Nov 1994 08:49:61 GMT",
        b"Sun, 06 Nov 0000 08:49:37 GMT",
        b"Sun, 06 Foo 1994 08:49:37 GMT",
        b"Sun Nov 6 08:49:37 1994",
        b"Sun Nov  6 08:49:37 1994 GMT",
        b"Sunday, 06-Nov-1994 08:49:37 GMT",
        b"Sun, 0\xef\xbc\x96 Nov 1994 08:49:37 GMT",
    ],
)
def test_unreadable_dates(text: bytes) -> None:
    with pytest.raises(ProtocolError) as refused:
        parse_date(text)
    assert refused.value.status_hint == 400


@given(st.integers(0, LATEST))
def test_dates_come_back(second: int) -> None:
    text = http_date(second)
    assert parse_date(text) == second
    assert text == formatdate(second, usegmt=True).encode()


@pytest.mark.parametrize(
    ("text", "tag"),
    [
        (b"0", 0),
        (b"12", 12),
        (b"007", 7),
        (b'"0"', 0),
        (b'W/"0"', 0),
        (b'W/"31"', 31),
        (b"999999999999999", 999999999999999),
        (b'"abc", "5"', 5),
        (b'W/"x" ,\t7, 8', 7),
        (b'"1", "2"', 1),
    ],
)
def test_tags(text: bytes, tag: int) -> None:
    assert parse_tag(text) == tag


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"abcd",
        b"-1",
        b"+1",
        b"1.0",
        b"1e3",
        b"*",
        b'"',
        b'""',
        b'"0',
        b'0"',
        b'w/"0"',
        b"W/0",
        b'"-1"',
        b"1000000000000000",
        b'"1000000000000000"',
        b"1 2",
        b"0x1",
        b"\xef\xbc\x91",
        b"[0],-",
        b",",
    ],
)
def test_unreadable_tags(text: bytes) -> None:
    with pytest.raises(ProtocolError) as refused:
        parse_tag(text)
    assert refused.value.status_hint == 400


@pytest.mark.parametrize(
    ("if_modified_since", "if_none_match", "since"),
    [
        (None, None, None),
        (None, b"1", None),
        (DATE, None, MessageId(SECOND, NO_TAG)),
        (DATE, b"0", MessageId(SECOND, 0)),
        (DATE, b'"2"', MessageId(SECOND, 2)),
    ],
)
def test_since_of_headers(if_modified_since: bytes | None, if_none_match: bytes | None, since: MessageId | None) -> None:
    assert since_headers(if_modified_since, if_none_match) == since


@pytest.mark.parametrize(
    ("if_modified_since", "if_none_match"),
    [(b"abcd", None), (b"abcd", b"0"), (DATE, b"abcd"), (None, b"abcd"), (DATE, b"-1"), (DATE, b""), (b"", b"0")],
)
def test_unreadable_headers(if_modified_since: bytes | None, if_none_match: bytes | None) -> None:
    with pytest.raises(ProtocolError):
        since_headers(if_modified_since, if_none_match)


def test_equal_ids_are_one_object() -> None:
    assert since_headers(DATE, b"4") is since_headers(b"Sun Nov  6 08:49:37 1994", b'W/"4"')


LATER = b"Sun, 06 Nov 1994 08:50:00 GMT"
ENCODED = b"Sun%2C+06%20Nov+1994+08%3A50%3A00+GMT"


@pytest.mark.parametrize(
    ("query", "since"),
    [
        (b"", MessageId(SECOND, 3)),
        (b"other=1", MessageId(SECOND, 3)),
        (b"last_event_id=5:6", MessageId(5, 6)),
        (b"last_event_id=5-6", MessageId(5, 6)),
        (b"last_event_id=5%3A6", MessageId(5, 6)),
        (b"since=5:6", MessageId(5, 6)),
        (b"since=5:6&last_event_id=7:8", MessageId(5, 6)),
        # What an event stream or a WebSocket has for its ids is one here, too.
        (b"since=%5B5:6%5D", MessageId(5, 6)),
        (b"last_event_id=[5:6]", MessageId(5, 6)),
        (b"last_event_id=5:-1", MessageId(5, NO_TAG)),
        (b"since=5--1", MessageId(5, NO_TAG)),
        (b"since=", MessageId(SECOND, 3)),
        (b"last_event_id", MessageId(SECOND, 3)),
        (b"a=b&last_event_id=5:6&last_event_id=7:8", MessageId(5, 6)),
        (b"if_none_match=4", MessageId(SECOND, 4)),
        (b"if_modified_since=" + ENCODED, MessageId(SECOND + 23, 3)),
        (b"if_none_match=%229%22&if_modified_since=" + ENCODED, MessageId(SECOND + 23, 9)),
        (b"if_none_match=4&last_event_id=5:6", MessageId(5, 6)),
    ],
)
def test_query_goes_before_headers(query: bytes, since: MessageId) -> None:
    assert since_query(query, DATE, b"3") == since


def test_query_without_headers() -> None:
    assert since_query(b"if_none_match=4", None, None) is None
    assert since_query(b"x", None, None) is None
    assert since_query(b"if_modified_since=" + ENCODED, None, None) == MessageId(SECOND + 23, NO_TAG)


@pytest.mark.parametrize(
    "query",
    [
        b"last_event_id=5",
        b"since=5",
        b"since=x&last_event_id=5:6",
        b"since=-",
        b"since=5:6,7:8",
        b"since=5:-2",
        b"last_event_id=5:",
        b"last_event_id=:6",
        b"last_event_id=5:6:7",
        b"last_event_id=-5:6",
        b"last_event_id=5:%D9%A3",
        b"last_event_id=1234567890123456:0",
        b"last_event_id=%FF:0",
        b"if_modified_since=abcd",
        b"if_none_match=abcd",
        b"last_event_id=5:6&if_none_match=abcd",
    ],
)
def test_unreadable_queries(query: bytes) -> None:
    with pytest.raises(ProtocolError) as refused:
        since_query(query, None, None)
    assert refused.value.status_hint == 400


def test_what_a_query_overrules_has_to_be_readable() -> None:
    with pytest.raises(ProtocolError):
        since_query(b"last_event_id=5:6", b"abcd", None)
    with pytest.raises(ProtocolError):
        since_query(b"if_none_match=5", DATE, b"abcd")


@given(st.binary(max_size=60), st.none() | st.binary(max_size=40), st.none() | st.binary(max_size=40))
def test_rubbish_is_an_id_or_refused(query: bytes, if_modified_since: bytes | None, if_none_match: bytes | None) -> None:
    try:
        since: object = since_query(b"last_event_id=" + query, if_modified_since, if_none_match)
    except ProtocolError as error:
        since = error
    assert since is None or isinstance(since, MessageId) or getattr(since, "status_hint", None) == 400


def test_id_lines() -> None:
    assert id_lines(MessageId(SECOND, 2)) == b"Last-Modified: %b\r\nEtag: 2\r\n" % DATE
    assert id_lines(MessageId(SECOND, 2), quoted=True) == b'Last-Modified: %b\r\nEtag: "2"\r\n' % DATE
    assert id_lines(MessageId(SECOND, NO_TAG)) == b"Last-Modified: %b\r\n" % DATE
    assert id_lines(MessageId(LATEST, 0)).startswith(b"Last-Modified: Fri, 31 Dec 9999 23:59:59 GMT")
    assert id_lines(MessageId(LATEST + 1, 0)) == b""


def message(**fields: object) -> Message:
    given = {"body": b"Hello world!", "content_type": b"text/plain", **fields}
    return Message(ChannelRef("default", "", "test"), MessageId(SECOND, 7), MessageId(SECOND, 6), **given)  # type: ignore[arg-type]


def lines() -> bytes:
    return b"Server: s\r\nDate: d\r\n"


def test_message_answer_byte_by_byte() -> None:
    assert MessageAnswer(lines, quoted=False)([message(), message(body=b"the next")]) == (
        b"HTTP/1.1 200 OK\r\nServer: s\r\nDate: d\r\nLast-Modified: Sun, 06 Nov 1994 08:49:37 GMT\r\nEtag: 7\r\n"
        b"Vary: If-None-Match, If-Modified-Since\r\nCache-Control: no-cache\r\nContent-Type: text/plain\r\nContent-Length: 12\r\n\r\n"
        b"Hello world!"
    )


def test_message_answer_in_other_shapes() -> None:
    quoted = MessageAnswer(lines, quoted=True)
    assert b'\r\nEtag: "7"\r\n' in quoted([message()])
    bare = quoted([message(content_type=None, body=b"")])
    assert b"Content-Type" not in bare
    assert bare.endswith(b"\r\nContent-Length: 0\r\n\r\n")
    assert b"\r\nX-Relay-Event: n\xc3\xa9ws\r\n" in quoted([message(event="néws")])
    assert b"X-Relay-Event" not in quoted([message(event="a\r\nX-Evil: 1")])


def test_what_was_kept_before_there_was_a_bound_is_left_out() -> None:
    most = MessageAnswer(lines, quoted=False)([message(content_type=b"t" * HEADER_BYTES, event="\u00fc" * (HEADER_BYTES // 2))])
    assert b"\r\nContent-Type: %b\r\nX-Relay-Event: %b\r\n" % (b"t" * HEADER_BYTES, b"\xc3\xbc" * (HEADER_BYTES // 2)) in most
    more = MessageAnswer(lines, quoted=False)([message(content_type=b"t" * (HEADER_BYTES + 1), event="\u00fc" * HEADER_BYTES)])
    assert b"Content-Type" not in more
    assert b"X-Relay-Event" not in more
    assert more.endswith(b"\r\nContent-Length: 12\r\n\r\nHello world!")


def test_formats_are_told_apart_by_identity() -> None:
    assert MessageAnswer(lines, quoted=True) != MessageAnswer(lines, quoted=True)


@pytest.mark.parametrize("value", [b"a\rb", b"a\nb", b"a\0b", b"\0", b"a\x01", b"\x7f"])
def test_events_that_no_line_can_carry(value: bytes) -> None:
    with pytest.raises(ProtocolError) as refused:
        event_name(value)
    assert refused.value.status_hint == 400


@given(st.binary().filter(lambda value: not set(value) & {*range(9), *range(10, 32), 127}))
def test_events_come_back(value: bytes) -> None:
    assert event_line(event_name(value)) == b"X-Relay-Event: %b\r\n" % value.strip(b" \t")


@given(st.text())
def test_event_of_any_text_is_one_line_or_none(name: str) -> None:
    line = event_line(name)
    assert line == b"" or line.split(b"\r\n") == [line[:-2], b""]


@given(st.binary(), st.text())
def test_an_answer_is_never_split(content_type: bytes, event: str) -> None:
    message = Message(ChannelRef("default", "", "news"), MessageId(SECOND, 0), MessageId(0, -1), b"x", content_type, event)
    wire = MessageAnswer(lambda: b"", False)([message])
    head, body = wire.split(b"\r\n\r\n")
    names = [line.partition(b":")[0] for line in head.split(b"\r\n")[1:]]
    assert body == b"x"
    assert set(names) <= {b"Last-Modified", b"Etag", b"Vary", b"Cache-Control", b"Content-Type", b"X-Relay-Event", b"Content-Length"}
    assert len(names) == len(set(names))
    assert not re.search(rb"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]", head)


@pytest.mark.parametrize("value", [b"text/plain\r\nX-Evil: 1", b"\n", b"a\0", b"\x01", b"\x7f"])
def test_a_content_type_that_no_header_can_carry_is_left_out(value: bytes) -> None:
    message = Message(ChannelRef("default", "", "news"), MessageId(SECOND, 0), MessageId(0, -1), b"x", value)
    assert b"Content-Type" not in MessageAnswer(lambda: b"", False)([message])


def test_long_validators_are_read_and_not_remembered() -> None:
    tags = [b'"x", ' * 1000 + b'"%d"' % n for n in range(5)]
    before = rules._cached_since.cache_info().currsize
    assert [since_headers(DATE, tag) for tag in tags] == [MessageId(SECOND, n) for n in range(5)]
    assert since_headers(b" " * 1000 + DATE, b"7") == MessageId(SECOND, 7)
    assert rules._cached_since.cache_info().currsize == before
    assert since_headers(DATE, b"424242") is since_headers(DATE, b"424242")
