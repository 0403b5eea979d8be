"""The route table: patterns, order, the cache and its bound, names that cannot be."""

from __future__ import annotations

import re

import pytest

from hbpush.errors import ProtocolError
from hbpush.web import routes as module
from hbpush.web.exchange import Exchange
from hbpush.web.routes import Exact, Prefix, Regex, Route, Routes, channel_id


def first(exchange: Exchange) -> None: ...
def second(exchange: Exchange) -> None: ...
def rest(exchange: Exchange) -> None: ...


@pytest.mark.parametrize(
    ("name", "channel"),
    [
        (b"news", "news"),
        (b"a/b", "a/b"),
        (b"a%2Fb", "a/b"),
        (b"%C3%A9", "\u00e9"),
        (b"%c3%a9", "\u00e9"),
        (b"\xc3\xa9", "\u00e9"),
        (b"%ff%00%0D%0A", "\udcff\0\r\n"),
        (b"%zz%4", "%zz%4"),
        (b"a+b", "a+b"),
        (b"x" * 1024, "x" * 1024),
        (b"%41" * 1024, "A" * 1024),
    ],
)
def test_channel_ids(name: bytes, channel: str) -> None:
    assert channel_id(name) == channel


@pytest.mark.parametrize(("name", "status"), [(b"", 404), (b"x" * 1025, 403), (b"%C3%A9" * 513, 403)])
def test_channel_ids_that_cannot_be(name: bytes, status: int) -> None:
    with pytest.raises(ProtocolError) as caught:
        channel_id(name)
    assert caught.value.status_hint == status


@pytest.mark.parametrize(
    ("text", "path", "name"),
    [
        ("/sub/", b"/sub/a", b"a"),
        ("/sub/", b"/sub/a/b%2F", b"a/b%2F"),
        ("/sub/", b"/sub/", None),
        ("/sub/", b"/sub", None),
        ("/sub/", b"/SUB/a", None),
        ("/sub/", b"/pub/a", None),
        ("/a b/\u00e9", b"/a%20b/%C3%A9x", b"x"),
        ("/100%25/", b"/100%25/x", b"x"),
        ("/.*/", b"/x/y", None),
        ("/", b"/x", b"x"),
    ],
)
def test_prefixes(text: str, path: bytes, name: bytes | None) -> None:
    assert Prefix(text).match(path) == name


def test_exact_paths() -> None:
    assert Exact("/a").match(b"/a") == b""
    assert Exact("/a").match(b"/a/") is None
    assert Exact("/a").match(b"/") is None


@pytest.mark.parametrize(
    ("text", "path", "name"),
    [
        ("/sub/([a-z]+)", b"/sub/abc", b"abc"),
        ("/sub/([a-z]+)", b"/sub/abc1", None),
        ("/sub/(.*)", b"/sub/\n%0a", None),
        ("/(?:a|b)/(.+)/x", b"/b/\xff/x", b"\xff"),
        ("/x(y)?", b"/x", None),
        ("/x(.*)", b"/x", b""),
    ],
)
def test_regular_expressions(text: str, path: bytes, name: bytes | None) -> None:
    assert Regex(text).match(path) == name


@pytest.mark.parametrize("text", ["/a", "/(a)/(b)"])
def test_regular_expressions_have_one_group(text: str) -> None:
    with pytest.raises(ValueError, match="exactly one is needed"):
        Regex(text)


def test_regular_expressions_that_are_none() -> None:
    with pytest.raises(re.error):
        Regex("/(")


def test_the_first_route_wins_and_the_query_does_not_count() -> None:
    table = Routes([Route(Prefix("/a/"), first, channel_id, 10), Route(Prefix("/"), second, channel_id)], rest)
    assert table.find(b"/a/x?y=/b/")[:3] == (first, "x", 10)
    assert table.find(b"/a/?/a/x")[:3] == (second, "a/", None)
    assert table.find(b"/?")[:3] == (rest, None, None)
    for _ in range(2):
        assert table.find(b"/b")[:3] == (second, "b", None)
        assert table.find(b"/b?c")[:3] == (second, "b", None)


def test_a_name_that_cannot_be_is_refused_by_its_route() -> None:
    table = Routes([Route(Prefix("/a/"), first, channel_id, 10), Route(Prefix("/"), second, bytes)], rest)
    match = table.find(b"/a/" + b"x" * 1025)
    assert match.max_body == 10
    with pytest.raises(ProtocolError, match="at most 1024 bytes"):
        match.endpoint(None)  # type: ignore[arg-type]


def test_the_cache_has_a_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "CACHED_TARGETS", 4)
    parsed: list[bytes] = []

    def parse(name: bytes) -> bytes:
        parsed.append(name)
        return name

    table = Routes([Route(Prefix("/"), first, parse)], rest)
    for _ in range(3):
        table.find(b"/a")
        table.find(b"/a?b")
    assert parsed == [b"a"]
    for number in range(100):
        assert table.find(b"/%d" % number).args == b"%d" % number
        assert len(table._cache) <= 4
    long = b"/" + b"x" * 300
    table.find(long)
    table.find(long)
    assert parsed[-2:] == [long[1:], long[1:]]


def test_paths_that_hardly_ever_come_twice_drive_no_others_from_the_cache() -> None:
    table = Routes([Route(Prefix("/once/"), first, bytes, recurs=False), Route(Prefix("/"), second, bytes)], rest)
    assert table.find(b"/a") is table.find(b"/a")
    assert table.find(b"/once/1") == table.find(b"/once/1")
    assert table.find(b"/once/1")[:3] == (first, b"1", None)
    assert list(table._cache) == [b"/a"]
