"""Configurations: the documented forms, precedence, and the one line for each that cannot be served."""

from __future__ import annotations

import subprocess
import textwrap
from pathlib import Path
from typing import Any

import pytest

from hbpush.daemon import plugins
from hbpush.daemon.config_file import ConfigFile, read
from hbpush.daemon.configuration import DEFAULT, Configuration, Flags, configure, load
from hbpush.errors import ConfigError
from tests.support import throwaway
from tests.support.process import ROOT

NOTICE = {"type": "notice", "prefix": "/n/"}

COMPLEX = """\
port: 9090
store:
  default:
    type: memory
  redis1:
    type: redis
    key_prefix: redis1_
  redis2:
    type: redis
    key_prefix: redis2_
locations:
  -
    type: subscriber
    prefix: /sub/
  -
    type: publisher
    prefix: /pub/
  -
    type: subscriber
    polling: interval
    url: /redis/(.+)/1/sub/
    store: redis1
  -
    type: publisher
    url: /redis/(.+)/1/pub/
    store: redis1
  -
    type: subscriber
    url: /redis/(.+)/2/sub/
    store: redis2
  -
    type: publisher
    url: /redis/(.+)/2/pub/
    store: redis2
"""


def made(values: dict[Any, Any], environ: dict[str, str] | None = None, flags: Flags | None = None) -> Configuration:
    return configure(ConfigFile("c.yaml", values), environ or {}, flags or Flags())


def refusal(values: dict[Any, Any], environ: dict[str, str] | None = None) -> str:
    with pytest.raises(ConfigError) as error:
        made(values, environ)
    assert "\n" not in str(error.value)
    return str(error.value)


# The documented forms


def test_without_a_file_the_default_is_served() -> None:
    configuration = load(Flags(), {})
    assert (configuration.server.port, configuration.server.address) == (80, "")
    assert {name: choice.kind.type_name for name, choice in configuration.stores.items()} == {"default": "memory"}
    assert [choice.kind.type_name for choice in configuration.locations] == ["subscriber", "publisher"]
    assert [choice.settings.prefix for choice in configuration.locations] == ["/subscriber/", "/publisher/"]  # type: ignore[attr-defined]


def test_the_default_file_says_the_same_on_a_port_for_everybody() -> None:
    assert read(str(ROOT / "conf" / "default.yaml")).values == DEFAULT.values | {"port": 9090, "address": "127.0.0.1"}


def test_what_a_file_leaves_out_is_the_default() -> None:
    assert made({"port": 9090, "address": "127.0.0.1"})[2:] == load(Flags(), {})[2:]


def test_configured_locations_replace_the_default_ones() -> None:
    assert [choice.path for choice in made({"locations": [{"type": "publisher", "prefix": "/p/"}]}).locations] == ["locations[0]"]


def test_a_store_without_a_name_is_the_default_one() -> None:
    options = {"type": "memory", "max_messages": 7}
    assert made({"store": options})[1:] == made({"store": {"default": options}})[1:]


@pytest.mark.usefixtures("plugin")
def test_a_store_may_be_named_type() -> None:
    stores = made({"store": {"type": {"type": "blank"}, "default": {"type": "blank", "port": 1}}}).stores
    assert list(stores) == ["type", "default"]


