"""``conf/hbpushd.service``: systemd takes it, and what it starts serves, reads its configuration again, and ends in time."""

from __future__ import annotations

import configparser
import ctypes
import resource
import shlex
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.integration.conf.configured import hbpushd_yaml, replaced
from tests.support.plain_http import Asked, ask, wait_until_held
from tests.support.ports import free_port
from tests.support.process import PATIENCE, Daemon

INSTALLED = "/opt/hbpush/bin/hbpushd"
EXPOSED = 20
"""Of the 100 by which systemd counts what a service may do beyond its work."""
REFUSE_EXEC_GAIN = 65, 1
"""prctl: from now on no memory becomes executable, as with MemoryDenyWriteExecute. Kernels before 6.3 do not know it."""

needs_systemd = pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="needs systemd-analyze, which comes with systemd")


@pytest.fixture
def unit(tmp_path: Path) -> Path:
    """The file, with the program that is installed here."""
    return replaced("hbpushd.service", tmp_path, {f"ExecStart={INSTALLED}": f"ExecStart={sys.prefix}/bin/hbpushd"})


def analyze(*arguments: str) -> None:
    done = subprocess.run(["systemd-analyze", *arguments], capture_output=True, text=True, timeout=PATIENCE, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    # What it does not understand it passes over, with a line.
    assert done.stderr == ""


@needs_systemd
def test_systemd_understands_it(unit: Path) -> None:
    analyze("verify", "--man=no", str(unit))


@needs_systemd
def test_it_may_do_little_beyond_its_work(unit: Path) -> None:
    analyze("security", "--offline=true", f"--threshold={EXPOSED}", "--no-pager", str(unit))


def test_what_it_starts_serves_reloads_and_ends(unit: Path, tmp_path: Path) -> None:
    service = configparser.RawConfigParser(strict=False, delimiters="=")
    service.optionxform = str  # type: ignore[assignment, method-assign]
    service.read(unit, encoding="utf-8")
    values = service["Service"]
    start, reload = shlex.split(values["ExecStart"]), shlex.split(values["ExecReload"])
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    files = int(values["LimitNOFILE"]) if hard == resource.RLIM_INFINITY else min(int(values["LimitNOFILE"]), hard)
    configuration = hbpushd_yaml(tmp_path, free_port())
    assert start[1:] == ["--config=/etc/hbpush/hbpushd.yaml"]

    def as_systemd_does() -> None:
        resource.setrlimit(resource.RLIMIT_NOFILE, (files, files))
        ctypes.CDLL(None).prctl(*REFUSE_EXEC_GAIN, 0, 0, 0)

    program = [start[0], f"--config={configuration}", "--port=0"]
    with Daemon(program=program, preexec=as_systemd_does, expected=("cannot be reached", "port: has changed")) as daemon:
        assert f"{files} file descriptors" in daemon.wait_for("listening on")
        ask(daemon.port, "PUT", "/publisher/news")
        poll = Asked(daemon.port, "GET", "/subscriber/news")
        wait_until_held(daemon.port, "/publisher/news")
        subprocess.run([word.replace("$MAINPID", f"{daemon.process.pid}") for word in reload], timeout=PATIENCE, check=True)
        daemon.wait_for("configuration read again")
        wait_until_held(daemon.port, "/publisher/news")
        began = time.monotonic()
        daemon.signal(signal.Signals[values["KillSignal"]])
        assert poll.answer().status == 304
        assert daemon.wait() == 0
        assert time.monotonic() - began < int(values["TimeoutStopSec"])
