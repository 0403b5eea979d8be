"""How a command ends: its exit status, and the one line that it says when that is not 0."""

from __future__ import annotations

import sys
from collections.abc import Callable

from hbpush.daemon.log import one_line, say
from hbpush.errors import HbpushError

DONE = 0
MISSING = 1
"""The bench has lost messages, or got some twice."""
MISUSED = 2
REFUSED = 3
"""The server does not want it, or has ended it for good: asking again would not help."""
UNREACHABLE = 4
"""There is no server, or none that can do it now. What became of a message is not known."""
SHORT = 5
"""The time was over before all messages that were asked for had come."""


class Ending(HbpushError):
    """Why a command cannot go on, in one line."""

    status: int


class Refused(Ending):
    """The server has said no."""

    status = REFUSED


class Unreachable(Ending):
    """No server, or no answer. ``retry_after`` is in seconds: what the server has asked for, 0 for nothing."""

    status = UNREACHABLE

    def __init__(self, message: str, retry_after: float = 0) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class Silence(Unreachable):
    """Nothing came in time on a connection that stands."""


def ended(command: str, work: Callable[[], int]) -> int:
    """Do the work of a command, and return its exit status; an `Ending` is said in one line."""
    try:
        return work()
    except Ending as ending:
        tell(command, str(ending))
        return ending.status


def write(text: str) -> None:
    """Write to stdout, now. Raises OSError when nobody reads."""
    sys.stdout.write(text)
    sys.stdout.flush()


def tell(command: str, text: str) -> None:
    """Say one line on stderr."""
    say(one_line(f"hbpushd {command}: {text}"))
