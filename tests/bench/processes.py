"""Server processes under load: started on a core of their own, asked until they answer, measured, and ended by id."""

from __future__ import annotations

import os
import resource
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from tests.bench.errors import BenchError, last_line

HOST = "127.0.0.1"
START_TIMEOUT = 20.0
END_TIMEOUT = 10.0
"""Seconds for the first answer, and from SIGTERM to the end."""

PROBE = b"GET /pub/nobody HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"


class Cores(NamedTuple):
    """The core of servers and that of load, None where the process may use a single core only."""

    server: int | None
    load: int | None


class Started(NamedTuple):
    """A server that answers. ``pid`` is the process that does the work, ``seconds`` its time from exec to the first answer."""

    pid: int
    port: int
    seconds: float


def cores() -> Cores:
    """Two different cores of those that this process may use."""
    allowed = sorted(os.sched_getaffinity(0))
    return Cores(allowed[0], allowed[1]) if len(allowed) > 1 else Cores(None, None)


@contextmanager
def on_core(core: int | None) -> Iterator[None]:
    """Processes that are started meanwhile run on one core (None: on any)."""
    before = os.sched_getaffinity(0)
    if core is not None:
        os.sched_setaffinity(0, {core})
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


@contextmanager
def started(command: Sequence[str], port: int, folder: Path, core: int | None, environment: Mapping[str, str]) -> Iterator[Started]:
    """Run a server that is to listen on a port, until the block is left. Raises BenchError when it does not answer in time."""
    with tempfile.TemporaryFile(dir=folder) as output:
        with on_core(core):
            begin = time.monotonic()
            try:
                process = subprocess.Popen(
                    command, stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT, cwd=folder, env=dict(environment)
                )
            except OSError as error:
                raise BenchError(f"{command[0]} cannot be run: {error.strerror}") from None
        try:
            seconds = _await_answer(process, port, begin)
        except BenchError as error:
            end(process)
            output.seek(0)
            said = last_line(output.read().decode(errors="replace"))
            raise BenchError(f"{error}{f': {said}' if said else ''}") from None
        try:
            yield Started(_worker(process.pid), port, seconds)
        finally:
            end(process)


def end(process: subprocess.Popen[bytes]) -> None:
    """End a process that was started here: politely, then at once."""
    if process.poll() is None:
        process.terminate()
        try:
            process.wait(END_TIMEOUT)
        except subprocess.TimeoutExpired:
            process.kill()
    process.wait(END_TIMEOUT)


def resident(pid: int) -> int:
    """Bytes of memory that a process has resident (VmRSS), those that it shares with others included."""
    return _status(pid, "VmRSS:") * 1024


def busy_seconds(pid: int) -> float:
    """Processor time that a process has used so far, its own and the system's for it."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text(encoding="ascii", errors="replace").rpartition(")")[2].split()
    except OSError:
        raise BenchError("the server has ended during the run") from None
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


class Watch:
    """Looks at processor time from its making on: who used it while a server was measured.

    ``backend`` is a process that works for the server, on one of the cores too.
    """

    def __init__(self, pid: int, cores: Iterable[int | None], backend: int | None = None) -> None:
        self._pid = pid
        self._backend = backend
        self._cores = {core for core in cores if core is not None} or os.sched_getaffinity(0)
        self._begin = self._look()

    def _look(self) -> tuple[float, float, float, float, float]:
        children = resource.getrusage(resource.RUSAGE_CHILDREN)
        backend = 0.0 if self._backend is None else busy_seconds(self._backend)
        load = children.ru_utime + children.ru_stime
        return time.monotonic(), busy_seconds(self._pid), backend, load, _machine_seconds(self._cores)

    def shares(self) -> tuple[float, float]:
        """Of the time so far: in which the server was running, and what others took on its core and that of load, in cores.

        The load generator has to be over: only then is its time told from that of others.
        """
        elapsed, server, backend, load, machine = (now - then for now, then in zip(self._look(), self._begin, strict=True))
        return server / elapsed, max(0.0, machine - server - backend - load) / elapsed

    def backend_share(self) -> float:
        """Of the time so far, in which the backend was running."""
        elapsed, _, backend, *_ = (now - then for now, then in zip(self._look(), self._begin, strict=True))
        return backend / elapsed


def _machine_seconds(cores: set[int]) -> float:
    """Seconds that some cores were not idle, steal by other machines included."""
    wanted = {f"cpu{core}" for core in cores}
    total = 0
    for line in Path("/proc/stat").read_text(encoding="ascii").splitlines():
        name, *counts = line.split()
        if name in wanted:
            user, nice, system, _idle, _wait, irq, softirq, steal = map(int, counts[:8])
            total += user + nice + system + irq + softirq + steal
    return total / os.sysconf("SC_CLK_TCK")


def _status(pid: int, name: str) -> int:
    try:
        lines = Path(f"/proc/{pid}/status").read_text(encoding="ascii", errors="replace").splitlines()
        return next(int(line.split()[1]) for line in lines if line.startswith(name))
    except (OSError, StopIteration):
        raise BenchError("the server has ended during the run") from None


def _worker(pid: int) -> int:
    """The process that serves: the child of one that only watches over it, else the process itself."""
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text(encoding="ascii").split()
    return int(children[0]) if children else pid


def _await_answer(process: subprocess.Popen[bytes], port: int, begin: float) -> float:
    while time.monotonic() - begin < START_TIMEOUT:
        try:
            with socket.create_connection((HOST, port), START_TIMEOUT) as probe:
                probe.sendall(PROBE)
                if probe.recv(9).startswith(b"HTTP/1."):
                    return time.monotonic() - begin
                raise BenchError("the server does not speak HTTP")
        except (ConnectionRefusedError, ConnectionResetError):
            # The load's core has nothing else to do, and a longer pause would be part of the figure.
            time.sleep(0.0005)
        except OSError as error:
            raise BenchError(f"the server gave no answer ({error})") from None
        if process.poll() is not None:
            raise BenchError(f"the server ended with status {process.returncode}")
    raise BenchError(f"the server gave no answer within {START_TIMEOUT:.0f} s")
