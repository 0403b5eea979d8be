"""Files: two formats, one line for each way of being wrong."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from hbpush.daemon.config_file import LARGEST, Format, read
from hbpush.errors import ConfigError


def refusal(path: Path, content: bytes, format: Format | None = None) -> str:
    path.write_bytes(content)
    with pytest.raises(ConfigError) as error:
        read(str(path), format)
    text = str(error.value)
    assert "\n" not in text
    assert text.startswith(f"{path}: ")
    return text.removeprefix(f"{path}: ")


@pytest.mark.parametrize(
    ("name", "format", "content"),
    [
        ("a.yaml", None, b"port: 9090\n"),
        ("a", None, b"port: 9090\n"),
        ("a.json", None, b'{"port": 9090}'),
        ("a.JSON", None, b'{"port": 9090}'),
        ("a", None, b'{"port": 9090}'),
        ("a.yaml", "json", b'{"port": 9090}'),
        ("a.json", "yaml", b"port: 9090"),
        ("a.yaml", None, b"\xef\xbb\xbfport: 9090"),
        ("a.json", None, b'\xef\xbb\xbf{"port":\t9090}'),
    ],
)
def test_the_format_is_what_is_asked_for_else_that_of_the_extension(
    tmp_path: Path, name: str, format: Format | None, content: bytes
) -> None:
    path = tmp_path / name
    path.write_bytes(content)
    assert read(str(path), format) == (str(path), {"port": 9090})


@pytest.mark.parametrize("name", ["a.yaml", "a.json"])
@pytest.mark.parametrize("content", [b"", b"\n\n"])
def test_an_empty_file_changes_nothing(tmp_path: Path, name: str, content: bytes) -> None:
    path = tmp_path / name
    path.write_bytes(content)
    assert read(str(path)).values == {}


@pytest.mark.parametrize(
    ("content", "line"),
    [
        (b"port: 1\nport: 2\n", "line 2, column 1: not YAML: the key 'port' is there twice"),
        (b"a:\n  'b': 1\n  b: 2\n", "line 3, column 3: not YAML: the key 'b' is there twice"),
        (b"port: 1\n  address: x\n", "line 2, column 10: not YAML: mapping values are not allowed here"),
        (b"a: [1\nb: 2\n", "line 2, column 2: not YAML: expected ',' or ']', but got ':'; while parsing a flow sequence"),
        (
            b"\tport: 1\n",
            "line 1, column 1: not YAML: found character '\\t' that cannot start any token; while scanning for the next token",
        ),
        (b"a: 1\n--- \nb: 1\n", "line 2, column 1: not YAML: but found another document; expected a single document in the stream"),
        (
            b"a: !!python/object:os.system 1\n",
            "line 1, column 4: not YAML: could not determine a constructor for the tag 'tag:yaml.org,2002:python/object:os.system'",
        ),
        (b"a: 2026-13-45\n", "not YAML: month must be in 1..12"),
        (b"a: 1\nb: \x07\n", "line 2: not YAML: the character '\\x07' is not allowed"),
        (b"a: 1\nb: \xff\n", "line 2: is not UTF-8"),
        (b'a: "\\ud800"\n', "'\\ud800' is no text: it holds half a surrogate pair"),
        (b"- 1\n", "must be a mapping of options, such as port: 9090"),
        (b"port", "must be a mapping of options, such as port: 9090"),
        (b"[" * 5000, "is nested too deep"),
    ],
)
def test_wrong_yaml_is_told_with_its_line(tmp_path: Path, content: bytes, line: str) -> None:
    assert refusal(tmp_path / "c.yaml", content) == line


@pytest.mark.parametrize(
    ("content", "line"),
    [
        (b'{"port": 1,\n "port": 2}', "the key 'port' is there twice"),
        (b'{"port": 1,\n}', "line 2, column 1: not JSON: "),
        (b"port: 1", "line 1, column 1: not JSON: Expecting value"),
        (b'{"a": NaN}', "not JSON: NaN is no number"),
        (b'{"a": "\\ud800"}', "'\\ud800' is no text: it holds half a surrogate pair"),
        (b'{"a": ' + b"9" * 5000 + b"}", "not JSON: Exceeds the limit"),
        (b"[1]", "must be a mapping of options, such as port: 9090"),
        (b"[" * 200_000, "is nested too deep"),
    ],
)
def test_wrong_json_is_told_with_its_line(tmp_path: Path, content: bytes, line: str) -> None:
    assert refusal(tmp_path / "c.json", content).startswith(line)


def test_a_key_may_override_one_that_is_merged_in(tmp_path: Path) -> None:
    path = tmp_path / "c.yaml"
    path.write_text("store:\n  a: &a\n    type: memory\n    max_messages: 1\n  b:\n    <<: *a\n    max_messages: 2\n", encoding="utf-8")
    assert read(str(path)).values["store"]["b"] == {"type": "memory", "max_messages": 2}


def test_a_value_that_holds_itself_is_read_without_end(tmp_path: Path) -> None:
    path = tmp_path / "c.yaml"
    path.write_text("a: &a [*a]\n", encoding="utf-8")
    assert list(read(str(path)).values) == ["a"]


def test_a_file_that_is_no_configuration(tmp_path: Path) -> None:
    assert refusal(tmp_path / "c", b"#" * (LARGEST + 1)) == "is larger than 1048576 bytes: is it a configuration?"


def test_a_file_that_cannot_be_read(tmp_path: Path) -> None:
    for path, reason in ((tmp_path / "absent.yaml", "No such file or directory"), (tmp_path, "Is a directory")):
        with pytest.raises(ConfigError) as error:
            read(str(path))
        assert str(error.value) == f"{path}: cannot be read: {reason}"
    with pytest.raises(ConfigError) as error:
        read("a\0b")
    assert str(error.value) == "'a\\x00b': cannot be read: no file has such a name"


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_file_of_somebody_else(tmp_path: Path) -> None:
    path = tmp_path / "c.yaml"
    path.touch(mode=0o000)
    with pytest.raises(ConfigError, match="cannot be read: Permission denied"):
        read(str(path))
