"""A subscriber location over a real socket: ids, interval polling, and what is refused (relay specification 1.3, 1.7, 7.2)."""

from __future__ import annotations

import pytest

from hbpush.core.subscription import CloseReason
from hbpush.errors import StoreUnavailable
from hbpush.relay.rules import http_date
from tests.integration.relay.conftest import Site, late_store
from tests.support.clock import START
from tests.support.hosts import Answer, get
from tests.support.late_store import LateStore

SECOND = int(START)
VARY = b"If-None-Match, If-Modified-Since"


def since(second: int, tag: int | str | None = None) -> list[str]:
    lines = [f"If-Modified-Since: {http_date(second).decode()}"]
    return lines if tag is None else [*lines, f"If-None-Match: {tag}"]


def ids(answer: Answer) -> tuple[bytes | None, bytes | None]:
    return answer.headers.get(b"last-modified"), answer.headers.get(b"etag")


async def publish(site: Site, *bodies: bytes, name: str = "news") -> None:
    for body in bodies:
        assert (await site.post(f"/pub/{name}", body, "Content-Type: text/plain")).status == 202


async def test_message_answer(site: Site) -> None:
    await site.serve()
    await publish(site, b"Hello world!")
    for place in ("/sub/news", "/isub/news"):
        got = await site.ask("GET", place)
        assert (got.status, got.body) == (200, b"Hello world!")
        headers = {name: value for name, value in got.headers.items() if name not in (b"date", b"server")}
        assert headers == {
            b"last-modified": http_date(SECOND),
            b"etag": b"0",
            b"vary": VARY,
            b"cache-control": b"no-cache",
            b"content-type": b"text/plain",
            b"content-length": b"12",
        }


@pytest.mark.parametrize("place", ["/sub/news", "/isub/news"])
async def test_walk(site: Site, place: str) -> None:
    await site.serve()
    await publish(site, b"one", b"two", b"three")
    site.clock.advance(1)
    await publish(site, b"four")
    walked = []
    lines: list[str] = []
    for _ in range(4):
        got = await site.ask("GET", place, *lines)
        walked.append((got.body, *ids(got)))
        lines = [f"If-Modified-Since: {got.headers[b'last-modified'].decode()}", f"If-None-Match: {got.headers[b'etag'].decode()}"]
    assert walked == [
        (b"one", http_date(SECOND), b"0"),
        (b"two", http_date(SECOND), b"1"),
        (b"three", http_date(SECOND), b"2"),
        (b"four", http_date(SECOND + 1), b"0"),
    ]


@pytest.mark.parametrize("place", ["/sub/news", "/isub/news"])
@pytest.mark.parametrize(
    ("lines", "body"),
    [
        (since(SECOND, 0), b"two"),
        (since(SECOND), b"one"),
        (["If-None-Match: 1"], b"one"),
        (since(SECOND, '"0"'), b"two"),
        (since(SECOND, 'W/"0"'), b"two"),
        (since(SECOND, '"x", "1"'), b"three"),
        (since(SECOND - 100_000, 9), b"one"),
        (["If-Modified-Since: Tuesday, 14-Nov-23 22:13:20 GMT", "If-None-Match: 0"], b"two"),
        (["If-Modified-Since: Tue Nov 14 22:13:20 2023", "If-None-Match: 0"], b"two"),
    ],
)
async def test_unusual_ids(site: Site, place: str, lines: list[str], body: bytes) -> None:
    await site.serve()
    await publish(site, b"one", b"two", b"three")
    got = await site.ask("GET", place, *lines)
    assert (got.status, got.body) == (200, body)


async def test_blanks_around_values(site: Site) -> None:
    await site.serve()
    assert (await site.post("/pub/news", b"one", "X-Relay-Event:  goal \t")).status == 202
    got = await site.ask("GET", "/sub/news")
    assert got.headers[b"x-relay-event"] == b"goal"
    await publish(site, b"two")
    got = await site.ask("GET", "/sub/news", f"If-Modified-Since: {http_date(SECOND).decode()} \t", "If-None-Match:\t0 ")
    assert got.body == b"two"


