"""Persistence that persists: an API elsewhere, and lists in Redis (SethPusher specification 7)."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Coroutine
from typing import Any

import pytest
from tornado.httpserver import HTTPServer
from tornado.netutil import bind_sockets
from tornado.web import Application, RequestHandler

from hbpush.errors import HbpushError, StoreUnavailable
from sethpusher.persistors import DefaultPersistencePolicy, ExternalApiPersistencePolicy, RedisPersistencePolicy
from tests.conftest import ExpectedLogs
from tests.support.hosts import PATIENCE
from tests.support.redis_server import HOST, RedisServer


class Elsewhere:
    """An API that remembers what is posted to it. While `gate` is closed it answers nobody."""

    def __init__(self) -> None:
        self.got: list[tuple[str, str, Any]] = []
        self.gate = asyncio.Event()
        self.gate.set()
        self.status = 200
        self.changed = asyncio.Event()
        elsewhere = self

        class Handler(RequestHandler):
            async def post(self) -> None:
                elsewhere.got.append((self.request.path, self.request.headers["Content-Type"], json.loads(self.request.body)))
                elsewhere.changed.set()
                await elsewhere.gate.wait()
                self.set_status(elsewhere.status)

        self.server = HTTPServer(Application([(".*", Handler)], log_function=lambda handler: None))
        [listener] = bind_sockets(0, HOST)
        self.url = f"http://{HOST}:{listener.getsockname()[1]}"
        self.server.add_socket(listener)

    async def until(self, number: int) -> None:
        """Wait until so many messages have come."""
        async with asyncio.timeout(PATIENCE):
            while len(self.got) < number:
                self.changed.clear()
                await self.changed.wait()


def play(scenario: Callable[[Elsewhere], Coroutine[Any, Any, None]]) -> None:
    async def run() -> None:
        elsewhere = Elsewhere()
        try:
            await scenario(elsewhere)
        finally:
            elsewhere.gate.set()
            elsewhere.server.stop()
            await elsewhere.server.close_all_connections()

    asyncio.run(run())


async def ended(policy: DefaultPersistencePolicy) -> None:
    """End a policy, as an application does."""
    closing = policy.close()
    if closing is not None:
        await asyncio.wait_for(closing, PATIENCE)


def test_nothing_is_kept_by_default() -> None:
    assert DefaultPersistencePolicy().persist({"a": 1}, channel="news") is None
    assert DefaultPersistencePolicy().close() is None
    # Without a URL there is nowhere to post to, and no loop is needed.
    assert ExternalApiPersistencePolicy().persist({"a": 1}, channel="news") is None
    assert (ExternalApiPersistencePolicy.api_url, ExternalApiPersistencePolicy().get_api_url()) == ("", "")


def test_an_api_elsewhere() -> None:
    async def scenario(elsewhere: Elsewhere) -> None:
        class Policy(ExternalApiPersistencePolicy):
            def get_api_url(self, **kwargs: Any) -> str:
                return f"{elsewhere.url}/{'-'.join(kwargs)}"

        policy = Policy()
        assert policy.persist({"a": "é"}, channel="news") is None
        policy.persist({"b": 2}, user="bob")
        await elsewhere.until(2)
        assert sorted(elsewhere.got) == [
            ("/channel", "application/json", {"data": {"a": "é"}, "channel": "news"}),
            ("/user", "application/json", {"data": {"b": 2}, "user": "bob"}),
        ]
        await ended(policy)

    play(scenario)


def test_what_waits_is_bounded_and_the_oldest_goes(expected_logs: ExpectedLogs) -> None:
    expected_logs("3 messages wait to be posted")

    async def scenario(elsewhere: Elsewhere) -> None:
        class Policy(ExternalApiPersistencePolicy):
            api_url = elsewhere.url
            max_queue = 3
            max_at_once = 1

        elsewhere.gate.clear()
        policy = Policy()
        policy.persist({"n": 0}, channel="news")
        await elsewhere.until(1)
        for number in range(1, 6):
            policy.persist({"n": number}, channel="news")
        elsewhere.gate.set()
        await elsewhere.until(4)
        assert [message["data"]["n"] for _, _, message in elsewhere.got] == [0, 3, 4, 5]
        await ended(policy)

    play(scenario)


def test_what_waits_is_posted_before_the_application_ends() -> None:
    async def scenario(elsewhere: Elsewhere) -> None:
        class Policy(ExternalApiPersistencePolicy):
            api_url = elsewhere.url

        policy = Policy()
        for number in range(30):
            policy.persist({"n": number}, channel="news")
        await ended(policy)
        assert sorted(message["data"]["n"] for _, _, message in elsewhere.got) == list(range(30))

    play(scenario)


def test_what_is_not_posted_in_time_is_told_when_the_application_ends(
    expected_logs: ExpectedLogs, caplog: pytest.LogCaptureFixture
) -> None:
    expected_logs("not posted")

    async def scenario(elsewhere: Elsewhere) -> None:
        class Policy(ExternalApiPersistencePolicy):
            api_url = elsewhere.url
            max_at_once = 1
            closing = 0.01

        elsewhere.gate.clear()
        policy = Policy()
        for number in range(3):
            policy.persist({"n": number}, channel="news")
        await elsewhere.until(1)
        await ended(policy)
        assert len(elsewhere.got) == 1
        told = [record.getMessage() for record in caplog.records if record.levelno >= 30]
        assert told == ["the application ends: 3 messages were not posted"]

    play(scenario)


@pytest.mark.parametrize("trouble", ["refuses", "is away", "is no URL"])
def test_an_api_that_cannot_be_reached_is_logged(trouble: str, expected_logs: ExpectedLogs) -> None:
    expected_logs("a message could not be posted to")

    async def scenario(elsewhere: Elsewhere) -> None:
        class Policy(ExternalApiPersistencePolicy):
            api_url = {"refuses": elsewhere.url, "is away": f"http://{HOST}:1/", "is no URL": "nowhere"}[trouble]
            max_at_once = 1

        elsewhere.status = 500
        policy = Policy()
        policy.persist({"n": 1}, channel="news")
        await asyncio.wait(policy._workers, timeout=PATIENCE)
        assert not policy._workers
        # It is not the end of it.
        elsewhere.status = 200
        policy.api_url = elsewhere.url
        policy.persist({"n": 2}, channel="news")
        await elsewhere.until(2 if trouble == "refuses" else 1)
        await ended(policy)

    play(scenario)


def test_an_api_that_is_away_is_told_of_once_a_second(expected_logs: ExpectedLogs, caplog: pytest.LogCaptureFixture) -> None:
    expected_logs("a message could not be posted to")

    async def scenario(elsewhere: Elsewhere) -> None:
        class Policy(ExternalApiPersistencePolicy):
            api_url = "nowhere"

        policy = Policy()
        begun = asyncio.get_running_loop().time()
        for number in range(50):
            policy.persist({"n": number}, channel="news")
        await ended(policy)
        seconds = asyncio.get_running_loop().time() - begun
        told = [record for record in caplog.records if "could not be posted" in record.getMessage()]
        assert 1 <= len(told) <= 1 + seconds

    play(scenario)


def test_lists_in_redis(redis_server: RedisServer) -> None:
    class Policy(RedisPersistencePolicy):
        redis_host = HOST
        redis_port = redis_server.port
        redis_selected_db = 2
        prefix = "kept:"
        max_messages = 3

    async def run() -> None:
        policy = Policy()
        for number in range(5):
            await policy.persist({"n": number}, channel="news")
        await policy.persist({"to": "bob"}, user="bob")
        await ended(policy)

    asyncio.run(run())
    script = "redis.call('SELECT', 2); return redis.call('LRANGE', KEYS[1], 0, -1)"
    kept = [json.loads(entry) for entry in redis_server.cli("EVAL", script, 1, "kept:channel:news")]
    assert [entry["data"] for entry in kept] == [{"n": 2}, {"n": 3}, {"n": 4}]
    assert all(entry["ts"] > 1.7e9 for entry in kept)
    assert len(redis_server.cli("EVAL", script, 1, "kept:user:bob")) == 1
    assert (RedisPersistencePolicy.prefix, RedisPersistencePolicy.max_messages) == ("sethpusher:", 1000)


def test_hooks_of_the_redis_policy(redis_server: RedisServer) -> None:
    class Policy(RedisPersistencePolicy):
        redis_host = HOST
        redis_port = redis_server.port

        def get_key(self, **kwargs: Any) -> str:
            return "my key"

        def serialize(self, data: Any, **kwargs: Any) -> bytes:
            return b"mine"

    async def run() -> None:
        policy = Policy()
        await policy.persist({}, channel="news")
        await ended(policy)

    asyncio.run(run())
    assert redis_server.cli("LRANGE", "my key", 0, -1) == [b"mine"]


def test_a_redis_that_is_away() -> None:
    class Away(RedisPersistencePolicy):
        redis_host = HOST
        redis_port = 1

    class Wrong(RedisPersistencePolicy):
        redis_host = "redis://host"

    async def run() -> None:
        with pytest.raises(StoreUnavailable, match="cannot be reached"):
            await Away().persist({}, channel="news")
        with pytest.raises(HbpushError, match="host"):
            await Wrong().persist({}, channel="news")

    asyncio.run(run())
