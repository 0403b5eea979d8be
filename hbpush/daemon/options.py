"""Options as their declarations tell them: what a value may be, and whether one is that.

A declaration is a msgspec Struct whose fields have types, defaults and descriptions. The value of a field that is marked with
``Meta(extra={"secret": True})`` is never shown. Nothing here knows files or what the options mean.
"""

from __future__ import annotations

import difflib
import math
import re
import reprlib
from collections.abc import Iterable, Mapping, Sequence
from itertools import chain
from typing import Any, TypeVar

import msgspec
from msgspec import inspect

from hbpush.errors import ConfigError

S = TypeVar("S", bound=msgspec.Struct)

_SHORT = reprlib.Repr()
_SHORT.maxstring = _SHORT.maxother = _SHORT.maxlong = 60

_PLACE = re.compile(r" - at `\$(?P<steps>[^`]*)`\Z")
_STEP = re.compile(r"\.(?P<key>[^.\[]+)|\[(?P<index>[0-9]+)\]")


def either(choices: Iterable[str]) -> str:
    """``a``, ``a or b``, ``a, b or c``."""
    *first, last = choices
    return f"{', '.join(first)} or {last}" if first else last


def shown(value: object) -> str:
    """A configured value, short enough for one line."""
    match value:
        case None:
            return "empty"
        case bool():
            return "true" if value else "false"
        case Mapping() | msgspec.Struct():
            return "a mapping"
        case list() | tuple():
            return "a list" if value else "an empty list"
    return _SHORT.repr(value)


def nearest(word: str, known: Iterable[str]) -> str:
    """`` did you mean 'polling'?`` with what it is near to, or nothing."""
    found = difflib.get_close_matches(word, list(known), 1)
    return f"did you mean {found[0]!r}? " if found else ""


def description(field: msgspec.structs.FieldInfo) -> str:
    """The help line of an option, empty when the declaration has none."""
    return str((_metadata(field).extra_json_schema or {}).get("description", ""))


def secret(field: msgspec.structs.FieldInfo) -> bool:
    """Whether the value of an option is not to be shown."""
    return bool((_metadata(field).extra or {}).get("secret"))


def allowed(declared: object) -> str:
    """What a value may be, for a declared type: ``a whole number from 0 to 65535``."""
    return _allowed(inspect.type_info(declared))


def nested(declared: object) -> type[msgspec.Struct] | None:
    """The declaration of the options that a value has in its turn, if it has any."""
    found = _find(inspect.type_info(declared), inspect.StructType)
    return None if found is None else found.cls


def convert(value: object, field: msgspec.structs.FieldInfo, path: str, strict: bool = True) -> Any:
    """The value of one option. Raises ConfigError whose path leads to the wrong part of it.

    Without ``strict``, text may stand for a number, a truth value or null, as in an environment variable.
    """
    try:
        converted = msgspec.convert(value, field.type, strict=strict)
    except msgspec.ValidationError as error:
        raise _refusal(str(error), value, field, path) from None
    _check_finite(converted, path)
    return converted


def settings(declared: type[S], values: object, path: str, what: str) -> S:
    """An instance of a declaration from a mapping; ``what`` names its bearer (``a publisher location``).

    Raises ConfigError with the path of the first wrong option, in the order of the mapping.
    """
    if not isinstance(values, Mapping):
        raise ConfigError(f"is {shown(values)}; must be a mapping", path)
    fields = {field.encode_name: field for field in msgspec.structs.fields(declared)}
    converted: dict[str, Any] = {}
    for key, value in values.items():
        place = join(path, key)
        if key not in fields:
            raise unknown(key, fields, place, what)
        converted[fields[key].name] = convert(value, fields[key], place)
    for name, field in fields.items():
        if field.required and name not in values:
            raise ConfigError(f"is missing; must be {allowed(field.type)}", join(path, name))
    try:
        return declared(**converted)
    except ValueError as error:
        raise ConfigError(str(error), path) from None


def unknown(key: object, known: Iterable[str], path: str, what: str) -> ConfigError:
    """The refusal of a key that nothing declares."""
    names = list(known)
    options = f"its options: {', '.join(names)}" if names else "it has no options"
    return ConfigError(f"is no option of {what}; {nearest(str(key), names)}{options}", path)


def join(path: str, key: object) -> str:
    """The path of a key within a mapping."""
    word = key if isinstance(key, str) and key.isprintable() and len(key) <= 60 else shown(key)
    return f"{path}.{word}" if path else word


