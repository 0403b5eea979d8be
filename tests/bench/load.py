"""Runs the load generator against a server that was started, and reads its figures."""

from __future__ import annotations

import select
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, NamedTuple

from tests.bench.errors import BenchError, last_line
from tests.bench.processes import on_core
from tests.bench.servers import PUBLISHER, SUBSCRIBER

TIMEOUT = 120.0
"""Seconds that a run may take on top of its measured time. Within it the load generator has shorter ones for each answer."""

Row = dict[str, float]


class Load(NamedTuple):
    """The load generator, for a server on a port, on the core of load."""

    program: Path
    port: int
    core: int | None

    def run(self, work: str, *words: object, lasting_ms: int = 0) -> list[Row]:
        """Run a work to its end. Returns its lines of ``name=value``; raises BenchError with the one line that it failed with."""
        with on_core(self.core):
            process = self._started(work, *words)
        try:
            out, err = process.communicate(timeout=TIMEOUT + lasting_ms / 1000)
        except subprocess.TimeoutExpired:
            raise BenchError(f"the load generator was not done with {work} in time") from None
        finally:
            if process.returncode is None:
                _drop(process)
        if process.returncode != 0:
            raise BenchError(last_line(err) or f"the load generator ended with status {process.returncode}")
        return [_row(line) for line in out.splitlines()]

    @contextmanager
    def steps(self, work: str, *words: object) -> Iterator[Iterator[Row]]:
        """Run a work that stops after each of its lines, and goes on when the next is asked for."""
        with on_core(self.core):
            process = self._started(work, *words)
        try:
            yield self._lines(process)
        finally:
            _drop(process)

    def _lines(self, process: subprocess.Popen[str]) -> Iterator[Row]:
        out, into = _pipe(process.stdout), _pipe(process.stdin)
        while True:
            if not select.select([out], [], [], TIMEOUT)[0]:
                raise BenchError("the load generator said nothing in time")
            line = out.readline()
            if not line:
                raise BenchError(last_line(_pipe(process.stderr).read()) or "the load generator ended too early")
            yield _row(line)
            into.write("\n")
            into.flush()

    def _started(self, work: str, *words: object) -> subprocess.Popen[str]:
        command = [str(self.program), work, str(self.port), PUBLISHER, SUBSCRIBER, *map(str, words)]
        return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def _pipe(pipe: IO[str] | None) -> IO[str]:
    assert pipe is not None
    return pipe


def _drop(process: subprocess.Popen[str]) -> None:
    process.kill()
    process.wait()
    for pipe in (process.stdin, process.stdout, process.stderr):
        _pipe(pipe).close()


def _row(line: str) -> Row:
    return {name: float(value) for name, _, value in (word.partition("=") for word in line.split())}
