"""The log of the process: stderr, one line to a record."""

from __future__ import annotations

import logging
import os
import sys
import traceback
from contextlib import suppress

from hbpush.daemon.settings import LogLevel

FRAMES = 4
"""How many of the innermost places an unexpected error is logged with."""


class LineFormatter(logging.Formatter):
    """Time, severity, text. Control characters are escaped, for text of clients may be in it; an error is told in the same line."""

    def __init__(self) -> None:
        super().__init__("%(asctime)s %(levelname)s %(message)s")

    def format(self, record: logging.LogRecord) -> str:
        record.message = record.getMessage()
        record.asctime = self.formatTime(record)
        line = self.formatMessage(record)
        if record.exc_info and record.exc_info[1] is not None:
            line += f" ({told(record.exc_info[1])})"
        return one_line(line)


def set_up(level: LogLevel) -> None:
    """Send the log to stderr, in place of whatever was set up before."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(LineFormatter())
    logging.basicConfig(handlers=[handler], level=level.upper(), force=True)


def say(line: str) -> None:
    """Tell the operator, on stderr; when it cannot be written there is nobody to tell."""
    with suppress(OSError):
        sys.stderr.write(line + "\n")
        sys.stderr.flush()


def open_streams() -> None:
    """Give a process that was started without stdin, stdout or stderr the null device instead.

    Else the first sockets would get their numbers, and what is said would go to clients.
    """
    for descriptor, name, mode in ((0, "stdin", "r"), (1, "stdout", "w"), (2, "stderr", "w")):
        try:
            os.fstat(descriptor)
        except OSError:
            # The lowest free number is the one that is missing.
            os.open(os.devnull, os.O_RDWR)
        if getattr(sys, name) is None:
            setattr(sys, name, open(descriptor, mode, closefd=False))  # noqa: SIM115 - as long as the process


def set_level(level: LogLevel) -> None:
    """Change the least severity that is logged."""
    logging.getLogger().setLevel(level.upper())


def one_line(text: str) -> str:
    """Text with its control characters escaped."""
    return text if text.isprintable() else "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)


def told(error: BaseException) -> str:
    """An error that nobody expected, in one line: its type, what it says, and the innermost places it came through."""
    places = [f"{frame.filename.rpartition('/')[2]}:{frame.lineno}" for frame in traceback.extract_tb(error.__traceback__)[-FRAMES:]]
    return f"{type(error).__name__}: {error}; at {' > '.join(places) or 'an unknown place'}"
