"""Runs a test that is a coroutine function in the loop of its ``host``: once on every host unless it narrows them."""

from __future__ import annotations

import inspect
import logging
import shutil
from collections.abc import Iterator

import pytest

from tests.support.certificate import Certificate
from tests.support.hosts import KINDS, Host, Kind

natives = pytest.mark.parametrize("kind", [kind for kind in KINDS if not kind.tornado], ids=lambda kind: kind.name, indirect=True)
"""For what only the native host answers for."""

stock = pytest.mark.parametrize("kind", [kind for kind in KINDS if kind.tornado], ids=lambda kind: kind.name, indirect=True)
"""For what is so on Tornado's own server only."""


@pytest.fixture(scope="session")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Certificate | None:
    if shutil.which("openssl") is None:
        return None
    return Certificate.make(tmp_path_factory.mktemp("tls"))


@pytest.fixture(params=KINDS, ids=lambda kind: kind.name)
def kind(request: pytest.FixtureRequest) -> Kind:
    return request.param


@pytest.fixture
def host(kind: Kind, certificate: Certificate | None) -> Host:
    if kind.tls and certificate is None:
        pytest.skip("makes a certificate: apt-get install openssl")
    return Host(kind, certificate)


@pytest.fixture
def quiet_access_log() -> Iterator[None]:
    """For tests whose Application refuses requests: it logs each one."""
    logger = logging.getLogger("tornado.access")
    level = logger.level
    logger.setLevel(logging.CRITICAL)
    general = logging.getLogger("tornado.general")
    general_level = general.level
    general.setLevel(logging.CRITICAL)
    yield
    logger.setLevel(level)
    general.setLevel(general_level)


@pytest.hookimpl(tryfirst=True)
def pytest_pyfunc_call(pyfuncitem: pytest.Function) -> bool | None:
    if not inspect.iscoroutinefunction(pyfuncitem.obj):
        return None
    host = pyfuncitem.funcargs["host"]
    host.run(pyfuncitem.obj(**{name: pyfuncitem.funcargs[name] for name in pyfuncitem._fixtureinfo.argnames}))
    return True
