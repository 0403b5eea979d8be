"""Two servers that share Redis, as clients of the relay meet them: counts, deletion, concurrency, and what happens while Redis is away."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from hbpush.core.clock import LoopClock
from hbpush.daemon.assembly import Assembly
from hbpush.daemon.config_file import ConfigFile
from hbpush.daemon.configuration import configure
from tests.conftest import ExpectedLogs
from tests.support.plain_http import Answer, Asked, ask, wait_until_held
from tests.support.process import Daemon
from tests.support.redis_server import RedisServer, missing
from tests.support.redis_wire import until

ROOT = Path(__file__).resolve().parents[2]
CONFIGURATION = """
port: 0
address: 127.0.0.1
store: {{type: redis, host: 127.0.0.1, port: {port}, timeout: 1}}
locations:
  - {{type: subscriber, prefix: /sub/, create_on_get: true}}
  - {{type: subscriber, prefix: /first/, concurrency: first}}
  - {{type: subscriber, prefix: /last/, concurrency: last}}
  - {{type: subscriber, prefix: /few/, max_subscribers: 1}}
  - {{type: subscriber, prefix: /now/, polling: interval}}
  - {{type: publisher, prefix: /pub/}}
"""
AWAY = ("Redis at 127.0.0.1:",)

pytestmark = pytest.mark.skipif(missing() is not None, reason=missing() or "")


class Pair(NamedTuple):
    """Two servers' ports, and the Redis that they share."""

    redis: RedisServer
    a: int
    b: int
    daemons: tuple[Daemon, Daemon]


@pytest.fixture
def pair(tmp_path: Path) -> Iterator[Pair]:
    with RedisServer(appendonly=True) as redis:
        configuration = tmp_path / "hbpush.yaml"
        configuration.write_text(CONFIGURATION.format(port=redis.port), encoding="utf-8")
        with Daemon("-c", configuration, expected=AWAY) as a, Daemon("-c", configuration, expected=AWAY) as b:
            yield Pair(redis, a.port, b.port, (a, b))


def info(port: int, channel: str) -> dict[str, Any]:
    told: dict[str, Any] = json.loads(ask(port, "GET", f"/pub/{channel}", headers={"Accept": "application/json"}).body)
    return told


def next_of(answer: Answer) -> dict[str, str]:
    """The headers that ask for what follows a message."""
    return {"If-Modified-Since": answer.headers["last-modified"], "If-None-Match": answer.headers["etag"]}


def test_a_message_reaches_the_pollers_of_both(pair: Pair) -> None:
    assert ask(pair.a, "PUT", "/pub/news").status == 200
    polls = [Asked(port, "GET", "/sub/news") for port in (pair.a, pair.b)]
    for port in (pair.a, pair.b):
        wait_until_held(port, "/pub/news", 2)
    published = ask(pair.b, "POST", "/pub/news", b"hello", {"Content-Type": "text/plain", "X-Relay-Event": "tick"})
    assert published.status == 201
    assert b"active subscribers: 2" in published.body
    answers = [poll.answer() for poll in polls]
    assert [(each.status, each.body) for each in answers] == [(200, b"hello")] * 2
    assert answers[0].headers["etag"] == answers[1].headers["etag"]
    assert {each.headers["x-relay-event"] for each in answers} == {"tick"}
    assert [info(port, "news")["messages"] for port in (pair.a, pair.b)] == [1, 1]


