"""Hidden locations: what is proved is true, and what the seed's example does is proved."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hbpush.daemon.routes_check import Placed, covers, hidden, literal_head
from hbpush.web.routes import Exact, Pattern, Prefix, Regex, Route


def route(pattern: Pattern) -> Route:
    return Route(pattern, lambda _: None, bytes)


@pytest.mark.parametrize(
    ("earlier", "later"),
    [
        (Prefix("/"), Prefix("/pub/")),
        (Prefix("/pub/"), Prefix("/pub/")),
        (Prefix("/pub/"), Exact("/pub/x")),
        (Prefix("/pub/"), Regex("/pub/(.+)")),
        (Prefix("/pub/"), Regex(r"/pub/(\d+)")),
        (Prefix("/pub/"), Regex("/pub/x(.*)")),
        (Prefix("/a.b/"), Regex(r"/a\.b/(\d+)")),
        (Prefix("/pub/"), Regex("^/pub/([^/]+)$")),
        (Prefix("/pub"), Regex("/pub/+(.*)")),
        (Prefix("/pub/"), Regex("/pub/(a|b)")),
        (Regex("/(.+)"), Regex("/pub/(.+)")),
        (Regex("/(.+)"), Prefix("/pub/")),
        (Regex("/(.*)"), Prefix("/")),
        (Regex("/pub/(.*)"), Regex("/pub/(.*)")),
        (Regex("/pub/(.*)"), Exact("/pub/")),
        (Regex("/pub/(.*)$"), Regex("/pub/([a-z]*)")),
        (Regex(r"/x/(\d+)/"), Regex(r"/x/(\d+)/")),
        (Regex(r"/x/(\d+)/"), Exact("/x/12/")),
    ],
)
def test_a_pattern_that_hides(earlier: Pattern, later: Pattern) -> None:
    assert covers(earlier, later)


@pytest.mark.parametrize(
    ("earlier", "later"),
    [
        (Prefix("/pub/"), Prefix("/")),
        (Prefix("/pub/"), Prefix("/publish/")),
        (Prefix("/pub/"), Exact("/pub/")),
        (Prefix("/pub/"), Regex("/pub/(.*)")),
        (Prefix("/pub/x"), Regex("/pub/x?(.+)")),
        (Prefix("/pub/x"), Regex("/pub/x*(.+)")),
        (Prefix("/pub/x"), Regex("/pub/x{0}(.+)")),
        (Prefix("/pub/"), Regex("/pub/(.+)|/sub/")),
        (Prefix("/pub/"), Regex("(?i)/pub/(.+)")),
        (Prefix("/pub/d"), Regex(r"/pub/\d(.+)")),
        (Prefix("/a.b/"), Regex("/a.b/(.+)")),
        (Regex(r"/(\d+)"), Prefix("/1")),
        (Regex("/([^/]+)"), Regex("/a/(.+)")),
        (Exact("/a"), Prefix("/a")),
        (Prefix("/a+"), Regex("/a+(.+)")),
    ],
)
def test_a_pattern_that_does_not_hide(earlier: Pattern, later: Pattern) -> None:
    assert not covers(earlier, later)


@pytest.mark.parametrize(
    ("regex", "head"),
    [
        (r"/a\.b/(.+)", "/a.b/"),
        ("/a|b(.)", ""),
        (r"/a\|b(.)", "/a|b"),
        ("/a[|]b(.)", "/a"),
        ("/a[]|]b(.)", "/a"),
        ("/a[^]|]b(.)", "/a"),
        (r"/a[\]|]b(.)", "/a"),
        ("/a[x]|b(.)", ""),
        ("/a(x|y)", "/a"),
        ("/ab+c(.)", "/ab"),
        ("/ab?c(.)", "/a"),
        ("/ab{2}(.)", "/a"),
    ],
)
def test_what_every_match_begins_with(regex: str, head: str) -> None:
    assert literal_head(regex)[0] == head


PIECES = st.sampled_from(["/", "a", "b", "a+", "b*", "a?", r"\.", ".", "[ab]", "[^a]", "[]|]", "a{2}", "(?:a|b)", "(?:|a)", "|a", "^", "$"])
GROUPS = st.sampled_from(["(.+)", "(.*)", "([^/]+)", r"(\d*)", "(a|b)", "(a?)"])


@st.composite
def regexes(draw: st.DrawFn) -> Pattern:
    before, after = draw(st.lists(PIECES, max_size=4)), draw(st.lists(PIECES, max_size=1))
    return Regex("/" + "".join(before) + draw(GROUPS) + "".join(after))


PATTERNS = st.one_of(
    regexes(),
    st.text("ab/.", max_size=3).map(lambda text: Prefix("/" + text)),
    st.text("ab/.", max_size=3).map(lambda text: Exact("/" + text)),
)


@given(PATTERNS, PATTERNS, st.lists(st.text("ab/.|]1", max_size=5), max_size=40))
def test_what_is_proved_is_true(earlier: Pattern, later: Pattern, paths: list[str]) -> None:
    if covers(earlier, later):
        for path in ["", *paths, *(later.text.removeprefix("/") + path for path in paths)]:
            raw = f"/{path}".encode()
            if later.match(raw) is not None:
                assert earlier.match(raw) is not None, (earlier.text, later.text, raw)


def test_a_hidden_location_costs_one_line() -> None:
    first = Placed("locations[0]", "subscriber", [route(Regex("/(.+)"))])
    second = Placed("locations[1]", "publisher", [route(Regex("/pub/(.+)"))])
    assert hidden([first, second]) == [
        "locations[1]: the publisher /pub/(.+) is never reached, because locations[0] (subscriber /(.+)) takes all its requests; "
        "put it first or change its url"
    ]
    assert hidden([second, first]) == []


def test_a_location_is_hidden_only_when_all_its_routes_are() -> None:
    first = Placed("locations[0]", "a", [route(Prefix("/x/"))])
    both = Placed("locations[1]", "b", [route(Prefix("/x/y/")), route(Prefix("/z/"))])
    assert hidden([first, both]) == []
    third = Placed("locations[2]", "c", [route(Prefix("/x/y/")), route(Prefix("/z/1/"))])
    assert [line.partition(":")[0] for line in hidden([first, both, third])] == ["locations[2]"]
    assert hidden([first, Placed("locations[1]", "d", [])]) == []


def test_the_pieces_are_regular_expressions() -> None:
    assert re.fullmatch("/(?:|a)(a?)", "/a")
