"""Servers that real clients are let loose on, each a process of its own on a port of 127.0.0.1."""

from __future__ import annotations

import os
import re
import socket
import subprocess
import sys
import time
from pathlib import Path
from types import TracebackType
from typing import ClassVar, Self

from tests.conformance.driving.drivers import NODE
from tests.support.ports import free_port

ROOT = Path(__file__).parents[3]
PATIENCE = 20.0

COMPLAINT = re.compile(r"Traceback|\bERROR\b|\bCRITICAL\b|Unhandled|Error:")


class Site:
    """A running server of a kind: "hbpushd", "reference" (the original server of the protocol, on Node), or a host of a program of our
    own. Each serves on ``self.port`` until it is killed, in the checkout's folder. A folder of tests derives from it.

    As a context manager it ends the process and fails for what it complained of.
    """

    folder: ClassVar[Path]
    """Where the reference is: ``reference_server.js``, started with the port."""
    program: ClassVar[str]
    """The module of the program, started with the host, such as "stock" or "native", and the port."""
    configuration: ClassVar[str]
    """Of hbpushd, as YAML."""

    def __init__(self, kind: str, log: Path) -> None:
        self.kind = kind
        self._log = log
        self.port = free_port()
        self._process = self._start()

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

    def _command(self) -> list[str]:
        if self.kind == "reference":
            return [*NODE, str(self.folder / "reference_server.js"), str(self.port)]
        if self.kind == "hbpushd":
            configuration = self._log.with_suffix(".yaml")
            configuration.write_text(self.configuration)
            return [sys.executable, "-P", "-m", "hbpush.daemon", f"--config={configuration}", f"--port={self.port}"]
        return [sys.executable, "-m", self.program, self.kind, str(self.port)]

    def _start(self) -> subprocess.Popen[bytes]:
        with self._log.open("ab") as log:
            process = subprocess.Popen(self._command(), cwd=ROOT, stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=os.environ)
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
