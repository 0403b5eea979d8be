"""The command ``tornado_tyron``: one Tyron location at the root of the server, with the options of the original (specification 3.4).

Each option stands for one of the server, the location or its Redis server, and is checked and explained as that is.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from functools import partial
from typing import Any, NamedTuple, NoReturn

import msgspec

import hbpush
from hbpush.daemon.config_file import ConfigFile
from hbpush.daemon.configuration import Flags, load
from hbpush.daemon.options import description, shown
from hbpush.daemon.program import guarded, leave, serve, typed
from hbpush.daemon.settings import ServerSettings
from hbpush.errors import ConfigError
from hbpush.stores.redis_settings import RedisServerSettings
from tyron.settings import TyronSettings

PROGRAM = "tornado_tyron"
SOURCE = "options"
LOCATION = "locations[0]"
DEFAULT_PORT = 8080
LOG_LEVELS = {"debug": "debug", "info": "info", "warning": "warning", "error": "error", "none": "error"}
NO_PASSWORD = ("", "0")


class Option(NamedTuple):
    """An option of the command, and the one that it stands for. ``default`` None is that one's."""

    name: str
    declared: type[msgspec.Struct]
    field: str
    default: Any = None

    @property
    def path(self) -> str:
        """Where in the configuration it stands."""
        places = {ServerSettings: "", TyronSettings: f"{LOCATION}.", RedisServerSettings: f"{LOCATION}.redis."}
        return places[self.declared] + self.field

    @property
    def info(self) -> msgspec.structs.FieldInfo:
        return next(field for field in msgspec.structs.fields(self.declared) if field.name == self.field)


OPTIONS = (
    Option("pubsub_channel", TyronSettings, "pubsub_channel"),
    Option("redis_db", RedisServerSettings, "database"),
    Option("redis_hostname", RedisServerSettings, "host"),
    Option("redis_password", RedisServerSettings, "password"),
    Option("redis_password_file", RedisServerSettings, "password_file"),
    Option("redis_port", RedisServerSettings, "port"),
    Option("timeout", TyronSettings, "timeout"),
    Option("webserver_port", ServerSettings, "port", DEFAULT_PORT),
    Option("webserver_address", ServerSettings, "address"),
    Option("timeout_status", TyronSettings, "timeout_status"),
    Option("timeout_message", TyronSettings, "timeout_message"),
    Option("buffer_seconds", TyronSettings, "buffer_seconds"),
    Option("close_connections", TyronSettings, "close_connections"),
    Option("store_prefix", TyronSettings, "store_prefix"),
    Option("max_connections", ServerSettings, "max_connections"),
    Option("max_subscribers", TyronSettings, "max_subscribers"),
    Option("max_payload", TyronSettings, "max_payload"),
    Option("allow_origin", TyronSettings, "allow_origin"),
)


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command with arguments (the process's own by default). Returns the exit status; wrong usage exits with 2."""
    return guarded(PROGRAM, partial(_serve, sys.argv[1:] if argv is None else argv))


def command() -> NoReturn:
    """What is installed as ``tornado_tyron``."""
    leave(main())


def _serve(arguments: Sequence[str]) -> int:
    flags = flags_of(vars(_parser().parse_args([_underscored(argument) for argument in arguments])))
    try:
        configuration = load(flags, {})
    except ConfigError as error:
        raise ConfigError(_told(str(error))) from None
    return serve(flags, configuration)


def _underscored(argument: str) -> str:
    """An option in the spelling of the list: Tornado's parser, which the original had, took ``-`` for ``_``."""
    name, equals, value = argument.partition("=")
    return f"--{name[2:].replace('-', '_')}{equals}{value}" if name.startswith("--") else argument


def flags_of(given: dict[str, Any]) -> Flags:
    """What the options say, as a configuration of the daemon."""
    values: dict[type[msgspec.Struct], dict[str, Any]] = {ServerSettings: {}, TyronSettings: {}, RedisServerSettings: {}}
    for option in OPTIONS:
        value = given[option.name]
        if option.name == "redis_password" and value in NO_PASSWORD:
            value = ""
        if value is not None:
            values[option.declared][option.field] = value
    location = {"type": "tyron", "prefix": "/", **values[TyronSettings], "redis": values[RedisServerSettings]}
    server = {**values[ServerSettings], "log_level": LOG_LEVELS[given["logging"]]}
    values_of_all = ConfigFile(SOURCE, {**server, "store": {"type": "memory"}, "locations": [location]})
    return Flags(values=values_of_all, program=PROGRAM, port_option="--webserver_port", address_option="--webserver_address")


def _told(text: str) -> str:
    """What is wrong, under the names that were used for it."""
    for option in sorted(OPTIONS, key=lambda option: len(option.path), reverse=True):
        begin = f"{SOURCE}: {option.path}"
        if text.startswith((f"{begin}:", f"{begin}[")):
            return f"--{option.name}{text.removeprefix(begin)}"
    return text


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog=PROGRAM,
        usage="%(prog)s [OPTIONS]",
        description="Long-polling server: whoever waits on /<channel>/ gets what is published for it to a Redis pub/sub channel.",
        allow_abbrev=False,
        formatter_class=partial(argparse.HelpFormatter, max_help_position=28),
    )
    for option in OPTIONS:
        field = option.info
        default = field.default if option.default is None else option.default
        told = f"{description(field)} (default: {shown(default)})".replace("%", "%%")
        parser.add_argument(f"--{option.name}", type=typed(field), default=option.default, metavar="VALUE", help=told)
    parser.add_argument(
        "--logging", choices=tuple(LOG_LEVELS), default="info", metavar="LEVEL", help=f"{', '.join(LOG_LEVELS)} (default: info)"
    )
    parser.add_argument("--version", action="version", version=f"{PROGRAM} {hbpush.__version__}")
    return parser
