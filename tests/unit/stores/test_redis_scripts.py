"""The scripts: all there, the bounds in front of them, and no key in them that is not declared."""

from __future__ import annotations

import re
from hashlib import sha1
from importlib.resources import files

import pytest

from hbpush.stores.base import StoreSettings
from hbpush.stores.redis_scripts import CHANNEL, Scripts, scripts

UNLIMITED = StoreSettings(
    max_messages=0, min_messages=0, message_timeout=0, max_channel_bytes=0, max_bytes=0, max_channels=0, idle_channel_timeout=0
)
ALONE = tuple(name for name in Scripts._fields if name not in CHANNEL)
"""Those that `channel.lua` does not come before."""

CALL = re.compile(r"(?:redis\.)?\b(?:call|pcall)\(\s*'([A-Z ]+)'\s*,?\s*([^,)]*)")


def text(name: str) -> str:
    return files("hbpush.stores").joinpath("scripts", f"{name}.lua").read_text(encoding="utf-8")


def code(name: str) -> str:
    return re.sub(r"--(?!').*", "", text(name))


def bounds(settings: StoreSettings, database: int = 0) -> dict[str, str]:
    first = scripts(settings, database).publish.text.decode().splitlines()[0]
    names, _, values = first.removeprefix("local ").partition(" = ")
    return dict(zip(names.split(", "), values.split(", "), strict=True))


def test_every_script_has_its_digest() -> None:
    for script in scripts(StoreSettings(), 0):
        assert script.sha == sha1(script.text).hexdigest().encode()


def test_every_file_is_a_script_or_what_comes_before_one() -> None:
    there = {path.name for path in files("hbpush.stores").joinpath("scripts").iterdir() if path.name.endswith(".lua")}
    assert there == {f"{name}.lua" for name in (*Scripts._fields, "channel")}
    assert set(CHANNEL) < set(Scripts._fields)


def test_nothing_is_said_twice_in_front_of_a_script() -> None:
    made = scripts(StoreSettings(), 0)
    for name in Scripts._fields:
        script = getattr(made, name).text.decode()
        assert script.endswith(text(name))
        assert script.count(text("channel")) == (1 if name in CHANNEL else 0)


def test_nought_is_no_limit() -> None:
    assert bounds(UNLIMITED, 3) == {
        "max_messages": "math.huge",
        "min_messages": "0",
        "message_timeout": "0",
        "max_channel_bytes": "math.huge",
        "max_bytes": "math.huge",
        "max_channels": "math.huge",
        "idle_timeout": "math.huge",
        "passing_timeout": "60000",
        "database": "'3'",
    }


def test_bounds_are_whole_numbers_of_the_scripts_units() -> None:
    settings = StoreSettings(
        max_messages=1, min_messages=2, message_timeout=0.25, max_channel_bytes=2**40, max_bytes=2**53, max_channels=10**15,
        idle_channel_timeout=1e9,
    )  # fmt: skip
    assert bounds(settings) == {
        "max_messages": "1",
        "min_messages": "2",
        "message_timeout": "250",
        "max_channel_bytes": "1099511627776",
        "max_bytes": "9007199254740992",
        "max_channels": "1000000000000000",
        "idle_timeout": "1000000000000",
        "passing_timeout": "60000",
        "database": "'0'",
    }


def test_a_time_out_of_less_than_a_millisecond_is_no_time_out_for_ever() -> None:
    assert bounds(StoreSettings(message_timeout=0.0004))["message_timeout"] == "1"


def test_all_that_is_in_front_is_used_or_declared() -> None:
    used = code("channel") + "".join(code(name) for name in CHANNEL)
    for name in bounds(StoreSettings()):
        assert re.search(rf"\b{name}\b", used), name
        assert re.search(rf"\b{name}\b", text("channel").partition("-- KEYS")[0]), name


@pytest.mark.parametrize("name", ["channel", *CHANNEL])
def test_a_channels_script_touches_only_declared_keys(name: str) -> None:
    declared = re.search(r"^local ([a-z, ]+) = unpack\(KEYS\)$", code("channel"), re.MULTILINE)
    assert declared is not None
    keys = declared[1].split(", ")
    assert len(keys) == 7
    touched = check_calls(name, keys)
    assert touched or name not in ("channel", "publish", "read")


@pytest.mark.parametrize(("name", "count"), list(zip(ALONE, (3, 2, 1), strict=True)))
def test_a_script_of_its_own_touches_only_declared_keys(name: str, count: int) -> None:
    keys = [f"KEYS[{place}]" for place in range(1, count + 1)]
    named: dict[str, str] = dict(re.findall(r"local (\w+) = (KEYS\[\d\])", code(name)))
    assert set(named.values()) <= set(keys)
    assert check_calls(name, [*keys, *named])
    assert set(re.findall(r"KEYS\[\d\]", code(name))) <= set(keys)


def check_calls(name: str, keys: list[str]) -> list[str]:
    calls = CALL.findall(code(name))
    assert len(calls) == len(re.findall(r"\bp?call\(", code(name)))
    touched = []
    for command, first in calls:
        if command in ("TIME", "PUBLISH", "PUBSUB"):
            continue
        if command == "XINFO":
            assert first == "'STREAM'"
            first = re.search(r"'XINFO', 'STREAM', (\w+)", code(name))[1]  # type: ignore[index]
        assert first in keys, (command, first)
        touched.append(first)
    return touched


@pytest.mark.parametrize("name", Scripts._fields)
def test_no_script_takes_keys_from_its_arguments(name: str) -> None:
    assert not re.search(r"\b(KEYS)\b(?!\[\d\]|\))", code(name))
    assert "loadstring" not in code(name)
