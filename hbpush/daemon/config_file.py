"""A configuration file, read into plain values: YAML or JSON, no meaning yet."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Literal, NamedTuple

import yaml

from hbpush.errors import ConfigError

Format = Literal["yaml", "json"]

LARGEST = 1024 * 1024
"""Bytes. A configuration is far smaller; what is larger is another file, or a device."""


class ConfigFile(NamedTuple):
    """What a file says. ``name`` is the path as it was given."""

    name: str
    values: dict[str, Any]


def read(name: str, format: Format | None = None) -> ConfigFile:
    """Read a file: in the format given, else that of its extension, else as YAML. An empty file is an empty mapping.

    Raises ConfigError with the file's name as the path, and the line where its syntax breaks.
    """
    try:
        with Path(name).open("rb") as file:
            raw = file.read(LARGEST + 1)
    except OSError as error:
        raise ConfigError(f"cannot be read: {error.strerror or error}", name) from None
    except ValueError:
        raise ConfigError("cannot be read: no file has such a name", ascii(name)) from None
    if len(raw) > LARGEST:
        raise ConfigError(f"is larger than {LARGEST} bytes: is it a configuration?", name)
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        raise ConfigError(f"line {line}: is not UTF-8", name) from None
    chosen = format or ("json" if Path(name).suffix.lower() == ".json" else "yaml")
    try:
        values = _json(text) if chosen == "json" else _yaml(text)
        _check_text(values, set())
    except ConfigError as error:
        raise ConfigError(str(error), name) from None
    except RecursionError:
        raise ConfigError("is nested too deep", name) from None
    if values is None:
        values = {}
    if not isinstance(values, dict):
        raise ConfigError("must be a mapping of options, such as port: 9090", name)
    return ConfigFile(name, values)


def _check_text(value: object, seen: set[int]) -> None:
    """Escapes can spell half a character, which no output can show. ``seen``: aliases make a value part of many, or of itself."""
    if isinstance(value, str):
        if not value.isascii() and any("\ud800" <= character <= "\udfff" for character in value):
            raise ConfigError(f"{value!r} is no text: it holds half a surrogate pair")
    elif isinstance(value, dict | list) and id(value) not in seen:
        seen.add(id(value))
        for inner in [*value, *value.values()] if isinstance(value, dict) else value:
            _check_text(inner, seen)


class _Loader(yaml.SafeLoader):
    """Plain values only, and no key twice: the second would silently win."""

    def compose_mapping_node(self, anchor: Any) -> yaml.MappingNode:
        node = super().compose_mapping_node(anchor)
        seen = set()
        for key, _ in node.value:
            if isinstance(key, yaml.ScalarNode):
                if (key.tag, key.value) in seen:
                    raise yaml.composer.ComposerError(None, None, f"the key {key.value!r} is there twice", key.start_mark)
                seen.add((key.tag, key.value))
        return node


def _yaml(text: str) -> Any:
    try:
        return yaml.load(text, Loader=_Loader)  # noqa: S506 - a SafeLoader
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        place = f"line {mark.line + 1}, column {mark.column + 1}: " if mark else ""
        said = "; ".join(part for part in (error.problem, error.context) if part)
        raise ConfigError(f"{place}not YAML: {' '.join(said.split())}") from None
    except yaml.reader.ReaderError as error:
        line = text.count("\n", 0, error.position) + 1
        raise ConfigError(f"line {line}: not YAML: the character {text[error.position]!a} is not allowed") from None
    except (yaml.YAMLError, ValueError, OverflowError) as error:
        # Values that look like a date or a number but are none are reported without their place.
        raise ConfigError(f"not YAML: {' '.join(str(error).split())}") from None


def _json(text: str) -> Any:
    if not text.strip():
        return None
    try:
        return json.loads(text, object_pairs_hook=_json_object, parse_constant=_json_constant)
    except json.JSONDecodeError as error:
        raise ConfigError(f"line {error.lineno}, column {error.colno}: not JSON: {error.msg}") from None
    except ValueError as error:
        raise ConfigError(f"not JSON: {error}") from None


def _json_object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    values: dict[str, Any] = {}
    for key, value in pairs:
        if key in values:
            raise ConfigError(f"the key {key!r} is there twice")
        values[key] = value
    return values


def _json_constant(name: str) -> float:
    raise ConfigError(f"not JSON: {name} is no number")
