"""The names of the originals, for programs whose import lines cannot be changed."""

from __future__ import annotations

import sys
from importlib import import_module

from hbpush.errors import ConfigError

ORIGINALS = {
    "tornadio2": (
        "conn", "flashserver", "gen", "periodic", "persistent", "polling", "preflight", "proto", "router", "server", "session",
        "sessioncontainer", "stats",
    ),
}  # fmt: skip
"""Packages, and their modules."""


def install_aliases() -> None:
    """Let ``import tornadio2`` find what is here. Call it before that. Raises ConfigError when the original was imported already."""
    for package, modules in ORIGINALS.items():
        for name in ("", *modules):
            alias = f"{package}.{name}" if name else package
            module = import_module(f"socketio_compat.{alias}")
            if sys.modules.setdefault(alias, module) is not module:
                raise ConfigError(f"another package {alias} was imported already")
