"""A publisher location over a real socket (relay specification 1.4, 7.1)."""

from __future__ import annotations

import asyncio
import gc
import json
from pathlib import Path

import pytest

from hbpush.core.message import HEADER_BYTES
from hbpush.errors import StoreUnavailable
from hbpush.web.native.reader import Reader
from tests.integration.relay.conftest import Site, late_store
from tests.support.clock import START
from tests.support.hosts import PATIENCE, get, request
from tests.support.late_store import LateStore

ALLOW = b"GET, HEAD, POST, PUT, DELETE, OPTIONS"
SECOND = int(START)


def info(messages: int, requested: int, subscribers: int, last: str) -> bytes:
    return (
        f"queued messages: {messages}\r\nlast requested: {requested} sec. ago\r\n"
        f"active subscribers: {subscribers}\r\nlast message id: {last}"
    ).encode()


async def test_life_of_a_channel(site: Site) -> None:
    await site.serve()
    for method in ("GET", "DELETE", "HEAD"):
        absent = await site.ask(method, "/pub/news")
        assert (absent.status, absent.body, absent.headers[b"content-length"]) == (404, b"", b"0")
    for body in (b"", b"ignored"):
        made = await site.ask("PUT", "/pub/news", body=body)
        assert (made.status, made.body) == (200, info(0, -1, 0, "0:0"))
    for index, body in enumerate((b"one", b"two", b"three")):
        posted = await site.post("/pub/news", body)
        assert (posted.status, posted.body) == (202, info(index + 1, -1, 0, f"{SECOND}:{index}"))
        assert posted.headers[b"content-type"] == b"text/plain"
        assert posted.headers[b"server"].startswith(b"hbpush/")
        assert b"date" in posted.headers
    assert (await site.ask("GET", "/sub/news")).body == b"one"
    site.clock.advance(2.5)
    shown = await site.ask("GET", "/pub/news")
    assert (shown.status, shown.body) == (200, info(3, 2, 0, f"{SECOND}:2"))
    head = await site.ask("HEAD", "/pub/news")
    assert (head.status, head.headers[b"content-length"]) == (200, shown.headers[b"content-length"])
    removed = await site.ask("DELETE", "/pub/news")
    assert (removed.status, removed.body) == (200, info(3, 2, 0, f"{SECOND}:2"))
    for method in ("GET", "DELETE"):
        assert (await site.ask(method, "/pub/news")).status == 404


async def test_ids_never_go_back_over_delete(site: Site) -> None:
    await site.serve()
    await site.post("/pub/news", b"old")
    old = await site.ask("GET", "/sub/news")
    await site.ask("DELETE", "/pub/news")
    await site.post("/pub/news", b"new")
    seen = [f"If-Modified-Since: {old.headers[b'last-modified'].decode()}", "If-None-Match: 0"]
    new = await site.ask("GET", "/isub/news", *seen)
    assert (new.status, new.body, new.headers[b"etag"]) == (200, b"new", b"1")


async def test_post_counts_those_who_waited(site: Site) -> None:
    await site.serve()
    await site.ask("PUT", "/pub/news")
    polls = [await site.hold("/sub/news") for _ in range(2)]
    waiting = await site.ask("GET", "/pub/news", "Accept: application/json")
    assert json.loads(waiting.body) == {"messages": 0, "requested": 0, "subscribers": 2, "last_message_id": None}
    posted = await site.post("/pub/news", b"hi", "Accept: application/json")
    assert posted.status == 201
    assert json.loads(posted.body) == {"messages": 1, "requested": 0, "subscribers": 2, "last_message_id": f"{SECOND}:0"}
    assert [(await poll.answer()).body for poll in polls] == [b"hi", b"hi"]
    again = await site.post("/pub/news", b"nobody waits", "Accept: application/json")
    assert (again.status, json.loads(again.body)["subscribers"]) == (202, 0)


async def test_messages_of_one_read_claim_a_poll_once(site: Site) -> None:
    """A poll that the first of two messages has claimed is no taker of the second, which it fetches with its next request."""
    await site.serve()
    await site.ask("PUT", "/pub/news")
    poll = await site.hold("/sub/news")
    publisher = await site.host.connect()
    one = b"POST /pub/news HTTP/1.1\r\nHost: h\r\nContent-Length: 1\r\n\r\n"
    await publisher.send(one + b"1" + one + b"2")
    statuses = [(await publisher.answer()).status for _ in range(2)]
    assert statuses == [201, 202]
    first = await poll.answer()
    assert first.body == b"1"
    lines = [b"If-Modified-Since: " + first.headers[b"last-modified"], b"If-None-Match: " + first.headers[b"etag"]]
    assert (await poll.ask(get(b"/sub/news", *lines))).body == b"2"


