"""The command line of ``hbpushd``."""

from __future__ import annotations

import argparse
import asyncio
import os
import sys
from collections.abc import Sequence
from functools import partial
from typing import NoReturn

import msgspec

import hbpush
from hbpush.core.clock import LoopClock
from hbpush.daemon import plugins, reference
from hbpush.daemon.assembly import Assembly
from hbpush.daemon.configuration import Flags, load
from hbpush.daemon.log import one_line
from hbpush.daemon.options import nearest
from hbpush.daemon.program import guarded, leave, serve, typed, write
from hbpush.daemon.settings import ServerSettings


def main(argv: Sequence[str] | None = None) -> int:
    """Run ``hbpushd`` with arguments (the process's own by default). Returns the exit status; wrong usage exits with 2."""
    arguments = list(sys.argv[1:] if argv is None else argv)
    work = _command if arguments and not arguments[0].startswith("-") else _daemon
    return guarded("hbpushd", partial(work, arguments))


def command() -> NoReturn:
    """What is installed as ``hbpushd``."""
    leave(main())


def _daemon(arguments: Sequence[str]) -> int:
    given = _parser().parse_args(arguments)
    if given.options:
        write(reference.options())
        return 0
    flags = Flags(given.config, given.format, given.port, given.address, given.log_level, given.workers)
    if given.check:
        asyncio.run(_check(flags))
        return 0
    return serve(flags, load(flags, os.environ))


async def _check(flags: Flags) -> None:
    """Make everything that the configuration names, and start nothing. Raises ConfigError."""
    configuration = load(flags, os.environ)
    assembly = Assembly(configuration, LoopClock(asyncio.get_running_loop()))
    warnings = "".join(f"warning: {line}\n" for line in assembly.warnings(configuration.server.address))
    write(f"{configuration.source}: correct\n{reference.route_table(assembly)}{warnings}")


def _command(arguments: Sequence[str]) -> int:
    name, *rest = arguments
    names = plugins.installed(plugins.COMMANDS)
    if name not in names:
        there = f"the installed ones: {', '.join(names)}" if names else "none is installed"
        # One line: who mistypes one of these is not after the options of the server.
        _parser().exit(2, one_line(f"hbpushd: error: no sub-command {name!r}; {nearest(name, names)}{there}") + "\n")
    return plugins.command(name)(rest)


def _parser() -> argparse.ArgumentParser:
    commands = plugins.installed(plugins.COMMANDS)
    parser = argparse.ArgumentParser(
        prog="hbpushd",
        description="Push server: a message published once reaches every subscriber.",
        epilog=f"Sub-commands: {', '.join(commands)}. `hbpushd NAME --help` tells more." if commands else None,
        allow_abbrev=False,
    )
    parser.add_argument(
        "-c", "--config", metavar="FILE", help="configuration file (default: $HBPUSH_CONFIG, else the default configuration)"
    )
    parser.add_argument("-f", "--format", choices=("yaml", "json"), help="format of the file (default: by its extension, else yaml)")
    for option, metavar in (("port", "P"), ("address", "A"), ("log_level", "L"), ("workers", "N")):
        field = next(field for field in msgspec.structs.fields(ServerSettings) if field.name == option)
        parser.add_argument(f"--{option.replace('_', '-')}", type=typed(field), metavar=metavar, help=f"in place of the option {option}")
    instead = parser.add_mutually_exclusive_group()
    instead.add_argument("--check", action="store_true", help="validate the configuration, print the routes and warnings, and exit")
    instead.add_argument("--options", action="store_true", help="print every option of the configuration, and exit")
    instead.add_argument("--version", action="version", version=f"hbpushd {hbpush.__version__}")
    return parser