def test_who_polls_from_place_to_place_misses_nothing(pair: Pair) -> None:
    ask(pair.a, "PUT", "/pub/news")
    ask(pair.a, "POST", "/pub/news", b"0")
    got = [ask(pair.a, "GET", "/sub/news")]
    for number in range(1, 40):
        ask((pair.a, pair.b)[number % 2], "POST", "/pub/news", b"%d" % number)
        got.append(ask((pair.b, pair.a)[number // 2 % 2], "GET", "/sub/news", headers=next_of(got[-1])))
    assert [each.body for each in got] == [b"%d" % number for number in range(40)]
    assert not any("x-relay-missed" in each.headers for each in got)


def test_deletion_releases_the_pollers_of_both(pair: Pair) -> None:
    ask(pair.a, "PUT", "/pub/news")
    polls = [Asked(port, "GET", "/sub/news") for port in (pair.a, pair.b)]
    wait_until_held(pair.a, "/pub/news", 2)
    assert ask(pair.a, "DELETE", "/pub/news").status == 200
    assert [poll.answer().status for poll in polls] == [410, 410]
    assert ask(pair.b, "GET", "/pub/news").status == 404


def test_the_last_to_come_displaces_those_elsewhere(pair: Pair) -> None:
    ask(pair.a, "PUT", "/pub/news")
    plain = Asked(pair.a, "GET", "/sub/news")
    wait_until_held(pair.b, "/pub/news", 1)
    first = Asked(pair.b, "GET", "/last/news")
    # Whoever came before goes, wherever it is and however it came.
    assert plain.answer().status == 409
    wait_until_held(pair.a, "/pub/news", 1)
    second = Asked(pair.a, "GET", "/last/news")
    assert first.answer().status == 409
    assert ask(pair.b, "POST", "/pub/news", b"x").status == 201
    assert second.answer().body == b"x"


def test_while_one_waits_others_are_turned_away_elsewhere(pair: Pair) -> None:
    ask(pair.a, "PUT", "/pub/news")
    for target in ("/first/news", "/sub/news"):
        held = Asked(pair.b, "GET", target)
        wait_until_held(pair.a, "/pub/news", 1)
        assert ask(pair.a, "GET", "/first/news").status == 409
        held.connection.close()
        wait_until_held(pair.a, "/pub/news", 0)
    taken = Asked(pair.a, "GET", "/first/news")
    wait_until_held(pair.b, "/pub/news", 1)
    ask(pair.b, "POST", "/pub/news", b"x")
    assert taken.answer().body == b"x"


def test_subscribers_elsewhere_count_for_the_most_a_channel_may_have(pair: Pair) -> None:
    ask(pair.a, "PUT", "/pub/news")
    held = Asked(pair.b, "GET", "/few/news")
    wait_until_held(pair.a, "/pub/news", 1)
    assert ask(pair.a, "GET", "/few/news").status == 403
    wait_until_held(pair.b, "/pub/news", 1)
    held.connection.close()


def test_what_needs_redis_is_told_to_come_back_and_the_rest_waits(pair: Pair) -> None:
    ask(pair.a, "POST", "/pub/news", b"0")
    first = ask(pair.b, "GET", "/sub/news")
    held = Asked(pair.b, "GET", "/sub/news", headers=next_of(first))
    wait_until_held(pair.a, "/pub/news", 1)
    pair.redis.kill()
    for port in (pair.a, pair.b):
        for method, target in (("POST", "/pub/news"), ("GET", "/pub/news"), ("GET", "/sub/other"), ("GET", "/now/news")):
            refused = ask(port, method, target, b"lost" if method == "POST" else None)
            assert (refused.status, "retry-after" in refused.headers) == (503, True), (method, target)
    again = Asked(pair.b, "GET", "/sub/news", headers=next_of(first))
    for daemon in pair.daemons:
        daemon.wait_for("cannot be reached")
    pair.redis.start()
    for daemon in pair.daemons:
        daemon.wait_for("is back after")
    assert ask(pair.a, "POST", "/pub/news", b"1").status == 201
    for poll in (held, again):
        answer = poll.answer()
        assert (answer.body, "x-relay-missed" in answer.headers) == (b"1", False)
    for daemon in pair.daemons:
        assert len([line for line in daemon.lines if "Redis at" in line]) == 2, daemon.lines


def test_pollers_are_told_when_history_is_lost(pair: Pair) -> None:
    for number in range(3):
        ask(pair.a, "POST", "/pub/news", b"%d" % number)
    seen = ask(pair.b, "GET", "/sub/news")
    for _ in range(2):
        seen = ask(pair.b, "GET", "/sub/news", headers=next_of(seen))
    held = Asked(pair.b, "GET", "/sub/news", headers=next_of(seen))
    wait_until_held(pair.a, "/pub/news", 1)
    pair.redis.cli("FLUSHALL")
    until(lambda: ask(pair.b, "GET", "/now/news", headers=next_of(seen)).headers.get("x-relay-missed") == "1", "the loss is noticed")
    ask(pair.a, "POST", "/pub/news", b"new")
    answer = held.answer()
    assert (answer.body, answer.headers.get("x-relay-missed")) == (b"new", "1")
    resumed = ask(pair.a, "GET", "/sub/news", headers=next_of(seen))
    assert (resumed.body, resumed.headers.get("x-relay-missed")) == (b"new", "1")


def test_the_stores_of_the_example_serve_each_their_locations() -> None:
    with RedisServer() as one, RedisServer() as other:
        ports = {"HBPUSH_PORT": "0", "HBPUSH_STORE_DEFAULT_PORT": str(one.port), "HBPUSH_STORE_MYSTORE_PORT": str(other.port)}
        with Daemon("-c", ROOT / "conf" / "stores.yaml", env=ports) as daemon:
            for pub, sub in (
                ("/pub/x", "/sub/x"),
                ("/mystore/x/pub/", "/mystore/x/sub/"),
                ("/myotherstore/x/pub/", "/myotherstore/x/sub/"),
            ):
                assert ask(daemon.port, "POST", pub, pub.encode()).status == 202
                assert ask(daemon.port, "GET", sub).body == pub.encode()
        for server in (one, other):
            assert all(key.startswith(b"hbpush_") for key in server.cli("KEYS", "*"))
            assert len([key for key in server.cli("KEYS", "*") if key.endswith(b":s")]) == 1


def test_a_server_is_ready_when_all_its_stores_are(expected_logs: ExpectedLogs) -> None:
    expected_logs("store down: Redis at 127.0.0.1:.* cannot be reached: .*refused; trying again")
    with RedisServer() as redis:
        redis.kill()
        store = {"down": {"type": "redis", "host": "127.0.0.1", "port": redis.port}, "default": {"type": "memory"}}
        configuration = configure(ConfigFile("test", {"port": 0, "store": store}), {})

        async def life() -> None:
            assembly = Assembly(configuration, LoopClock(asyncio.get_running_loop()))
            await assembly.start()
            try:
                assert list(assembly.troubles) == ["down"]
                assert "cannot be reached" in assembly.troubles["down"]
                redis.start()
                await asyncio.to_thread(until, lambda: not assembly.troubles, "the store is back")
            finally:
                await assembly.stop()

        asyncio.run(life())
