"""Tests run in the loop of their ``site``: Socket.IO 0.7-0.9 on a real socket, on every host."""

from tests.support.on_hosts import certificate, on_every_host, pytest_pyfunc_call, quiet_access_log
from tests.support.socketio import Site

site = on_every_host(Site)

__all__ = ["certificate", "pytest_pyfunc_call", "quiet_access_log", "site"]
