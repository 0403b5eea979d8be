"""The options of ``tornado_tyron``: what they are called, what they stand for, and what is said of wrong ones."""

from __future__ import annotations

from pathlib import Path

import pytest

from hbpush.daemon.configuration import Configuration, load
from tyron.cli import OPTIONS, _parser, _underscored, flags_of, main
from tyron.settings import TyronSettings

SEED = {
    "pubsub_channel": "tyron_pubsub",
    "redis_db": 0,
    "redis_hostname": "localhost",
    "redis_password": "",
    "redis_port": 6379,
    "timeout": 600,
    "webserver_port": 8080,
}


def configured(*arguments: str) -> Configuration:
    return load(flags_of(vars(_parser().parse_args([_underscored(argument) for argument in arguments]))), {"HBPUSH_PORT": "1"})


def tyron(*arguments: str) -> TyronSettings:
    settings = configured(*arguments).locations[0].settings
    assert isinstance(settings, TyronSettings)
    return settings


def test_the_defaults_are_the_seeds() -> None:
    configuration, settings = configured(), tyron()
    redis = settings.redis
    assert {
        "pubsub_channel": settings.pubsub_channel,
        "redis_db": redis.database,
        "redis_hostname": redis.host,
        "redis_password": redis.password,
        "redis_port": redis.port,
        "timeout": settings.timeout,
        "webserver_port": configuration.server.port,
    } == SEED
    assert (settings.prefix, configuration.server.address, configuration.server.log_level) == ("/", "", "info")
    assert (settings.timeout_status, settings.timeout_message, settings.buffer_seconds, settings.store_prefix) == (200, "", 0, "")


def test_every_option_reaches_its_place(tmp_path: Path) -> None:
    arguments = [
        "--pubsub_channel=tyron", "--redis_db=3", "--redis_hostname=redis.example", "--redis_password=secret", "--redis_port=7000",
        "--timeout=15", "--webserver_port=9000", "--webserver_address=127.0.0.1", "--timeout_status=408", "--timeout_message=late",
        "--buffer_seconds=30", "--close_connections=true", "--store_prefix=public:", "--max_connections=500", "--max_subscribers=9",
        "--max_payload=5000",
        "--allow_origin=*", "--logging=warning",
    ]  # fmt: skip
    configuration, settings = configured(*arguments), tyron(*arguments)
    redis, server = settings.redis, configuration.server
    assert (settings.pubsub_channel, redis.database, redis.host) == ("tyron", 3, "redis.example")
    assert (redis.password, redis.port) == ("secret", 7000)
    assert (settings.timeout, server.port, server.address, settings.timeout_status) == (15, 9000, "127.0.0.1", 408)
    assert (settings.timeout_message, settings.buffer_seconds, settings.close_connections) == ("late", 30, True)
    assert (settings.store_prefix, server.max_connections, settings.max_subscribers) == ("public:", 500, 9)
    assert (settings.allow_origin, server.log_level) == ("*", "warning")
    assert settings.max_payload == 5000
    named = {argument.partition("=")[0][2:] for argument in arguments}
    assert named == {option.name for option in OPTIONS} - {"redis_password_file"} | {"logging"}
    file = tmp_path / "password"
    file.write_text("secret\n")
    assert tyron(f"--redis_password_file={file}").redis.password_file == str(file)


@pytest.mark.parametrize("given", ["", "0"])
def test_passwords_that_are_none(given: str) -> None:
    assert tyron(f"--redis_password={given}").redis.password == ""


def test_a_password_is_text() -> None:
    assert tyron("--redis_password=00").redis.password == "00"


def test_dashes_and_separate_values_are_taken_too() -> None:
    assert tyron("--pubsub-channel=a-b", "--redis-db", "2").pubsub_channel == "a-b"
    assert tyron("--redis-db", "2").redis.database == 2


@pytest.mark.parametrize(
    ("argument", "told"),
    [
        ("--redis_port=x", "argument --redis_port: is 'x'; must be a whole number from 1 to 65535"),
        ("--redis_db=-1", "argument --redis_db: is '-1'; must be a whole number at least 0"),
        ("--timeout=-1", "argument --timeout: is '-1'; must be a number at least 0"),
        ("--webserver_port=70000", "argument --webserver_port: is '70000'; must be a whole number from 0 to 65535"),
        ("--logging=loud", "argument --logging: invalid choice"),
        ("--nope=1", "unrecognized arguments: --nope=1"),
        ("--redis=1", "unrecognized arguments: --redis=1"),
    ],
)
def test_wrong_usage_is_told_in_a_line(argument: str, told: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main([argument])
    assert ended.value.code == 2
    usage, line = capsys.readouterr().err.splitlines()
    assert usage == "usage: tornado_tyron [OPTIONS]"
    assert line.startswith(f"tornado_tyron: error: {told}")


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["--redis_hostname=a:b"], "--redis_hostname: must be a name or an address alone"),
        (["--timeout_status=299"], "--timeout_status: is 299, which is no status of HTTP"),
        (["--timeout_status=204", "--timeout_message=x"], "--timeout_message: is given, and an answer of status 204 has no body"),
        (["--allow_origin=example.com"], "--allow_origin: is 'example.com'; must be '*' or an origin"),
        (["--pubsub_channel="], "--pubsub_channel: is ''; must be text that is not empty"),
    ],
)
def test_what_cannot_be_served_is_told_by_its_option(arguments: list[str], told: str, capsys: pytest.CaptureFixture[str]) -> None:
    try:
        status = main(arguments)
    except SystemExit as ended:
        status = int(ended.code or 0)
    assert status in (1, 2)
    assert told in capsys.readouterr().err.splitlines()[-1]


def test_help_tells_every_option_and_its_default(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["--help"])
    assert ended.value.code == 0
    told = " ".join(capsys.readouterr().out.split())
    for option in OPTIONS:
        assert f"--{option.name} VALUE" in told
    assert "(default: 'tyron_pubsub')" in told
    assert "(default: 8080)" in told
