"""Runs the load generator against a server that was started, and reads its figures."""

from __future__ import annotations

import subprocess
from contextlib import AbstractContextManager
from pathlib import Path
from typing import NamedTuple

from tests.bench.errors import BenchError, last_line
from tests.bench.servers import PUBLISHER, SUBSCRIBER
from tests.bench.steps import TIMEOUT, Row, Steps, begin, drop, row, stepping

NAME = "the load generator"


class Load(NamedTuple):
    """The load generator, for a server on a port, on the core of load.

    Where two processes share their channels, ``port`` is the publisher's and ``subscriber_port`` the other's. ``subscriber`` is the path
    of the location that is polled.
    """

    program: Path
    port: int
    core: int | None
    subscriber_port: int | None = None
    subscriber: str = SUBSCRIBER

    def run(self, work: str, *words: object, lasting_ms: int = 0) -> list[Row]:
        """Run a work to its end. Returns its lines of ``name=value``; raises BenchError with the one line that it failed with."""
        process = begin(self._command(work, *words), self.core)
        try:
            # Within that the load generator has a shorter time for each answer.
            out, err = process.communicate(timeout=TIMEOUT + lasting_ms / 1000)
        except subprocess.TimeoutExpired:
            raise BenchError(f"{NAME} was not done with {work} in time") from None
        finally:
            if process.returncode is None:
                drop(process)
        if process.returncode != 0:
            raise BenchError(last_line(err) or f"{NAME} ended with status {process.returncode}")
        return [row(line) for line in out.splitlines()]

    def steps(self, work: str, *words: object) -> AbstractContextManager[Steps]:
        """Run a work that stops after each of its lines, and goes on when the next is asked for."""
        return stepping(NAME, self._command(work, *words), self.core)

    def _command(self, work: str, *words: object) -> list[str]:
        ports = self.port, self.port if self.subscriber_port is None else self.subscriber_port
        return [str(self.program), work, str(ports[0]), PUBLISHER, str(ports[1]), self.subscriber, *map(str, words)]
