"""What settings of the routers have to be, as far as they are numbers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from hbpush.errors import ConfigError


def check_numbers(settings: Mapping[str, Any], positive: Sequence[str], natural: Sequence[str], whole: Sequence[str], place: str) -> None:
    """Look at those that have to be more than 0, and at those that may be 0; ``whole`` are those of both that have no fraction.

    Raises ConfigError with ``place`` before the name of the first that is wrong.
    """
    for name in (*positive, *natural):
        value, least = settings[name], "more than 0" if name in positive else "0 or more"
        kind = (int,) if name in whole else (int, float)
        if not isinstance(value, kind) or isinstance(value, bool) or value < 0 or (value == 0 and name in positive):
            raise ConfigError(f"is {value!r}; must be {least}", f"{place}.{name}")
