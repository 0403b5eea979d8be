"""A request waits for its channel, and a message or the time ends it (specification 3.1 to 3.3 with 7.4)."""

from __future__ import annotations

import json

import pytest

from hbpush.core.message import NEWEST, ChannelRef, Draft
from hbpush.core.subscription import CloseReason
from tests.integration.tyron.conftest import Redis
from tests.support.site import Site, wire

HIPHOP = ChannelRef("default", "", "hiphop")
SEEDS_PUBLISH = '{"data": "this is a message", "channel": "hiphop"}'


async def test_the_seeds_example(site: Site, redis: Redis) -> None:
    await site.serve(redis.location())
    posted = await site.host.connect()
    await posted.send(wire("POST", "/hiphop/"))
    await site.until(lambda: site.hub.listening(HIPHOP) == 1)
    got, other = await site.hold("/hiphop/"), await site.hold("/jazz/")
    assert redis.publish(SEEDS_PUBLISH) == 1
    for client in (posted, got):
        answer = await client.answer()
        assert (answer.status, answer.body) == (200, b"this is a message")
        assert answer.headers[b"content-type"] == b"text/plain; charset=utf-8"
        assert answer.headers[b"cache-control"] == b"no-store"
        assert b"etag" not in answer.headers
        assert b"last-modified" not in answer.headers
    redis.publish('{"channel": "jazz", "data": "x"}')
    assert (await other.answer()).body == b"x"


async def test_the_connection_stays_for_the_next_request(site: Site, redis: Redis) -> None:
    await site.serve(redis.location())
    client = await site.hold("/hiphop/")
    for body in (b"one", b"two", b"two"):
        redis.publish(json.dumps({"channel": "hiphop", "data": body.decode()}))
        assert (await client.answer()).body == body
        # The very validators that the original sent: two equal messages are two messages.
        await client.send(wire("GET", "/hiphop/", 'If-None-Match: "*"'))
        await site.until(lambda: site.hub.listening(HIPHOP) == 1)


async def test_connections_may_be_closed_after_each_answer(site: Site, redis: Redis) -> None:
    await site.serve(redis.location(close_connections=True))
    client = await site.hold("/hiphop/")
    redis.publish(SEEDS_PUBLISH)
    rest = await client.rest()
    assert b"\r\nConnection: close\r\n" in rest
    assert rest.endswith(b"\r\n\r\nthis is a message")


@pytest.mark.parametrize(
    ("data", "body"),
    [
        ('"h\\u00e9"', "hé".encode()),
        ('""', b""),
        ("null", b""),
        ('{"x": 1, "y": [ 1.50, 1e400 ]}', b'{"x":1,"y":[1.50,1e400]}'),
        ("[1, 2]", b"[1,2]"),
        ("42", b"42"),
        ("true", b"true"),
        ('"\\ud83d\\ude00"', "😀".encode()),
    ],
)
async def test_what_data_becomes(site: Site, redis: Redis, data: str, body: bytes) -> None:
    await site.serve(redis.location())
    client = await site.hold("/c/")
    redis.publish(f'{{"channel": "c", "data": {data}}}')
    answer = await client.answer()
    assert (answer.status, answer.body, answer.headers[b"content-type"]) == (200, body, b"text/plain; charset=utf-8")


@pytest.mark.parametrize(
    ("path", "channel"),
    [("/hiphop", "hiphop"), ("/hiphop/", "hiphop"), ("/a/b/", "a/b"), ("/a%2Fb", "a/b"), ("/h%C3%A9/", "hé"), ("/store/", "store"),
     ("/healthy/", "healthy"), ("/a%2F/", "a/")],
)  # fmt: skip
async def test_the_channel_of_a_path(site: Site, redis: Redis, path: str, channel: str) -> None:
    await site.serve(redis.location())
    client = await site.host.connect()
    await client.send(wire("GET", path))
    await site.until(lambda: site.hub.listening(ChannelRef("default", "", channel)) == 1)
    redis.publish(json.dumps({"channel": channel, "data": "x"}))
    assert (await client.answer()).body == b"x"


@pytest.mark.parametrize("path", ["//", "/store/some-key/", "/store/some-key"])
async def test_what_is_no_channel(site: Site, redis: Redis, path: str) -> None:
    await site.serve(redis.location())
    assert (await site.ask("GET", path)).status == 404


@pytest.mark.parametrize("method", ["PUT", "DELETE", "HEAD", "PATCH"])
async def test_other_methods(site: Site, redis: Redis, method: str) -> None:
    await site.serve(redis.location())
    answer = await site.ask(method, "/hiphop/")
    assert (answer.status, answer.headers[b"allow"]) == (405, b"GET, POST, OPTIONS")


