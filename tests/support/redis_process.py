"""One ``redis-server`` process of a test, of whatever kind: its folder, its port, its life by process id, one command at a time.

What it is configured as is for those who build on it: `tests.support.redis_server`, ``redis_sentinels``, ``redis_cluster``.
"""

from __future__ import annotations

import os
import shutil
import signal
import ssl
import subprocess
import tempfile
import weakref
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import hiredis

from tests.support.ports import HOST, free_port
from tests.support.redis_wire import PATIENCE, Wire, until


class RedisProcess:
    """A ``redis-server`` on a port of 127.0.0.1, with a folder of its own that goes with it.

    As a context manager it starts on entry and at the end is killed and forgotten; without, `close` does the latter, at the latest
    when the object goes. Between the two it may end and start again on the same port, in the same folder.
    """

    def __init__(self, port: int | None = None) -> None:
        self.port = free_port() if port is None else port
        self.directory = Path(tempfile.mkdtemp(prefix="hbpush-redis-"))
        self.unix_path: str | None = None
        self.ca_file: Path | None = None
        self._tls: ssl.SSLContext | None = None
        self._login: tuple[str, ...] = ()
        self._options: tuple[str, ...] = ()
        self._environment: Mapping[str, str] = {}
        self._running: list[subprocess.Popen[bytes]] = []
        self._paused = False
        self._finish = weakref.finalize(self, _finish, self._running, self.directory)

    def configure(self, lines: Sequence[str]) -> None:
        """Write the configuration, once: a server may rewrite it later."""
        (self.directory / "redis.conf").write_text("\n".join([f"bind {HOST}", *lines, ""]), encoding="utf-8")

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None) -> None:
        self.close()

    @property
    def address(self) -> tuple[str, int]:
        return HOST, self.port

    @property
    def running(self) -> bool:
        """Whether there is a process, paused or not."""
        return bool(self._running) and self._running[0].poll() is None

    @property
    def pid(self) -> int:
        """The id of the process. Raises AssertionError when there is none."""
        assert self.running, "the server does not run"
        return self._running[0].pid

    def start(self) -> None:
        """Start, or start again, and wait until commands are answered. Raises RuntimeError with the log when that fails."""
        assert not self.running, "the server runs already"
        assert self.directory.exists(), "the server is closed"
        with (self.directory / "log").open("ab") as log:
            started = subprocess.Popen(
                ["redis-server", "redis.conf", *self._options],
                cwd=self.directory,
                env=os.environ | dict(self._environment),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )
        self._running[:] = [started]
        self._paused = False
        try:
            self.wait_ready()
        except (TimeoutError, RuntimeError) as error:
            self.kill()
            raise RuntimeError(f"redis-server on port {self.port} does not start ({error}):\n{self.log()}") from None

    def wait_ready(self, patience: float = PATIENCE) -> None:
        """Wait until a command is answered. Raises TimeoutError; RuntimeError as soon as the process has ended."""

        def answers() -> bool:
            if not self.running:
                raise RuntimeError("it has ended")
            pid = self._running[0].pid
            try:
                with self.wire() as wire:
                    wire.call("PING")
                    # Where the port was taken, somebody else answers until ours gives up, which may be while we ask.
                    return b"\r\nprocess_id:%d\r\n" % pid in wire.call("INFO", "server")
            except (OSError, EOFError):
                return False
            except hiredis.ReplyError as error:
                if str(error).startswith("LOADING"):
                    return False
                raise

        until(answers, "an answer to PING", patience)

    def cli(self, *arguments: str | bytes | float) -> Any:
        """One command, on a connection of its own. The reply is as it is in RESP2: bytes, int, None, or a list of these.

        Raises hiredis.ReplyError for an error reply, OSError or EOFError without a server, TimeoutError for one that is paused.
        """
        with self.wire() as wire:
            return wire.call(*arguments)

    def wire(self) -> Wire:
        """A blocking connection with every right, for several commands. To be closed."""
        wire = Wire(self.unix_path or self.address, None if self.unix_path else self._tls)
        try:
            if self._login:
                wire.call("AUTH", *self._login)
        except BaseException:
            wire.close()
            raise
        return wire

    def kill(self) -> None:
        """``kill -9``, and wait. Without a process nothing happens."""
        _end(self._running)

    def stop(self) -> None:
        """End it in an orderly way. What it has saved (an append-only file) stays for the next `start`."""
        if self.running:
            self.resume()
            self._running[0].terminate()
            try:
                self._running[0].wait(PATIENCE)
            finally:
                self.kill()

    def pause(self) -> None:
        """Stop it in its tracks: its connections stay, and nothing is answered."""
        os.kill(self.pid, signal.SIGSTOP)
        until(lambda: self._state() == "T", "the process stands still")
        self._paused = True

    def resume(self) -> None:
        """Let it go on."""
        if self._paused and self.running:
            os.kill(self.pid, signal.SIGCONT)
            self._paused = False

    def close(self) -> None:
        """Kill it and remove its folder. Any number of times."""
        self._finish()

    def log(self) -> str:
        """The end of what the server has written."""
        return (self.directory / "log").read_text(encoding="utf-8", errors="backslashreplace")[-4000:]

    def _state(self) -> str:
        status = Path(f"/proc/{self.pid}/stat").read_text(encoding="utf-8")
        return status.rpartition(")")[2].split()[0]


def _end(running: list[subprocess.Popen[bytes]]) -> None:
    """Kill by process id, unless it has ended by itself. A paused process dies too."""
    for process in running:
        process.kill()
        process.wait(PATIENCE)
    running.clear()


def _finish(running: list[subprocess.Popen[bytes]], directory: Path) -> None:
    _end(running)
    shutil.rmtree(directory, ignore_errors=True)
