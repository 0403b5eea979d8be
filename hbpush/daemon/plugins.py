"""What is installed: types of stores and locations, and sub-commands, by the entry points of installed distributions."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from importlib.metadata import EntryPoint, entry_points
from typing import Any, TypeVar

import msgspec

from hbpush.daemon.location import Location
from hbpush.daemon.options import nearest, shown
from hbpush.errors import ConfigError
from hbpush.stores.base import Store

LOCATIONS = "hbpush.locations"
STORES = "hbpush.stores"
COMMANDS = "hbpush.commands"

Command = Callable[[Sequence[str]], int]
"""A sub-command: its arguments, and the exit status it returns."""

K = TypeVar("K", Location, Store)


def installed(group: str) -> list[str]:
    """The names in a group, sorted."""
    return sorted({point.name for point in entry_points(group=group)})


def location_type(name: object, path: str) -> type[Location]:
    """The location type that ``type: name`` means. Raises ConfigError with the path."""
    return _type(LOCATIONS, "location", Location, name, path)  # type: ignore[type-abstract]


def store_type(name: object, path: str) -> type[Store]:
    """The store type that ``type: name`` means. Raises ConfigError with the path."""
    return _type(STORES, "store", Store, name, path)  # type: ignore[type-abstract]


def command(name: str) -> Command:
    """The sub-command of an installed name. Raises ConfigError when it cannot be loaded."""
    loaded: Command = _load(COMMANDS, name, "")
    return loaded


def _type(group: str, what: str, base: type[K], name: object, path: str) -> type[K]:
    names = installed(group)
    known = f"the installed {what} types: {', '.join(names) or 'none'}"
    if name is None:
        raise ConfigError(f"is missing; {known}", path)
    if not isinstance(name, str) or name not in names:
        raise ConfigError(f"is {shown(name)}, an unknown {what} type; {nearest(name, names) if isinstance(name, str) else ''}{known}", path)
    loaded = _load(group, name, path)
    if not (isinstance(loaded, type) and issubclass(loaded, base)):
        raise ConfigError(f"the plug-in {name!r} is broken: {loaded!r} is no {what} type", path)
    declared = getattr(loaded, "Settings", None)
    if not (isinstance(declared, type) and issubclass(declared, msgspec.Struct)):
        raise ConfigError(f"the plug-in {name!r} is broken: its Settings are no msgspec.Struct", path)
    return loaded


def _load(group: str, name: str, path: str) -> Any:
    points: set[EntryPoint] = {point for point in entry_points(group=group) if point.name == name}
    targets = sorted({point.value for point in points})
    if len(targets) > 1:
        raise ConfigError(f"the plug-in {name!r} is installed twice: {', '.join(targets)}; uninstall all but one", path)
    try:
        return next(iter(points)).load()
    except Exception as error:
        # Whatever somebody else's module raises while it is imported: the operator has to know which one it was.
        said = " ".join(str(error).split()) or type(error).__name__
        raise ConfigError(f"the plug-in {name!r} ({targets[0]}) cannot be loaded: {said}", path) from error
