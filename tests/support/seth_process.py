"""A process that serves a SethPusher application, for one test: ``seth-pusher``, or a program that uses ``AppRunner``."""

from __future__ import annotations

import http.client
import os
import re
import signal
import subprocess
import sys
import threading
from pathlib import Path
from types import TracebackType

from tests.support.process import PATIENCE, ROOT, environment

SETH_PUSHER = (sys.executable, "-m", "sethpusher")


class SethProcess:
    """A program with arguments, and what it writes, line by line. As a context manager it is ended, and must have no complaint."""

    def __init__(self, *arguments: str, program: tuple[str, ...] = SETH_PUSHER, expected: tuple[str, ...] = (), cwd: Path = ROOT) -> None:
        self.lines: list[str] = []
        self._expected = expected
        self._changed = threading.Condition()
        self._ended = False
        self.process = subprocess.Popen(
            [*program, *arguments],
            cwd=cwd,
            env=environment({"PYTHONPATH": os.fspath(ROOT)}),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def __enter__(self) -> SethProcess:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None) -> None:
        if self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(PATIENCE)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait(PATIENCE)
        self._reader.join(PATIENCE)
        if kind is None:
            strange = [line for line in self.lines if re.search(r"^\[[WEC] |Traceback", line)]
            strange = [line for line in strange if not any(text in line for text in self._expected)]
            assert not strange, "\n".join(self.lines)

    @property
    def port(self) -> int:
        """What it listens on."""
        return int(self.wait_for("Starting Seth pusher server on").rstrip(".").rpartition(":")[2])

    def signal(self, number: signal.Signals) -> None:
        """Send a signal."""
        self.process.send_signal(number)

    def wait_for(self, text: str, times: int = 1) -> str:
        """Wait until ``times`` lines have the text in them; return the last of these."""
        found: list[str] = []

        def there() -> bool:
            found[:] = [line for line in self.lines if text in line]
            return len(found) >= times or self._ended

        with self._changed:
            self._changed.wait_for(there, PATIENCE)
        assert len(found) >= times, f"no line with {text!r} in:\n" + "\n".join(self.lines)
        return found[times - 1]

    def wait(self) -> int:
        """Wait for the end of the process; return its exit status."""
        status = self.process.wait(PATIENCE)
        self._reader.join(PATIENCE)
        return status

    def ask(self, method: str, path: str, body: str | None = None) -> tuple[int, str]:
        """One request: the status and the body of its answer."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=PATIENCE)
        try:
            connection.request(method, path, body)
            answer = connection.getresponse()
            return answer.status, answer.read().decode()
        finally:
            connection.close()

    def _read(self) -> None:
        assert self.process.stdout is not None
        with self.process.stdout as stream:
            for line in stream:
                with self._changed:
                    self.lines.append(line.rstrip("\n"))
                    self._changed.notify_all()
        with self._changed:
            self._ended = True
            self._changed.notify_all()
