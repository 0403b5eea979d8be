"""The Lua scripts of the Redis store, with the bounds of a store written in front of them."""

from __future__ import annotations

from hashlib import sha1
from importlib.resources import files
from math import ceil
from typing import NamedTuple

from hbpush.stores.base import UNHEARD_TIMEOUT, StoreSettings

CHANNEL = ("publish", "read", "create", "info", "delete", "look", "report", "claim")
"""Those that work on one channel: `channel.lua` comes before each of them."""


FREEING = ("read", "info", "delete", "look", "report", "beat", "open", "lease")
"""Those that free memory, or are needed for it: a server that is full runs them all the same."""

ALLOW_OOM = "#!lua flags=allow-oom\n"


class Script(NamedTuple):
    """A script by its digest, as EVALSHA wants it, and its text for a server that does not know it."""

    sha: bytes
    text: bytes


class Scripts(NamedTuple):
    """All of them, for one store."""

    publish: Script
    read: Script
    create: Script
    info: Script
    delete: Script
    look: Script
    report: Script
    claim: Script
    beat: Script
    open: Script
    lease: Script


def scripts(settings: StoreSettings, database: int) -> Scripts:
    """The scripts with the bounds of a store; 0 is no limit."""

    def bound(value: float) -> str:
        return f"{value:.0f}" if value else "math.huge"

    bounds = {
        "max_messages": bound(settings.max_messages),
        "min_messages": str(settings.min_messages),
        "message_timeout": milliseconds(settings.message_timeout).decode(),
        "max_channel_bytes": bound(settings.max_channel_bytes),
        "max_bytes": bound(settings.max_bytes),
        "max_channels": bound(settings.max_channels),
        "idle_timeout": bound(int(milliseconds(settings.idle_channel_timeout))),
        "passing_timeout": milliseconds(UNHEARD_TIMEOUT).decode(),
        "database": f"'{database}'",
    }
    first = f"local {', '.join(bounds)} = {', '.join(bounds.values())}\n" + _text("channel")
    return Scripts(
        **{
            name: _script((ALLOW_OOM if name in FREEING else "") + (first if name in CHANNEL else "") + _text(name))
            for name in Scripts._fields
        }
    )


def milliseconds(seconds: float) -> bytes:
    """A time-out as the scripts have it. What is too short for one is one: 0 is for ever."""
    return b"%d" % ceil(seconds * 1000)


def _text(name: str) -> str:
    return files("hbpush.stores").joinpath("scripts", f"{name}.lua").read_text(encoding="utf-8")


def _script(text: str) -> Script:
    encoded = text.encode()
    return Script(sha1(encoded, usedforsecurity=False).hexdigest().encode(), encoded)
