"""Tests run in the loop of their ``program``: a TornadIO program on a real socket, on every host."""

from tests.support.on_hosts import certificate, on_every_host, pytest_pyfunc_call
from tests.support.tornadio import Program

program = on_every_host(Program)

__all__ = ["certificate", "program", "pytest_pyfunc_call"]
