"""Tests run in the loop of their ``site``: `tests.support.site`, on the native host; those that are `everywhere` also on Tornado's."""

import pytest

from tests.support.hosts import KINDS, Host
from tests.support.on_hosts import pytest_pyfunc_call, quiet_access_log
from tests.support.site import Site

HOSTS = {kind.name: kind for kind in KINDS if not kind.tls}
everywhere = pytest.mark.parametrize("site", ["native", "tornado"], indirect=True)


@pytest.fixture
def site(request: pytest.FixtureRequest) -> Site:
    return Site(Host(HOSTS[getattr(request, "param", "native")], None))


__all__ = ["Site", "everywhere", "pytest_pyfunc_call", "quiet_access_log"]
