"""How a test, a coroutine function, is run on every host: in the loop of its ``site`` or ``program``, which serves on a real socket.

A folder of tests imports what is here into its conftest, and makes its fixture by `on_every_host`.
"""

from __future__ import annotations

import inspect
import logging
import shutil
from collections.abc import Callable, Iterator
from typing import Any, TypeVar

import pytest

from tests.support.certificate import Certificate
from tests.support.hosts import KINDS, Host

T = TypeVar("T")

WHERE = ("site", "program")
"""The fixtures in whose loop a test runs. Each has a ``host``; one with a coroutine function ``close`` is closed at the end."""


@pytest.fixture(scope="session")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Certificate:
    if shutil.which("openssl") is None:
        pytest.skip("makes a certificate: apt-get install openssl")
    return Certificate.make(tmp_path_factory.mktemp("tls"))


def on_every_host(make: Callable[[Host], T]) -> Callable[..., T]:
    """A fixture: what is made of a host, once for every host."""

    @pytest.fixture(params=[kind for kind in KINDS if kind.name != "native-asyncio"], ids=lambda kind: kind.name)
    def where(request: pytest.FixtureRequest) -> T:
        kind = request.param
        return make(Host(kind, request.getfixturevalue("certificate") if kind.tls else None))

    return where


everywhere = pytest.mark.parametrize(
    "site", [kind for kind in KINDS if kind.name in ("native", "tornado")], ids=lambda kind: kind.name, indirect=True
)
"""For a test whose ``site`` is made by `on_the_native_host`: on Tornado's, too."""


def on_the_native_host(make: Callable[[Host], T]) -> Callable[..., T]:
    """A fixture: what is made of a host, on the native one unless a test says where."""

    @pytest.fixture
    def where(request: pytest.FixtureRequest) -> T:
        return make(Host(getattr(request, "param", KINDS[0]), None))

    return where


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
    where: Any = next(pyfuncitem.funcargs[name] for name in WHERE if name in pyfuncitem.funcargs)

    async def run() -> None:
        try:
            await pyfuncitem.obj(**{name: pyfuncitem.funcargs[name] for name in pyfuncitem._fixtureinfo.argnames})
        finally:
            close = getattr(where, "close", None)
            if inspect.iscoroutinefunction(close):
                await close()

    where.host.run(run())
    return True
