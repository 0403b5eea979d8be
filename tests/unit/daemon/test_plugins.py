"""Entry points: what is installed, and one line for what is not or is broken."""

from __future__ import annotations

from pathlib import Path

import pytest

from hbpush.daemon import plugins
from hbpush.errors import ConfigError
from tests.support import throwaway


def line_of(kind: str) -> str:
    with pytest.raises(ConfigError) as error:
        plugins.location_type(kind, "locations[0].type")
    assert "\n" not in str(error.value)
    return str(error.value).removeprefix("locations[0].type: ")


@pytest.mark.usefixtures("plugin")
def test_a_plug_in_is_found_by_its_name() -> None:
    assert plugins.store_type("blank", "store.type").type_name == "blank"
    assert plugins.location_type("notice", "locations[0].type").type_name == "notice"
    assert {"memory", "blank"} <= set(plugins.installed(plugins.STORES))
    assert {"publisher", "subscriber", "notice"} <= set(plugins.installed(plugins.LOCATIONS))


@pytest.mark.usefixtures("plugin")
def test_an_unknown_type_lists_what_is_installed() -> None:
    known = ", ".join(plugins.installed(plugins.LOCATIONS))
    assert line_of("notce") == f"is 'notce', an unknown location type; did you mean 'notice'? the installed location types: {known}"
    with pytest.raises(ConfigError) as error:
        plugins.store_type(None, "store.a.type")
    assert str(error.value) == f"store.a.type: is missing; the installed store types: {', '.join(plugins.installed(plugins.STORES))}"
    with pytest.raises(ConfigError) as error:
        plugins.store_type(["blank"], "store.a.type")
    assert str(error.value).startswith("store.a.type: is a list, an unknown store type; the installed store types: ")


@pytest.mark.parametrize(
    ("target", "source", "line"),
    [
        ("broken_one:X", "import absent_module_of_a_test", "(broken_one:X) cannot be loaded: No module named 'absent_module_of_a_test'"),
        ("broken_two:X", "Y = 1", "(broken_two:X) cannot be loaded: module 'broken_two' has no attribute 'X'"),
        ("broken_three:X", "def", "(broken_three:X) cannot be loaded: invalid syntax (broken_three.py, line 1)"),
        ("broken_four:X", "raise RuntimeError('two\\nlines')", "(broken_four:X) cannot be loaded: two lines"),
        ("broken_five:X", "raise RuntimeError", "(broken_five:X) cannot be loaded: RuntimeError"),
        ("broken_six:X", "X = 3", "is broken: 3 is no location type"),
        (
            "broken_seven:X",
            "from hbpush.daemon.location import Location\nclass X(Location): pass",
            "is broken: its Settings are no msgspec.Struct",
        ),
    ],
)
def test_a_broken_plug_in_costs_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, target: str, source: str, line: str) -> None:
    module = target.partition(":")[0]
    monkeypatch.syspath_prepend(throwaway.install(tmp_path / "p", {"hbpush.locations": {"broken": target}}, {module: source}))
    found = line_of("broken")
    assert found.startswith("the plug-in 'broken' ")
    assert found.endswith(line)


@pytest.mark.usefixtures("plugin")
def test_two_plug_ins_of_one_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(throwaway.install(tmp_path / "other", {"hbpush.locations": {"notice": "other:X"}}, {}, name="another"))
    assert line_of("notice") == "the plug-in 'notice' is installed twice: other:X, throwaway_plugin:NoticeLocation; uninstall all but one"
