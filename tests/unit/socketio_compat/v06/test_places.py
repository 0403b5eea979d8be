"""The paths of Socket.IO 0.6, as its clients make them (specification 3, 9)."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hbpush.web.exchange import Exchange
from hbpush.web.routes import Routes
from socketio_compat.v06.places import Path, ResourcePattern, pattern_routes, routes
from socketio_compat.v06.settings import TRANSPORTS


def endpoint(exchange: Exchange) -> None:
    """A server's."""


def nothing(exchange: Exchange) -> None:
    """The endpoint of what nobody claims."""


def table(resource: str = "socket.io") -> Routes:
    return Routes(routes(resource, endpoint, 1000), nothing)


def pattern(*how: str) -> Routes:
    return Routes(pattern_routes(ResourcePattern(*how), endpoint, 1000), nothing)


@pytest.mark.parametrize(
    ("target", "transport", "session_id", "tail", "index"),
    [
        (b"/socket.io/websocket", "websocket", "", (), None),
        (b"/socket.io/flashsocket", "flashsocket", "", (), None),
        (b"/socket.io/xhr-polling//1300000000000", "xhr-polling", "", ("1300000000000",), "1300000000000"),
        (b"/socket.io/xhr-polling/abc/1300000000000?x=1", "xhr-polling", "abc", ("1300000000000",), "1300000000000"),
        (b"/socket.io/xhr-polling/abc/send", "xhr-polling", "abc", ("send",), None),
        (b"/socket.io/xhr-multipart/", "xhr-multipart", "", (), None),
        (b"/socket.io/htmlfile//13", "htmlfile", "", ("13",), "13"),
        (b"/socket.io/jsonp-polling//1300000000000/0", "jsonp-polling", "", ("1300000000000", "0"), "0"),
        (b"/socket.io/jsonp-polling/abc/1300000000000/12", "jsonp-polling", "abc", ("1300000000000", "12"), "12"),
        (b"/socket.io/jsonp-polling/abc/1/2/", "jsonp-polling", "abc", ("1", "2", ""), "2"),
        (b"/socket.io/xhr-polling///1", "xhr-polling", "", ("", "1"), "1"),
    ],
)
def test_paths(target: bytes, transport: str, session_id: str, tail: tuple[str, ...], index: str | None) -> None:
    for found in (table().find(target), pattern("socket.io").find(target), pattern("socket.io/*").find(target)):
        assert (found.endpoint, found.max_body) == (endpoint, 1000)
        assert found.args == Path("socket.io", None, transport, session_id, tail)
        assert found.args.jsonp_index == index


@pytest.mark.parametrize(
    "target",
    [
        b"/socket.io/nosuch//1", b"/socket.io/websocketx", b"/socket.io/xhr-pollingsend", b"/socketxio/websocket", b"/socket.io",
        b"/socket.io/", b"/x/socket.io/websocket", b"/socket.io/1/websocket/abc", b"/socket.io/1/", b"/SOCKET.IO/websocket",
    ],
)  # fmt: skip
def test_paths_of_others(target: bytes) -> None:
    assert table().find(target).endpoint is nothing


def test_a_resource_of_segments() -> None:
    assert table("a/b.c").find(b"/a/b.c/websocket").args.resource == "a/b.c"
    assert table("a/b.c").find(b"/a/bxc/websocket").endpoint is nothing


@pytest.mark.parametrize(
    ("how", "target", "resource", "extra"),
    [
        (("chat", r"\d+", "/"), b"/chat/123/xhr-polling//1", "chat", "123"),
        (("chat", r"(?P<extra>\d+)", "/"), b"/chat/123/websocket", "chat", "123"),
        (("chat", r"[^/]+", "."), b"/chat.a%20%D0%B4/websocket", "chat", "a д"),
        (("chat", r"(a|b)", "-"), b"/chat-b/websocket", "chat", "b"),
        (("chat", r"(?P<extra>(x)y)z", "/"), b"/chat/xyz/websocket", "chat", "xy"),
        (("chat|talk",), b"/talk/websocket", "talk", None),
        (("socket.io/*",), b"/socket.io//xhr-polling//1", "socket.io/", None),
    ],
)
def test_resources_that_are_expressions(how: tuple[str, ...], target: bytes, resource: str, extra: str | None) -> None:
    found = pattern(*how).find(target)
    assert found.endpoint is endpoint
    assert (found.args.resource, found.args.extra) == (resource, extra)


@pytest.mark.parametrize(
    "target",
    [b"/chat/xhr-polling//1", b"/chat/12x/xhr-polling//1", b"/chat123/xhr-polling//1", b"/chat//xhr-polling//1", b"/chat/1/nosuch"],
)
def test_an_extra_part_is_mandatory(target: bytes) -> None:
    assert pattern("chat", r"\d+", "/").find(target).endpoint is nothing


def test_expressions_that_are_none() -> None:
    with pytest.raises(re.error):
        ResourcePattern("chat", "(", "/")


@given(st.sampled_from(TRANSPORTS), st.lists(st.text(st.sampled_from("ab019%-._~"), max_size=5), min_size=1, max_size=5))
def test_segments_come_back(transport: str, segments: list[str]) -> None:
    target = f"/socket.io/{transport}/{'/'.join(segments)}".encode()
    assert table().find(target).args == Path("socket.io", None, transport, segments[0], tuple(segments[1:]))
