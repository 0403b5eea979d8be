"""One of several processes that serve a port together, seen from within: a `Daemon` that listens for itself (SO_REUSEPORT, so that the
kernel shares the connections out) and does what its supervisor says.

Between the two is a socket pair. A worker says `LISTENING` and `RELOADED`, or `FAILED` and why; it is told `STOP` and `RELOAD`, and an
end of file tells it that the supervisor has gone. Orders are no signals, because terminals and service managers send theirs to the
workers too, and one that came twice would mean to leave at once.
"""

from __future__ import annotations

import asyncio
import logging
import signal
import socket
from collections.abc import Callable
from contextlib import suppress

from hbpush.daemon import log
from hbpush.daemon.run import Role
from hbpush.daemon.settings import ServerSettings
from hbpush.errors import ConfigError

logger = logging.getLogger("hbpush")

LISTENING, RELOADED, FAILED = b"+", b"=", b"!"
STOP, RELOAD = b"s", b"r"

SIGNALS = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGCHLD)
"""What the supervisor takes, and what a worker is forked without until its loop can."""


class Worker(Role):
    """What the Daemon of a worker is."""

    reuse_port = True

    def __init__(self, number: int, started_as: ServerSettings, port: int, channel: socket.socket) -> None:
        super().__init__(started_as)
        self.port = port
        self.number = number
        self.warns = number == 1
        self._channel = channel
        self._alone = False

    def work(self, serve: Callable[[], int]) -> int:
        """Serve, and say why if it fails. Returns the exit status."""
        try:
            return serve()
        except ConfigError as error:
            why = str(error)
        except Exception as error:  # noqa: BLE001 - a plug-in may raise anything, and no traceback reaches a user
            why = f"ended by a fault: {log.told(error)}"
        self._say(FAILED + log.one_line(why).encode(errors="backslashreplace"))
        return 1

    def begin(self, stop: Callable[[], object], reload: Callable[[], object]) -> None:
        self._stop, self._reload = stop, reload
        asyncio.get_running_loop().add_reader(self._channel, self._told)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, SIGNALS)

    def listening(self, line: str) -> None:
        self._say(LISTENING)

    def reloaded(self) -> None:
        self._say(RELOADED)

    def stopped(self) -> None:
        # Else the supervisor tells it for all.
        if self._alone:
            super().stopped()

    def _told(self) -> None:
        try:
            orders = self._channel.recv(4096)
        except BlockingIOError:
            return
        except OSError:
            orders = b""
        if not orders:
            self._alone = True
            asyncio.get_running_loop().remove_reader(self._channel)
            logger.warning("the supervisor has gone: stopping")
        if RELOAD in orders:
            self._reload()
        if STOP in orders or not orders:
            self._stop()

    def _say(self, words: bytes) -> None:
        # Without a supervisor to hear it, the end of file tells soon.
        with suppress(OSError):
            self._channel.send(words)


class WorkerFormatter(log.LineFormatter):
    """The lines of a worker tell which one it is."""

    def __init__(self, number: int) -> None:
        super().__init__()
        self._number = number

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802 - the name is logging's
        record.message = f"worker {self._number}: {record.message}"
        return super().formatMessage(record)
