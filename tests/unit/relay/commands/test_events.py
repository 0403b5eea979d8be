"""Event streams as a client reads them: what the server's room writes comes back as it was."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hbpush.relay.commands import events as room
from hbpush.relay.commands.events import Event, Events
from hbpush.relay.commands.responses import TooLarge
from hbpush.web.eventstream import COMMENT, event, opening

words = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\r\n\0"), min_size=1, max_size=20)
texts = st.lists(words.map(lambda word: word.removeprefix("\ufeff") or "x"), max_size=3).map("\n".join)


@given(st.lists(st.tuples(texts, words, words), max_size=4), st.integers(1, 30))
def test_what_is_written_is_read_however_it_is_cut(written: list[tuple[str, str, str]], step: int) -> None:
    wire = opening(3, b"1:2") + COMMENT
    wire += b"".join([event(data.encode(), own.encode(), name.encode()) for data, name, own in written])
    stream = Events()
    assert [one for at in range(0, len(wire), step) for one in stream.feed(wire[at : at + step])] == [Event(*one) for one in written]
    assert stream.last_id == (written[-1][2] if written else "1:2")


def test_every_line_end_ends_a_line() -> None:
    stream = Events()
    assert stream.feed(b"data: a\rdata: b\r\ndata:c\nid: 1\r") == []
    assert stream.feed(b"\n\r\ndata: d\r\r\n") == [Event("a\nb\nc", "", "1"), Event("d", "", "")]
    assert stream.last_id == "1"


def test_an_event_without_data_is_none_but_its_id_counts() -> None:
    stream = Events()
    assert stream.feed(b"event: x\nid: 7\n\ndata\n\nunknown: y\n: comment\n\n") == [Event("", "", "")]
    assert stream.last_id == "7"


def test_the_id_of_an_event_that_is_cut_off_does_not_count() -> None:
    stream = Events()
    assert stream.feed(b"id: 1\ndata: whole\n\nid: 2\ndata: the begin") == [Event("whole", "", "1")]
    assert stream.last_id == "1"
    assert stream.feed(b"ning\n") == []
    assert stream.last_id == "1"
    assert stream.feed(b"\n") == [Event("the beginning", "", "2")]
    assert stream.last_id == "2"


def test_an_event_has_a_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(room, "LARGEST_MESSAGE", 100)
    stream = Events()
    for _ in range(20):
        assert stream.feed(b"data: " + b"x" * 60 + b"\n\n" + COMMENT)
    stream.feed(b"data: " + b"x" * 60)
    assert stream.feed(b"y\n\n" + b"data: " + b"x" * 150) == [Event("x" * 60 + "y", "", "")]
    with pytest.raises(TooLarge):
        stream.feed(b"x")
