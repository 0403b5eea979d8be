"""What settings of the routers have to be, as far as they are numbers. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import isfinite
from typing import Any

from hbpush.errors import ConfigError


def check_numbers(
    settings: Mapping[str, Any],
    positive: Sequence[str],
    natural: Sequence[str],
    whole: Sequence[str],
    place: str = "",
    below: Mapping[str, float] | None = None,
) -> None:
    """Look at those that have to be more than 0, and at those that may be 0; ``whole`` are those of both that have no fraction.

    ``below`` are what some of them have to be less than. Raises ConfigError with ``place`` before the name of the first that is wrong.
    """
    for name in (*positive, *natural):
        value, limit = settings[name], None if below is None else below.get(name)
        kind = (int,) if name in whole else (int, float)
        if (
            not isinstance(value, kind)
            or isinstance(value, bool)
            or not isfinite(value)
            or value < 0
            or (value == 0 and name in positive)
            or (limit is not None and value >= limit)
        ):
            must = f"a {'whole ' if name in whole else ''}number, {'more than 0' if name in positive else '0 or more'}"
            less = "" if limit is None else f" and less than {limit:g}"
            raise ConfigError(f"is {value!r}; must be {must}{less}", f"{place}{name}")
