"""Servers that real clients are let loose on, each a process of its own on a port of 127.0.0.1."""

from __future__ import annotations

import os
import re
import socket
import subprocess
import time
from abc import ABC, abstractmethod
from pathlib import Path
from types import TracebackType
from typing import Self

ROOT = Path(__file__).parents[3]
PATIENCE = 20.0

COMPLAINT = re.compile(r"Traceback|\bERROR\b|\bCRITICAL\b|Unhandled|Error:")


class Site(ABC):
    """A running server of a kind.

    As a context manager it ends the process and fails for what it complained of.
    """

    def __init__(self, kind: str, log: Path) -> None:
        self.kind = kind
        self._log = log
        with socket.create_server(("127.0.0.1", 0)) as listener:
            self.port = listener.getsockname()[1]
        self._process = self._start()

    @abstractmethod
    def command(self) -> list[str]:
        """The command that serves on ``self.port`` until it is killed. It runs in the checkout's folder."""

    @property
    def origin(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None) -> None:
        self._end()
        text = self._log.read_text(errors="backslashreplace")
        if kind is None:
            assert not COMPLAINT.search(text), text[-5000:]

    def restart(self) -> None:
        """End the process at once, as a crash would, and start another that knows nothing."""
        self._end()
        self._process = self._start()

    def _start(self) -> subprocess.Popen[bytes]:
        with self._log.open("ab") as log:
            process = subprocess.Popen(self.command(), cwd=ROOT, stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=os.environ)
        end = time.monotonic() + PATIENCE
        while True:
            try:
                socket.create_connection(("127.0.0.1", self.port), 1).close()
                return process
            except OSError:
                if process.poll() is not None or time.monotonic() > end:
                    process.kill()
                    process.wait(PATIENCE)
                    raise AssertionError(f"{self.kind} did not start:\n{self._log.read_text(errors='replace')[-5000:]}") from None
                time.sleep(0.05)

    def _end(self) -> None:
        # It holds connections that nobody will end; what they lose is the business of the clients.
        self._process.kill()
        self._process.wait(PATIENCE)
