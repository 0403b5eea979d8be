"""What the bench says when a run fails."""

from __future__ import annotations


class BenchError(Exception):
    """A run failed. Its text is one line that says why."""


def last_line(text: str) -> str:
    """The last line that says something, without line end."""
    lines = [line for line in text.splitlines() if line.strip()]
    return lines[-1].strip() if lines else ""