def test_the_documented_example_of_many_stores_and_locations(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    if "redis" not in plugins.installed(plugins.STORES):
        points = {"hbpush.stores": {"redis": "throwaway_redis:BlankStore"}}
        monkeypatch.syspath_prepend(throwaway.install(tmp_path / "redis", points, {"throwaway_redis": throwaway.PLUGIN}))
    path = tmp_path / "c.yaml"
    path.write_text(COMPLEX, encoding="utf-8")
    configuration = load(Flags(str(path)), {})
    assert configuration.server.port == 9090
    assert list(configuration.stores) == ["default", "redis1", "redis2"]
    assert configuration.stores["redis2"].settings.key_prefix == "redis2_"  # type: ignore[attr-defined]
    assert [(choice.kind.type_name, choice.store) for choice in configuration.locations] == [
        ("subscriber", "default"),
        ("publisher", "default"),
        ("subscriber", "redis1"),
        ("publisher", "redis1"),
        ("subscriber", "redis2"),
        ("publisher", "redis2"),
    ]
    assert [getattr(choice.settings, "polling", None) for choice in configuration.locations[:4]] == ["long", None, "interval", None]


# Refusals


@pytest.mark.usefixtures("plugin")
@pytest.mark.parametrize(
    ("values", "line"),
    [
        ({"prot": 1}, "prot: is no option of the server; did you mean 'port'? its options: "),
        ({"stores": {}}, "stores: is no option of the server; did you mean 'store'? its options: "),
        ({"port": "80"}, "port: is '80'; must be a whole number from 0 to 65535"),
        ({"port": 65536}, "port: is 65536; must be a whole number from 0 to 65535"),
        ({"idle_timeout": 0}, "idle_timeout: is 0; must be a number more than 0"),
        ({"log_level": "loud"}, "log_level: is 'loud'; must be 'debug', 'error', 'info' or 'warning'"),
        ({"trusted_proxies": ["10.0.0.0/8", "x"]}, "trusted_proxies[1]: is 'x'; must be a network such as 10.0.0.0/8, or an address"),
        ({"tls": {"certificate": "a.pem"}}, "tls.key: is missing; must be text that is not empty"),
        (
            {"tls": {"certificate": "absent.pem", "key": "absent.pem"}},
            "tls.certificate: is 'absent.pem', which cannot be read: No such file or directory",
        ),
        ({"store": "memory"}, "store: is 'memory'; must be a mapping with a type, or of names to such mappings"),
        ({"store": None}, "store: is empty; must be a mapping with a type, or of names to such mappings"),
        ({"store": {"type": "cassandra"}}, "store.type: is 'cassandra', an unknown store type; the installed store types: "),
        ({"store": {"type": None}}, "store.type: is missing; the installed store types: "),
        ({"store": {"a": {"max_messages": 1}}}, "store.a.type: is missing; the installed store types: "),
        ({"store": {}}, "store: is empty; must be a mapping with a type, or of names to such mappings"),
        ({"store": {"max_messages": 3}}, "store.type: is missing; the installed store types: "),
        ({"store": {"a": "memory"}}, "store.a: is 'memory'; must be a mapping of a store's options, with its type"),
        ({"store": {1: {"type": "blank"}}}, "store.1: a store's name must be text (put it in quotes)"),
        ({"store": {"type": "blank", "max_messages": -1}}, "store.max_messages: is -1; must be a whole number at least 0"),
        ({"store": {"a": {"type": "blank", "prt": 1}}}, "store.a.prt: is no option of a blank store; did you mean 'port'? its options: "),
        ({"store": {"a": {"type": "blank", "password": 12}}}, "store.a.password: is not what it must be; must be text (put it in quotes)"),
        ({"locations": None}, "locations: is empty; must be a list of locations"),
        ({"locations": {"type": "notice"}}, "locations: is a mapping; must be a list of locations"),
        ({"locations": ["/sub/"]}, "locations[0]: is '/sub/'; must be a mapping of a location's options, with its type"),
        ({"locations": [{"prefix": "/x/"}]}, "locations[0].type: is missing; the installed location types: "),
        (
            {"locations": [NOTICE, {"type": "notices"}]},
            "locations[1].type: is 'notices', an unknown location type; did you mean 'notice'? the installed location types: ",
        ),
        ({"locations": [{"type": "notice"}]}, "locations[0].prefix: is missing; must be text that is not empty"),
        ({"locations": [NOTICE, NOTICE | {"polling": "medium"}]}, "locations[1].polling: is 'medium'; must be 'interval' or 'long'"),
        ({"locations": [NOTICE | {"polling": False}]}, "locations[0].polling: is false; must be 'interval' or 'long'"),
        ({"locations": [NOTICE | {"origins": ["a", 1]}]}, "locations[0].origins[1]: is 1; must be text (put it in quotes)"),
        (
            {"locations": [NOTICE | {"prefx": "/"}]},
            "locations[0].prefx: is no option of a notice location; did you mean 'prefix'? "
            "its options: store, prefix, polling, origins, gate",
        ),
        (
            {"locations": [NOTICE | {"store": "defualt"}]},
            "locations[0].store: is 'defualt', which is not configured; did you mean 'default'? the stores: default",
        ),
        ({"locations": [{"type": "notice", "prefix": "n/"}]}, "locations[0].prefix: is 'n/'; must begin with /"),
    ],
)  # fmt: skip
def test_what_cannot_be_served_is_told_in_one_line(values: dict[Any, Any], line: str) -> None:
    told = refusal(values)
    assert told.startswith(f"c.yaml: {line}")
    assert told == f"c.yaml: {line}" or line.endswith(": ")


@pytest.mark.parametrize(
    ("location", "place"),
    [
        ({"type": "subscriber"}, "locations[0].url: is missing, and so is prefix; set one of them"),
        ({"type": "subscriber", "url": "/x/(.+"}, "locations[0].url"),
        ({"type": "subscriber", "url": "/x/"}, "locations[0].url"),
        ({"type": "publisher", "url": "/(x)/(.+)"}, "locations[0].url"),
        ({"type": "subscriber", "prefix": "/x/", "polling": "medium"}, "locations[0].polling"),
        ({"type": "publisher", "prefix": "/x/", "polling": "long"}, "locations[0].polling"),
        ({"type": "publisher", "prefix": "/x/", "create_on_post": "no"}, "locations[0].create_on_post"),
    ],
)
def test_wrong_relay_locations_are_refused_with_their_place(location: dict[str, Any], place: str) -> None:
    assert refusal({"locations": [location]}).startswith(f"c.yaml: {place}")


def test_url_alone_is_enough() -> None:
    assert made({"locations": [{"type": "subscriber", "url": r"/x/(\d+)/"}]}).locations[0].path == "locations[0]"


# Environment and flags


def test_file_then_environment_then_flags() -> None:
    file = {"port": 1, "address": "127.0.0.1", "log_level": "error"}
    environ = {"HBPUSH_PORT": "2", "HBPUSH_ADDRESS": "127.0.0.2", "HBPUSH_LOG_LEVEL": "warning"}
    for given, flags, expected in (
        ({}, Flags(), (1, "127.0.0.1", "error")),
        (environ, Flags(), (2, "127.0.0.2", "warning")),
        (environ, Flags(port=3), (3, "127.0.0.2", "warning")),
        (environ, Flags(address="::1", log_level="debug"), (2, "::1", "debug")),
        ({"HBPUSH_PORT": ""}, Flags(), (1, "127.0.0.1", "error")),
    ):
        server = made(file, given, flags).server
        assert (server.port, server.address, server.log_level) == expected


def test_variables_that_mean_nothing_are_noticed() -> None:
    environ = {"HBPUSH_PROT": "1", "HBPUSH_MAX_BODY": "3", "HBPUSH_VENV": "/x", "HBPUSH_PORT": "1", "OTHER": "1", "HBPUSH_EMPTY": ""}
    assert configure(DEFAULT, environ).unknown_variables == ("HBPUSH_MAX_BODY", "HBPUSH_PROT")


def test_the_file_may_come_from_the_environment(tmp_path: Path) -> None:
    for number in (1, 2):
        (tmp_path / f"{number}.yaml").write_text(f"port: {number}\n", encoding="utf-8")
    environ = {"HBPUSH_CONFIG": str(tmp_path / "1.yaml")}
    assert load(Flags(), environ).server.port == 1
    assert load(Flags(str(tmp_path / "2.yaml")), environ).server.port == 2


@pytest.mark.usefixtures("plugin")
def test_options_of_stores_may_come_from_the_environment() -> None:
    file = {"store": {"default": {"type": "blank"}, "my-store.a": {"type": "blank"}, "my": {"type": "blank"}}, "locations": []}
    stores = made(file, {"HBPUSH_STORE_DEFAULT_PORT": "7", "HBPUSH_STORE_MY_STORE_A_KEY_PREFIX": "p", "HBPUSH_STORE_MY_HOST": "h"}).stores
    assert stores["default"].settings.port == 7  # type: ignore[attr-defined]
    assert stores["my-store.a"].settings.key_prefix == "p"  # type: ignore[attr-defined]
    assert stores["my"].settings.host == "h"  # type: ignore[attr-defined]


@pytest.mark.usefixtures("plugin")
@pytest.mark.parametrize(
    ("environ", "line"),
    [
        ({"HBPUSH_PORT": "http"}, "HBPUSH_PORT: is 'http'; must be a whole number from 0 to 65535"),
        ({"HBPUSH_LOG_LEVEL": "x"}, "HBPUSH_LOG_LEVEL: is 'x'; must be 'debug', 'error', 'info' or 'warning'"),
        ({"HBPUSH_STORE_OTHER_PORT": "1"}, "HBPUSH_STORE_OTHER_PORT: names no configured store; the stores: default, a-b, a_b"),
        (
            {"HBPUSH_STORE_DEFAULT_PRT": "1"},
            "HBPUSH_STORE_DEFAULT_PRT: is no option of the store 'default'; did you mean 'PORT'? its options: ",
        ),
        ({"HBPUSH_STORE_DEFAULT_PORT": "x"}, "HBPUSH_STORE_DEFAULT_PORT: is 'x'; must be a whole number from 1 to 65535"),
        ({"HBPUSH_STORE_A_B_PORT": "1"}, "HBPUSH_STORE_A_B_PORT: means more than one store: a-b, a_b"),
    ],
)
def test_wrong_variables_are_refused(environ: dict[str, str], line: str) -> None:
    stores = {"store": {name: {"type": "blank"} for name in ("default", "a-b", "a_b")}, "locations": []}
    assert refusal(stores, environ).startswith(line)


# TLS


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("tls")
    for name, extra in (("a", ["-nodes"]), ("b", ["-nodes"]), ("locked", ["-passout", "pass:secret"])):
        subprocess.run(
            ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-subj", "/CN=localhost", "-days", "2", *extra,
             "-keyout", folder / f"{name}.key", "-out", folder / f"{name}.pem"],
            check=True, capture_output=True, timeout=60,
        )  # fmt: skip
    (folder / "text.pem").write_text(textwrap.dedent("""no PEM at all"""), encoding="utf-8")
    return folder


def test_a_certificate_and_its_key_are_taken(certificates: Path) -> None:
    assert made({"tls": {"certificate": f"{certificates}/a.pem", "key": f"{certificates}/a.key"}}).server.tls is not None


@pytest.mark.parametrize(
    ("certificate", "key", "reason"),
    [("a.pem", "b.key", "key values mismatch"), ("text.pem", "a.key", ""), ("a.pem", "a.pem", ""), ("locked.pem", "locked.key", "")],
)
def test_files_that_make_no_tls_are_refused(certificates: Path, certificate: str, key: str, reason: str) -> None:
    told = refusal({"tls": {"certificate": str(certificates / certificate), "key": str(certificates / key)}})
    assert told.startswith("c.yaml: tls: certificate '")
    assert "cannot be used: " in told
    assert told.endswith(reason)