async def test_client_that_left_is_not_counted(site: Site) -> None:
    await site.serve()
    await site.ask("PUT", "/pub/news")
    poll = await site.hold("/sub/news")
    ref = site.locations[0].routes()[0].parse(b"news")
    poll.leave()
    await site.until(lambda: not site.hub.listening(ref))
    posted = await site.post("/pub/news", b"x", "Accept: application/json")
    assert (posted.status, json.loads(posted.body)["subscribers"]) == (202, 0)


async def test_delete_releases_first(site: Site) -> None:
    await site.serve()
    await site.post("/pub/news", b"m1")
    got = await site.ask("GET", "/sub/news")
    polls = [
        await site.hold("/sub/news", f"If-Modified-Since: {got.headers[b'last-modified'].decode()}", "If-None-Match: 0") for _ in range(2)
    ]
    removed = await site.ask("DELETE", "/pub/news")
    assert (removed.status, removed.body) == (200, info(1, 0, 2, f"{SECOND}:0"))
    for poll in polls:
        gone = await poll.answer()
        assert (gone.status, gone.body, gone.headers[b"content-length"]) == (410, b"", b"0")
    # The connection outlives the answer.
    assert (await polls[0].ask(get(b"/sub/news"))).status == 404


@pytest.mark.parametrize(
    ("accept", "media"),
    [
        ("application/json", b"application/json"),
        ("text/xml;q=0.2, application/x-yaml;q=0.3", b"application/x-yaml"),
        ("a/b", b"text/plain"),
    ],
)
async def test_every_answer_has_the_form_asked_for(site: Site, accept: str, media: bytes) -> None:
    await site.serve()
    for method in ("PUT", "POST", "GET", "DELETE"):
        answer = await site.ask(method, "/pub/news", f"Accept: {accept}")
        assert answer.status in (200, 202)
        assert answer.headers[b"content-type"] == media
        assert answer.body


@pytest.mark.parametrize(
    "content_type",
    [None, b"", b"text/html; charset=utf-8", b"application/x-www-form-urlencoded", b"multipart/form-data; boundary=x", b"x"],
)
async def test_content_type_travels_with_the_message(site: Site, content_type: bytes | None) -> None:
    await site.serve()
    body = bytes(range(256)) + b"a=1&b=%zz--x"
    lines = [] if content_type is None else [f"Content-Type: {content_type.decode()}"]
    assert (await site.post("/pub/news", body, *lines)).status == 202
    got = await site.ask("GET", "/sub/news")
    assert (got.status, got.body, got.headers.get(b"content-type")) == (200, body, content_type or None)


async def test_empty_message(site: Site) -> None:
    await site.serve()
    publisher = await site.host.connect()
    assert (await publisher.ask(b"POST /pub/news HTTP/1.1\r\nHost: h\r\n\r\n")).status == 202
    got = await site.ask("GET", "/sub/news")
    assert (got.status, got.body, got.headers[b"content-length"]) == (200, b"", b"0")


async def test_chunked_message(site: Site) -> None:
    await site.serve()
    publisher = await site.host.connect()
    head = b"POST /pub/news HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n"
    assert (await publisher.ask(head + b"6\r\nhello \r\n5\r\nworld\r\n0\r\n\r\n")).status == 202
    assert (await site.ask("GET", "/sub/news")).body == b"hello world"


async def test_channel_ids_of_any_bytes(site: Site) -> None:
    await site.serve()
    ids = ("%C3%A9", "%FF%FE", "%00x", "a%0Ab", "a%0D%0Ab", "a%20b", "%09", "A", "a", "a+b", "a%252Fb")
    for name in ids:
        assert (await site.post(f"/pub/{name}", name.encode())).status == 202
    for name in ids:
        assert (await site.ask("GET", f"/sub/{name}")).body == name.encode()
    assert (await site.ask("GET", "/sub/%c3%a9")).body == b"%C3%A9"
    assert (await site.post("/pub/x%2Fy", b"slash", "Accept: text/json")).status == 202
    assert (await site.ask("GET", "/sub/x/y")).body == b"slash"
    assert (await site.post("/pub/" + "a" * 1024, b"x")).status == 202
    long = await site.post("/pub/" + "a" * 1025, b"x")
    assert (long.status, long.body.count(b"\n")) == (403, 1)
    if not site.host.kind.tornado:
        # Nobody's paths: an Application answers those by itself.
        for path in ("/pub/", "/pub", "/sub/"):
            assert (await site.ask("GET", path)).status == 404


