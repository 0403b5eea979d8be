"""A fresh clone becomes a running server with one command; what is in its way is told in one line."""

from __future__ import annotations

import os
import re
import select
import shutil
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path

import pytest

from tests.support import speedups
from tests.support.ports import free_port

ROOT = Path(__file__).resolve().parents[2]
PATIENCE = 120.0
OFFLINE = {"PIP_CONFIG_FILE": os.devnull, "PIP_FIND_LINKS": "", "PIP_NO_INDEX": "1"}
NO_NETWORK = ("Failed to establish a new connection", "NameResolutionError", "Temporary failure in name resolution", "ProxyError")


def surroundings(extra: Mapping[str, str]) -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if not name.startswith(("HBPUSH_", "PYTHON"))} | dict(extra)


def hbpushd(checkout: Path, *arguments: str, **extra: str) -> subprocess.CompletedProcess[str]:
    [ended] = hbpushds(1, checkout, *arguments, **extra)
    return ended


def hbpushds(count: int, checkout: Path, *arguments: str, **extra: str) -> list[subprocess.CompletedProcess[str]]:
    """Several at once. What does not end in time is killed with all that it has started: a child would keep the pipes open."""
    begin = time.monotonic()
    command = [checkout / "bin" / "hbpushd", *arguments]
    starts = [
        subprocess.Popen(
            command, env=surroundings(extra), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True
        )
        for _ in range(count)
    ]
    try:
        told = [start.communicate(timeout=max(0.1, begin + PATIENCE - time.monotonic())) for start in starts]
    except subprocess.TimeoutExpired:
        for start in starts:
            with suppress(ProcessLookupError):
                os.killpg(start.pid, signal.SIGKILL)
            start.communicate(timeout=10)
        raise
    return [subprocess.CompletedProcess(command, start.returncode, *texts) for start, texts in zip(starts, told, strict=True)]


