"""Event streams and WebSockets of servers that end and begin again, and of two that share Redis."""

from __future__ import annotations

import json
import signal
from collections.abc import Iterator
from contextlib import ExitStack, closing
from pathlib import Path

import pytest

from hbpush.core.message import MessageId
from tests.support.plain_http import ask, wait_until_held
from tests.support.plain_streams import EventSource, WebSocket
from tests.support.process import Daemon
from tests.support.redis_server import RedisServer, missing

LOCATIONS = """
port: 0
address: 127.0.0.1
store: {store}
locations:
  - {{type: subscriber, prefix: /sub/, polling: auto, create_on_get: true}}
  - {{type: subscriber, prefix: /last/, polling: auto, concurrency: last}}
  - {{type: subscriber, prefix: /first/, polling: auto, concurrency: first}}
  - {{type: publisher, prefix: /pub/}}
"""
KINDS = [EventSource, WebSocket]
Kind = type[EventSource] | type[WebSocket]

needs_redis = pytest.mark.skipif(missing() is not None, reason=missing() or "")
every_kind = pytest.mark.parametrize("kind", KINDS, ids=["eventsource", "websocket"])


@pytest.fixture
def shared(tmp_path: Path) -> Iterator[Path]:
    """A configuration with a redis store."""
    with RedisServer() as redis:
        path = tmp_path / "shared.yaml"
        path.write_text(LOCATIONS.format(store=f"{{type: redis, host: 127.0.0.1, port: {redis.port}}}"), encoding="utf-8")
        yield path


@pytest.fixture
def alone(tmp_path: Path) -> Path:
    """A configuration with a memory store."""
    path = tmp_path / "alone.yaml"
    path.write_text(LOCATIONS.format(store="{type: memory}"), encoding="utf-8")
    return path


def post(port: int, body: str) -> str:
    """Publish; returns the id."""
    answer = ask(port, "POST", "/pub/news", body.encode(), {"Accept": "application/json"})
    assert answer.status in (201, 202), answer
    return str(json.loads(answer.body)["last_message_id"])


@needs_redis
@every_kind
def test_who_comes_back_after_a_restart_goes_on_by_id(shared: Path, kind: Kind) -> None:
    with Daemon("-c", shared) as other:
        with Daemon("-c", shared) as first:
            one = post(first.port, "one")
            with closing(kind(first.port, "/sub/news")) as stream:
                assert stream.hear() == ("one", one)
                first.signal(signal.SIGTERM)
                assert stream.hear()[0] == "end"
                assert first.wait() == 0
        two = post(other.port, "two")
        with Daemon("-c", shared) as second, closing(kind(second.port, "/sub/news", one)) as stream:
            assert stream.hear() == ("two", two)
            three = post(other.port, "three")
            assert stream.hear() == ("three", three)


@every_kind
def test_who_comes_back_to_an_empty_memory_is_told(alone: Path, kind: Kind) -> None:
    with Daemon("-c", alone) as first:
        one = post(first.port, "one")
        with closing(kind(first.port, "/sub/news")) as stream:
            assert stream.hear() == ("one", one)
            first.signal(signal.SIGTERM)
            assert stream.hear() == ("end", "1012" if kind is WebSocket else "")
    with Daemon("-c", alone) as second, closing(kind(second.port, "/sub/news", one)) as stream:
        assert stream.hear()[0] == "gap"
        two = post(second.port, "two")
        assert stream.hear() == ("two", two)


def test_a_poll_that_comes_back_to_an_empty_memory_is_told(alone: Path) -> None:
    with Daemon("-c", alone) as first:
        one = post(first.port, "one")
    with Daemon("-c", alone) as second:
        two = post(second.port, "two")
        assert MessageId.parse(one) < MessageId.parse(two)
        answer = ask(second.port, "GET", f"/sub/news?last_event_id={one}")
        assert (answer.status, answer.body, answer.headers.get("x-relay-missed")) == (200, b"two", "1")
        three = post(second.port, "three")
        answer = ask(second.port, "GET", f"/sub/news?last_event_id={two}")
        assert (answer.body, answer.headers.get("x-relay-missed")) == (b"three", None)
        assert MessageId.parse(two) < MessageId.parse(three)


@needs_redis
def test_all_kinds_at_both_servers_get_the_same_id(shared: Path) -> None:
    with Daemon("-c", shared) as a, Daemon("-c", shared) as b, ExitStack() as stack:
        ask(a.port, "PUT", "/pub/news")
        streams = [stack.enter_context(closing(kind(port, "/sub/news"))) for kind in KINDS for port in (a.port, b.port) for _ in range(5)]
        wait_until_held(a.port, "/pub/news", 20)
        wait_until_held(b.port, "/pub/news", 20)
        for number in range(20):
            published = post((a.port, b.port)[number % 2], str(number))
            assert [stream.hear() for stream in streams] == [(str(number), published)] * 20


@needs_redis
def test_the_last_to_come_displaces_streams_elsewhere(shared: Path) -> None:
    with Daemon("-c", shared) as a, Daemon("-c", shared) as b, ExitStack() as stack:
        ask(a.port, "PUT", "/pub/news")
        plain = stack.enter_context(closing(EventSource(a.port, "/sub/news")))
        socket = stack.enter_context(closing(WebSocket(a.port, "/sub/news")))
        wait_until_held(b.port, "/pub/news", 2)
        newest = stack.enter_context(closing(WebSocket(b.port, "/last/news")))
        assert plain.hear()[0] == '{"channel":"news"}'
        assert plain.hear() == ("end", "")
        assert socket.hear() == ("end", "4501")
        one = post(a.port, "one")
        assert newest.hear() == ("one", one)


@needs_redis
@every_kind
def test_while_one_stream_is_there_others_are_turned_away_elsewhere(shared: Path, kind: Kind) -> None:
    with Daemon("-c", shared) as a, Daemon("-c", shared) as b:
        ask(a.port, "PUT", "/pub/news")
        with closing(kind(a.port, "/first/news")) as only:
            wait_until_held(b.port, "/pub/news", 1)
            for accept in ("text/event-stream", "*/*"):
                assert ask(b.port, "GET", "/first/news", headers={"Accept": accept}).status == 409
            one = post(b.port, "one")
            assert only.hear() == ("one", one)
        wait_until_held(b.port, "/pub/news", 0)
        with closing(kind(b.port, "/first/news")) as next_one:
            assert next_one.hear() == ("one", one)


@needs_redis
def test_a_deletion_ends_streams_elsewhere(shared: Path) -> None:
    with Daemon("-c", shared) as a, Daemon("-c", shared) as b, ExitStack() as stack:
        ask(a.port, "PUT", "/pub/news")
        streams = [stack.enter_context(closing(kind(b.port, "/sub/news"))) for kind in KINDS]
        wait_until_held(a.port, "/pub/news", 2)
        assert ask(a.port, "DELETE", "/pub/news").status == 200
        assert json.loads(streams[0].hear()[0]) == {"channel": "news"}
        assert [stream.hear() for stream in streams] == [("end", ""), ("end", "4500")]
