"""What the commands have in common on the command line: how a server and its channels are named, and wrong usage told in one line."""

from __future__ import annotations

import argparse
import os
import ssl
from collections.abc import Callable
from typing import Any, NamedTuple, NoReturn
from urllib.parse import parse_qsl, quote, unquote, urlsplit

import hbpush
from hbpush.relay.commands.endings import MISUSED

SERVER = "http://127.0.0.1:9090"
SERVER_VARIABLE = "HBPUSH_SERVER"
KEY_VARIABLE = "HBPUSH_KEY"

_SCHEMES = {"http": 80, "ws": 80, "https": 443, "wss": 443}
_SECURE = ("https", "wss")
_LEFT_AS_IT_IS = "/%?&=,:;@!$'()*+~-._"


class Parser(argparse.ArgumentParser):
    """Wrong usage is one line and status 2."""

    def error(self, message: str) -> NoReturn:
        self.exit(MISUSED, f"{self.prog}: {message}; `{self.prog} --help` tells more\n")


class Place(NamedTuple):
    """One URL of a server, which is of these channels; ``tls`` is None for http."""

    channels: tuple[str, ...]
    host: str
    port: int
    target: str
    tls: ssl.SSLContext | None

    @property
    def channel(self) -> str:
        """What it is called when it is spoken of."""
        return ",".join(self.channels)

    @property
    def authority(self) -> str:
        """The value of the Host header, which also names the server to a person."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == (443 if self.tls else 80) else f"{host}:{self.port}"

    def request(self, method: str, *lines: str, query: str = "") -> bytes:
        """The head of a request, without the blank line at its end. ``lines`` are ready header lines, ``query`` a ready argument."""
        target = f"{self.target}{'&' if '?' in self.target else '?'}{query}" if query else self.target
        head = [f"{method} {target} HTTP/1.1", f"Host: {self.authority}", f"User-Agent: hbpush/{hbpush.__version__}", *lines, ""]
        return "\r\n".join(head).encode("latin-1")


def parser(command: str, description: str, epilog: str = "") -> Parser:
    """The parser of a command, with the options that say where the server is."""
    made = Parser(prog=f"hbpushd {command}", description=description, epilog=epilog or None, allow_abbrev=False)
    server = made.add_argument_group("server")
    server.add_argument(
        "--server",
        metavar="URL",
        default=os.environ.get(SERVER_VARIABLE) or SERVER,
        help=f"where channels named without a URL are (default ${SERVER_VARIABLE}, else {SERVER})",
    )
    server.add_argument("--publisher", metavar="PREFIX", default="/publisher/", help="prefix of its publisher location (/publisher/)")
    server.add_argument("--subscriber", metavar="PREFIX", default="/subscriber/", help="prefix of its subscriber location (/subscriber/)")
    server.add_argument("--cafile", metavar="FILE", help="authorities to trust for https, in PEM (default: those of the system)")
    server.add_argument("--insecure", action="store_true", help="do not check the certificate of the server")
    return made


def add_key(made: Parser) -> None:
    """The option of those who have to do with a publisher location."""
    made.add_argument("--key", metavar="KEY", help=f"key of the publisher location (default ${KEY_VARIABLE})")


def key_lines(made: Parser, given: argparse.Namespace) -> list[str]:
    """The header line that carries the key, if there is one. Wrong usage ends the process."""
    key = given.key if given.key is not None else os.environ.get(KEY_VARIABLE, "")
    return [f"Authorization: Bearer {header_value(made, key, 'the key')}"] if key else []


def header_value(made: Parser, text: str, what: str) -> str:
    """Text as a header can carry it, UTF-8 in the characters of latin-1. Wrong usage ends the process."""
    if not text.isprintable() or text != text.strip():
        made.error(f"{what} has a control character in it, or a blank at an end")
    return text.encode("utf-8", "surrogateescape").decode("latin-1")


def places(made: Parser, given: argparse.Namespace, channels: list[str], prefix: str) -> list[Place]:
    """Where channels are: a whole URL is taken as it is, anything else is a channel of ``--server``. Wrong usage ends the process."""
    # Whether it is needed or not: a name that is mistyped is to be told.
    context = _context(made, given) if given.cafile is not None else None
    if any("://" not in channel for channel in channels):
        _parts(made, given.server, "--server")
    found = []
    for channel in channels:
        url = channel if "://" in channel else _join(given.server, prefix, channel)
        parts = _parts(made, url)
        if parts.scheme in _SECURE and context is None:
            context = _context(made, given)
        names = [channel]
        if url is channel:
            named = [part for part in parts.path.rpartition("/")[2].split(",") if part]
            names = [unquote(part, errors="surrogateescape") for part in named] + [
                value for key, value in parse_qsl(parts.query) if key == "channel"
            ]
        target = quote(parts.path or "/", _LEFT_AS_IT_IS) + (f"?{quote(parts.query, _LEFT_AS_IT_IS)}" if parts.query else "")
        port = _SCHEMES[parts.scheme] if parts.port is None else parts.port
        found.append(Place(tuple(names) or (url,), parts.hostname or "", port, target, context if parts.scheme in _SECURE else None))
    return found


def at(made: Parser, given: argparse.Namespace, path: str) -> Place:
    """A path of ``--server``, or a whole URL. Wrong usage ends the process."""
    if "://" not in path:
        _parts(made, given.server, "--server")
    url = path if "://" in path else f"{given.server.rstrip('/')}/{path.lstrip('/')}"
    return places(made, given, [url], "")[0]


def number(least: float, most: float, whole: bool = False) -> Callable[[str], Any]:
    """For argparse: a number between two others."""
    kind: Callable[[str], float] = int if whole else float

    def convert(text: str) -> float:
        try:
            value = kind(text)
        except ValueError:
            value = least - 1
        if not least <= value <= most:
            raise argparse.ArgumentTypeError(f"is {text!r}; must be a {'whole ' if whole else ''}number from {least:.15g} to {most:.15g}")
        return value

    return convert


def _join(server: str, prefix: str, channel: str) -> str:
    """The URL of a channel. Its name is one part of a path, whatever is in it."""
    return f"{server.rstrip('/')}/{prefix.strip('/')}/{quote(channel.encode('utf-8', 'surrogateescape'), safe='')}"


def _parts(made: Parser, url: str, option: str = "") -> Any:
    """The parts of a URL, which ``option`` has named. Wrong usage ends the process."""
    shown = f"{option} {url!r}".lstrip()
    try:
        parts = urlsplit(url)
        port = parts.port
        host = (parts.hostname or "").encode("idna")
    except ValueError as error:
        made.error(f"{shown} is not a URL: {error}")
    if parts.scheme not in _SCHEMES:
        made.error(f"{shown} is not a URL that begins with http:// or https://")
    if not host or port == 0:
        made.error(f"{shown} names no {'port' if host else 'host'} to connect to")
    if parts.username is not None:
        made.error(f"{shown} has a user name in it, which is not sent; see --key")
    return parts


def _context(made: Parser, given: argparse.Namespace) -> ssl.SSLContext:
    try:
        context = ssl.create_default_context(cafile=given.cafile)
    except OSError as error:
        made.error(f"--cafile {given.cafile!r} cannot be used: {error.strerror or error}")
    if given.insecure:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context
