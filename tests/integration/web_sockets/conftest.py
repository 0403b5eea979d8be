"""Every test of this folder runs on each host, plain and over TLS, as a coroutine in the loop of its server."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.websocket import Site, make_certificate

KINDS = ("native", "native asyncio", "native tls", "native asyncio tls", "tornado asyncio", "tornado uvloop", "tornado asyncio tls")


@pytest.fixture(scope="session")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    try:
        return make_certificate(tmp_path_factory.mktemp("certificate"))
    except FileNotFoundError:
        pytest.skip("needs: sudo apt-get install openssl")


@pytest.fixture(params=KINDS)
def site(request: pytest.FixtureRequest) -> Site:
    kind = request.param
    return Site(kind, request.getfixturevalue("certificate") if "tls" in kind else None)


@pytest.hookimpl(tryfirst=True)
def pytest_pyfunc_call(pyfuncitem: pytest.Function) -> bool | None:
    site = pyfuncitem.funcargs.get("site")
    if not isinstance(site, Site):
        return None
    arguments = {name: pyfuncitem.funcargs[name] for name in pyfuncitem._fixtureinfo.argnames}
    site.run(lambda: pyfuncitem.obj(**arguments))
    return True
