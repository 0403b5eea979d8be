"""The protocol of the HTTP push relay, as values and bytes (relay specification 1.2, 1.6, 1.7, 7.1, 7.2). Pure.

A message id has two faces on HTTP: Last-Modified and Etag in answers, If-Modified-Since and If-None-Match in requests. In a query both
may be given as ``if_modified_since`` and ``if_none_match``, or as one ``last_event_id=time:tag``, which may be called ``since`` as well.
What a query says goes before the headers, since browsers and caches add those by themselves; the one id goes before both. All that is
given has to be readable; an id that is empty is not given.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Container, Sequence
from datetime import datetime, timedelta
from functools import lru_cache
from urllib.parse import unquote_to_bytes

from hbpush.core.message import HEADER_VALUE, Message, MessageId, fits_header
from hbpush.errors import ProtocolError
from hbpush.relay.positions import parse

VARY = b"Vary: If-None-Match, If-Modified-Since\r\n"
MISSED = b"X-Relay-Missed: 1\r\n"
"""The header line of an answer before which messages were missed."""
NO_TAG = -1
"""The tag of a request with If-Modified-Since alone: before every message of that second."""
TAG_DIGITS = 15
CACHED_LENGTH = 128
"""Bytes of validators that are remembered; what is longer may be read, but is not worth to be held for others."""

_EPOCH = datetime(1970, 1, 1)
_SECOND = timedelta(seconds=1)
_LAST_SECOND = (datetime(9999, 12, 31, 23, 59, 59) - _EPOCH) // _SECOND
_DAYS = (b"Mon", b"Tue", b"Wed", b"Thu", b"Fri", b"Sat", b"Sun")
_MONTHS = (b"Jan", b"Feb", b"Mar", b"Apr", b"May", b"Jun", b"Jul", b"Aug", b"Sep", b"Oct", b"Nov", b"Dec")
_MONTH_NUMBERS = {name.lower(): number for number, name in enumerate(_MONTHS, 1)}
_MONTH = rb"(?P<month>" + b"|".join(_MONTHS) + rb")"
_CLOCK = rb"(?P<hour>[0-9]{2}):(?P<minute>[0-9]{2}):(?P<second>[0-9]{2})"
_DATES = tuple(
    re.compile(form, re.IGNORECASE)
    for form in (
        rb"(?:%b), (?P<day>[0-9]{2}) %b (?P<year>[0-9]{4}) %b GMT" % (b"|".join(_DAYS), _MONTH, _CLOCK),
        rb"(?:Mon|Tues|Wednes|Thurs|Fri|Satur|Sun)day, (?P<day>[0-9]{2})-%b-(?P<year>[0-9]{2}) %b GMT" % (_MONTH, _CLOCK),
        rb"(?:%b) %b (?P<day>[ 0-9][0-9]) %b (?P<year>[0-9]{4})" % (b"|".join(_DAYS), _MONTH, _CLOCK),
    )
)
_TAG = re.compile(rb'(?P<bare>[0-9]{1,%d})|(?:W/)?"(?P<quoted>[0-9]{1,%d})"' % (TAG_DIGITS, TAG_DIGITS))
_ID_NAMES = frozenset((b"last_event_id", b"since"))
_VALIDATOR_NAMES = frozenset((b"if_modified_since", b"if_none_match"))


# Ids


@lru_cache(256)
def http_date(second: int) -> bytes:
    """A unix second as an HTTP date (RFC 9110 section 5.6.7), to the year 9999."""
    moment = _EPOCH + timedelta(seconds=second)
    return b"%b, %02d %b %04d %02d:%02d:%02d GMT" % (
        _DAYS[moment.weekday()],
        moment.day,
        _MONTHS[moment.month - 1],
        moment.year,
        moment.hour,
        moment.minute,
        moment.second,
    )


def parse_date(value: bytes) -> int:
    """The unix second of an HTTP date in one of its three forms; asctime's is GMT too. Dates before 1970 are 0.

    A year of two digits is one of 1969 to 2068. Raises ProtocolError for anything else.
    """
    for form in _DATES:
        # A host may leave the blanks that a client put around a value.
        found = form.fullmatch(value.strip(b" \t"))
        if found is None:
            continue
        year = int(found["year"])
        if len(found["year"]) == 2:
            year += 2000 if year < 69 else 1900
        try:
            minute = datetime(year, _MONTH_NUMBERS[found["month"].lower()], int(found["day"]), int(found["hour"]), int(found["minute"]))
        except ValueError:
            break
        second = int(found["second"])
        if second > 60:
            break
        return max(0, (minute - _EPOCH) // _SECOND + second)
    raise ProtocolError("If-Modified-Since is not an HTTP date")


def parse_tag(value: bytes) -> int:
    """The tag in an If-None-Match: a whole number, bare, quoted or weak; of several the first that is one. Raises ProtocolError."""
    if len(value) <= TAG_DIGITS and value.isdigit():
        return int(value)
    for tag in value.split(b","):
        found = _TAG.fullmatch(tag.strip(b" \t"))
        if found is not None:
            return int(found["bare"] or found["quoted"])
    raise ProtocolError(f"If-None-Match is not a whole number of at most {TAG_DIGITS} digits")


def since_headers(if_modified_since: bytes | None, if_none_match: bytes | None) -> MessageId | None:
    """The id that a subscriber has, from its two validators; None when it has none: without the first the second says nothing.

    Raises ProtocolError for a value that cannot be read.
    """
    if len(if_modified_since or b"") + len(if_none_match or b"") <= CACHED_LENGTH:
        return _cached_since(if_modified_since, if_none_match)
    return _since(if_modified_since, if_none_match)


def _since(if_modified_since: bytes | None, if_none_match: bytes | None) -> MessageId | None:
    tag = NO_TAG if if_none_match is None else parse_tag(if_none_match)
    return None if if_modified_since is None else _id(parse_date(if_modified_since), tag)


_cached_since = lru_cache(1024)(_since)

# Thousands of held polls wait with the same id, in one spelling or another: it is one object.
_id = lru_cache(1024)(MessageId)


def since_query(query: bytes, if_modified_since: bytes | None, if_none_match: bytes | None) -> MessageId | None:
    """`since_headers` for a request with a query. The first argument of a name counts."""
    validators = {name: unquote_to_bytes(value) for name, value in reversed(arguments(query, _VALIDATOR_NAMES))}
    since = since_headers(if_modified_since, if_none_match)
    if validators:
        since = since_headers(validators.get(b"if_modified_since", if_modified_since), validators.get(b"if_none_match", if_none_match))
    text = given_id(query)
    return parse(text.decode("latin-1"), 1)[0] if text else since


def given_id(query: bytes) -> bytes:
    """The id, or the ids, after which a request asks to go on, as its query names them; empty for none. The first argument counts."""
    for _, value in arguments(query, _ID_NAMES):
        return unquote_to_bytes(value)
    return b""


def arguments(query: bytes, names: Container[bytes]) -> list[tuple[bytes, bytes]]:
    """The arguments of a query that have one of these names, in their order; values are percent-encoded."""
    pairs = (argument.partition(b"=") for argument in query.split(b"&"))
    return [(name, value.replace(b"+", b"%20")) for name, _, value in pairs if name in names]


def id_lines(id: MessageId, quoted: bool = False) -> bytes:
    """Last-Modified and Etag; no Etag for an id that stands for a whole second (`NO_TAG`). ``quoted`` puts the Etag in quotes."""
    time, tag = id
    if time > _LAST_SECOND:
        # Only a query can name one: it cannot be said as a date.
        return b""
    if tag == NO_TAG:
        return b"Last-Modified: %b\r\n" % http_date(time)
    return (b'Last-Modified: %b\r\nEtag: "%d"\r\n' if quoted else b"Last-Modified: %b\r\nEtag: %d\r\n") % (http_date(time), tag)


# Messages


class MessageAnswer:
    """The Format of a poll: the first message of a batch as a whole response.

    ``lines`` gives the header lines that every response has (Server, Date). What no header can carry, or no proxy would, is left out,
    whoever published it (`fits_header`).
    """

    def __init__(self, lines: Callable[[], bytes], quoted: bool) -> None:
        self._lines = lines
        self._quoted = quoted

    def __call__(self, messages: Sequence[Message]) -> bytes:
        message = messages[0]
        content_type = message.content_type
        return b"HTTP/1.1 200 OK\r\n%b%b%bCache-Control: no-cache\r\n%b%bContent-Length: %d\r\n\r\n%b" % (
            self._lines(),
            id_lines(message.id, self._quoted),
            VARY,
            b"Content-Type: %b\r\n" % content_type if content_type is not None and fits_header(content_type) else b"",
            b"" if message.event is None else event_line(message.event),
            len(message.body),
            message.body,
        )


def event_name(value: bytes) -> str:
    """The name of an event from its header. Raises ProtocolError for one that no header line or event stream can carry."""
    value = value.strip(b" \t")
    if not HEADER_VALUE.fullmatch(value):
        raise ProtocolError("X-Relay-Event has a control character in it")
    return value.decode("utf-8", "surrogateescape")


def event_line(name: str) -> bytes:
    """The header line of an event; nothing for a name from another protocol that no header can carry, or one that is too long."""
    try:
        value = name.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:
        return b""
    return b"X-Relay-Event: %b\r\n" % value if fits_header(value) else b""
