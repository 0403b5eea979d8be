"""A test that hangs fails a run of ``bin/test``, also where it hears no signal, and ends it instead of holding it up."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
TIMEOUT = 60
"""Seconds for a run of two tests."""

HANGING = """
import asyncio, uvloop
def test_one():
    pass
def test_it():
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(asyncio.Event().wait())
"""


def test_a_test_that_hangs(tmp_path: Path) -> None:
    (tmp_path / "test_hanging.py").write_text(HANGING)
    [options] = re.findall(r"^hanging=\((.*)\)$", (ROOT / "bin/test").read_text(), re.MULTILINE)
    command = [sys.executable, "-m", "pytest", "-c", str(ROOT / "pyproject.toml"), "-p", "tests.conftest", "-p", "no:cacheprovider"]
    options = re.sub(r"(?<=faulthandler_timeout=)\d+", "2", options)
    done = subprocess.run(
        [*command, *options.split(), "-n", "1", "--dist", "loadfile", f"--part={tmp_path / 'ran'}", str(tmp_path)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=TIMEOUT,
        check=False,
    )
    assert re.search(r"crashed while running .*::test_it", done.stdout), done.stdout + done.stderr
    assert "1 failed, 1 passed" in done.stdout
    assert "in test_it" in done.stderr
    assert done.returncode == pytest.ExitCode.TESTS_FAILED
    # So what is to run after it does not: see bin/test.
    assert not (tmp_path / "ran").exists()
