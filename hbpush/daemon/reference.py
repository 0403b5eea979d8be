"""What can be configured and what is configured, as text for ``--options`` and ``--check``: made from the declarations."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence

import msgspec

from hbpush.daemon import plugins
from hbpush.daemon.assembly import Assembly
from hbpush.daemon.location import Location
from hbpush.daemon.options import allowed, description, nested, secret, shown
from hbpush.daemon.settings import ServerSettings
from hbpush.errors import ConfigError
from hbpush.stores.base import Store

GATHERED = 72
"""Characters of a line of routes up to which one more is put into it."""

_NAMED = re.compile(r"(.*/)([\w.-]+/?)", re.DOTALL)
"""A pattern that ends with a plain name: its folder, and the name."""


def options() -> str:
    """Every option of the server and of each installed store and location type."""
    parts = [
        "Server: the top level of the configuration\n"
        + _options(ServerSettings)
        + "  store: a mapping with a type and the options of that type, or a mapping of names to such mappings\n"
        "  locations: a list of mappings, each with a type and the options of that type; tried in order, the first match wins\n"
    ]
    for name in plugins.installed(plugins.STORES):
        parts.append(_plugin("Store", name, plugins.store_type))
    for name in plugins.installed(plugins.LOCATIONS):
        parts.append(_plugin("Location", name, plugins.location_type))
    return "\n".join(parts)


def route_table(assembly: Assembly) -> str:
    """The routes in the order in which they are tried, with what is behind them.

    Each is told once for its location, those that are beside each other in one folder together: ``/status/{json,metrics}``.
    """
    rows: list[Sequence[str]] = [("order", "type", "pattern", "store", "polling")]
    for choice, location in assembly.locations:
        polling = getattr(choice.settings, "polling", None)
        for pattern in gathered(route.pattern.text for route in location.routes()):
            rows.append((str(len(rows)), choice.kind.type_name, pattern, choice.store or "-", str(polling or "-")))
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]
    return "\n".join(lines) + "\n"


def gathered(patterns: Iterable[str]) -> list[str]:
    """Patterns in their order, each once; plain names that follow each other in one folder share a line as long as that is short."""
    lines: list[tuple[str, list[str]]] = []
    for pattern in dict.fromkeys(patterns):
        found = _NAMED.fullmatch(pattern)
        folder, name = found.groups() if found else (pattern, "")
        before, names = lines[-1] if lines else ("", [])
        if names and name and folder == before and len(folder) + len(",".join([*names, name])) <= GATHERED:
            names.append(name)
        else:
            lines.append((folder, [name]))
    return [f"{folder}{{{','.join(names)}}}" if len(names) > 1 else folder + names[0] for folder, names in lines]


def _plugin(what: str, name: str, load: Callable[[str, str], type[Store] | type[Location]]) -> str:
    try:
        return f"{what} of type {name}\n{_options(load(name, 'type').Settings)}"
    except ConfigError as error:
        return f"{what} of type {name}\n  {error}\n"


def _options(declared: type[msgspec.Struct]) -> str:
    lines = []
    for field in msgspec.structs.fields(declared):
        default = "required" if field.required else f"default {_default(field)}"
        lines.append(f"  {field.encode_name}: {allowed(field.type)} ({default})\n")
        if text := description(field):
            lines.append(f"      {text}\n")
        if (inner := nested(field.type)) is not None:
            lines += [f"      {line}\n" for line in _options(inner).splitlines()]
    return "".join(lines)


def _default(field: msgspec.structs.FieldInfo) -> str:
    value = field.default if field.default is not msgspec.NODEFAULT else field.default_factory()
    if value is None or secret(field):
        return "none"
    if isinstance(value, list | tuple) and value:
        return ", ".join(map(shown, value))
    return shown(value) if value or not isinstance(value, list | tuple | dict) else "none"