async def test_methods(site: Site) -> None:
    await site.serve()
    for method in ("OPTIONS", "PATCH", "TRACE", "PROPFIND", "COPY"):
        answer = await site.ask(method, "/pub/news")
        assert answer.status == (200 if method == "OPTIONS" else 405)
        assert (answer.headers[b"allow"], answer.body) == (ALLOW, b"")
    assert (await site.ask("GET", "/pub/news")).status == 404


async def test_event_travels_with_the_message(site: Site) -> None:
    await site.serve()
    for index, line in enumerate(("X-Relay-Event: goal", "x-eventsource-event: goal", "X-Other: goal")):
        await site.post(f"/pub/{index}", b"x", line)
    events = [(await site.ask("GET", f"/sub/{index}")).headers.get(b"x-relay-event") for index in range(3)]
    assert events == [b"goal", b"goal", None]


@pytest.mark.parametrize("header", ["Content-Type", "X-Relay-Event"])
async def test_what_goes_before_a_body_is_no_longer_than_others_bear(site: Site, header: str) -> None:
    await site.serve()
    refused = await site.post("/pub/news", b"x", f"{header}: {'t' * (HEADER_BYTES + 1)}")
    assert (refused.status, refused.body.endswith(b"has at most 1024 bytes\n")) == (400, True)
    assert (await site.ask("GET", "/pub/news")).status == 404
    assert (await site.post("/pub/news", b"x", f"{header}: {'t' * HEADER_BYTES}")).status == 202
    assert (await site.ask("GET", "/sub/news")).headers[header.lower().encode()] == b"t" * HEADER_BYTES


async def test_create_on_post_off(site: Site) -> None:
    await site.serve({"type": "publisher", "prefix": "/pub/", "create_on_post": False})
    refused = await site.post("/pub/news", b"x")
    assert (refused.status, refused.body) == (404, b"")
    assert (await site.ask("GET", "/pub/news")).status == 404
    assert (await site.ask("PUT", "/pub/news")).status == 200
    assert (await site.post("/pub/news", b"x")).status == 202


async def test_store_messages_off(site: Site) -> None:
    await site.serve(
        {"type": "publisher", "prefix": "/pub/", "store_messages": False},
        {"type": "subscriber", "prefix": "/sub/"},
        {"type": "subscriber", "prefix": "/isub/", "polling": "interval"},
    )
    lost = await site.post("/pub/news", b"lost")
    assert (lost.status, lost.body) == (202, info(0, -1, 0, f"{SECOND}:0"))
    assert (await site.ask("GET", "/isub/news")).status == 304
    poll = await site.hold("/sub/news")
    live = await site.post("/pub/news", b"live")
    assert (live.status, live.body) == (201, info(0, 0, 1, f"{SECOND}:1"))
    got = await poll.answer()
    assert (got.body, got.headers[b"etag"]) == (b"live", b"1")


async def test_message_timeout_of_a_location(site: Site) -> None:
    await site.serve(
        {"type": "publisher", "prefix": "/soon/", "message_timeout": 2},
        {"type": "publisher", "prefix": "/never/", "message_timeout": 0},
        {"type": "publisher", "prefix": "/store/"},
        {"type": "subscriber", "prefix": "/sub/", "polling": "interval"},
        message_timeout=10,
    )
    for place in ("soon", "never", "store"):
        await site.post(f"/{place}/{place}", b"x")
    for seconds, kept in ((1.5, {"soon", "never", "store"}), (1, {"never", "store"}), (8, {"never"})):
        site.clock.advance(seconds)
        assert {place for place in ("soon", "never", "store") if (await site.ask("GET", f"/sub/{place}")).status == 200} == kept


async def test_key(site: Site, tmp_path: Path) -> None:
    file = tmp_path / "key"
    file.write_bytes(b"s3cret\n")
    await site.serve(
        {"type": "publisher", "prefix": "/pub/", "key": "s3cret"}, {"type": "publisher", "prefix": "/file/", "key_file": str(file)}
    )
    for place in ("/pub/news", "/file/news"):
        for lines in (
            (),
            ("X-Api-Key: S3cret",),
            ("Authorization: Basic s3cret",),
            ("Authorization: s3cret",),
            ("Authorization: Bearer s3crets",),
        ):
            for method in ("GET", "HEAD", "POST", "PUT", "DELETE", "PATCH"):
                refused = await site.ask(method, place, *lines)
                assert (refused.status, refused.headers[b"www-authenticate"]) == (401, b"Bearer")
                assert b"s3cret" not in refused.body
        assert (await site.ask("OPTIONS", place)).status == 200
        for line in ("X-Api-Key: s3cret ", "Authorization: Bearer s3cret", "authorization: bearer s3cret"):
            assert (await site.post(place, b"x", line)).status == 202
    assert site.host.counters.counts["bad_key"] == 2 * 5 * 6