@pytest.mark.parametrize(
    ("query", "body"),
    [
        (f"last_event_id={SECOND}:0", b"two"),
        (f"last_event_id={SECOND}-1", b"three"),
        (f"since={SECOND}:0", b"two"),
        (f"since=[{SECOND}:1]", b"three"),
        (f"since={SECOND}:-1", b"one"),
        ("since=", b"one"),
        (f"x=1&last_event_id={SECOND}%3A1", b"three"),
        (f"if_modified_since={http_date(SECOND).decode().replace(' ', '+')}&if_none_match=1", b"three"),
        ("if_none_match=1", b"one"),
        ("x", b"one"),
    ],
)
async def test_ids_by_query(site: Site, query: str, body: bytes) -> None:
    await site.serve()
    await publish(site, b"one", b"two", b"three")
    for place in ("/sub/news", "/isub/news"):
        assert (await site.ask("GET", f"{place}?{query}")).body == body


UNREADABLE = [
    ("", ["If-Modified-Since: abcd"]),
    ("", ["If-Modified-Since: abcd", "If-None-Match: 0"]),
    ("", ["If-None-Match: abcd"]),
    ("", since(SECOND, "abcd")),
    ("", since(SECOND, -1)),
    ("", since(SECOND, "")),
    ("", since(SECOND, "9" * 16)),
    ("?last_event_id=abcd", []),
    ("?last_event_id=1:2:3", []),
    ("?since=abcd", []),
    (f"?since={SECOND}:0,{SECOND}:0", []),
    ("?if_none_match=x", []),
    ("?if_modified_since=x", []),
]


@pytest.mark.parametrize(("query", "lines"), UNREADABLE)
async def test_unreadable_ids(site: Site, query: str, lines: list[str]) -> None:
    await site.serve(
        {"type": "publisher", "prefix": "/pub/"},
        {"type": "subscriber", "prefix": "/sub/"},
        {"type": "subscriber", "prefix": "/isub/", "polling": "interval", "create_on_get": True},
    )
    await publish(site, b"one")
    for name in ("news", "absent"):
        for place in ("/sub/", "/isub/"):
            refused = await site.ask("GET", f"{place}{name}{query}", *lines)
            assert (refused.status, refused.headers[b"content-type"]) == (400, b"text/plain")
            assert (refused.body.count(b"\n"), refused.body[-1:]) == (1, b"\n")
    assert (await site.ask("GET", "/pub/absent")).status == 404


async def test_methods(site: Site) -> None:
    await site.serve()
    await publish(site, b"one")
    for place in ("/sub/news", "/isub/news", "/sub/absent"):
        for method in ("HEAD", "POST", "PUT", "DELETE", "PATCH", "OPTIONS", "PROPFIND"):
            answer = await site.ask(method, place)
            assert (answer.status, answer.headers[b"allow"]) == (200 if method == "OPTIONS" else 405, b"GET, OPTIONS")
            assert answer.body == b""
    assert (await site.ask("GET", "/pub/news")).body.startswith(b"queued messages: 1\r\n")


async def test_interval_without_news(site: Site) -> None:
    await site.serve()
    absent = await site.ask("GET", "/isub/news")
    assert (absent.status, absent.body, absent.headers[b"content-length"]) == (404, b"", b"0")
    await site.ask("PUT", "/pub/news")
    empty = await site.ask("GET", "/isub/news")
    assert (empty.status, ids(empty), empty.headers[b"vary"]) == (304, (None, None), VARY)
    assert b"content-length" not in empty.headers
    await publish(site, b"one", b"two")
    poll = await site.host.connect()
    for second, tag, echoed in (
        (SECOND, 1, (http_date(SECOND), b"1")),
        (SECOND, 5, (http_date(SECOND), b"1")),
        (SECOND + 100_000, 0, (http_date(SECOND), b"1")),
    ):
        same = await poll.ask(get(b"/isub/news", *[line.encode() for line in since(second, tag)]))
        assert (same.status, ids(same), same.headers[b"vary"]) == (304, echoed, VARY)
    site.clock.advance(1)
    future = await site.ask("GET", "/isub/news", *since(SECOND + 1))
    assert (future.status, ids(future)) == (304, (http_date(SECOND), b"1"))


