"""A test that leaves a transport open fails the run, and does not hold it up for ever."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
TIMEOUT = 60
"""Seconds for a run of one test."""

LEAVING = """
import asyncio, socket, uvloop
kept = []
async def leave():
    kept[:] = socket.socketpair()
    kept.append(await asyncio.get_running_loop().create_connection(asyncio.Protocol, sock=kept[0]))
def test_it():
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(leave())
    kept.pop()[0].abort()
    kept.pop().close()
"""


@pytest.mark.parametrize("processes", ["0", "2"])
def test_a_transport_that_is_left_open(tmp_path: Path, processes: str) -> None:
    (tmp_path / "test_leaving.py").write_text(LEAVING)
    command = [sys.executable, "-m", "pytest", "-c", str(ROOT / "pyproject.toml"), "-p", "tests.conftest", "-p", "no:cacheprovider"]
    done = subprocess.run(
        [*command, "-n", processes, str(tmp_path)], cwd=ROOT, capture_output=True, text=True, timeout=TIMEOUT, check=False
    )
    assert "LEFT OPEN" in done.stdout, done.stdout + done.stderr
    assert done.returncode == pytest.ExitCode.TESTS_FAILED
