"""What the relay's tests run on: `tests.support.site`."""

from tests.support.site import Site, certificate, late_store, pytest_pyfunc_call, site, wire

__all__ = ["Site", "certificate", "late_store", "pytest_pyfunc_call", "site", "wire"]
