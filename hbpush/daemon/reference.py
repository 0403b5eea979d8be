"""What can be configured and what is configured, as text for ``--options`` and ``--check``: made from the declarations."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import msgspec

from hbpush.daemon import plugins
from hbpush.daemon.assembly import Assembly
from hbpush.daemon.location import Location
from hbpush.daemon.options import allowed, description, nested, secret, shown
from hbpush.daemon.settings import ServerSettings
from hbpush.errors import ConfigError
from hbpush.stores.base import Store


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
    """The routes in the order in which they are tried, with what is behind them."""
    rows: list[Sequence[str]] = [("order", "type", "pattern", "store", "polling")]
    for choice, location in assembly.locations:
        for route in location.routes():
            polling = getattr(choice.settings, "polling", None)
            rows.append((str(len(rows)), choice.kind.type_name, route.pattern.text, choice.store or "-", str(polling or "-")))
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]
    return "\n".join(lines) + "\n"


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
