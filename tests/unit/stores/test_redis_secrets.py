"""Passwords of a Redis store: where they come from, and that no text ever shows one."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
import pytest

from hbpush.daemon import cli
from hbpush.daemon.options import secret
from hbpush.errors import ConfigError
from hbpush.stores.redis_place import Place
from hbpush.stores.redis_settings import RedisSettings, SentinelSettings
from tests.unit.stores.test_redis_settings import SECRET, SENTINELS, assembled, configured, entered, refusal

PASSWORD = "HBPUSH_STORE_DEFAULT_PASSWORD"
URL = "HBPUSH_STORE_DEFAULT_URL"


# What is never shown


def test_all_passwords_are_marked_as_secret() -> None:
    marked = {
        declared.__name__: {field.name for field in msgspec.structs.fields(declared) if secret(field)}
        for declared in (RedisSettings, SentinelSettings)
    }
    assert marked == {"RedisSettings": {"password", "url"}, "SentinelSettings": {"password"}}


@pytest.mark.parametrize(
    "options",
    [
        {"password": [SECRET]},
        {"password": {SECRET: 1}},
        {"url": [f"redis://:{SECRET}@h"]},
        {"url": f"http://u:{SECRET}@h"},
        {"url": SECRET},
        {"url": f"redis://:{SECRET}@h", "password": SECRET},
        {"sentinel": {**SENTINELS, "password": [SECRET]}},
        {"password": SECRET, "password_file": "f"},
        {"password": SECRET, "tls_key": "k"},
        {"sentinel": {"master": "m", "hosts": ["a"], "password": SECRET, "pasword": SECRET}},
        {"pasword": SECRET},
    ],
)
def test_no_refusal_shows_a_secret(options: dict[str, Any]) -> None:
    assert refusal(options).startswith("c.yaml: store")


def test_no_refusal_of_a_variable_shows_a_secret() -> None:
    for options, environ in (
        ({"password_file": "f"}, {PASSWORD: SECRET}),
        ({}, {URL: SECRET}),
        ({}, {URL: f"redis://:{SECRET}@h", PASSWORD: SECRET}),
        ({}, {"HBPUSH_STORE_DEFAULT_PASWORD": SECRET}),
        ({}, {"HBPUSH_STORE_DEFAULT_SENTINEL": f'{{"master":"m","hosts":["a"],"password":"{SECRET}"}}'}),
    ):
        refusal(options, environ)


def test_a_secret_within_another_option_is_not_shown() -> None:
    with pytest.raises(ConfigError) as error:
        configured({"sentinel": {**SENTINELS, "password": 70317031}})
    assert str(error.value) == "c.yaml: store.sentinel.password: is not what it must be; must be text (put it in quotes)"


def test_what_is_printed_shows_no_secret(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "p").write_text(f"{SECRET}\n", encoding="utf-8")
    for number, options in enumerate(
        (
            f"password: {SECRET}",
            f"url: 'redis://u:{SECRET}@localhost:1/0'",
            f"password_file: {tmp_path}/p",
            f"sentinel: {{master: m, hosts: [a], username: u, password: {SECRET}}}",
        )
    ):
        path = tmp_path / f"{number}.yaml"
        path.write_text(f"store:\n  type: redis\n  {options}\n", encoding="utf-8")
        assert cli.main(["--check", "--config", str(path)]) == 0
        out, err = capsys.readouterr()
        assert out.startswith(f"{path}: correct\n")
        assert SECRET not in out + err


def test_a_store_names_its_server_without_secrets() -> None:
    for options, name in (
        ({"password": SECRET}, "localhost:6379"),
        ({"url": f"redis://u:{SECRET}@h:7"}, "h:7"),
        ({"url": f"unix://u:{SECRET}@/x"}, "/x"),
        ({"host": "::1", "password": SECRET}, "[::1]:6379"),
        ({"sentinel": {**SENTINELS, "password": SECRET}}, "the master 'm'"),
        ({"cluster": True, "host": "h", "password": SECRET}, "the cluster of h:6379"),
    ):
        settings = configured(options).stores["default"].settings
        assert isinstance(settings, RedisSettings)
        assert str(Place(settings)) == name


# Where passwords come from


def test_a_password_comes_from_a_file(tmp_path: Path) -> None:
    path = tmp_path / "password"
    path.write_text(f" {SECRET}\n", encoding="utf-8")
    assert entered({"username": "u", "password_file": str(path)}).password == SECRET.encode()


def test_a_password_comes_from_the_environment() -> None:
    assert entered({}, {PASSWORD: SECRET}).password == SECRET.encode()
    assert entered({"password": "other"}, {PASSWORD: SECRET}).password == SECRET.encode()
    assert entered({}, {URL: f"redis://:{SECRET}@h"}).password == SECRET.encode()


def test_the_user_may_be_somewhere_else_than_the_password() -> None:
    user = "HBPUSH_STORE_DEFAULT_USERNAME"
    for options, environ in (
        ({"username": "u"}, {PASSWORD: SECRET}),
        ({"password": SECRET}, {user: "u"}),
        ({}, {PASSWORD: SECRET, user: "u"}),
        ({"username": "u", "url": f"redis://:{SECRET}@h"}, {}),
        ({"username": "u"}, {URL: f"redis://:{SECRET}@h"}),
        ({"url": "redis://u@h"}, {PASSWORD: SECRET}),
    ):
        login = entered(options, environ)
        assert (login.username, login.password) == ("u", SECRET.encode())


@pytest.mark.parametrize("text", ["a\udcff", "\udc80\udcff", "é\udcff"])
def test_a_password_of_any_bytes_comes_as_it_is(tmp_path: Path, text: str) -> None:
    password = text.encode("utf-8", "surrogateescape")
    path = tmp_path / "password"
    path.write_bytes(password + b"\n")
    assert entered({"password_file": str(path)}).password == password
    assert entered({}, {PASSWORD: text}).password == password
    assert entered({}, {URL: f"redis://:{text}@h"}).password == password
    assembled({}, {PASSWORD: text})


def test_two_passwords_are_refused_whoever_gives_them() -> None:
    assert refusal({"password_file": "f"}, {PASSWORD: SECRET}).startswith("c.yaml: store.default.password_file: is given, and password too")


@pytest.mark.parametrize("content", [b"", b" \n"])
def test_a_password_file_that_has_none_is_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "password"
    path.write_bytes(content)
    assert refusal({"password_file": str(path)}) == f"c.yaml: store.default.password_file: is {str(path)!r}, which is empty"


def test_a_password_with_a_question_mark_is_not_shown() -> None:
    # It should have been written as %3F.
    refusal({"url": f"redis://u:7031?{SECRET}=x@h"})
