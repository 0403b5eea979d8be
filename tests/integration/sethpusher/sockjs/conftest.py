"""What tests of SockJS run on: `tests.support.sockjs`."""

from __future__ import annotations

from tests.support.on_hosts import certificate, on_every_host, pytest_pyfunc_call, quiet_access_log
from tests.support.sockjs import SockSite

site = on_every_host(SockSite)

__all__ = ["certificate", "pytest_pyfunc_call", "quiet_access_log", "site"]
