"""What the cases of the protocol run on: `tests.support.sockjs`."""

from __future__ import annotations

from tests.support.site import certificate, pytest_pyfunc_call
from tests.support.sockjs import quiet_access_log, site

__all__ = ["certificate", "pytest_pyfunc_call", "quiet_access_log", "site"]
