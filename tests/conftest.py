"""What holds for every test: no unexpected log record, and the long ones only when they are asked for."""

from __future__ import annotations

import logging
import re
import signal
from collections.abc import Iterator

import hypothesis
import pytest

from tests.support import parts, unclosed

# How long an example takes says something about the machine, and nothing about what is tested.
hypothesis.settings.register_profile("house", deadline=None, suppress_health_check=[hypothesis.HealthCheck.too_slow])
hypothesis.settings.load_profile("house")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--full", action="store_true", help="also run the tests that take minutes")
    parser.addoption("--part", metavar="FILE", help="this is one of two runs with the same FILE: see tests/support/parts.py")


def pytest_configure(config: pytest.Config) -> None:
    if signal.getsignal(signal.SIGINT) == signal.SIG_IGN:
        # Whoever runs tests in the background of a script has it ignored, and all that they start too: some of that is to end by it.
        signal.signal(signal.SIGINT, signal.default_int_handler)
    config.addinivalue_line("markers", "full: takes minutes; runs with --full only")
    config.addinivalue_line("markers", "alone: measures, or minds what else runs; bin/test runs nothing beside it")
    parts.register(config)
    unclosed.register(config)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if config.getoption("--full"):
        return
    skip = pytest.mark.skip(reason="takes minutes: run with --full")
    for item in items:
        if "full" in item.keywords:
            item.add_marker(skip)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """List what tests declare with ``record_property(name, text)``: what they pass over by intent ("left out"), what was found of
    cases that others wrote ("verdicts")."""
    for report in terminalreporter.getreports("passed"):
        for name, text in report.user_properties:
            if name in ("left out", "verdicts") and report.when == "call":
                terminalreporter.write_line(f"{report.nodeid} {name}: {text}")


class ExpectedLogs(logging.Handler):
    """Takes the log records of one test from WARNING up, and knows which of them were announced."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self._taken: list[logging.LogRecord] = []
        self._expected: list[str] = []

    def __call__(self, pattern: str) -> None:
        """Announce records whose text has ``pattern`` (a regular expression, searched for). At least one of them has to come."""
        self._expected.append(pattern)

    def emit(self, record: logging.LogRecord) -> None:
        self._taken.append(record)

    def texts(self) -> list[str]:
        """The records so far, each as ``LEVEL logger: message`` with its traceback, if any."""
        formatter = logging.Formatter("%(levelname)s %(name)s: %(message)s")
        return [formatter.format(record) for record in self._taken]

    def complaints(self) -> list[str]:
        """What came and was not announced, and what was announced and did not come."""
        texts = self.texts()
        strange = [text for text in texts if not any(re.search(pattern, text) for pattern in self._expected)]
        absent = [pattern for pattern in self._expected if not any(re.search(pattern, text) for text in texts)]
        return [f"unexpected log record: {text}" for text in strange] + [f"no log record with: {pattern}" for pattern in absent]


@pytest.fixture(autouse=True)
def expected_logs() -> Iterator[ExpectedLogs]:
    """Fails a test for records of WARNING and above, unless it called ``expected_logs(pattern)`` for them."""
    handler = ExpectedLogs()
    root = logging.getLogger()
    root.addHandler(handler)
    try:
        yield handler
    finally:
        root.removeHandler(handler)
    complaints = handler.complaints()
    if complaints:
        pytest.fail("\n".join(complaints), pytrace=False)
