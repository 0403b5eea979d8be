"""Runs a coroutine function as a test, in the loop of its ``site``: an application of SethPusher on a real socket, on every host."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.support.on_hosts import certificate, on_every_host, pytest_pyfunc_call
from tests.support.redis_server import RedisServer, missing
from tests.support.sethpusher import SethSite

site = on_every_host(SethSite)


@pytest.fixture(scope="session")
def redis_server() -> Iterator[RedisServer]:
    """For tests that do the server no harm; they flush it."""
    if reason := missing():
        pytest.skip(reason)
    with RedisServer() as server:
        yield server


__all__ = ["certificate", "pytest_pyfunc_call"]
