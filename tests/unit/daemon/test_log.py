"""The log: one line to a record, whatever is in it."""

from __future__ import annotations

import logging
import sys

from hbpush.daemon.log import LineFormatter


def line(text: str, *arguments: object, failed: bool = False) -> str:
    record = logging.LogRecord("hbpush", logging.INFO, __file__, 1, text, arguments, sys.exc_info() if failed else None)
    return LineFormatter().format(record)


def test_a_record_is_time_severity_and_text() -> None:
    date, time, level, text = line("port %d", 80).split(" ", 3)
    assert (len(date), len(time), level, text) == (10, 12, "INFO", "port 80")


def test_control_characters_are_escaped() -> None:
    assert line("a %s", "b\r\nc\x1b[2J\u2028é").endswith("INFO a b\\r\\nc\\x1b[2J\\u2028é")


def test_an_error_is_told_in_the_same_line() -> None:
    try:
        raise ValueError("two\nlines")
    except ValueError:
        told = line("failed", failed=True)
    assert "failed (ValueError: two\\nlines; at test_log.py:" in told
    assert "\n" not in told
