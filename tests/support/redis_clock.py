"""A wall clock for a ``redis-server`` process that stands still until a test moves it: a preloaded library and a file mapped by both."""

from __future__ import annotations

import atexit
import functools
import mmap
import shutil
import subprocess
import tempfile
from pathlib import Path

SOURCE = Path(__file__).with_name("shifted_clock.c")
COMPILE = ("gcc", "-std=gnu11", "-D_GNU_SOURCE", "-O2", "-Wall", "-Wextra", "-Werror", "-shared", "-fPIC")


class ShiftedClock:
    """The time that processes started with `environment` see, in unix seconds."""

    def __init__(self, file: Path, now: float) -> None:
        self._file = file
        file.write_bytes(bytes(8))
        with file.open("r+b") as opened:
            self._map = mmap.mmap(opened.fileno(), 8)
        self.set(now)

    @property
    def environment(self) -> dict[str, str]:
        return {"LD_PRELOAD": str(library()), "SHIFTED_CLOCK": str(self._file)}

    def set(self, now: float) -> None:
        """Show this time, forward or back, from now on: the next question of the process is answered with it."""
        microseconds = round(now * 1_000_000)
        if microseconds <= 0:
            raise ValueError(f"{now} is not a time after 1970")
        # One store of 8 aligned bytes: no reader meets half of it, as it could with bytes copied one by one.
        with memoryview(self._map) as whole, whole.cast("q") as cell:
            cell[0] = microseconds


@functools.cache
def library() -> Path:
    """The preloaded library: compiled once in a process, removed at its end."""
    folder = tempfile.mkdtemp(prefix="hbpush-clock-")
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    built = Path(folder) / "shifted_clock.so"
    subprocess.run([*COMPILE, "-o", built, SOURCE], check=True, capture_output=True, timeout=60)
    return built