async def test_pages_of_other_sites(site: Site, redis: Redis) -> None:
    await site.serve(redis.location(allow_origin="https://example.com"))
    answer = await site.ask("OPTIONS", "/hiphop/", "Origin: https://example.com")
    assert (answer.status, answer.headers[b"allow"]) == (200, b"GET, POST, OPTIONS")
    assert answer.headers[b"access-control-allow-methods"] == b"GET, POST, OPTIONS"
    client = await site.hold("/hiphop/", "Origin: https://example.com")
    redis.publish(SEEDS_PUBLISH)
    lines = (await client.answer()).headers
    assert lines[b"access-control-allow-origin"] == b"https://example.com"
    assert b"X-Tyron-Id" in lines[b"access-control-expose-headers"]


async def test_a_message_of_the_past_is_not_for_those_who_come(site: Site, redis: Redis) -> None:
    await site.serve(redis.location(timeout=5))
    redis.publish(SEEDS_PUBLISH)
    site.hub.publish(HIPHOP, Draft(b"kept by another protocol"))
    client = await site.hold("/hiphop/")
    redis.publish('{"channel": "hiphop", "data": "new"}')
    assert (await client.answer()).body == b"new"


async def test_what_another_protocol_publishes_comes_as_text(site: Site, redis: Redis) -> None:
    await site.serve(redis.location(), {"type": "publisher", "prefix": "/pub/"})
    client = await site.hold("/hiphop/")
    site.hub.publish(HIPHOP, Draft(b"\xff{}", b"application/json", "tick"))
    answer = await client.answer()
    assert (answer.body, answer.headers[b"content-type"]) == (b"\xff{}", b"text/plain; charset=utf-8")


async def test_what_tyron_is_fed_reaches_other_protocols(site: Site, redis: Redis) -> None:
    poll = {"type": "subscriber", "prefix": "/sub/", "create_on_get": True, "first_message": "newest"}
    await site.serve(poll, redis.location())
    client = await site.hold("/sub/hiphop")
    redis.publish(SEEDS_PUBLISH)
    answer = await client.answer()
    assert (answer.body, answer.headers[b"content-type"]) == (b"this is a message", b"text/plain; charset=utf-8")


# The end of waiting


async def test_the_time_out(site: Site, redis: Redis) -> None:
    await site.serve(redis.location(timeout=5))
    client = await site.hold("/hiphop/")
    site.clock.advance(4.99)
    assert site.hub.listening(HIPHOP) == 1
    site.clock.advance(1.1)
    answer = await client.answer()
    assert (answer.status, answer.body, answer.headers[b"x-tyron-timeout"]) == (200, b"", b"1")
    assert answer.headers[b"content-type"] == b"text/plain; charset=utf-8"
    assert site.hub.listening(HIPHOP) == 0


async def test_the_time_out_may_say_something_else(site: Site, redis: Redis) -> None:
    await site.serve(redis.location(timeout=5, timeout_status=408, timeout_message="wárte"))
    client = await site.hold("/hiphop/")
    site.clock.advance(6.1)
    answer = await client.answer()
    assert (answer.status, answer.body, answer.headers[b"x-tyron-timeout"]) == (408, "wárte".encode(), b"1")


async def test_no_time_out(site: Site, redis: Redis) -> None:
    await site.serve(redis.location(timeout=0))
    client = await site.hold("/hiphop/")
    site.clock.advance(86400)
    assert site.hub.listening(HIPHOP) == 1
    redis.publish(SEEDS_PUBLISH)
    assert (await client.answer()).body == b"this is a message"


async def test_who_leaves_is_forgotten(site: Site, redis: Redis) -> None:
    await site.serve(redis.location())
    client = await site.hold("/hiphop/")
    client.leave()
    await site.until(lambda: site.hub.listening(HIPHOP) == 0)
    again = await site.hold("/hiphop/")
    redis.publish(SEEDS_PUBLISH)
    assert (await again.answer()).body == b"this is a message"


@pytest.mark.parametrize("reason", [CloseReason.DELETED, CloseReason.SHUTDOWN])
async def test_a_channel_that_ends_is_a_time_out(site: Site, redis: Redis, reason: CloseReason) -> None:
    await site.serve(redis.location())
    client = await site.hold("/hiphop/")
    site.hub.release(reason)
    answer = await client.answer()
    assert (answer.status, answer.body, answer.headers[b"x-tyron-timeout"]) == (200, b"", b"1")
    assert answer.headers.get(b"connection") == (b"close" if reason is CloseReason.SHUTDOWN else None)


async def test_a_store_that_goes_away_is_503(site: Site, redis: Redis) -> None:
    await site.serve(redis.location())
    client = await site.hold("/hiphop/")
    site.hub.release(CloseReason.UNAVAILABLE)
    answer = await client.answer()
    assert (answer.status, answer.headers[b"retry-after"]) == (503, b"1")


async def test_a_channel_may_have_only_so_many(site: Site, redis: Redis) -> None:
    await site.serve(redis.location(max_subscribers=2))
    first, _ = await site.hold("/hiphop/"), await site.hold("/hiphop/")
    refused = await site.ask("GET", "/hiphop/")
    assert (refused.status, refused.headers[b"retry-after"]) == (503, b"1")
    first.leave()
    await site.until(lambda: site.hub.listening(HIPHOP) == 1)
    await site.hold("/hiphop/")


