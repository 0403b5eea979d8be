"""The transports that a router of either API is told to serve."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from typing import Any

from hbpush.errors import ConfigError

_log = logging.getLogger("hbpush.socketio")

NAME = "enabled_protocols"


def enabled(settings: Mapping[str, Any], known: Sequence[str], place: str) -> tuple[str, ...]:
    """Those that the setting names, in its order. A name that is none is skipped, as ever, and a warning tells of it.

    Raises ConfigError with ``place`` before its name for what is no list, and for one that leaves nothing.
    """
    listed = settings[NAME]
    names = ", ".join(known)
    if not isinstance(listed, list | tuple | set | frozenset) or not all(isinstance(name, str) for name in listed):
        raise ConfigError(f"is {listed!r}; must be a list of transports: {names}", f"{place}{NAME}")
    found = tuple(dict.fromkeys(name for name in listed if name in known))
    if not found:
        raise ConfigError(f"is {listed!r}, which serves nobody; must be a list of transports: {names}", f"{place}{NAME}")
    for name in listed:
        if name not in known:
            _log.warning("%s: %r is no transport; they are %s", NAME, name, names)
    return found
