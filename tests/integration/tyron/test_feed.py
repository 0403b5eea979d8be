"""What comes from Redis, and what does not: bad payloads, a server that is not there, health (specification 7.4.5 to 7.4.8)."""

from __future__ import annotations

import logging

import pytest

from hbpush.core.message import ChannelRef
from tests.conftest import ExpectedLogs
from tests.integration.tyron.conftest import Redis
from tests.support.hosts import Answer
from tests.support.redis_server import HOST
from tests.support.site import Site

GOOD = '{"channel": "hiphop", "data": "good"}'
HIPHOP = ChannelRef("default", "", "hiphop")
BAD = [
    b"not json",
    b"[1, 2]",
    b'"text"',
    b"{}",
    b'{"channel": "hiphop"}',
    b'{"data": "x"}',
    b'{"channel": 1, "data": "x"}',
    b'{"channel": "hiphop", "data": "\xff"}',
    b'{"channel": "hiphop", "data": nope}',
    b"x" * 1_000_000,
    b"\x00\x1b[31m\n",
]


async def test_bad_payloads_are_counted_and_nobody_hangs(site: Site, redis: Redis, expected_logs: ExpectedLogs) -> None:
    expected_logs("bad_envelope")
    await site.serve(redis.location())
    client = await site.hold("/hiphop/")
    for number, payload in enumerate(BAD, 1):
        assert redis.publish(payload) == 1
        await site.until(lambda number=number: site.host.counters.counts["bad_envelope"] == number)  # type: ignore[misc]
    redis.publish(GOOD)
    assert (await client.answer()).body == b"good"
    # The clock stands still: of one kind one line within a second.
    [line] = expected_logs.texts()
    assert line == f"WARNING hbpush: refused: feed {redis.channel}: it is not JSON: 'not json' (bad_envelope, 1 so far)"
    site.clock.advance(1)
    redis.publish(BAD[-2])
    await site.until(lambda: len(expected_logs.texts()) == 2)
    assert len(expected_logs.texts()[1]) < 250


async def test_a_large_message_arrives_and_one_beyond_the_bound_does_not(site: Site, redis: Redis, expected_logs: ExpectedLogs) -> None:
    expected_logs("1000001 bytes, and 1000000 at most")
    await site.serve(redis.location(max_payload=1_000_000))
    client = await site.hold("/hiphop/")
    text = "x" * (1_000_000 - len('{"channel": "hiphop", "data": ""}'))
    redis.publish(f'{{"channel": "hiphop", "data": "{text}x"}}')
    await site.until(lambda: site.host.counters.counts["bad_envelope"] == 1)
    redis.publish(f'{{"channel": "hiphop", "data": "{text}"}}')
    assert (await client.answer()).body == text.encode()


@pytest.mark.parametrize("path", ["/health/", "/health"])
async def test_health(site: Site, redis: Redis, path: str) -> None:
    await site.serve(redis.location())
    answer = await site.ask("GET", path)
    assert (answer.status, answer.body, answer.headers[b"content-type"]) == (200, b"OK", b"text/plain; charset=utf-8")
    assert answer.headers[b"cache-control"] == b"no-store"
    assert (await site.ask("HEAD", path)).status == 200
    refused = await site.ask("POST", path)
    assert (refused.status, refused.headers[b"allow"]) == (405, b"GET, HEAD, OPTIONS")


async def test_without_redis_it_serves_and_says_so(site: Site, own_redis: Redis, expected_logs: ExpectedLogs) -> None:
    location = own_redis.location()
    own_redis.server.kill()
    expected_logs(rf"feed {own_redis.channel}: Redis at {HOST}:\d+ cannot be reached: connection refused; trying again")
    await site.serve(location)
    answer = await site.ask("GET", "/health/")
    assert (answer.status, answer.headers[b"retry-after"]) == (503, b"1")
    assert b"cannot be reached" in answer.body
    client = await site.hold("/hiphop/")
    own_redis.server.start()
    await healthy(site)
    own_redis.publish(GOOD)
    assert (await client.answer()).body == b"good"
    assert len(expected_logs.texts()) == 1


async def test_it_comes_back_and_those_who_wait_go_on(
    site: Site, own_redis: Redis, expected_logs: ExpectedLogs, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "hbpush")
    expected_logs("cannot be reached")
    await site.serve(own_redis.location())
    client = await site.hold("/hiphop/")
    own_redis.server.kill()
    await unhealthy(site)
    own_redis.server.start()
    await healthy(site)
    own_redis.publish(GOOD)
    assert (await client.answer()).body == b"good"
    lines = [record.getMessage() for record in caplog.records if record.getMessage().startswith("feed ")]
    assert len(lines) == 2
    assert "trying again" in lines[0]
    assert "is back after" in lines[1]


async def test_a_connection_that_is_cut_is_made_again(site: Site, own_redis: Redis, expected_logs: ExpectedLogs) -> None:
    expected_logs("cannot be reached")
    await site.serve(own_redis.location())
    client = await site.hold("/hiphop/")
    own_redis.server.cli("CLIENT", "KILL", "TYPE", "pubsub")
    await site.until(lambda: own_redis.server.cli("PUBSUB", "NUMSUB", own_redis.channel)[1] == 1)
    own_redis.publish(GOOD)
    assert (await client.answer()).body == b"good"


