"""What is said when a port cannot be had, in the cases that no test can bring about."""

from __future__ import annotations

import errno
import socket

import pytest

from hbpush.daemon.run import cannot_listen
from hbpush.daemon.settings import ServerSettings


@pytest.mark.parametrize(
    ("error", "line"),
    [
        (OSError(errno.EADDRINUSE, "x"), "port 80 is in use by another process; choose another with --port"),
        (OSError(errno.EMFILE, "x"), "cannot listen on port 80: Too many open files; choose another with --port or --address"),
        (OSError("no sockets here"), "cannot listen on port 80: no sockets here; choose another with --port or --address"),
        (socket.gaierror(socket.EAI_NONAME, "x"), "address '' is none of this machine's; choose another with --address"),
    ],
)
def test_every_error_has_its_line(error: OSError, line: str) -> None:
    assert cannot_listen(ServerSettings(), error) == line
