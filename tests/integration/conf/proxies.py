"""nginx and haproxy, as Debian has them, running by the files of ``conf/``."""

from __future__ import annotations

import re
import socket
from pathlib import Path

from tests.integration.conf.configured import HOST, replaced
from tests.support.packages import known
from tests.support.ports import free_port
from tests.support.process import Daemon
from tests.support.redis_wire import until


class Proxy(Daemon):
    """nginx or haproxy in front of ``hbpushd`` on a port. As a context manager it listens, and may complain of what is ``expected``."""

    complaint = re.compile(r"\[(?:warn|error|crit|alert|emerg|WARNING|ALERT)\]")

    def __init__(self, kind: str, folder: Path, hbpushd: int, expected: tuple[str, ...] = ()) -> None:
        self.kind = kind
        self._port = free_port()
        shown, self._file = PROXIES[kind]
        file = replaced(self._file, folder, {f"{HOST}:9090": f"{HOST}:{hbpushd}", f"{HOST}:{shown}": f"{HOST}:{self._port}"})
        if kind == "nginx":
            program = (known()["nginx"], "-e", "stderr", "-p", f"{folder}", "-c", f"{file}")
            # Where the hard limit is lower, it serves with less.
            expected = (*expected, "setrlimit(RLIMIT_NOFILE")
        else:
            program = (known()["haproxy"], "-f", f"{file}")
        super().__init__(program=program, expected=expected)

    @property
    def port(self) -> int:
        return self._port

    def __enter__(self) -> Proxy:
        try:
            until(self._listens, f"{self.kind} listens")
        except BaseException:
            self._end()
            raise
        return self

    def _listens(self) -> bool:
        assert self.process.poll() is None, "\n".join(self.lines)
        try:
            socket.create_connection((HOST, self._port), timeout=20).close()
        except ConnectionRefusedError:
            return False
        return True


PROXIES = {"nginx": (8090, "nginx.conf"), "haproxy": (8091, "haproxy.cfg")}
"""Kind -> the port that its file has, and the file."""