@pytest.fixture(scope="module")
def clone(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What somebody has who cloned the repository just now."""
    if not (ROOT / ".git").exists() or shutil.which("git") is None:
        pytest.skip("needs git, and a checkout that git knows")
    clone = tmp_path_factory.mktemp("fresh") / "hbpush"
    subprocess.run(["git", "clone", "-q", ROOT, clone], check=True, timeout=60)
    return clone


@pytest.fixture
def bare(tmp_path: Path) -> Path:
    """As much of a checkout as preparing needs."""
    for name in ("bin", "hbpush"):
        shutil.copytree(ROOT / name, tmp_path / name, ignore=shutil.ignore_patterns("__pycache__", "*.so"))
    for name in ("setup.py", "pyproject.toml", "README.rst", "LICENSE"):
        shutil.copy(ROOT / name, tmp_path / name)
    return tmp_path


@pytest.fixture(scope="module")
def prepared(clone: Path) -> Path:
    """The clone after its first start, which are two at once: both succeed, and one of them has prepared it."""
    starts = hbpushds(2, clone, "--version")
    log = clone / ".venv.log"
    if any(start.returncode for start in starts) and log.exists() and any(text in log.read_text() for text in NO_NETWORK):
        pytest.skip("needs the network")
    assert [start.returncode for start in starts] == [0, 0], starts
    assert [re.sub(r"[\d.]+", "N", start.stdout) for start in starts] == ["hbpushd N\n", "hbpushd N\n"]
    assert sorted("preparing" in start.stderr for start in starts) == [False, True], starts
    return clone


@pytest.fixture
def served(prepared: Path) -> Iterator[str]:
    """The address of a server that runs from the clone, started through a link from another directory."""
    port = free_port()
    link = prepared.parent / "started"
    link.symlink_to(prepared / "bin" / "hbpushd")
    server = subprocess.Popen(
        [link, f"--config={prepared / 'conf' / 'default.yaml'}", f"--port={port}"],
        cwd="/",
        env=surroundings(OFFLINE),
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        assert server.stderr is not None
        assert select.select([server.stderr], [], [], PATIENCE)[0], "it says nothing"
        assert "listening on" in server.stderr.readline()
        yield f"http://127.0.0.1:{port}"
    finally:
        link.unlink()
        server.send_signal(signal.SIGTERM)
        try:
            told = server.communicate(timeout=30)[1]
        finally:
            server.kill()
    assert server.returncode == 0
    assert all(" INFO " in line for line in told.splitlines()), told


def test_fresh_clone_serves(served: str) -> None:
    with urllib.request.urlopen(f"{served}/publisher/test", b"Hello world!", timeout=30) as answer:
        assert answer.status == 202
    with urllib.request.urlopen(f"{served}/subscriber/test", timeout=30) as answer:
        assert answer.read() == b"Hello world!"


def test_clone_stays_clean(prepared: Path) -> None:
    status = subprocess.run(["git", "status", "--short"], cwd=prepared, capture_output=True, text=True, timeout=60, check=True)
    assert status.stdout == ""


def test_changed_setup_renews_without_network_when_nothing_is_missing(prepared: Path) -> None:
    setup = prepared / "setup.py"
    before = setup.read_bytes()
    setup.write_bytes(before.replace(b"hbpushd = ", b'hbpushd-again = hbpush.daemon.cli:main", "hbpushd = '))
    try:
        renewed = hbpushd(prepared, "--version", **OFFLINE)
        assert (renewed.returncode, renewed.stderr.count("\n")) == (0, 1), renewed.stderr
        assert (prepared / ".venv" / "bin" / "hbpushd-again").exists()
        assert hbpushd(prepared, "--version", **OFFLINE).stderr == ""
    finally:
        setup.write_bytes(before)


def compiled(checkout: Path) -> set[float]:
    """When the parts in C were compiled."""
    return {path.stat().st_mtime_ns for path in (checkout / "hbpush" / "web").glob("speedups*.so")}


@pytest.mark.skipif(speedups.missing() is not None, reason=speedups.missing() or "")
def test_changed_source_in_c_is_compiled_again_and_no_compiler_is_needed(prepared: Path) -> None:
    first = compiled(prepared)
    assert len(first) == 1
    source = prepared / "hbpush" / "web" / "speedups.c"
    before = source.read_bytes()
    served = "from hbpush.web.write_each import COMPILED; import hbpush.daemon.cli; print(COMPILED)"
    try:
        source.write_bytes(before + b"/* changed */\n")
        renewed = hbpushd(prepared, "--version", **OFFLINE)
        assert (renewed.returncode, renewed.stderr.count("\n")) == (0, 1), renewed.stderr
        second = compiled(prepared)
        assert len(second) == 1
        assert second.isdisjoint(first)
        source.write_bytes(before + b"/* changed again */\n")
        without = hbpushd(prepared, "--version", CC="false", **OFFLINE)
        assert (without.returncode, without.stderr.count("\n")) == (0, 1), without.stderr
        assert compiled(prepared) == set()
        python = prepared / ".venv" / "bin" / "python"
        told = subprocess.run([python, "-P", "-c", served], env=surroundings({}), capture_output=True, text=True, timeout=60, check=True)
        assert told.stdout == "False\n"
    finally:
        source.write_bytes(before)
    assert hbpushd(prepared, "--version", **OFFLINE).returncode == 0
    assert len(compiled(prepared)) == 1


def python_that(tmp_path: Path, lies: str) -> str:
    """An interpreter of which something else is true."""
    stub = tmp_path / "python-that-lies"
    stub.write_text(f'#!/bin/sh\nshift\nCODE="$1" exec {sys.executable} -c \'{lies}; import os; exec(os.environ["CODE"])\'\n')
    stub.chmod(0o755)
    return str(stub)


def test_old_python_is_told_in_one_line(bare: Path) -> None:
    python = python_that(bare, "import sys; sys.version_info = (3, 9, 2)")
    told = hbpushd(bare, HBPUSH_PYTHON=python)
    assert (told.returncode, told.stdout) == (1, "")
    assert told.stderr == (
        f"hbpushd: needs Python 3.11 or newer ({python} is 3.9): install it, or name one with HBPUSH_PYTHON=/path/to/python3\n"
    )
    assert not (bare / ".venv").exists()


def test_python_without_ensurepip_is_told_in_one_line(bare: Path) -> None:
    python = python_that(bare, 'import sys; sys.modules["ensurepip"] = None; sys.version_info = (3, 12, 1)')
    told = hbpushd(bare, HBPUSH_PYTHON=python)
    assert (told.returncode, told.stdout) == (1, "")
    assert told.stderr == (
        f"hbpushd: {python} cannot make virtual environments: install ensurepip (sudo apt-get install python3.12-venv), "
        "or name another Python with HBPUSH_PYTHON=/path/to/python3\n"
    )


def test_failed_install_is_told_and_tried_again(bare: Path) -> None:
    for _ in range(2):
        told = hbpushd(bare, "--version", HBPUSH_PYTHON=sys.executable, **OFFLINE)
        assert (told.returncode, told.stdout) == (1, "")
        preparing, failed = told.stderr.splitlines()
        assert preparing == f"hbpushd: preparing {bare}/.venv; this may take a minute"
        assert failed.startswith("hbpushd: could not install what setup.py asks for (is there a network?)")
        assert f"{bare}/.venv.log" in failed
        assert (bare / ".venv.log").stat().st_size


def test_given_environment_is_not_touched(bare: Path) -> None:
    told = hbpushd(bare, "--version", HBPUSH_VENV=sys.prefix, **OFFLINE)
    assert (told.returncode, told.stderr) == (0, "")
    assert not list(bare.glob(".venv*"))
    assert hbpushd(bare, HBPUSH_VENV=str(bare)).stderr == f"hbpushd: HBPUSH_VENV={bare} is not a virtual environment\n"
