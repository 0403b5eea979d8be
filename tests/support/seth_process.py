"""A process that serves a SethPusher application, for one test: ``seth-pusher``, or a program that uses ``AppRunner``."""

from __future__ import annotations

import http.client
import os
import re
import sys
from pathlib import Path

from tests.support.process import PATIENCE, ROOT, Daemon

SETH_PUSHER = (sys.executable, "-m", "sethpusher")


class SethProcess(Daemon):
    """A program with arguments. It is not waited for on entry: `port` does that."""

    complaint = re.compile(r"^\[[WEC] |Traceback")

    def __init__(self, *arguments: str, program: tuple[str, ...] = SETH_PUSHER, expected: tuple[str, ...] = (), cwd: Path = ROOT) -> None:
        super().__init__(*arguments, env={"PYTHONPATH": os.fspath(ROOT)}, expected=expected, program=program, cwd=cwd, merged=True)

    def __enter__(self) -> SethProcess:
        return self

    @property
    def port(self) -> int:
        """What it listens on."""
        return int(self.wait_for("Starting Seth pusher server on").rstrip(".").rpartition(":")[2])

    def ask(self, method: str, path: str, body: str | None = None) -> tuple[int, str]:
        """One request: the status and the body of its answer."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=PATIENCE)
        try:
            connection.request(method, path, body)
            answer = connection.getresponse()
            return answer.status, answer.read().decode()
        finally:
            connection.close()
