"""Processes that share a store: of those that hear what is published, one brings it to the hub (DESIGN section 6)."""

from __future__ import annotations

import signal
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.integration.tyron.conftest import Redis
from tests.support.plain_http import ask
from tests.support.process import Daemon
from tests.support.redis_server import HOST

pytestmark = pytest.mark.alone

TAKEN_OVER = 4.0
"""Seconds within which another goes on."""

DEAF = "cannot be reached"


class Pair:
    """Two processes, of which the first came first. It listens as a Redis user of its own."""

    def __init__(self, redis: Redis, directory: Path, daemons: ExitStack) -> None:
        self.redis = redis
        redis.server.cli("ACL", "SETUSER", "first", "on", ">secret", "allchannels", "-@all", "+subscribe", "+ping", "+info")
        login = "username: first, password: secret"
        self.first = daemons.enter_context(Daemon("-c", self._file(directory / "1.yaml", login), expected=(DEAF,)))
        self.publish_until_stored("start")
        self.second = daemons.enter_context(Daemon("-c", self._file(directory / "2.yaml", "password: ''"), expected=(DEAF,)))

    def _file(self, path: Path, login: str) -> Path:
        port = self.redis.server.port
        path.write_text(
            f"""
port: 0
address: 127.0.0.1
store: {{type: redis, host: {HOST}, port: {port}}}
locations:
  - {{type: publisher, prefix: /pub/}}
  - type: tyron
    pubsub_channel: {self.redis.channel}
    buffer_seconds: 60
    redis: {{host: {HOST}, port: {port}, {login}}}
""",
            encoding="utf-8",
        )
        return path

    def publish(self, channel: str) -> None:
        self.redis.publish(f'{{"channel": "{channel}", "data": "x"}}')

    def stored(self, channel: str, daemon: Daemon) -> int:
        """How many messages the store has of a channel."""
        answer = ask(daemon.port, "GET", f"/pub/{channel}")
        return int(answer.body.split(b"\r\n")[0].rpartition(b" ")[2]) if answer.status == 200 else 0

    def publish_until_stored(self, channel: str, daemon: Daemon | None = None) -> None:
        end = time.monotonic() + TAKEN_OVER
        while True:
            self.publish(channel)
            time.sleep(0.05)
            if self.stored(channel, daemon or self.first):
                return
            assert time.monotonic() < end, "nobody brings it to the hub"


@pytest.fixture
def pair(own_redis: Redis, tmp_path: Path) -> Iterator[Pair]:
    with ExitStack() as daemons:
        yield Pair(own_redis, tmp_path, daemons)


def test_each_envelope_is_stored_once(pair: Pair) -> None:
    for number in range(100):
        pair.publish(f"once{number % 10}")
    pair.publish_until_stored("end")
    assert [pair.stored(f"once{number}", pair.second) for number in range(10)] == [10] * 10


def test_a_process_that_was_killed_is_followed(pair: Pair) -> None:
    pair.first.signal(signal.SIGKILL)
    pair.publish_until_stored("after", pair.second)


def test_a_process_that_hears_nothing_leaves_it_to_one_that_does(pair: Pair) -> None:
    pair.redis.server.cli("ACL", "DELUSER", "first")
    pair.publish_until_stored("after", pair.second)
    assert ask(pair.first.port, "GET", "/tyron/health/").status == 503
    assert ask(pair.second.port, "GET", "/tyron/health/").status == 200


def test_who_cannot_tell_which_server_it_hears_does_not_listen(pair: Pair) -> None:
    pair.redis.server.cli("ACL", "SETUSER", "first", "-info")
    pair.redis.server.cli("CLIENT", "KILL", "TYPE", "pubsub")
    end = time.monotonic() + TAKEN_OVER
    while b"'info'" not in ask(pair.first.port, "GET", "/tyron/health/").body:
        assert time.monotonic() < end
    pair.publish_until_stored("after", pair.second)