async def test_interval_echo_of_a_date_alone(site: Site) -> None:
    await site.serve()
    await site.ask("PUT", "/pub/news")
    same = await site.ask("GET", "/isub/news", *since(SECOND))
    assert (same.status, ids(same), same.headers.get(b"x-relay-missed")) == (304, (http_date(SECOND), None), None)


@pytest.mark.parametrize("answered", ["time-out", "shutdown", "interval"])
@pytest.mark.parametrize("published", [True, False])
async def test_a_client_that_takes_up_ids_hears_of_a_gap_once(site: Site, answered: str, published: bool) -> None:
    polling = {"polling": "interval"} if answered == "interval" else {"subscriber_timeout": 30}
    await site.serve({"type": "publisher", "prefix": "/pub/", "message_timeout": 2}, {"type": "subscriber", "prefix": "/sub/", **polling})
    site.clock.advance(100)
    if published:
        await publish(site, b"dies", b"dies too")
    else:
        await site.ask("PUT", "/pub/news")
    site.clock.advance(3)

    async def poll(lines: list[str]) -> Answer:
        if answered == "interval":
            return await site.ask("GET", "/sub/news", *lines)
        client = await site.hold("/sub/news", *lines)
        if answered == "time-out":
            site.clock.advance(31)
        else:
            site.hub.release(CloseReason.SHUTDOWN, site.locations[1])
        return await client.answer()

    told = await poll(since(SECOND - 50, 3))
    assert (told.status, told.headers[b"x-relay-missed"], told.body) == (304, b"1", b"")
    assert ids(told) == ((http_date(SECOND + 100), b"1") if published else (http_date(SECOND), None))
    lines = since(SECOND + 100, 1) if published else since(SECOND)
    again = await poll(lines)
    assert (again.status, again.headers.get(b"x-relay-missed"), ids(again)) == (304, None, ids(told))
    await publish(site, b"next")
    got = await site.ask("GET", "/sub/news", *lines)
    assert (got.body, got.headers.get(b"x-relay-missed")) == (b"next", None)


async def test_interval_counts_as_a_request(site: Site) -> None:
    await site.serve()
    await publish(site, b"one")
    site.clock.advance(5)
    await site.ask("GET", "/isub/news")
    site.clock.advance(3)
    assert b"\r\nlast requested: 3 sec. ago\r\n" in (await site.ask("GET", "/pub/news")).body


async def test_gaps_are_told(site: Site) -> None:
    await site.serve(max_messages=3)
    site.clock.advance(1)
    await publish(site, b"m0", b"m1", b"m2", b"m3", b"m4")
    second = SECOND + 1
    for place in ("/sub/news", "/isub/news"):
        for lines, body, missed in (
            ([], b"m2", None),
            (since(second, 0), b"m2", b"1"),
            (since(second, 1), b"m2", None),
            (since(second, 2), b"m3", None),
            (since(second - 1000, 7), b"m2", b"1"),
            (since(second), b"m2", b"1"),
        ):
            got = await site.ask("GET", place, *lines)
            assert (got.body, got.headers.get(b"x-relay-missed"), got.headers[b"etag"]) == (body, missed, body[1:])


async def test_who_comes_back_to_a_channel_that_is_gone_is_told(site: Site) -> None:
    await site.serve()
    await publish(site, b"seen", b"not seen")
    await site.ask("DELETE", "/pub/news")
    for place in ("/sub/news", "/isub/news"):
        for tag, missed in ((0, b"1"), (1, None)):
            got = await site.ask("GET", place, *since(SECOND, tag))
            assert (got.status, got.headers.get(b"x-relay-missed")) == (404, missed)


