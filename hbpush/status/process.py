"""The process in numbers, under the names that Prometheus knows them by everywhere."""

from __future__ import annotations

import os
import resource
from collections.abc import Sequence
from pathlib import Path

from hbpush.core.figures import Figure

_STATM = Path("/proc/self/statm")
_OPEN = Path("/proc/self/fd")


def figures() -> Sequence[Figure]:
    """Memory, files and processor time; what the system does not tell is left out."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    found = [
        Figure("process_cpu_seconds", round(used.ru_utime + used.ru_stime, 3), "Processor time, of user and system.", True),
        Figure("process_resident_memory_bytes", resident_bytes(), "Memory that is really there."),
        Figure("process_max_fds", resource.getrlimit(resource.RLIMIT_NOFILE)[0], "File descriptors that the process may have."),
    ]
    files = open_files()
    if files is not None:
        found.append(Figure("process_open_fds", files, "File descriptors that are open."))
    return found


def resident_bytes() -> int:
    """Memory that is there now; where the system does not say, the most that there ever was."""
    try:
        return int(_STATM.read_bytes().split()[1]) * resource.getpagesize()
    except OSError:
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def open_files() -> int | None:
    """How many file descriptors are open, None where the system does not say."""
    try:
        # Since Linux 6.2 that is the size of the folder: nobody has to list a hundred thousand of them.
        size = _OPEN.stat().st_size
        return size or len(os.listdir(_OPEN))
    except OSError:
        return None
