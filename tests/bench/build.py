"""Compiles the C programs on use. A program's name has a digest of what it was made from, so a changed source is a new program."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
from pathlib import Path

from tests.bench.errors import BenchError, last_line

HERE = Path(__file__).parent
FOLDER = HERE / "build"
FLAGS = ("-std=gnu11", "-D_GNU_SOURCE", "-O2", "-Wall", "-Wextra", "-Werror")
INSTALL = "sudo apt-get install gcc libc6-dev"
TIMEOUT = 120
"""Seconds for the compiler."""


def load_generator() -> Path:
    """The load generator, compiled. Raises BenchError."""
    return _program("load", sorted((HERE / "load").glob("*.c")))


def send_loop() -> Path:
    """The bare send() loop, compiled. Raises BenchError."""
    return _program("limit", [HERE / "limit" / "limit.c", HERE / "load" / "common.c"])


def compiler() -> str:
    """The path of the C compiler. Raises BenchError with the command that installs one."""
    found = shutil.which("gcc") or shutil.which("cc")
    if found is None:
        raise BenchError(f"needs a C compiler: {INSTALL}")
    return found


def _program(name: str, sources: list[Path]) -> Path:
    digest = hashlib.sha256(" ".join(FLAGS).encode())
    for file in [*sources, *sorted((HERE / "load").glob("*.h"))]:
        digest.update(file.read_bytes())
    program = FOLDER / f"{name}-{digest.hexdigest()[:12]}"
    if program.exists():
        return program
    FOLDER.mkdir(exist_ok=True)
    # Two runs may compile at once: each makes a file of its own, and the last to finish puts the same program in place.
    fresh = FOLDER / f"{program.name}.{os.getpid()}"
    command = [compiler(), *FLAGS, "-o", str(fresh), *map(str, sources)]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=TIMEOUT, check=False)
    except subprocess.TimeoutExpired:
        raise BenchError(f"the C compiler took more than {TIMEOUT} s") from None
    if done.returncode != 0:
        errors = [line for line in done.stderr.splitlines() if "error" in line] or [last_line(done.stderr)]
        raise BenchError(f"{name} does not compile ({INSTALL}?): {errors[0].strip()}")
    fresh.replace(program)
    for old in FOLDER.glob(f"{name}-*"):
        if old != program and "." not in old.name:
            old.unlink(missing_ok=True)
    return program
