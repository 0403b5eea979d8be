"""A location with the options ``key`` and ``key_file`` of `hbpush.daemon.keys`. What the key opens is for those who derive."""

from __future__ import annotations

from collections.abc import Hashable
from typing import Any, ClassVar

from hbpush.daemon import keys
from hbpush.daemon.location import Location


class KeyedLocation(Location):
    """It has to be readable, and what a file holds counts at a reload."""

    without_key: ClassVar[str] = ""
    """What an operator should read at start where there is no key and others reach the server; empty for nothing."""

    @classmethod
    def check(cls, settings: Any) -> None:
        super().check(settings)
        keys.read(settings)

    @classmethod
    def fingerprint(cls, settings: Any) -> Hashable:
        return keys.read(settings)

    @classmethod
    def warnings(cls, settings: Any, loopback: bool) -> list[str]:
        found = super().warnings(settings, loopback)
        return found if loopback or settings.key or settings.key_file or not cls.without_key else [*found, cls.without_key]
