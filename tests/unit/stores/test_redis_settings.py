"""The options of a Redis store: what they say together, and what contradicts itself, which is told in one line.

`test_redis_secrets` has passwords, and that none is ever shown.
"""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import msgspec
import pytest

from hbpush.core.clock import LoopClock
from hbpush.daemon import reference
from hbpush.daemon.assembly import Assembly
from hbpush.daemon.config_file import ConfigFile
from hbpush.daemon.configuration import Configuration, configure
from hbpush.daemon.options import description
from hbpush.errors import ConfigError
from hbpush.stores.redis import RedisStore
from hbpush.stores.redis_place import Place
from hbpush.stores.redis_settings import Login, RedisSettings, SentinelSettings

SECRET = "geheim7031"  # what no text may have in it
SENTINELS = {"master": "m", "hosts": ["a", "b:7"]}
HERE = "which both say where the server is; give one of them"
BEYOND = "has parameters or a fragment, which it cannot have (in a password, write ? as %3F and # as %23)"
ALONE = "with which database, unix_socket and sentinel do not go"


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
        ({"url": "redis://h", "host": "x"}, f"url: is given, and host too, {HERE}"),
        ({"url": "redis://h", "port": 1}, f"url: is given, and port too, {HERE}"),
        ({"url": "redis://h", "unix_socket": "/x"}, f"url: is given, and unix_socket too, {HERE}"),
        ({"url": "redis://h", "sentinel": SENTINELS}, f"url: is given, and sentinel too, {HERE}"),
        ({"unix_socket": "/x", "host": "x"}, f"unix_socket: is given, and host too, {HERE}"),
        ({"unix_socket": "/x", "sentinel": SENTINELS}, f"unix_socket: is given, and sentinel too, {HERE}"),
        ({"sentinel": SENTINELS, "port": 7}, f"sentinel: is given, and port too, {HERE}"),
        ({"password": SECRET, "password_file": "f"}, "password_file: is given, and password too; give one of them"),
        ({"username": "u"}, "username: is given, and no password"),
        ({"sentinel": {**SENTINELS, "username": "u"}}, "sentinel.username: is given, and no password"),
        ({"tls": True, "tls_certificate": "c"}, "tls_certificate: is given, and no tls_key"),
        ({"tls": True, "tls_key": "k"}, "tls_key: is given, and no tls_certificate"),
        ({"tls_ca": "a"}, "tls_ca: is given, and no tls: true"),
        ({"tls_certificate": "c", "tls_key": "k"}, "tls_certificate: is given, and no tls: true"),
        ({"tls_ca": "a", "url": "redis://h"}, "tls_ca: is given, and no tls: true"),
        ({"tls": True, "unix_socket": "/x"}, "tls: is true, and a unix socket does not speak it"),
        ({"tls": True, "url": "unix:///x"}, "tls: is true, and a unix socket does not speak it"),
        ({"cluster": True, "database": 1}, f"cluster: is true, {ALONE}"),
        ({"cluster": True, "unix_socket": "/x"}, f"cluster: is true, {ALONE}"),
        ({"cluster": True, "sentinel": SENTINELS}, f"cluster: is true, {ALONE}"),
        ({"cluster": True, "url": "unix:///x"}, f"cluster: is true, {ALONE}"),
        ({"cluster": True, "url": "redis://h/3"}, f"cluster: is true, {ALONE}"),
        ({"key_prefix": "a{b"}, "key_prefix: has a brace in it, which a Redis Cluster would take for its own"),
        ({"key_prefix": "b}"}, "key_prefix: has a brace in it, which a Redis Cluster would take for its own"),
    ],
)
def test_a_contradiction_is_told_in_one_line(options: dict[str, Any], line: str) -> None:
    assert refusal(options) == f"c.yaml: store.default.{line}"


@pytest.mark.parametrize("host", ["", "a:b"])
def test_a_sentinel_that_is_nowhere_is_refused(host: str) -> None:
    line = f"sentinel.hosts[1]: is {host!r}; must be a host, or host:port"
    assert refusal({"sentinel": {"master": "m", "hosts": ["a:7", host]}}) == f"c.yaml: store.default.{line}"