async def test_too_large_and_full(site: Site) -> None:
    await site.serve(max_channel_bytes=2000, max_bytes=3000)
    large = await site.post("/pub/news", b"x" * 1800)
    assert (large.status, large.headers[b"content-type"], large.body.count(b"\n")) == (413, b"text/plain", 1)
    await site.post("/pub/a", b"x" * 1500)
    full = await site.post("/pub/b", b"x" * 1500)
    assert (full.status, full.headers[b"retry-after"]) == (503, b"1")


async def test_store_that_answers_later(site: Site) -> None:
    await site.serve(make_store=late_store)
    store = site.store
    assert isinstance(store, LateStore)
    publisher = await site.host.connect()
    for method in (b"PUT", b"POST", b"GET", b"DELETE"):
        await publisher.send(method + b" /pub/news HTTP/1.1\r\nHost: h\r\nContent-Length: 0\r\nAccept: text/json\r\n\r\n")
        await site.until(store.waiting)
        store.answer()
        answer = await publisher.answer()
        assert answer.status == (202 if method == b"POST" else 200)
        assert answer.headers[b"content-type"] == b"text/json"
    for error, status in ((StoreUnavailable("away"), 503), (None, 404)):
        await publisher.send(get(b"/pub/news"))
        await site.until(store.waiting)
        store.answer(error)
        assert (await publisher.answer()).status == status
    store.refusal = StoreUnavailable("the store cannot be reached")
    refused = await publisher.ask(b"POST /pub/news HTTP/1.1\r\nHost: h\r\nContent-Length: 0\r\n\r\n")
    assert (refused.status, refused.headers[b"retry-after"], refused.body) == (503, b"1", b"the store cannot be reached\n")


async def test_publisher_that_leaves_before_the_store_answers(site: Site) -> None:
    await site.serve(make_store=late_store)
    store = site.store
    assert isinstance(store, LateStore)
    publisher = await site.host.connect()
    await publisher.send(b"POST /pub/news HTTP/1.1\r\nHost: h\r\nContent-Length: 0\r\n\r\n")
    await site.until(store.waiting)
    publisher.leave()
    async with asyncio.timeout(PATIENCE):
        store.answer()
        asked = asyncio.ensure_future(site.ask("GET", "/pub/news"))
        await site.until(store.waiting)
        store.answer()
        assert (await asked).body.startswith(b"queued messages: 1\r\n")


async def test_cors(site: Site) -> None:
    await site.serve({"type": "publisher", "prefix": "/pub/", "allow_origin": "*", "key": "k"})
    preflight = await site.ask("OPTIONS", "/pub/news", "Origin: https://a.example", "Access-Control-Request-Method: POST")
    assert (preflight.status, preflight.headers[b"allow"], preflight.headers[b"access-control-allow-methods"]) == (200, ALLOW, ALLOW)
    asked = preflight.headers[b"access-control-allow-headers"].split(b", ")
    assert {b"If-Modified-Since", b"If-None-Match", b"Content-Type", b"Authorization", b"X-Api-Key", b"X-Relay-Event"} <= set(asked)
    for line, status in (("X-Api-Key: k", 202), ("X-Api-Key: x", 401)):
        posted = await site.post("/pub/news", b"x", "Origin: https://a.example", line)
        assert (posted.status, posted.headers[b"access-control-allow-origin"]) == (status, b"*")
        assert b"access-control-max-age" not in posted.headers
    assert b"access-control-allow-origin" not in (await site.post("/pub/news", b"x", "X-Api-Key: k")).headers


@pytest.mark.parametrize("sent", [40, 60_000])
async def test_nothing_is_left_of_an_upload_that_ends_early(site: Site, sent: int) -> None:
    """It is freed with its connection, not by the garbage collector, which has little reason to come by."""
    if site.host.kind.tornado:
        pytest.skip("Tornado's server keeps its own books")
    await site.serve()
    gc.collect()
    gc.disable()
    try:
        client = await site.host.connect()
        await client.send(request(b"POST", b"/pub/news", body=b"x" * 100_000)[:sent])
        await site.until(lambda: uploads() == 1)
        client.leave()
        await site.until(lambda: uploads() == 0)
    finally:
        gc.enable()


def uploads() -> int:
    """Requests that have arrived in part, garbage or not."""
    return sum(isinstance(each, Reader) and each.connection is not None for each in gc.get_objects())
