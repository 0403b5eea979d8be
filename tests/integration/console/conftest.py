"""Tests run in the loop of their ``site``: `tests.support.site`, on the native host; those that are `everywhere` also on Tornado's."""

from tests.support.on_hosts import everywhere, on_the_native_host, pytest_pyfunc_call, quiet_access_log
from tests.support.site import Site

site = on_the_native_host(Site)

__all__ = ["Site", "everywhere", "pytest_pyfunc_call", "quiet_access_log", "site"]