async def test_a_server_that_says_nothing_is_left(site: Site, own_redis: Redis, expected_logs: ExpectedLogs) -> None:
    expected_logs("no answer for 0.3 seconds")
    await site.serve(own_redis.location(redis={"host": HOST, "port": own_redis.server.port, "timeout": 0.3}))
    own_redis.server.pause()

    async def beat() -> bool:
        site.clock.advance(1)
        return (await site.ask("GET", "/health/")).status == 503

    while not await beat():
        pass
    own_redis.server.resume()
    await healthy(site)


async def test_a_password(site: Site, own_redis: Redis, expected_logs: ExpectedLogs) -> None:
    own_redis.server.cli("CONFIG", "SET", "requirepass", "secret")
    place = {"host": HOST, "port": own_redis.server.port}
    expected_logs("cannot be reached: NOAUTH")
    await site.serve(
        own_redis.location(prefix="/without/"),
        own_redis.location(prefix="/with/", redis={**place, "password": "secret"}),
    )
    assert (await site.ask("GET", "/without/health/")).status == 503
    assert (await site.ask("GET", "/with/health/")).status == 200


async def test_a_user_needs_few_rights(site: Site, own_redis: Redis) -> None:
    rights = ("resetchannels", f"&{own_redis.channel}", "-@all", "+subscribe", "+ping", "+info", "+get", "~public:*")
    own_redis.server.cli("ACL", "SETUSER", "feed", "on", ">secret", *rights)
    own_redis.server.cli("SET", "public:a", "v")
    place = {"host": HOST, "port": own_redis.server.port, "username": "feed", "password": "secret"}
    await site.serve(own_redis.location(redis=place, store_prefix="public:"))
    client = await site.hold("/hiphop/")
    own_redis.publish(GOOD)
    assert (await client.answer()).body == b"good"
    assert (await look(site, "public:a/")).body == b"v"


async def test_two_locations_with_one_feed_publish_once(site: Site, redis: Redis) -> None:
    await site.serve(redis.location(prefix="/a/", buffer_seconds=60), redis.location(prefix="/b/", buffer_seconds=60))
    first, second = await site.hold("/a/hiphop/"), await site.hold("/b/hiphop/")
    assert redis.publish(GOOD) == 2
    one, other = await first.answer(), await second.answer()
    assert one.headers[b"x-tyron-id"] == other.headers[b"x-tyron-id"]
    assert site.hub.info(HIPHOP).messages == 1  # type: ignore[union-attr]


async def test_two_names_of_one_server_are_one_feed(site: Site, redis: Redis) -> None:
    names = [{"host": host, "port": redis.server.port} for host in (HOST, "localhost")]
    first, second = (redis.location(prefix=f"/{name['host']}/", redis=name, buffer_seconds=60) for name in names)
    await site.serve(first, second)
    client = await site.hold("/localhost/hiphop/")
    assert redis.publish(GOOD) == 2
    await client.answer()
    assert redis.publish(GOOD) == 2
    await site.until(lambda: site.hub.info(HIPHOP).messages >= 2)  # type: ignore[union-attr]
    assert site.hub.info(HIPHOP).messages == 2  # type: ignore[union-attr]


async def test_a_message_that_has_no_room_is_told(site: Site, redis: Redis, expected_logs: ExpectedLogs) -> None:
    expected_logs("a message for 'hiphop' was lost: the store has no room for another channel")
    await site.serve(redis.location(buffer_seconds=60), max_channels=1)
    await site.hold("/other/")
    redis.publish('{"channel": "first", "data": "x"}')
    redis.publish(GOOD)
    await site.until(lambda: site.host.counters.counts["lost_envelope"] == 1)


# Keys of Redis


async def look(site: Site, key: str, method: str = "GET") -> Answer:
    return await site.ask(method, f"/store/{key}")


async def test_keys_can_be_read_only_where_a_prefix_says_so(site: Site, redis: Redis) -> None:
    redis.server.cli("SET", f"{redis.channel}:a", b"v\xff1")
    redis.server.cli("SET", f"secret:{redis.channel}", "no")
    redis.server.cli("LPUSH", f"{redis.channel}:list", "no")
    await site.serve(redis.location(store_prefix=f"{redis.channel}:"))
    for path in (f"{redis.channel}:a/", f"{redis.channel}%3Aa"):
        answer = await look(site, path)
        assert (answer.status, answer.body, answer.headers[b"content-type"]) == (200, b"v\xff1", b"text/plain; charset=utf-8")
    assert (await look(site, f"{redis.channel}:a/", "POST")).body == b"v\xff1"
    assert (await look(site, f"{redis.channel}:absent/")).status == 404
    assert (await look(site, f"{redis.channel}:list/")).status == 404
    assert (await look(site, f"secret:{redis.channel}/")).status == 404
    assert (await look(site, f"{redis.channel}:a/", "DELETE")).status == 405


async def test_keys_while_redis_is_away(site: Site, own_redis: Redis, expected_logs: ExpectedLogs) -> None:
    expected_logs("cannot be reached")
    await site.serve(own_redis.location(store_prefix="k"))
    own_redis.server.cli("SET", "k", "v")
    assert (await look(site, "k/")).body == b"v"
    own_redis.server.kill()
    await unhealthy(site)
    answer = await look(site, "k/")
    assert (answer.status, answer.headers[b"retry-after"]) == (503, b"1")
    own_redis.server.start()
    own_redis.server.cli("SET", "k", "v2")
    assert (await look(site, "k/")).body == b"v2"
    await healthy(site)


async def healthy(site: Site) -> None:
    while (await site.ask("GET", "/health/")).status != 200:
        pass


async def unhealthy(site: Site) -> None:
    while (await site.ask("GET", "/health/")).status != 503:
        pass