# With an id


async def test_with_the_buffer_nothing_is_missed_between_two_requests(site: Site, redis: Redis) -> None:
    await site.serve(redis.location(buffer_seconds=60))
    client = await site.hold("/hiphop/")
    for number in range(3):
        redis.publish(json.dumps({"channel": "hiphop", "data": f"{number}"}))
    answer = await client.answer()
    await site.until(lambda: site.hub.info(HIPHOP).messages == 3)  # type: ignore[union-attr]
    bodies = [answer.body]
    for _ in range(2):
        answer = await site.ask("GET", f"/hiphop/?since={answer.headers[b'x-tyron-id'].decode()}")
        assert b"x-tyron-missed" not in answer.headers
        bodies.append(answer.body)
    assert bodies == [b"0", b"1", b"2"]


async def test_with_the_buffer_a_time_out_tells_where_to_go_on(site: Site, redis: Redis) -> None:
    await site.serve(redis.location(buffer_seconds=60, timeout=5))
    redis.publish('{"channel": "hiphop", "data": "old"}')
    await site.until(lambda: site.hub.store("default").read_after(HIPHOP, NEWEST, 1).exists)  # type: ignore[union-attr]
    client = await site.hold("/hiphop/")
    site.clock.advance(6.1)
    id_ = (await client.answer()).headers[b"x-tyron-id"].decode()
    redis.publish('{"channel": "hiphop", "data": "between"}')
    await site.until(lambda: site.hub.info(HIPHOP).messages == 2)  # type: ignore[union-attr]
    assert (await site.ask("GET", f"/hiphop/?since={id_.replace(':', '%3A')}")).body == b"between"


async def test_messages_are_kept_no_longer_than_the_buffer_says(site: Site, redis: Redis) -> None:
    await site.serve(redis.location(buffer_seconds=10), {"type": "subscriber", "polling": "interval", "prefix": "/i/"})
    client = await site.hold("/hiphop/")
    redis.publish(SEEDS_PUBLISH)
    id_ = (await client.answer()).headers[b"x-tyron-id"].decode()
    redis.publish(SEEDS_PUBLISH)
    await site.until(lambda: site.hub.info(HIPHOP).messages == 2)  # type: ignore[union-attr]
    site.clock.advance(11)
    again = await site.hold(f"/hiphop/?since={id_}")
    redis.publish('{"channel": "hiphop", "data": "new"}')
    answer = await again.answer()
    assert (answer.body, answer.headers[b"x-tyron-missed"]) == (b"new", b"1")


async def test_what_is_missed_is_told_once_by_time_outs_too(site: Site, redis: Redis) -> None:
    await site.serve(redis.location(buffer_seconds=10, timeout=5))
    client = await site.hold("/hiphop/")
    redis.publish(SEEDS_PUBLISH)
    id_ = (await client.answer()).headers[b"x-tyron-id"].decode()
    redis.publish(SEEDS_PUBLISH)
    await site.until(lambda: site.hub.info(HIPHOP).messages == 2)  # type: ignore[union-attr]
    last = str(site.hub.info(HIPHOP).last)  # type: ignore[union-attr]
    site.clock.advance(11)
    told = []
    for _ in range(2):
        again = await site.hold(f"/hiphop/?since={id_}")
        site.clock.advance(6.1)
        headers = (await again.answer()).headers
        id_ = headers[b"x-tyron-id"].decode()
        told.append((b"x-tyron-missed" in headers, id_))
    assert told == [(True, last), (False, last)]


async def test_without_the_buffer_there_is_no_id_to_go_on_with(site: Site, redis: Redis) -> None:
    await site.serve(redis.location(timeout=5))
    client = await site.hold("/hiphop/")
    redis.publish(SEEDS_PUBLISH)
    assert b"x-tyron-id" not in (await client.answer()).headers
    late = await site.hold("/hiphop/?since=1:0")
    site.clock.advance(6.1)
    assert b"x-tyron-id" not in (await late.answer()).headers


@pytest.mark.parametrize("since", ["", "x", "1", "1:x", "-1:0", "1:0:0"])
async def test_an_id_that_cannot_be_read(site: Site, redis: Redis, since: str) -> None:
    await site.serve(redis.location())
    assert (await site.ask("GET", f"/hiphop/?since={since}")).status == 400


async def test_without_the_buffer_nobody_is_there_for_nothing_is_kept(site: Site, redis: Redis) -> None:
    await site.serve(redis.location())
    for number in range(100):
        redis.publish(json.dumps({"channel": f"user{number}", "data": "x"}))
    client = await site.hold("/last/")
    redis.publish('{"channel": "last", "data": "x"}')
    await client.answer()
    assert site.host.counters.counts["unheard_envelope"] == 100
    assert not site.hub.store("default").read_after(ChannelRef("default", "", "user1"), NEWEST, 1).exists  # type: ignore[union-attr]