@pytest.mark.parametrize(
    ("options", "line"),
    [
        ({"host": ""}, "host: is ''; must be text that is not empty"),
        ({"port": 0}, "port: is 0; must be a whole number from 1 to 65535"),
        ({"database": -1}, "database: is -1; must be a whole number at least 0"),
        ({"timeout": 0}, "timeout: is 0; must be a number from 0.1 to 60"),
        ({"linger": -1}, "linger: is -1; must be a number at least 0"),
        ({"sentinel": {"master": "", "hosts": ["a"]}}, "sentinel.master: is ''; must be text that is not empty"),
        ({"sentinel": {"master": "m"}}, "sentinel.hosts: is missing; must be a list that is not empty, each item text"),
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


def test_every_option_is_in_the_reference_with_a_description() -> None:
    text = reference.options()
    part = text[text.index("Store of type redis\n") :].split("\n\n")[0]
    for declared in (RedisSettings, SentinelSettings):
        for field in msgspec.structs.fields(declared):
            assert description(field)
            assert f"{field.encode_name}: " in part
    assert "  password: text (default none)" in part
    assert RedisStore.Settings is RedisSettings


def test_options_that_need_each_other_may_all_come_from_the_environment() -> None:
    start = "HBPUSH_STORE_DEFAULT_TLS"
    settings = configured({}, {start: "true", f"{start}_CERTIFICATE": "c", f"{start}_KEY": "k"}).stores["default"].settings
    assert isinstance(settings, RedisSettings)
    assert (settings.tls, settings.tls_certificate, settings.tls_key) == (True, "c", "k")


# URLs


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({}, Login("localhost", 6379, "", False, "", b"", 0)),
        ({"url": "redis://h"}, Login("h", 6379, "", False, "", b"", 0)),
        ({"url": "redis://h/"}, Login("h", 6379, "", False, "", b"", 0)),
        ({"url": "redis://h:7/3"}, Login("h", 7, "", False, "", b"", 3)),
        ({"url": "redis://h?db=3"}, Login("h", 6379, "", False, "", b"", 3)),
        ({"url": "redis://[::1]:7"}, Login("::1", 7, "", False, "", b"", 0)),
        ({"url": "redis://:p@h"}, Login("h", 6379, "", False, "", b"p", 0)),
        ({"url": "redis://u:p%40%3A%2F%C3%A9@h"}, Login("h", 6379, "", False, "u", "p@:/é".encode(), 0)),
        ({"url": "rediss://u:p@h:7/2"}, Login("h", 7, "", True, "u", b"p", 2)),
        ({"url": "redis://h", "tls": True}, Login("h", 6379, "", True, "", b"", 0)),
        ({"url": "unix:///x/y.sock"}, Login("localhost", 6379, "/x/y.sock", False, "", b"", 0)),
        ({"url": "unix://u:p@/x/y.sock?db=3"}, Login("localhost", 6379, "/x/y.sock", False, "u", b"p", 3)),
        ({"url": "redis://u@h", "password": "p"}, Login("h", 6379, "", False, "u", b"p", 0)),
        ({"url": "redis://:p@h", "username": "u"}, Login("h", 6379, "", False, "u", b"p", 0)),
        ({"url": "redis://h", "username": "u", "password": "p", "database": 4}, Login("h", 6379, "", False, "u", b"p", 4)),
    ],
)
def test_a_url_stands_for_the_options_in_it(options: dict[str, Any], expected: Login) -> None:
    assert entered(options) == expected


@pytest.mark.parametrize("url", ["http://h", "h", "h:6379", f"http://u:{SECRET}@h"])
def test_a_url_of_another_kind_is_refused(url: str) -> None:
    assert refusal({"url": url}) == "c.yaml: store.default.url: must begin with redis://, rediss:// or unix://"


@pytest.mark.parametrize(
    "url", ["redis://h:port", "redis://h:70000", "redis://h?db=x", f"redis://:{SECRET}@h:port", "redis://u@h", f"redis://:{SECRET}@h?db=x"]
)
def test_a_url_that_cannot_be_used_is_refused(url: str) -> None:
    assert refusal({"url": url}).startswith("c.yaml: store.default.url: ")


@pytest.mark.parametrize(
    ("options", "line"),
    [
        ({"url": "redis:h"}, "url: must begin with redis://, rediss:// or unix://"),
        ({"url": "unix://"}, "url: has no path; must be like unix:///path"),
        ({"url": "redis://h/abc"}, "url: has something after the host that is no number of a database"),
        ({"url": "redis://h/1/2"}, "url: has something after the host that is no number of a database"),
        ({"url": "redis://h/-1"}, "url: has something after the host that is no number of a database"),
        ({"url": "redis://h?db=-1"}, "url: has a negative number of a database"),
        ({"url": f"redis://:{SECRET}@h/1#x"}, f"url: {BEYOND}"),
        ({"url": f"redis://:{SECRET}@h?socket_timeout=3"}, f"url: {BEYOND}"),
        ({"url": f"rediss://:{SECRET}@h?ssl_cert_reqs=none"}, f"url: {BEYOND}"),
        ({"url": f"redis://:{SECRET}@h", "password": "p"}, "password: is given, and url has another password; give one of them"),
        ({"url": f"redis://:{SECRET}@h", "password_file": "f"}, "password_file: is given, and url has another password; give one of them"),
        ({"url": f"redis://u:{SECRET}@h", "username": "v"}, "username: is given, and url has another username; give one of them"),
        ({"url": f"redis://:{SECRET}@h/3", "database": 2}, "database: is given, and url has another database; give one of them"),
    ],
)
def test_what_a_url_says_twice_or_beyond_or_not_is_refused(options: dict[str, Any], line: str) -> None:
    assert refusal(options) == f"c.yaml: store.default.{line}"


# Files and text


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


@pytest.mark.parametrize(
    ("options", "environ", "line"),
    [
        ({"password_file": "a\0b"}, {}, "password_file: is 'a\\x00b', which cannot be read: embedded null byte"),
        ({"tls": True, "tls_ca": "a\0b"}, {}, "tls_ca: is 'a\\x00b', which cannot be used: embedded null byte"),
        # What is no UTF-8 in the environment.
        ({}, {"HBPUSH_STORE_DEFAULT_KEY_PREFIX": "a\udcff"}, "key_prefix: is not UTF-8"),
    ],
)
def test_text_that_cannot_be_used_is_refused(options: dict[str, Any], environ: dict[str, str], line: str) -> None:
    assert refusal(options, environ) == f"c.yaml: store.default.{line}"


def test_half_an_ipv6_address_is_refused_in_one_line() -> None:
    assert refusal({"url": "redis://[::1"}).startswith("c.yaml: store.default.url: ")