def _refusal(message: str, value: object, field: msgspec.structs.FieldInfo, path: str) -> ConfigError:
    """One line from msgspec's, which names types of Python and of JSON."""
    info: inspect.Type = inspect.type_info(field.type)
    if place := _PLACE.search(message):
        message = message[: place.start()]
        # It does not tell the key within a mapping of any keys, only `[...]`: there the way ends.
        for step in _STEP.finditer(place["steps"].partition("[...]")[0]):
            value, info, path = _into(step, value, info, path)
    declared = _find(info, inspect.StructType)
    if isinstance(value, Mapping) and declared is not None:
        names = [inner.encode_name for inner in declared.fields]
        for key in value:
            if key not in names:
                return unknown(key, names, join(path, key), path)
        for inner in declared.fields:
            if inner.required and inner.encode_name not in value:
                return ConfigError(f"is missing; must be {_allowed(inner.type)}", join(path, inner.encode_name))
    if not message.startswith(("Expected", "Invalid")):
        return ConfigError(message, path)
    told = "not what it must be" if secret(field) or _holds_secret(info) else shown(value)
    quotes = " (put it in quotes)" if isinstance(_plain(info), inspect.StrType) and isinstance(value, int | float) else ""
    return ConfigError(f"is {told}; must be {_allowed(info)}{quotes}", path)


def _holds_secret(info: inspect.Type) -> bool:
    """Whether a value, or a part of it, is not to be shown."""
    if isinstance(info, inspect.Metadata) and (info.extra or {}).get("secret"):
        return True
    declared = _find(info, inspect.StructType)
    return declared is not None and any(_holds_secret(inner.type) for inner in declared.fields)


def _into(step: re.Match[str], value: Any, info: inspect.Type, path: str) -> tuple[Any, inspect.Type, str]:
    if step["index"] is not None:
        index = int(step["index"])
        many = _find(info, inspect.ListType) or _find(info, inspect.VarTupleType) or _find(info, inspect.SetType)
        return value[index], many.item_type if many else info, f"{path}[{index}]"
    key = step["key"]
    declared = _find(info, inspect.StructType)
    inner = next((f.type for f in declared.fields if f.encode_name == key), info) if declared else info
    return value[key], inner, join(path, key)


T = TypeVar("T", bound=inspect.Type)


def _find(info: inspect.Type, wanted: type[T]) -> T | None:
    """The wanted kind of type within a union, or the type itself."""
    info = _plain(info)
    choices = info.types if isinstance(info, inspect.UnionType) else (info,)
    return next((choice for choice in map(_plain, choices) if isinstance(choice, wanted)), None)


def _plain(info: inspect.Type) -> inspect.Type:
    while isinstance(info, inspect.Metadata):
        info = info.type
    return info


def _metadata(field: msgspec.structs.FieldInfo) -> inspect.Metadata:
    info = inspect.type_info(field.type)
    return info if isinstance(info, inspect.Metadata) else inspect.Metadata(info)


def _allowed(info: inspect.Type) -> str:
    match info:
        case inspect.Metadata():
            return _allowed(info.type)
        case inspect.IntType():
            return "a whole number" + _bounds(info)
        case inspect.FloatType():
            return "a number" + _bounds(info)
        case inspect.BoolType():
            return "true or false"
        case inspect.StrType():
            return ("text" if not info.min_length else "text that is not empty") + (f" of the form {info.pattern}" if info.pattern else "")
        case inspect.NoneType():
            return "null"
        case inspect.LiteralType():
            return either(shown(value) for value in info.values)
        case inspect.EnumType():
            return either(shown(member.value) for member in info.cls)
        case inspect.UnionType():
            choices = [_plain(choice) for choice in info.types]
            words = ([shown(v) for v in c.values] if isinstance(c, inspect.LiteralType) else [_allowed(c)] for c in choices)
            return either(chain.from_iterable(words))
        case inspect.ListType() | inspect.VarTupleType() | inspect.SetType():
            return f"a list{' that is not empty' if info.min_length else ''}, each item {_allowed(info.item_type)}"
        case inspect.DictType():
            return f"a mapping, each value {_allowed(info.value_type)}"
        case inspect.StructType():
            return f"a mapping of {', '.join(field.encode_name for field in info.fields)}"
    return "a value"


def _bounds(info: inspect.IntType | inspect.FloatType) -> str:
    low = next((f"{word} {bound:g}" for word, bound in (("at least", info.ge), ("more than", info.gt)) if bound is not None), "")
    high = next((f"{word} {bound:g}" for word, bound in (("at most", info.le), ("less than", info.lt)) if bound is not None), "")
    if info.ge is not None and info.le is not None:
        return f" from {info.ge} to {info.le}"
    return "".join(f" {word}" for word in (low, "and" if low and high else "", high) if word)


def _check_finite(value: object, path: str) -> None:
    """Infinity passes every lower bound, and no timer can wait for it."""
    if isinstance(value, float) and not math.isfinite(value):
        raise ConfigError(f"is {value}; must be a finite number", path)
    if isinstance(value, Sequence) and not isinstance(value, str | bytes):
        for index, item in enumerate(value):
            _check_finite(item, f"{path}[{index}]")
