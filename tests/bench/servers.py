"""What is measured: this server, and those that it is measured against. Each says how it is started and whether it is here.

All of them serve a publisher location ``/pub/`` and, but for those of ``session_servers``, a long-polling subscriber location ``/sub/``
on 127.0.0.1, in one process.
"""

from __future__ import annotations

import json
import os
import re
import resource
import shutil
import subprocess
from abc import ABC, abstractmethod
from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from string import Template
from typing import Any, ClassVar, NamedTuple

from tests.bench import build
from tests.bench.errors import BenchError, last_line

HERE = Path(__file__).parent
ROOT = HERE.parent.parent
PUBLISHER = "/pub/"
SUBSCRIBER = "/sub/"
STREAMS = "/stream/"
"""The path of the location of event streams and WebSockets."""
STREAMED = {"type": "subscriber", "prefix": STREAMS, "polling": "auto", "create_on_get": True}
SESSIONS = {"type": "socketio", "resource": "socket.io"}
SOCKJS = {"type": "sethpusher", "prefix": "/"}
"""The locations that sessions of the load generator talk to."""
ASK_TIMEOUT = 60
"""Seconds for a program to tell its version."""

EXAMINE = """
import importlib.metadata, json, platform, sys, sysconfig
def version(name):
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return None
options = sysconfig.get_config_var("CONFIG_ARGS") or ""
flags = sysconfig.get_config_var("PY_CFLAGS") or ""
versions = {name: version(name) for name in ("hbpush", "tornado", "uvloop", "httptools", "msgspec")}
sys.path.insert(0, sys.argv[1])
from hbpush.web.write_each import COMPILED
print(json.dumps({
    "python": platform.python_version(), "prefix": sys.base_prefix,
    "optimised": "--enable-optimizations" in options or "-fprofile-use" in flags or "-flto" in flags,
    "versions": versions, "compiled": COMPILED,
}))
"""


class Bounds(NamedTuple):
    """What a server has to have for a work: messages kept in a channel, sessions of Socket.IO or SockJS, streams, an event that is
    acknowledged with what it says.
    """

    keep: int = 1000
    sessions: bool = False
    sockjs: bool = False
    streams: bool = False
    echo: bool = False


class Server(ABC):
    """One server. ``name`` is what the command line and the figures call it, ``dialect`` what the load generator calls its sessions."""

    name: ClassVar[str]
    dialect: ClassVar[str] = ""

    def absent(self) -> str | None:
        """Why it cannot be measured here and what to do about that, None when it can."""
        return None

    @abstractmethod
    def version(self) -> str:
        """Which one it is."""

    @abstractmethod
    def command(self, port: int, folder: Path, bounds: Bounds) -> list[str]:
        """The command that serves on a port until SIGTERM, with its files in a folder. Raises BenchError."""

    def environment(self) -> dict[str, str]:
        """The environment of the process."""
        return dict(os.environ)


class Interpreter:
    """A Python that servers run on."""

    def __init__(self, program: str) -> None:
        self.program = program

    @cached_property
    def facts(self) -> dict[str, Any]:
        """``python``, ``prefix``, ``optimised``, ``versions``, and whether hbpush is ``compiled`` for it. Raises BenchError when it cannot
        be run.
        """
        try:
            done = subprocess.run(
                [self.program, "-c", EXAMINE, str(ROOT)], capture_output=True, text=True, timeout=ASK_TIMEOUT, check=False
            )
        except (OSError, subprocess.TimeoutExpired):
            raise BenchError(f"{self.program} cannot be run") from None
        if done.returncode != 0:
            raise BenchError(f"{self.program} is no Python: {last_line(done.stderr)}")
        facts: dict[str, Any] = json.loads(done.stdout)
        return facts

    def environment(self) -> dict[str, str]:
        """The environment of a process that imports this checkout."""
        return {**os.environ, "PYTHONPATH": str(ROOT)}

    def __str__(self) -> str:
        built = "built with optimisation" if self.facts["optimised"] else "built WITHOUT optimisation, as far as it tells"
        return f"Python {self.facts['python']}, {built}: {self.facts['prefix']}"

    def without(self, package: str) -> str | None:
        """The complaint about a package that it lacks."""
        if self.facts["versions"][package] is None:
            return f"{self.program} has no {package}: {self.program} -m pip install {'-e .' if package == 'hbpush' else package}"
        return None


