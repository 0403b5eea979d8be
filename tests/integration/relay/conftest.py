"""Tests run in the loop of their ``site``: `tests.support.site`, on every host."""

from tests.support.on_hosts import certificate, on_every_host, pytest_pyfunc_call
from tests.support.site import Site, late_store, wire

site = on_every_host(Site)

__all__ = ["Site", "certificate", "late_store", "pytest_pyfunc_call", "site", "wire"]
