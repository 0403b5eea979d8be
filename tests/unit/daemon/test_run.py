"""What is said of faults that no test can bring about from outside."""

from __future__ import annotations

import asyncio
import errno
import socket
from collections.abc import Callable

import pytest

from hbpush.daemon.run import cannot_listen, give_up
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


def test_what_fails_when_it_is_given_up_is_logged(expected_logs: Callable[[str], None]) -> None:
    async def defiant() -> None:
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            raise ZeroDivisionError("not now") from None

    async def run() -> None:
        task = asyncio.ensure_future(defiant())
        await asyncio.sleep(0)
        await give_up(task)
        assert task.done()

    expected_logs(r"ERROR hbpush: what was under way failed while stopping\n(.*\n)+ZeroDivisionError: not now")
    asyncio.run(asyncio.wait_for(run(), 20))
