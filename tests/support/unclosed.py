"""What a test left open when its loop was closed: it fails the run, though not where it is found.

uvloop warns of each handle as it closes the loop. A warning raised there leaves the handle open, and the loop waits for it for ever.
"""

from __future__ import annotations

import warnings

import pytest

WORDS = "unclosed resource <"
"""How such a warning begins."""


class Unclosed:
    """Counts as a failure of the run what uvloop found open."""

    def __init__(self) -> None:
        self._found: list[str] = []

    def pytest_warning_recorded(self, warning_message: warnings.WarningMessage, nodeid: str) -> None:
        text = str(warning_message.message)
        if issubclass(warning_message.category, ResourceWarning) and text.startswith(WORDS):
            self._found.append(f"{nodeid}: {text}")

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        for line in self._found:
            terminalreporter.write_line(f"LEFT OPEN {line}", red=True)

    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        if self._found and session.exitstatus == pytest.ExitCode.OK:
            session.exitstatus = pytest.ExitCode.TESTS_FAILED


def register(config: pytest.Config) -> None:
    """Watch over a run."""
    config.addinivalue_line("filterwarnings", f"always:{WORDS}:ResourceWarning")
    config.pluginmanager.register(Unclosed(), "unclosed")
