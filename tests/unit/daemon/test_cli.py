"""The command line, as far as it starts no server."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

import hbpush
from hbpush.daemon.cli import main
from tests.support import throwaway


@pytest.fixture(autouse=True)
def _bare_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("CONFIG", "PORT", "ADDRESS", "LOG_LEVEL"):
        monkeypatch.delenv(f"HBPUSH_{name}", raising=False)


def config(folder: Path, text: str) -> str:
    path = folder / "c.yaml"
    path.write_text(text, encoding="utf-8")
    return str(path)


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        (["--prot", "1"], "unrecognized arguments: --prot 1"),
        (["--conf", "x"], "unrecognized arguments: --conf x"),
        (["--port", "x"], "argument --port: is 'x'; must be a whole number from 0 to 65535"),
        (["--port", "65536"], "argument --port: is '65536'; must be a whole number from 0 to 65535"),
        (["--port"], "argument --port: expected one argument"),
        (["--log-level", "x"], "argument --log-level: is 'x'; must be 'debug', 'error', 'info' or 'warning'"),
        (["-f", "toml"], "argument -f/--format: invalid choice: 'toml'"),
        (["--check", "--options"], "argument --options: not allowed with argument --check"),
    ],
)
def test_wrong_usage_ends_with_2(capsys: pytest.CaptureFixture[str], arguments: list[str], line: str) -> None:
    with pytest.raises(SystemExit) as end:
        main(arguments)
    assert end.value.code == 2
    assert f"hbpushd: error: {line}" in capsys.readouterr().err


def test_an_unknown_sub_command_is_refused_in_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as end:
        main(["publsh", "news"])
    assert end.value.code == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err == (
        "hbpushd: error: no sub-command 'publsh'; did you mean 'publish'? the installed ones: bench, channels, publish, subscribe\n"
    )


def test_the_help_lists_the_sub_commands(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as end:
        main(["--help"])
    assert end.value.code == 0
    assert "Sub-commands: bench, channels, publish, subscribe." in capsys.readouterr().out


def test_the_version(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as end:
        main(["--version"])
    assert end.value.code == 0
    assert capsys.readouterr().out == f"hbpushd {hbpush.__version__}\n"


@pytest.mark.usefixtures("plugin")
def test_check_prints_the_routes_and_warnings(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = config(
        tmp_path,
        "store: {a: {type: blank}, default: {type: blank}}\n"
        "locations:\n"
        "- {type: notice, prefix: /n/, gate: true}\n"
        "- {type: notice, prefix: /n/x, store: a, polling: interval}\n",
    )
    assert main(["--check", "--config", path]) == 0
    out, err = capsys.readouterr()
    assert out == (
        f"{path}: correct\n"
        "order  type    pattern  store    polling\n"
        "1      notice  /n/      default  long\n"
        "2      notice  /n/x     a        interval\n"
        "warning: locations[1]: the notice /n/x is never reached, because locations[0] (notice /n/) takes all its requests; "
        "put it first or change its url\n"
        "warning: locations[0]: the gate is open to everybody\n"
    )
    assert err == ""
    assert main(["--check", "--config", path, "--address", "127.0.0.1"]) == 0
    assert "gate" not in capsys.readouterr().out


def test_check_refuses_in_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = config(tmp_path, "prot: 1\n")
    assert main(["--check", "-c", path]) == 1
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith(f"hbpushd: {path}: prot: is no option of the server; did you mean 'port'? its options: ")
    assert err.count("\n") == 1


def test_a_server_without_locations_is_warned_of(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--check", "-c", config(tmp_path, "locations: []\n")]) == 0
    assert "warning: locations: there are none, so every request is answered 404\n" in capsys.readouterr().out


@pytest.mark.usefixtures("plugin")
def test_options_are_listed_from_their_declarations(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--options"]) == 0
    out = capsys.readouterr().out
    assert "  port: a whole number from 0 to 65535 (default 80)\n      port to listen on, 0 for any free one\n" in out
    assert "  address: text (default '')\n" in out
    assert "  tls: a mapping of certificate, key or null (default none)\n      files for https; without them" in out
    assert "        certificate: text that is not empty (required)\n" in out
    assert "\nStore of type blank\n" in out
    assert "  key_prefix: text (default '')\n" in out
    assert "hush" not in out
    assert "\nLocation of type notice\n" in out
    assert "  prefix: text that is not empty (required)\n      what its paths begin with\n" in out
    assert "  polling: 'interval' or 'long' (default 'long')\n      how it is asked\n" in out


def test_options_go_on_past_a_broken_plug_in(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.syspath_prepend(throwaway.install(tmp_path, {"hbpush.stores": {"abroken": "absent_module_of_a_test:X"}}, {}))
    assert main(["--options"]) == 0
    out = capsys.readouterr().out
    assert "Store of type abroken\n  type: the plug-in 'abroken' (absent_module_of_a_test:X) cannot be loaded: No module named" in out
    assert "Store of type memory\n" in out


def test_a_fault_of_a_plug_in_is_told_in_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    source = "def fail(argv):\n    raise RuntimeError('no\\nway')\n"
    points = {"hbpush.commands": {"fail": "throwaway_faulty:fail"}}
    monkeypatch.syspath_prepend(throwaway.install(tmp_path, points, {"throwaway_faulty": source}))
    try:
        assert main(["fail"]) == 1
    finally:
        sys.modules.pop("throwaway_faulty", None)
    err = capsys.readouterr().err
    assert err.startswith(r"hbpushd: ended by a fault: RuntimeError: no\nway; at ")
    assert err.endswith("throwaway_faulty.py:2\n")


def test_a_sub_command_gets_its_arguments(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    source = "def greet(argv):\n    print('hello', *argv)\n    return 5\n"
    points = {"hbpush.commands": {"greet": "throwaway_command:greet", "broken": "throwaway_command:absent"}}
    monkeypatch.syspath_prepend(throwaway.install(tmp_path, points, {"throwaway_command": source}))
    try:
        assert main(["greet", "--port", "you"]) == 5
        assert capsys.readouterr().out == "hello --port you\n"
        assert main(["broken"]) == 1
        assert capsys.readouterr().err.startswith("hbpushd: the plug-in 'broken' (throwaway_command:absent) cannot be loaded: ")
    finally:
        sys.modules.pop("throwaway_command", None)
