"""A real ``hbpushd`` process for one test: started with a configuration, waited for until it listens, ended by its process id."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import TracebackType

ROOT = Path(__file__).resolve().parents[2]
PATIENCE = 20.0
"""Seconds for anything that is waited for: far more than it takes, so that only a fault meets it."""

HBPUSHD = (sys.executable, "-m", "hbpush.daemon")
TYRON = (sys.executable, "-m", "tyron")

COMPLAINT = re.compile(r"^\S+ \S+ (WARNING|ERROR|CRITICAL) |Traceback")


class Daemon:
    """``hbpushd``, or another program of ours, with arguments, and what it writes to stderr, line by line; with ``merged`` to stdout, too.

    As a context manager it waits for the "listening" line on entry, and at the end stops the process and fails for each line from
    WARNING up, a ``complaint``, that has none of the ``expected`` texts in it.
    """

    complaint = COMPLAINT

    def __init__(
        self,
        *arguments: str | os.PathLike[str],
        env: Mapping[str, str] | None = None,
        expected: tuple[str, ...] = (),
        preexec: Callable[[], None] | None = None,
        program: Sequence[str] = HBPUSHD,
        cwd: Path = ROOT,
        merged: bool = False,
    ) -> None:
        self.lines: list[str] = []
        self._expected = expected
        self._changed = threading.Condition()
        self._ended = False
        self.process = subprocess.Popen(
            [*program, *map(os.fspath, arguments)],
            cwd=cwd,
            env=environment(env),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE if merged else subprocess.DEVNULL,
            stderr=subprocess.STDOUT if merged else subprocess.PIPE,
            text=True,
            errors="backslashreplace",
            preexec_fn=preexec,
        )
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def __enter__(self) -> Daemon:
        try:
            self.wait_for("listening on ")
        except BaseException:
            self._end()
            raise
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None) -> None:
        self._end()
        if kind is None:
            strange = [line for line in self.lines if self.complaint.search(line) and not any(text in line for text in self._expected)]
            assert not strange, "\n".join(strange)

    @property
    def port(self) -> int:
        """The first port that it listens on."""
        found = re.search(r"listening on \S+?:(\d+)[ ,]", self.wait_for("listening on "))
        assert found, self.lines
        return int(found[1])

    def signal(self, number: signal.Signals) -> None:
        """Send a signal."""
        self.process.send_signal(number)

    def wait_for(self, text: str, times: int = 1) -> str:
        """Wait until ``times`` lines have the text in them; return the last of these. Fails when the process ends before."""
        found: list[str] = []

        def there() -> bool:
            found[:] = [line for line in self.lines if text in line]
            return len(found) >= times or self._ended

        with self._changed:
            self._changed.wait_for(there, PATIENCE)
        assert len(found) >= times, f"no line with {text!r} (times {times}) in:\n" + "\n".join(self.lines)
        return found[times - 1]

    def wait(self, seconds: float = PATIENCE) -> int:
        """Wait for the end of the process; return its exit status."""
        status = self.process.wait(seconds)
        self._reader.join(PATIENCE)
        return status

    def _read(self) -> None:
        written = self.process.stderr or self.process.stdout
        assert written is not None
        with written as stream:
            for line in stream:
                with self._changed:
                    self.lines.append(line.rstrip("\n"))
                    self._changed.notify_all()
        with self._changed:
            self._ended = True
            self._changed.notify_all()

    def _end(self) -> None:
        if self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(PATIENCE)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait(PATIENCE)
        self._reader.join(PATIENCE)


def run(*arguments: str | os.PathLike[str], env: Mapping[str, str] | None = None) -> subprocess.CompletedProcess[str]:
    """``hbpushd`` with arguments with which it ends by itself."""
    return subprocess.run(
        [sys.executable, "-m", "hbpush.daemon", *map(os.fspath, arguments)],
        cwd=ROOT,
        env=environment(env),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )


def environment(extra: Mapping[str, str] | None = None) -> dict[str, str]:
    """The environment of this process without settings for the server, and with ``extra``."""
    return {name: value for name, value in os.environ.items() if not name.startswith("HBPUSH_")} | dict(extra or {})
