"""A real ``redis-server`` for tests: plain, behind TLS, with passwords, with a file that outlives it, with a clock moved by hand."""

from __future__ import annotations

import functools
import re
import shutil
import ssl
import subprocess
from collections.abc import Mapping, Sequence

from tests.support import packages
from tests.support.certificate import Certificate
from tests.support.clock import START
from tests.support.redis_clock import ShiftedClock
from tests.support.redis_process import HOST, RedisProcess
from tests.support.redis_wire import PATIENCE

__all__ = ["HOST", "PATIENCE", "RedisServer", "missing"]

OLDEST = 7
"""The major version of redis-server that is needed."""

CONTROL = "control"
"""The user that `RedisServer.cli` is, on a server with passwords: whatever a test does to the others, it may do everything."""


class RedisServer(RedisProcess):
    """One server. It saves nothing unless ``appendonly``: then each write is on disk before it is answered.

    - ``settings``: more directives, name -> value as in redis.conf; they win over those given here
    - ``port``: None is a free one, the same over all restarts
    - ``unix_socket``: it also listens on `unix_path`
    - ``tls``: `port` speaks TLS only, with a certificate for 127.0.0.1 that `ca_file` vouches for
    - ``users``: ACL lines, as "alice on >secret ~* &* +@all"; ``requirepass``: the password of the default user
    - ``clock``: its wall clock stands still at `tests.support.clock.START` and is moved by `set_time`
    """

    def __init__(
        self,
        *,
        appendonly: bool = False,
        settings: Mapping[str, str] | None = None,
        port: int | None = None,
        unix_socket: bool = False,
        tls: bool = False,
        users: Sequence[str] = (),
        requirepass: str | None = None,
        clock: bool = False,
    ) -> None:
        super().__init__(port)
        lines = ["save ''", "loglevel notice", f"port {0 if tls else self.port}"]
        if appendonly:
            lines += ["appendonly yes", "appendfsync always"]
        if unix_socket:
            self.unix_path = str(self.directory / "redis.sock")
            lines += [f"unixsocket {self.unix_path}"]
        if tls:
            certificate = Certificate.make(self.directory)
            self.ca_file = certificate.certificate
            self._tls = ssl.create_default_context(cafile=str(self.ca_file))
            lines += [f"tls-port {self.port}", f"tls-cert-file {certificate.certificate}", f"tls-key-file {certificate.key}"]
            lines += [f"tls-ca-cert-file {self.ca_file}", "tls-auth-clients no"]
        if requirepass is not None:
            lines += [f"requirepass {_quoted(requirepass)}"]
        if users or requirepass is not None:
            self._login = (CONTROL, "any")
            lines += [f"user {user}" for user in (f"{CONTROL} on nopass ~* &* +@all", *users)]
        lines += [f"{name} {value}" for name, value in (settings or {}).items()]
        self.configure(lines)
        self._clock = ShiftedClock(self.directory / "clock", START) if clock else None
        self._now = START
        if self._clock is not None:
            self._environment = self._clock.environment

    @property
    def now(self) -> float:
        """The time that was set last, in unix seconds."""
        return self._now

    def set_time(self, unix_seconds: float) -> None:
        """Move the wall clock, forward or back, to a microsecond. With ``clock=True`` only.

        Every command that the server begins after this call sees the new time, without a wait: redis reads the clock anew for each
        command and each script, and holds it while that runs. So TIME, EXPIRE, TTL, ``XADD *`` and reading an expired key are exact at
        once. What redis does from its own timer lags by up to 100 ms (``hz 10``): removing expired keys that nobody reads, hence DBSIZE,
        INFO and key-space events, and time-outs of blocked commands: wait for these with `tests.support.redis_wire.until`. An expired
        key that it has removed does not come back with an earlier time.
        """
        assert self._clock is not None, "a server with clock=True"
        self._clock.set(unix_seconds)
        self._now = unix_seconds

    def start(self) -> None:
        super().start()
        if self._clock is not None and self.cli("TIME")[0] != b"%d" % self._now:
            self.kill()
            raise RuntimeError(f"redis-server does not follow the clock of the test:\n{self.log()}")


def _quoted(value: str) -> str:
    return '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"'


@functools.cache
def missing(*, tls: bool = False, clock: bool = False) -> str | None:
    """Why tests with a redis-server cannot run here (for a skip), or None. ``tls``, ``clock``: of servers with these options."""
    absent = packages.missing("redis-server", *(("gcc", "libc6-dev") if clock else ()))
    if tls and shutil.which("openssl") is None:
        absent.append("openssl")
    if absent:
        return f"needs: sudo apt-get install {' '.join(absent)}"
    told = subprocess.run(["redis-server", "--version"], capture_output=True, text=True, timeout=PATIENCE, check=False).stdout
    version = re.search(r"\bv=(\d+)", told)
    if version is None or int(version[1]) < OLDEST:
        return f"needs redis-server {OLDEST} or later, not: {told.strip()}"
    return None
