"""What the commands of the project have in common: how their options are read, and that no traceback reaches who started them."""

from __future__ import annotations

import argparse
import logging
import os
import sys
from collections.abc import Callable
from contextlib import suppress
from typing import Any, NoReturn

import msgspec

from hbpush.daemon import log, run, workers
from hbpush.daemon.configuration import Configuration, Flags
from hbpush.daemon.options import convert
from hbpush.errors import ConfigError

FAILED = 1
INTERRUPTED = 130


def guarded(program: str, work: Callable[[], int]) -> int:
    """Do the work of a command, and return its exit status; what goes wrong is one line on stderr that begins with its name."""
    log.open_streams()
    try:
        return work()
    except ConfigError as error:
        log.say(f"{program}: {error}")
        return FAILED
    except BrokenPipeError:
        # Whoever read the output has gone; Python would complain about it once more at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return FAILED
    except OSError as error:
        log.say(f"{program}: {error.filename or 'standard output'}: {error.strerror or error}")
        return FAILED
    except KeyboardInterrupt:
        return INTERRUPTED
    except Exception as error:  # noqa: BLE001 - a plug-in may raise anything, and no traceback reaches a user
        log.say(f"{program}: ended by a fault: {log.one_line(log.told(error))}")
        return FAILED


def leave(status: int) -> NoReturn:
    """End the process of a command: nothing is left to be done, and Python would take its time to put all objects away.

    All that was written has to be flushed or on its way; what is registered with ``atexit`` does not run, but for the log's.
    """
    logging.shutdown()
    for stream in (sys.stdout, sys.stderr):
        with suppress(OSError, ValueError):
            stream.flush()
    os._exit(status)


def serve(flags: Flags, configuration: Configuration) -> int:
    """Serve until a signal ends it, with as many processes as are configured; return the exit status. Raises ConfigError."""
    return (run.serve if configuration.server.workers == 1 else workers.serve)(flags, configuration)


def typed(field: msgspec.structs.FieldInfo) -> Callable[[str], Any]:
    """For argparse: the same check of a flag's value as of the option's."""

    def typed(text: str) -> Any:
        try:
            return convert(text, field, "", strict=False)
        except ConfigError as error:
            raise argparse.ArgumentTypeError(str(error)) from None

    return typed


def write(text: str) -> None:
    """Write to stdout, now."""
    sys.stdout.write(text)
    sys.stdout.flush()
