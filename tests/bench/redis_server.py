"""A redis-server for works that need one: it saves nothing, has a core of its own where there is one, and is measured from outside."""

from __future__ import annotations

import csv
import io
import os
import re
import shutil
import subprocess
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import hiredis

from tests.bench.errors import BenchError, last_line
from tests.bench.processes import Cores, on_core
from tests.bench.steps import TIMEOUT
from tests.support.redis_process import HOST, RedisProcess
from tests.support.redis_wire import Wire, until

OLDEST = 7
INSTALL = "sudo apt-get install redis-server"

AT_ONCE = 1000
"""Keys that are asked about together."""

PRINTED = re.compile(rb'"((?:[^"\\]|\\.)*)"')
ESCAPE = re.compile(rb"\\(?:x([0-9a-f]{2})|(.))")
ESCAPED = {b"n": b"\n", b"r": b"\r", b"t": b"\t", b"a": b"\a", b"b": b"\b"}


def absent() -> str | None:
    """Why there can be no server here and what to do about that, None when there can."""
    if shutil.which("redis-server") is None or shutil.which("redis-benchmark") is None:
        return INSTALL
    found = re.match(r"\d+", version())
    if found is None or int(found[0]) < OLDEST:
        return f"{version()} is there, and it has to be {OLDEST} or newer"
    return None


def version() -> str:
    """Which one it is."""
    done = subprocess.run(["redis-server", "--version"], capture_output=True, text=True, timeout=TIMEOUT, check=False)
    found = re.search(r"\bv=(\S+)", done.stdout)
    return found[1] if found else "of unknown version"


def core(cores: Cores) -> int | None:
    """Where it runs: on a third core, or beside the load. It is the server's machine that is measured."""
    allowed = sorted(os.sched_getaffinity(0))
    return allowed[2] if cores.load is not None and len(allowed) > 2 else cores.load


class Redis:
    """A server that runs. What is asked of it raises BenchError."""

    def __init__(self, process: RedisProcess) -> None:
        self.pid = process.pid
        self.port = process.port
        self._process = process

    def store(self, **options: Any) -> dict[str, Any]:
        """The options of a store in it."""
        return {"type": "redis", "host": HOST, "port": self.port, **options}

    def used_memory(self) -> int:
        """Bytes that it has in use, those for connections included."""
        return self._memory("used_memory")

    def most_memory(self) -> int:
        """The most that it has had in use since it was started, looked at ten times a second."""
        return self._memory("used_memory_peak")

    def await_alone(self) -> None:
        """Wait until nobody else is connected."""
        with self._asked() as wire:
            until(lambda: _number(wire.call("INFO", "clients"), "connected_clients") == 1, "its clients have left")

    def usage(self) -> int:
        """MEMORY USAGE of all keys, every element looked at."""
        total, cursor = 0, None
        with self._asked() as wire:
            while cursor != b"0":
                cursor, keys = wire.call("SCAN", cursor or 0, "COUNT", AT_ONCE)
                for key in keys:
                    wire.send("MEMORY", "USAGE", key, "SAMPLES", 0)
                total += sum(wire.reply() for _ in keys)
        return total

    @contextmanager
    def overheard(self) -> Iterator[Callable[[bytes], list[bytes]]]:
        """Listen to what clients say meanwhile. Yields a function: the first EVALSHA that has an argument, word by word."""
        with self._asked() as wire:
            wire.call("MONITOR")

            def command(argument: bytes) -> list[bytes]:
                while True:
                    words = [ESCAPE.sub(_plain, word) for word in PRINTED.findall(wire.reply())]
                    if words[0].upper() == b"EVALSHA" and argument in words:
                        return words

            yield command

    def benchmark(self, command: Sequence[bytes], in_flight: int, count: int, on: int | None) -> float:
        """``count`` commands by redis-benchmark on a core, on one connection. Returns commands per second."""
        with self._asked() as wire:
            # A refusal would be fast.
            if not isinstance(wire.call(*command), list):
                raise BenchError("what redis-benchmark is to run is refused")
            wire.call("CONFIG", "RESETSTAT")
        words = ["redis-benchmark", "-h", HOST, "-p", self.port, "-n", count, "-c", 1, "-P", in_flight, "--csv"]
        with on_core(on):
            try:
                done = subprocess.run([*map(str, words), *command], capture_output=True, timeout=TIMEOUT, check=False)
            except subprocess.TimeoutExpired:
                raise BenchError("redis-benchmark was not done in time") from None
        out = done.stdout.decode(errors="replace")
        if done.returncode != 0:
            raise BenchError(last_line(done.stderr.decode(errors="replace")) or last_line(out) or "redis-benchmark failed")
        with self._asked() as wire:
            told = re.search(rb"cmdstat_evalsha:calls=(\d+),.*failed_calls=(\d+)", wire.call("INFO", "commandstats"))
        if told is None or int(told[1]) < count or int(told[2]):
            raise BenchError("redis-benchmark did not run the script as often as it was told to")
        *_, figures = csv.DictReader(io.StringIO(out))
        return float(figures["rps"])

    def _memory(self, name: str) -> int:
        with self._asked() as wire:
            return _number(wire.call("INFO", "memory"), name)

    @contextmanager
    def _asked(self) -> Iterator[Wire]:
        try:
            with self._process.wire() as wire:
                yield wire
        except (OSError, EOFError, hiredis.ReplyError) as error:
            raise BenchError(f"redis-server: {last_line(str(error)) or type(error).__name__}") from None


@contextmanager
def redis_server(cores: Cores) -> Iterator[Redis]:
    """A server on a free port, with a folder of its own, until the block is left. Raises BenchError."""
    process = RedisProcess()
    process.configure([f"port {process.port}", "save ''", "appendonly no"])
    try:
        try:
            with on_core(core(cores)):
                process.start()
        except RuntimeError as error:
            raise BenchError(last_line(str(error))) from None
        yield Redis(process)
    finally:
        process.close()


def _number(info: bytes, name: str) -> int:
    return int(dict(line.split(b":", 1) for line in info.splitlines() if b":" in line)[name.encode()])


def _plain(escape: re.Match[bytes]) -> bytes:
    code, letter = escape.groups()
    return bytes.fromhex(code.decode()) if code else ESCAPED.get(letter, letter)
