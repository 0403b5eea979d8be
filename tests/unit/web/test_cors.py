"""Which origins are let in, and the header lines that say so."""

from __future__ import annotations

from typing import Any

import pytest

from hbpush.errors import ConfigError
from hbpush.web.answers import Head
from hbpush.web.cors import check, guarded
from hbpush.web.exchange import Exchange

METHODS = b"GET, OPTIONS"
REQUEST_HEADERS = b"If-None-Match"
EXPOSED = b"Etag"


class Asked(Exchange):
    """A request with at most an Origin, and what it was answered."""

    upgrade = http11 = True
    headers = ()

    def __init__(self, method: bytes, origin: bytes | None) -> None:
        self.method = method
        self.target = b"/"
        self.extra = b"X-First: 1\r\n"
        self.wire = b""
        self._origin = origin

    def header(self, name: bytes) -> bytes | None:
        return self._origin if name == b"origin" else None

    def client(self) -> tuple[str, bool]:
        return "127.0.0.1", True

    def respond(self, wire: bytes) -> None:
        self.wire = wire

    def hold(self, gone: Any) -> bool:
        raise NotImplementedError

    def cut(self) -> None:
        raise NotImplementedError

    def stream(self, *args: Any, **named: Any) -> Any:
        raise NotImplementedError

    def websocket(self, *args: Any, **named: Any) -> Any:
        raise NotImplementedError


def endpoint(exchange: Exchange) -> None:
    exchange.respond(Head(200).wire())


def lines(allow_origin: Any, origin: bytes | None, method: bytes = b"GET", credentials: bool = False) -> list[bytes]:
    """The lines that an answer gets."""
    exchange = Asked(method, origin)
    guarded(endpoint, allow_origin, credentials, METHODS, REQUEST_HEADERS, EXPOSED)(exchange)
    assert exchange.wire.startswith(b"HTTP/1.1 200 ")
    first, *added, last = exchange.extra.split(b"\r\n")
    assert (first, last) == (b"X-First: 1", b"")
    return added


def test_nothing_configured_costs_nothing() -> None:
    assert guarded(endpoint, "", False, METHODS, REQUEST_HEADERS, EXPOSED) is endpoint
    assert guarded(endpoint, (), True, METHODS, REQUEST_HEADERS, EXPOSED) is endpoint


def test_any_origin() -> None:
    said = [b"Access-Control-Allow-Origin: *", b"Access-Control-Expose-Headers: Etag"]
    assert lines("*", b"https://a.example") == said
    assert lines(("*",), b"null") == said
    assert lines("*", None) == []


@pytest.mark.parametrize("allow_origin", ["https://a.example", ("https://a.example", "http://b.example:8080")])
def test_listed_origins(allow_origin: Any) -> None:
    assert lines(allow_origin, b"https://a.example") == [
        b"Vary: Origin",
        b"Access-Control-Allow-Origin: https://a.example",
        b"Access-Control-Expose-Headers: Etag",
    ]
    for other in (b"https://a.example.evil", b"http://a.example", b"https://A.example", b"null", b"", b"*", b"\xff", None):
        assert lines(allow_origin, other) == [b"Vary: Origin"]
        assert lines(allow_origin, other, b"OPTIONS") == [b"Vary: Origin"]


def test_credentials() -> None:
    assert b"Access-Control-Allow-Credentials: true" in lines("https://a.example", b"https://a.example", credentials=True)
    assert b"Access-Control-Allow-Credentials: true" not in lines("https://a.example", b"https://b.example", credentials=True)


@pytest.mark.parametrize("allow_origin", ["*", "https://a.example"])
def test_preflight(allow_origin: str) -> None:
    added = lines(allow_origin, b"https://a.example", b"OPTIONS")
    assert added[-3:] == [
        b"Access-Control-Allow-Methods: GET, OPTIONS",
        b"Access-Control-Allow-Headers: If-None-Match",
        b"Access-Control-Max-Age: 86400",
    ]
    assert any(line.startswith(b"Access-Control-Allow-Origin: ") for line in added)


@pytest.mark.parametrize(
    "allow_origin",
    [
        "",
        "*",
        "null",
        "https://example.com",
        "http://localhost:8080",
        "http://127.0.0.1",
        "http://[::1]:81",
        "app+x.y-z://host_name",
        (),
        ("*",),
        ("https://a.example", "https://b.example"),
    ],
)
def test_origins_that_are_taken(allow_origin: Any) -> None:
    check(allow_origin, False)


@pytest.mark.parametrize(
    ("allow_origin", "credentials", "path"),
    [
        ("example.com", False, "allow_origin"),
        ("https://example.com/", False, "allow_origin"),
        ("https://Example.com", False, "allow_origin"),
        ("https://*.example.com", False, "allow_origin"),
        ("https://a.example\r\nX: 1", False, "allow_origin"),
        ("https://a.example\n", False, "allow_origin"),
        ("https://a.example b", False, "allow_origin"),
        (("https://a.example", "b"), False, "allow_origin[1]"),
        (("", "https://a.example"), False, "allow_origin[0]"),
        (("https://a.example", "*"), False, "allow_origin[1]"),
        ("*", True, "allow_credentials"),
        (("*",), True, "allow_credentials"),
    ],
)
def test_origins_that_are_refused(allow_origin: Any, credentials: bool, path: str) -> None:
    with pytest.raises(ConfigError) as refused:
        check(allow_origin, credentials)
    assert refused.value.path == path
