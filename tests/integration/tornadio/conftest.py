"""Runs a test that is a coroutine function in the loop of its ``program``: a TornadIO program on a real socket, once on every host."""

from __future__ import annotations

import inspect
import shutil

import pytest

from tests.support.hosts import KINDS, Certificate, Host
from tests.support.tornadio import Program


@pytest.fixture(scope="session")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Certificate:
    if shutil.which("openssl") is None:
        pytest.skip("makes a certificate: apt-get install openssl")
    return Certificate.make(tmp_path_factory.mktemp("tls"))


@pytest.fixture(params=[kind for kind in KINDS if kind.name != "native-asyncio"], ids=lambda kind: kind.name)
def program(request: pytest.FixtureRequest) -> Program:
    kind = request.param
    return Program(Host(kind, request.getfixturevalue("certificate") if kind.tls else None))


@pytest.hookimpl(tryfirst=True)
def pytest_pyfunc_call(pyfuncitem: pytest.Function) -> bool | None:
    if not inspect.iscoroutinefunction(pyfuncitem.obj):
        return None
    host = pyfuncitem.funcargs["program"].host
    host.run(pyfuncitem.obj(**{name: pyfuncitem.funcargs[name] for name in pyfuncitem._fixtureinfo.argnames}))
    return True
