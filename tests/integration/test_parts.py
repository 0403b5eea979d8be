"""A test run in two parts is refused unless together they are all tests, each once."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.process import ROOT

TESTS = """
import pytest

@pytest.mark.alone
def test_alone():
    pass

@pytest.mark.parametrize("text", ["a", "\\n\\u0436"])
def test_beside_others(text):
    assert text != "a"
"""

TOGETHER, ALONE = ("-n", "2", "--dist", "loadfile", "-m", "not alone"), ("-m", "alone")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A suite of its own, with the options of this one."""
    (tmp_path / "conftest.py").write_text("from tests.conftest import *\n", encoding="utf-8")
    (tmp_path / "test_it.py").write_text(TESTS, encoding="utf-8")
    return tmp_path


def part(folder: Path, *options: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", f"--part={folder / 'ran'}", f"--rootdir={folder}", *options]
    settings = ["-c", str(ROOT / "pyproject.toml"), f"--override-ini=pythonpath={ROOT}", str(folder)]
    return subprocess.run([*command, *settings], cwd=folder, capture_output=True, text=True, timeout=60, check=False)


def test_two_parts_are_everything(folder: Path) -> None:
    together = part(folder, *TOGETHER)
    assert (together.returncode, "1 failed, 1 passed" in together.stdout) == (1, True), together.stdout
    assert len(json.loads((folder / "ran").read_text(encoding="utf-8"))) == 2
    alone = part(folder, *ALONE)
    assert (alone.returncode, "1 passed, 2 deselected" in alone.stdout) == (0, True), alone.stdout


@pytest.mark.parametrize(("first", "second", "times"), [(TOGETHER[4:], (*ALONE, "-k", "others"), 0), (ALONE, (), 2)])
def test_a_test_in_neither_or_both_is_told(folder: Path, first: tuple[str, ...], second: tuple[str, ...], times: int) -> None:
    assert part(folder, *first).returncode in (0, 1)
    told = part(folder, *second)
    assert told.returncode == pytest.ExitCode.USAGE_ERROR, told.stdout
    assert f"1 tests do not run once in the two parts\nruns {times} times: test_it.py::test_alone\n" in told.stderr.replace("ERROR: ", "")