async def test_gap_before_a_message_to_come(site: Site) -> None:
    await site.serve({"type": "publisher", "prefix": "/pub/", "store_messages": False}, {"type": "subscriber", "prefix": "/sub/"})
    await publish(site, b"lost", b"lost too")
    missing = await site.hold("/sub/news", *since(SECOND, 0))
    complete = await site.hold("/sub/news", *since(SECOND, 1))
    await site.post("/pub/news", b"live")
    got = await missing.answer()
    assert (got.body, got.headers.get(b"x-relay-missed")) == (b"live", b"1")
    got = await complete.answer()
    assert (got.body, got.headers.get(b"x-relay-missed")) == (b"live", None)


@pytest.mark.parametrize("place", ["/sub/", "/isub/"])
async def test_create_on_get(site: Site, place: str) -> None:
    await site.serve(
        {"type": "publisher", "prefix": "/pub/", "create_on_post": False},
        {"type": "subscriber", "prefix": "/sub/", "create_on_get": True},
        {"type": "subscriber", "prefix": "/isub/", "create_on_get": True, "polling": "interval"},
    )
    if place == "/isub/":
        made = await site.ask("GET", "/isub/news")
        assert (made.status, ids(made)) == (304, (None, None))
        assert (await site.post("/pub/news", b"x")).status == 202
        assert (await site.ask("GET", "/isub/news")).body == b"x"
    else:
        poll = await site.hold("/sub/news")
        assert (await site.post("/pub/news", b"x")).status == 201
        assert (await poll.answer()).body == b"x"


async def test_absent_channel_is_not_made(site: Site) -> None:
    await site.serve()
    for place in ("/sub/news", "/isub/news"):
        for lines in ([], since(SECOND, 0)):
            absent = await site.ask("GET", place, *lines)
            assert (absent.status, absent.body, absent.headers[b"content-length"]) == (404, b"", b"0")
    assert (await site.ask("GET", "/pub/news")).status == 404


async def test_first_message(site: Site) -> None:
    await site.serve(
        {"type": "publisher", "prefix": "/pub/"},
        *[
            {"type": "subscriber", "prefix": f"/{polling}/{first}/", "first_message": first, "polling": polling}
            for polling in ("long", "interval")
            for first in ("oldest", "newest", 1, 3, 9)
        ],
    )
    await publish(site, *[b"%d" % number for number in range(5)])
    for polling in ("long", "interval"):
        for first, body in (("oldest", b"0"), (1, b"4"), (3, b"2"), (9, b"0")):
            assert (await site.ask("GET", f"/{polling}/{first}/news")).body == body
            assert (await site.ask("GET", f"/{polling}/{first}/news", *since(SECOND, 0))).body == b"1"
    poll = await site.hold("/long/newest/news")
    nothing = await site.ask("GET", "/interval/newest/news")
    # The ids keep a client, which has none of its own yet, from passing over what comes before its next request.
    assert (nothing.status, ids(nothing)) == (304, (http_date(SECOND), b"4"))
    assert (await site.post("/pub/news", b"5")).status == 201
    assert (await poll.answer()).body == b"5"
    assert (await site.ask("GET", "/interval/newest/news", *since(SECOND, 4))).body == b"5"


async def test_newest_on_a_channel_without_messages(site: Site) -> None:
    await site.serve(
        {"type": "publisher", "prefix": "/pub/"},
        {"type": "subscriber", "prefix": "/long/", "first_message": "newest"},
        {"type": "subscriber", "prefix": "/interval/", "first_message": "newest", "polling": "interval"},
    )
    for place in ("/long/", "/interval/"):
        assert (await site.ask("GET", f"{place}news")).status == 404
    await site.ask("PUT", "/pub/news")
    nothing = await site.ask("GET", "/interval/news")
    assert nothing.status == 304
    await publish(site, b"first")
    next_one = await site.ask("GET", "/interval/news", f"If-Modified-Since: {nothing.headers[b'last-modified'].decode()}")
    assert (next_one.body, next_one.headers.get(b"x-relay-missed")) == (b"first", None)


