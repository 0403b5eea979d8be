"""Programs that print a line of ``name=value`` for each step, and go on with the next when they read a line: ours, measured meanwhile."""

from __future__ import annotations

import select
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from typing import IO

from tests.bench.errors import BenchError, last_line
from tests.bench.processes import on_core

TIMEOUT = 120.0
"""Seconds for a step."""

Row = dict[str, float]


def row(line: str) -> Row:
    """The figures of a line."""
    return {name: float(value) for name, _, value in (word.partition("=") for word in line.split())}


def begin(command: Sequence[str], core: int | None, environment: Mapping[str, str] | None = None) -> subprocess.Popen[str]:
    """Start a program on a core, with pipes to it. Raises BenchError."""
    pipe = subprocess.PIPE
    try:
        with on_core(core):
            return subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=pipe, text=True, env=environment)
    except OSError as error:
        raise BenchError(f"{command[0]} cannot be run: {error.strerror}") from None


def drop(process: subprocess.Popen[str]) -> None:
    """End a program at once, whatever it does."""
    process.kill()
    process.wait()
    for pipe in (process.stdin, process.stdout, process.stderr):
        # What could not be written to a program that has ended is written again here.
        with suppress(BrokenPipeError):
            _pipe(pipe).close()


class Steps:
    """A program that has been started. ``name`` is what errors call it. The first step begins by itself."""

    def __init__(self, name: str, process: subprocess.Popen[str]) -> None:
        self.pid = process.pid
        self._name = name
        self._process = process
        self._out = _pipe(process.stdout)
        self._into = _pipe(process.stdin)
        self._waits = False

    def next(self) -> Row:
        """Let it take its next step, and wait until it is done. Raises BenchError."""
        try:
            if self._waits:
                self._into.write("\n")
                self._into.flush()
            if not select.select([self._out], [], [], TIMEOUT)[0]:
                raise BenchError(f"{self._name} said nothing in time")
            line = self._out.readline()
        except BrokenPipeError:
            line = ""
        if not line:
            raise BenchError(last_line(_pipe(self._process.stderr).read()) or f"{self._name} ended too early")
        self._waits = True
        return row(line)


@contextmanager
def stepping(name: str, command: Sequence[str], core: int | None, environment: Mapping[str, str] | None = None) -> Iterator[Steps]:
    """Run such a program until the block is left."""
    process = begin(command, core, environment)
    try:
        yield Steps(name, process)
    finally:
        drop(process)


def _pipe(pipe: IO[str] | None) -> IO[str]:
    assert pipe is not None
    return pipe