class Hbpush(Server):
    """This server, from this checkout. ``config`` replaces the configuration that the works ask for, ``store`` options of its store."""

    name = "hbpush"
    dialect = "socketio-0.9"

    def __init__(self, python: Interpreter, config: Path | None = None, store: Mapping[str, Any] | None = None) -> None:
        self.python = python
        self.config = config
        self.store = store or {}

    def absent(self) -> str | None:
        return self.python.without("hbpush")

    def version(self) -> str:
        versions = self.python.facts["versions"]
        written = "in C" if self.python.facts["compiled"] else "in Python: speedups are not compiled"
        parts = [*(f"{name} {versions[name]}" for name in ("tornado", "uvloop", "httptools")), f"writes to many {written}"]
        return f"{versions['hbpush']} ({', '.join(parts)})"

    def command(self, port: int, folder: Path, bounds: Bounds) -> list[str]:
        if bounds.echo:
            return [self.python.program, str(HERE / "tornadio2_echo.py"), str(port)]
        config = self.config
        if config is None:
            config = folder / "hbpushd.json"
            # Bounds that no work reaches, rather than none: an operator has some, and checking them is part of the cost.
            store = {"type": "memory", "max_messages": bounds.keep, "max_channels": 10**6, "max_channel_bytes": 2**30, "max_bytes": 2**30}
            store.update(self.store)
            locations = [
                {"type": "subscriber", "prefix": SUBSCRIBER, "create_on_get": True},
                {"type": "publisher", "prefix": PUBLISHER},
                *([SESSIONS] if bounds.sessions else []),
                *([SOCKJS] if bounds.sockjs else []),
                *([STREAMED] if bounds.streams else []),
            ]
            config.write_text(json.dumps({"store": store, "locations": locations}), encoding="utf-8")
        return [self.python.program, "-m", "hbpush.daemon", "--config", str(config), "--address", "127.0.0.1", "--port", str(port)]

    def environment(self) -> dict[str, str]:
        return self.python.environment()


class Unjoined(Hbpush):
    """This server as ``unjoined`` changes it: without joining."""

    name = "unjoined"

    def version(self) -> str:
        return "hbpush, each message delivered by itself and at once"

    def command(self, port: int, folder: Path, bounds: Bounds) -> list[str]:
        program, _, _, *arguments = super().command(port, folder, bounds)
        return [program, str(HERE / "unjoined.py"), *arguments]


class Nchan(Server):
    """nginx with its push module nchan."""

    name = "nchan"
    MODULES = (Path("/usr/lib/nginx/modules"), Path("/usr/lib64/nginx/modules"), Path("/usr/local/lib/nginx/modules"))
    MEMORY = "1g"

    def absent(self) -> str | None:
        if self._nginx is None or self._module is None:
            return "sudo apt-get install nginx libnginx-mod-nchan"
        return None

    def version(self) -> str:
        nginx = _said([str(self._nginx), "-v"]).rpartition("/")[2]
        package = _said(["dpkg-query", "-W", "-f=${Version}", "libnginx-mod-nchan"]) if shutil.which("dpkg-query") else ""
        found = re.search(r"\d+\.\d[\d.]*", package.rpartition(":")[2])
        return f"{found[0] if found else 'of unknown version'} in nginx {nginx}"

    def command(self, port: int, folder: Path, bounds: Bounds) -> list[str]:
        template = Template((HERE / "nginx.conf.template").read_text(encoding="utf-8"))
        config = folder / "nginx.conf"
        # Workers of root would become another user, who cannot reach the folder.
        user = "user root;" if os.geteuid() == 0 else ""
        descriptors = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
        text = template.substitute(
            module=self._module, user=user, port=port, keep=bounds.keep, memory=self.MEMORY, descriptors=min(descriptors, 2**17)
        )
        config.write_text(text, encoding="utf-8")
        return [str(self._nginx), "-p", f"{folder}/", "-e", "nginx.log", "-c", str(config)]

    @property
    def _nginx(self) -> str | None:
        return shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin:/usr/local/sbin")

    @property
    def _module(self) -> Path | None:
        return next((path for folder in self.MODULES if (path := folder / "ngx_nchan_module.so").exists()), None)


class StockTornado(Server):
    """The server of ``stock_tornado``."""

    name = "tornado"

    def __init__(self, python: Interpreter) -> None:
        self.python = python

    def absent(self) -> str | None:
        return self.python.without("tornado")

    def version(self) -> str:
        return f"{self.python.facts['versions']['tornado']}, stock RequestHandler"

    def command(self, port: int, folder: Path, bounds: Bounds) -> list[str]:
        return [self.python.program, str(HERE / "stock_tornado.py"), str(port), str(bounds.keep)]


class Limit(Server):
    """The bare send() loop."""

    name = "limit"

    def version(self) -> str:
        return "a bare send() loop in C: one system call per delivery, and nothing else"

    def command(self, port: int, folder: Path, bounds: Bounds) -> list[str]:
        return [str(build.send_loop()), str(port)]


def _said(command: list[str]) -> str:
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=ASK_TIMEOUT, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return last_line(done.stdout + done.stderr)
