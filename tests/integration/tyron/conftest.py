"""What Tyron's tests run on: `tests.support.site`, and a real ``redis-server`` for the feed."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import Any

import pytest

from tests.support.on_hosts import certificate, on_every_host, pytest_pyfunc_call
from tests.support.redis_server import HOST, RedisServer, missing
from tests.support.site import Site

site = on_every_host(Site)

_channels = itertools.count()


class Redis:
    """A server, and a pub/sub channel of the test's own."""

    def __init__(self, server: RedisServer) -> None:
        self.server = server
        self.channel = f"tyron{next(_channels)}"

    def location(self, **options: Any) -> dict[str, Any]:
        """A Tyron location at the root that is fed from here."""
        place = {"host": HOST, "port": self.server.port}
        return {"type": "tyron", "prefix": "/", "pubsub_channel": self.channel, "redis": place, **options}

    def publish(self, payload: str | bytes) -> int:
        """PUBLISH, and how many heard it."""
        heard: int = self.server.cli("PUBLISH", self.channel, payload)
        return heard


@pytest.fixture(scope="session")
def redis_server() -> Iterator[RedisServer]:
    """For tests that do the server no harm."""
    with RedisServer() as server:
        yield server


@pytest.fixture
def redis(redis_server: RedisServer) -> Redis:
    return Redis(redis_server)


@pytest.fixture
def own_redis() -> Iterator[Redis]:
    """A server that the test may harm."""
    with RedisServer() as server:
        yield Redis(server)


def pytest_runtest_setup(item: pytest.Item) -> None:
    reason = missing()
    if reason is not None:
        pytest.skip(reason)


__all__ = ["certificate", "pytest_pyfunc_call", "site"]
