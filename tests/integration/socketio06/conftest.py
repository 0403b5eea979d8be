"""Runs a test that is a coroutine function in the loop of its ``site``: Socket.IO 0.6 on a real socket, once on every host."""

from __future__ import annotations

import inspect
import logging
import shutil
from collections.abc import Iterator

import pytest

from tests.support.hosts import KINDS, Certificate, Host
from tests.support.socketio06 import Site


@pytest.fixture(scope="session")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Certificate:
    if shutil.which("openssl") is None:
        pytest.skip("makes a certificate: apt-get install openssl")
    return Certificate.make(tmp_path_factory.mktemp("tls"))


@pytest.fixture(params=[kind for kind in KINDS if kind.name != "native-asyncio"], ids=lambda kind: kind.name)
def site(request: pytest.FixtureRequest) -> Site:
    kind = request.param
    return Site(Host(kind, request.getfixturevalue("certificate") if kind.tls else None))


@pytest.fixture
def quiet_access_log() -> Iterator[None]:
    """For requests that are left to an Application, which logs what it refuses."""
    logger = logging.getLogger("tornado.access")
    level = logger.level
    logger.setLevel(logging.CRITICAL)
    yield
    logger.setLevel(level)


@pytest.hookimpl(tryfirst=True)
def pytest_pyfunc_call(pyfuncitem: pytest.Function) -> bool | None:
    if not inspect.iscoroutinefunction(pyfuncitem.obj):
        return None
    site = pyfuncitem.funcargs["site"]
    site.host.run(pyfuncitem.obj(**{name: pyfuncitem.funcargs[name] for name in pyfuncitem._fixtureinfo.argnames}))
    return True
