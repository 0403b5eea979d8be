"""Runs a coroutine function as a test, in the loop of its ``site``: an application of SethPusher on a real socket, on every host."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.support.hosts import KINDS, Host
from tests.support.redis_server import RedisServer, missing
from tests.support.sethpusher import SethSite
from tests.support.site import certificate, pytest_pyfunc_call


@pytest.fixture(params=[kind for kind in KINDS if kind.name != "native-asyncio"], ids=lambda kind: kind.name)
def site(request: pytest.FixtureRequest) -> SethSite:
    kind = request.param
    return SethSite(Host(kind, request.getfixturevalue("certificate") if kind.tls else None))


@pytest.fixture(scope="session")
def redis_server() -> Iterator[RedisServer]:
    """For tests that do the server no harm; they flush it."""
    if reason := missing():
        pytest.skip(reason)
    with RedisServer() as server:
        yield server


__all__ = ["certificate", "pytest_pyfunc_call"]