async def test_quote_etag(site: Site) -> None:
    await site.serve(
        {"type": "publisher", "prefix": "/pub/"},
        {"type": "subscriber", "prefix": "/sub/", "quote_etag": True},
        {"type": "subscriber", "prefix": "/isub/", "quote_etag": True, "polling": "interval"},
        {"type": "subscriber", "prefix": "/bare/"},
    )
    await publish(site, b"one")
    for place in ("/sub/news", "/isub/news"):
        assert ids(await site.ask("GET", place)) == (http_date(SECOND), b'"0"')
    same = await site.ask("GET", "/isub/news", *since(SECOND, '"0"'))
    assert (same.status, ids(same)) == (304, (http_date(SECOND), b'"0"'))
    assert ids(await site.ask("GET", "/bare/news")) == (http_date(SECOND), b"0")


async def test_cors(site: Site) -> None:
    await site.serve(
        {"type": "publisher", "prefix": "/pub/"},
        {"type": "subscriber", "prefix": "/sub/", "allow_origin": "*"},
    )
    await publish(site, b"one")
    for path, status in (("/sub/news", 200), ("/sub/absent", 404), ("/sub/news?last_event_id=x", 400)):
        got = await site.ask("GET", path, "Origin: https://a.example")
        assert (got.status, got.headers[b"access-control-allow-origin"]) == (status, b"*")
        assert got.headers[b"access-control-expose-headers"] == b"Last-Modified, Etag, X-Relay-Missed, X-Relay-Event, Retry-After"
    preflight = await site.ask("OPTIONS", "/sub/news", "Origin: https://a.example", "Access-Control-Request-Method: GET")
    assert preflight.headers[b"access-control-allow-headers"] == b"If-Modified-Since, If-None-Match, Last-Event-ID, Content-Type"
    poll = await site.hold("/sub/news", "Origin: https://a.example", *since(SECOND, 0))
    await site.post("/pub/news", b"two")
    assert (await poll.answer()).headers[b"access-control-allow-origin"] == b"*"


async def test_cors_of_a_listed_origin(site: Site) -> None:
    await site.serve(
        {"type": "publisher", "prefix": "/pub/"},
        {"type": "subscriber", "prefix": "/sub/", "allow_origin": ["https://a.example"], "allow_credentials": True},
    )
    await publish(site, b"one")
    client = await site.host.connect()
    await client.send(get(b"/sub/news", b"Origin: https://a.example", b"Connection: close"))
    lines = (await client.rest()).split(b"\r\n")
    assert b"Access-Control-Allow-Origin: https://a.example" in lines
    assert b"Access-Control-Allow-Credentials: true" in lines
    varied = {name for line in lines if line.startswith(b"Vary: ") for name in line.removeprefix(b"Vary: ").split(b", ")}
    assert varied == {b"Origin", b"If-None-Match", b"If-Modified-Since"}


async def test_store_that_cannot_be_read(site: Site) -> None:
    await site.serve(make_store=late_store)
    store = site.store
    assert isinstance(store, LateStore)
    store.refusal = StoreUnavailable("away")
    for place in ("/sub/news", "/isub/news"):
        refused = await site.ask("GET", place)
        assert (refused.status, refused.headers[b"retry-after"], refused.body.count(b"\n")) == (503, b"1", 1)
    store.refusal = None
    for place in (b"/sub/news", b"/isub/news"):
        client = await site.host.connect()
        await client.send(get(place))
        await site.until(store.waiting)
        store.answer(StoreUnavailable("away"))
        assert (await client.answer()).status == 503
