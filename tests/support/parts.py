"""One test run in two: most tests at once in several processes, and those marked ``alone`` when nothing else runs.

``--part FILE`` is given to both. The first notes in the file which tests ran; the second is refused when a test is in neither or in both.
"""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path

import pytest

SHOWN = 20


def register(config: pytest.Config) -> None:
    """Note or compare, if this is a part. Among several processes, only the one that is told of all tests does."""
    name = config.getoption("--part")
    if name is None or hasattr(config, "workerinput"):
        return
    file = Path(name)
    config.pluginmanager.register(Second(file) if file.exists() else First(file), "part")


class First:
    """Notes the tests that ran, those that were skipped or failed included; nothing when a process ended before it had run its own."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._ran: set[str] = set()
        self._whole = True

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        self._ran.add(report.nodeid)

    @pytest.hookimpl(optionalhook=True)
    def pytest_testnodedown(self, error: object) -> None:
        self._whole = self._whole and not error

    def pytest_sessionfinish(self) -> None:
        if self._whole:
            self._file.write_text(json.dumps(sorted(self._ran)), encoding="utf-8")


class Second:
    """Compares with the first part: together they are all tests that there are, each once."""

    def __init__(self, file: Path) -> None:
        self._times: Counter[str] = Counter(json.loads(file.read_text(encoding="utf-8")))
        self._all: list[str] = []

    @pytest.hookimpl(tryfirst=True)
    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        self._all = [item.nodeid for item in items]

    def pytest_collection_finish(self, session: pytest.Session) -> None:
        self._times.update(item.nodeid for item in session.items)
        wrong = [f"runs {self._times[test]} times: {test}" for test in self._all if self._times[test] != 1]
        if wrong:
            raise pytest.UsageError("\n".join([f"{len(wrong)} tests do not run once in the two parts", *wrong[:SHOWN]]))
