"""The options of a Redis store: what contradicts itself is told in one line, and what is secret is never shown."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import msgspec
import pytest

from hbpush.core.clock import LoopClock
from hbpush.daemon import cli, reference
from hbpush.daemon.assembly import Assembly
from hbpush.daemon.config_file import ConfigFile
from hbpush.daemon.configuration import Configuration, configure
from hbpush.daemon.options import description, secret
from hbpush.errors import ConfigError
from hbpush.stores.redis import RedisStore
from hbpush.stores.redis_place import Place
from hbpush.stores.redis_settings import Login, RedisSettings, SentinelSettings, login

SECRET = "geheim7031"  # what no text may have in it
SENTINELS = {"master": "m", "hosts": ["a", "b:7"]}
HERE = "which both say where the server is; give one of them"
PASSWORD = "HBPUSH_STORE_DEFAULT_PASSWORD"


def configured(options: dict[str, Any], environ: dict[str, str] | None = None) -> Configuration:
    return configure(ConfigFile("c.yaml", {"store": {"type": "redis", **options}, "locations": []}), environ or {})


def assembled(options: dict[str, Any], environ: dict[str, str] | None = None) -> Assembly:
    """All that can be wrong without a server shows here."""

    async def assemble() -> Assembly:
        return Assembly(configured(options, environ), LoopClock(asyncio.get_running_loop()))

    return asyncio.run(assemble())


def refusal(options: dict[str, Any], environ: dict[str, str] | None = None) -> str:
    with pytest.raises(ConfigError) as error:
        assembled(options, environ)
    told = str(error.value)
    assert "\n" not in told
    assert SECRET not in told
    return told


def entered(options: dict[str, Any], environ: dict[str, str] | None = None) -> Login:
    """Where the store goes, and as whom."""
    settings = configured(options, environ).stores["default"].settings
    assert isinstance(settings, RedisSettings)
    return Place(settings).login


# What contradicts itself


@pytest.mark.parametrize(
    ("options", "line"),
    [
        ({"url": "redis://h", "host": "x"}, f"has url and host, {HERE}"),
        ({"url": "redis://h", "port": 1}, f"has url and host, {HERE}"),
        ({"url": "redis://h", "unix_socket": "/x"}, f"has url and unix_socket, {HERE}"),
        ({"url": "redis://h", "sentinel": SENTINELS}, f"has url and sentinel, {HERE}"),
        ({"unix_socket": "/x", "host": "x"}, f"has unix_socket and host, {HERE}"),
        ({"unix_socket": "/x", "sentinel": SENTINELS}, f"has unix_socket and sentinel, {HERE}"),
        ({"sentinel": SENTINELS, "port": 7}, f"has sentinel and host, {HERE}"),
        ({"password": SECRET, "password_file": "f"}, "has password and password_file; give one of them"),
        ({"username": "u"}, "has a username and no password"),
        ({"tls": True, "tls_certificate": "c"}, "has one of tls_certificate and tls_key; give both or none"),
        ({"tls": True, "tls_key": "k"}, "has one of tls_certificate and tls_key; give both or none"),
        ({"tls_ca": "a"}, "has files for TLS and no tls: true"),
        ({"tls_certificate": "c", "tls_key": "k"}, "has files for TLS and no tls: true"),
        ({"tls_ca": "a", "url": "redis://h"}, "has files for TLS and no tls: true"),
        ({"tls": True, "unix_socket": "/x"}, "has tls, which a unix socket does not speak"),
        ({"cluster": True, "database": 1}, "has cluster: true, with which database, unix_socket and sentinel do not go"),
        ({"cluster": True, "unix_socket": "/x"}, "has cluster: true, with which database, unix_socket and sentinel do not go"),
        ({"cluster": True, "sentinel": SENTINELS}, "has cluster: true, with which database, unix_socket and sentinel do not go"),
        ({"key_prefix": "a{b"}, "has a key_prefix with a brace in it; a Redis Cluster would take that for its own"),
        ({"key_prefix": "b}"}, "has a key_prefix with a brace in it; a Redis Cluster would take that for its own"),
    ],
)
def test_a_contradiction_is_told_in_one_line(options: dict[str, Any], line: str) -> None:
    assert refusal(options) == f"c.yaml: store: {line}"


@pytest.mark.parametrize(
    ("options", "line"),
    [
        ({"host": ""}, "host: is ''; must be text that is not empty"),
        ({"port": 0}, "port: is 0; must be a whole number from 1 to 65535"),
        ({"database": -1}, "database: is -1; must be a whole number at least 0"),
        ({"timeout": 0}, "timeout: is 0; must be a number from 0.1 to 60"),
        ({"linger": -1}, "linger: is -1; must be a number at least 0"),
        ({"sentinel": {"master": "", "hosts": ["a"]}}, "sentinel.master: is ''; must be text that is not empty"),
        ({"sentinel": {"master": "m"}}, "sentinel.hosts: is missing; must be a list, each item text"),
        ({"sentinel": {"master": "m", "hosts": []}}, "sentinel.hosts: is a list; must be a list, each item text"),
        ({"sentinel": {"master": "m", "hosts": [1]}}, "sentinel.hosts[0]: is 1; must be text (put it in quotes)"),
    ],
)
def test_a_wrong_value_is_told_in_one_line(options: dict[str, Any], line: str) -> None:
    assert refusal(options) == f"c.yaml: store.{line}"


def test_options_that_go_together_are_taken() -> None:
    for options in (
        {},
        {"host": "h", "port": 1, "username": "u", "password": "p", "database": 3, "key_prefix": "a_"},
        {"sentinel": SENTINELS, "username": "u", "password": "p", "database": 3},
        {"cluster": True, "host": "h", "tls": True},
        {"unix_socket": "/x", "password": "p"},
        {"url": "rediss://h", "tls": True},
    ):
        assembled(options)


# URLs


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({}, Login("localhost", 6379, "", False, "", "", 0)),
        ({"url": "redis://"}, Login("localhost", 6379, "", False, "", "", 0)),
        ({"url": "redis://h"}, Login("h", 6379, "", False, "", "", 0)),
        ({"url": "redis://h:7/3"}, Login("h", 7, "", False, "", "", 3)),
        ({"url": "redis://h?db=3"}, Login("h", 6379, "", False, "", "", 3)),
        ({"url": "redis://[::1]:7"}, Login("::1", 7, "", False, "", "", 0)),
        ({"url": "redis://:p@h"}, Login("h", 6379, "", False, "", "p", 0)),
        ({"url": "redis://u:p%40%3A%2F%C3%A9@h"}, Login("h", 6379, "", False, "u", "p@:/é", 0)),
        ({"url": "rediss://u:p@h:7/2"}, Login("h", 7, "", True, "u", "p", 2)),
        ({"url": "redis://h", "tls": True}, Login("h", 6379, "", True, "", "", 0)),
        ({"url": "unix:///x/y.sock"}, Login("localhost", 6379, "/x/y.sock", False, "", "", 0)),
        ({"url": "unix://u:p@/x/y.sock?db=3"}, Login("localhost", 6379, "/x/y.sock", False, "u", "p", 3)),
        ({"url": "redis://u@h", "password": "p"}, Login("h", 6379, "", False, "u", "p", 0)),
        ({"url": "redis://h", "username": "u", "password": "p", "database": 4}, Login("h", 6379, "", False, "u", "p", 4)),
    ],
)
def test_a_url_stands_for_the_options_in_it(options: dict[str, Any], expected: Login) -> None:
    assert entered(options) == expected


@pytest.mark.parametrize("url", ["http://h", "h", "h:6379", "redis://h:port", "redis://h:70000", "redis://[::1", "redis://h?db=x"])
def test_a_url_that_cannot_be_read_is_refused(url: str) -> None:
    told = "c.yaml: store: has a url that cannot be read; must begin with redis://, rediss:// or unix://"
    assert refusal({"url": url.replace("//", f"//:{SECRET}@", 1) if url.startswith("redis://h") else url}) == told


@pytest.mark.parametrize(
    ("options", "line"),
    [
        ({"url": f"redis://:{SECRET}@h?socket_timeout=3"}, "has a url with socket_timeout in it, which is not understood there"),
        ({"url": f"rediss://:{SECRET}@h?ssl_cert_reqs=none"}, "has a url with ssl_cert_reqs in it, which is not understood there"),
        ({"url": f"redis://:{SECRET}@h", "password": "p"}, "has password, and another in its url; give one of them"),
        ({"url": f"redis://:{SECRET}@h", "password_file": "f"}, "has password_file, and another in its url; give one of them"),
        ({"url": f"redis://u:{SECRET}@h", "username": "v", "password": "p"}, "has username, and another in its url; give one of them"),
        ({"url": f"redis://:{SECRET}@h/3", "database": 2}, "has database, and another in its url; give one of them"),
    ],
)
def test_what_a_url_says_twice_or_beyond_is_refused(options: dict[str, Any], line: str) -> None:
    assert refusal(options) == f"c.yaml: store: {line}"


# Secrets


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
        {"password": SECRET, "password_file": "f"},
        {"password": SECRET, "tls_key": "k"},
        {"sentinel": {"master": "m", "hosts": ["a"], "password": SECRET, "pasword": SECRET}},
        {"pasword": SECRET},
    ],
)
def test_no_refusal_shows_a_secret(options: dict[str, Any]) -> None:
    assert refusal(options).startswith("c.yaml: store")


@pytest.mark.parametrize("variable", [PASSWORD, "HBPUSH_STORE_DEFAULT_URL", "HBPUSH_STORE_DEFAULT_PASWORD"])
def test_no_refusal_of_a_variable_shows_a_secret(variable: str) -> None:
    assert refusal({"password_file": "f"}, {variable: SECRET}).startswith(f"{variable}: ")


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


def test_every_option_is_in_the_reference_with_a_description() -> None:
    text = reference.options()
    part = text[text.index("Store of type redis\n") :].split("\n\n")[0]
    for declared in (RedisSettings, SentinelSettings):
        for field in msgspec.structs.fields(declared):
            assert description(field)
            assert f"{field.encode_name}: " in part
    assert "  password: text (default none)" in part
    assert RedisStore.Settings is RedisSettings


# Passwords from elsewhere


def test_a_password_comes_from_a_file(tmp_path: Path) -> None:
    path = tmp_path / "password"
    path.write_text(f" {SECRET}\n", encoding="utf-8")
    assert entered({"username": "u", "password_file": str(path)}).password == SECRET


def test_a_password_comes_from_the_environment() -> None:
    assert entered({}, {PASSWORD: SECRET}).password == SECRET
    assert entered({"password": "other"}, {PASSWORD: SECRET}).password == SECRET
    both = entered({}, {PASSWORD: SECRET, "HBPUSH_STORE_DEFAULT_USERNAME": "u"})
    assert (both.username, both.password) == ("u", SECRET)
    assert entered({}, {"HBPUSH_STORE_DEFAULT_URL": f"redis://:{SECRET}@h"}).password == SECRET


def test_two_passwords_are_refused_whoever_gives_them() -> None:
    assert refusal({"password_file": "f"}, {PASSWORD: SECRET}) == f"{PASSWORD}: has password and password_file; give one of them"


@pytest.mark.parametrize(("content", "line"), [(b"", "which is empty"), (b" \n", "which is empty"), (b"\xff", "which cannot be read: ")])
def test_a_password_file_that_has_none_is_refused(tmp_path: Path, content: bytes, line: str) -> None:
    path = tmp_path / "password"
    path.write_bytes(content)
    assert refusal({"password_file": str(path)}).startswith(f"c.yaml: store.default.password_file: is {str(path)!r}, {line}")


def test_a_login_is_the_options_and_the_url_together() -> None:
    assert login(RedisSettings(url="redis://u@h"), "from a file") == Login("h", 6379, "", False, "u", "from a file", 0)


# Files


def test_a_file_that_is_missing_is_told_with_its_option(tmp_path: Path) -> None:
    gone = str(tmp_path / "gone")
    for options, option in (
        ({"password_file": gone}, "password_file"),
        ({"tls": True, "tls_ca": gone}, "tls_ca"),
        ({"url": "rediss://h", "tls_ca": gone}, "tls_ca"),
        ({"tls": True, "tls_certificate": gone, "tls_key": gone}, "tls_certificate"),
    ):
        told = refusal(options)
        assert told.startswith(f"c.yaml: store.default.{option}: is {gone!r}, which cannot be ")
        assert told.endswith(": No such file or directory")


def test_a_file_that_is_no_pem_is_told_with_its_option(tmp_path: Path) -> None:
    path = tmp_path / "text"
    path.write_text("no PEM at all", encoding="utf-8")
    for options, option in (
        ({"tls": True, "tls_ca": str(path)}, "tls_ca"),
        ({"tls": True, "tls_certificate": str(path), "tls_key": str(path)}, "tls_certificate"),
    ):
        assert refusal(options).startswith(f"c.yaml: store.default.{option}: is {str(path)!r}, which cannot be used")


def test_a_folder_is_no_file(tmp_path: Path) -> None:
    for options in ({"password_file": str(tmp_path)}, {"tls": True, "tls_ca": str(tmp_path)}):
        assert refusal(options).endswith(": Is a directory")
