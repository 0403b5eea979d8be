"""``hbpushd publish``: give messages to a channel."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, closing
from pathlib import Path
from typing import BinaryIO

import msgspec

from hbpush.core import jsontext
from hbpush.daemon.log import one_line
from hbpush.daemon.options import shown
from hbpush.relay.commands.arguments import Parser, Place, add_key, header_value, key_lines, number, parser, places
from hbpush.relay.commands.connection import Connection, refusal
from hbpush.relay.commands.endings import DONE, Refused, Unreachable, ended, write

COMMAND = "publish"
LARGEST = 10 * 1024 * 1024
FRESH = 5.0
"""Seconds for which a connection that nothing was asked on is trusted to be there still."""

TEXT, BINARY = "text/plain", "application/octet-stream"


class Told(msgspec.Struct):
    """What a publisher location says of a channel (relay specification 1.6)."""

    messages: int = 0
    requested: int = -1
    subscribers: int = 0
    last_message_id: str | None = None


_told = msgspec.json.Decoder(Told)


def told(body: bytes, authority: str) -> Told:
    """Channel information as JSON. Raises Refused for what is none."""
    try:
        return _told.decode(body)
    except msgspec.DecodeError:
        raise Refused(f"{authority} has answered with no channel information: is this a publisher location?") from None


class Publisher:
    """Publishes one message after the other to a place, on one connection as long as that lasts. Within a running loop."""

    def __init__(self, place: Place, lines: Sequence[str], patience: float) -> None:
        self._place = place
        self._lines = (*lines, "Accept: application/json")
        self._patience = patience
        self._connection: Connection | None = None
        self._used = 0.0

    async def publish(self, body: bytes, media: str) -> tuple[bool, Told]:
        """Publish one message: whether somebody has it already, and what the channel is then.

        Raises Refused, or Unreachable when it is not known what became of it. Nothing is sent twice.
        """
        loop = asyncio.get_running_loop()
        if self._connection is not None and (self._connection.lost or loop.time() - self._used > FRESH):
            self.close()
        if self._connection is None:
            self._connection = await Connection.open(self._place, self._patience)
        connection = self._connection
        lines = (*self._lines, f"Content-Length: {len(body)}", *([f"Content-Type: {media}"] if media else []))
        connection.send(self._place.request("POST", *lines) + b"\r\n" + body)
        try:
            answered = await connection.head(self._patience)
            said = await connection.body(answered, self._patience)
        except Unreachable as error:
            raise Unreachable(f"{error}: it is not known whether the message was published") from None
        self._used = loop.time()
        if answered.status not in (200, 201, 202):
            raise refusal(answered, said, repr(self._place.channel))
        return answered.status == 201, told(said, self._place.authority)

    def close(self) -> None:
        """End the connection, if there is one."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None


def main(argv: Sequence[str]) -> int:
    """Run with arguments; return the exit status. Wrong usage exits with 2."""
    made = _parser()
    given = made.parse_args(argv)
    [place] = places(made, given, [given.channel], given.publisher)
    lines = key_lines(made, given)
    if given.event:
        lines.append(f"X-Relay-Event: {header_value(made, given.event, 'the event')}")
    media = None if given.type is None else header_value(made, given.type, "the type")
    if (given.body is None) == (given.file is None):
        made.error("give one message: as the argument MESSAGE, - for standard input, or --file")
    if given.lines and given.body not in (None, "-"):
        made.error("--lines are lines of standard input (-) or of --file, not of an argument")

    def work() -> int:
        with ExitStack() as stack:
            bodies = _bodies(stack, given.body, given.file, given.lines, given.max_bytes)
            runner = stack.enter_context(asyncio.Runner())
            publisher = stack.enter_context(closing(Publisher(place, lines, given.timeout)))
            for index, body in enumerate(bodies, 1):
                kind = media if media is not None else _media(body)
                try:
                    delivered, now = runner.run(publisher.publish(body, kind))
                except (Refused, Unreachable) as error:
                    raise (type(error)(f"line {index}: {error}") if given.lines else error) from None
                _show(place.channel, delivered, now, given.json)
        return DONE

    return ended(COMMAND, work)


def _bodies(stack: ExitStack, body: str | None, file: str | None, lines: bool, largest: int) -> Iterator[bytes]:
    """The messages, each read when it is its turn. Raises Refused for one that is too large, or a file that cannot be read."""
    if body is not None and body != "-":
        yield _bounded(os.fsencode(body), largest)
        return
    source: BinaryIO = sys.stdin.buffer
    try:
        if file is not None:
            source = stack.enter_context(Path(file).open("rb"))  # noqa: SIM115 - closed with the stack
        if not lines:
            yield _bounded(source.read(largest + 1), largest)
            return
        # A line end of two bytes may stand behind the largest line.
        while line := source.readline(largest + 3):
            yield _bounded(line.removesuffix(b"\n").removesuffix(b"\r"), largest)
    except (OSError, ValueError) as error:
        where = "standard input" if file is None else shown(file)
        raise Refused(f"{where} cannot be read: {getattr(error, 'strerror', None) or error}") from None


def _bounded(body: bytes, largest: int) -> bytes:
    if len(body) > largest:
        raise Refused(f"a message is larger than {largest} bytes; see --max-bytes")
    return body


def _media(body: bytes) -> str:
    try:
        body.decode()
    except UnicodeDecodeError:
        return BINARY
    return TEXT


def _show(channel: str, delivered: bool, now: Told, as_json: bool) -> None:
    last = now.last_message_id or "-"
    if as_json:
        line = (
            f'{{"channel":{jsontext.quote(channel)},"id":{jsontext.quote(last)},"delivered":{"true" if delivered else "false"},'
            f'"subscribers":{now.subscribers},"messages":{now.messages}}}'
        )
    else:
        line = one_line(f"{last} {'delivered' if delivered else 'stored'}, subscribers: {now.subscribers}")
    # Whoever pipes lines in wants to see each as it goes.
    write(f"{line}\n")


def _parser() -> Parser:
    made = parser(
        COMMAND,
        "Publish a message, or one a line, and print its id, and how many subscribers the channel has.",
        "Exit status: 0 published, 2 wrong usage, 3 refused by the server, 4 no server, or no answer: what became of the message "
        "is then not known, and it is not sent again.",
    )
    made.add_argument("channel", metavar="CHANNEL", help="a channel of --server, or the URL of one")
    made.add_argument("body", nargs="?", metavar="MESSAGE", help="the message, or - for what comes from standard input")
    made.add_argument("--file", metavar="FILE", help="publish what is in a file")
    made.add_argument("--lines", action="store_true", help="publish each line as a message, as soon as it is there")
    made.add_argument("--type", metavar="TYPE", help=f"Content-Type of the message (default {TEXT}, or {BINARY} for what is no text)")
    made.add_argument("--event", metavar="NAME", help="name of the message")
    add_key(made)
    made.add_argument(
        "--timeout", metavar="S", type=number(0.001, 3600), default=10, help="seconds that the server may take to answer (10)"
    )
    made.add_argument(
        "--max-bytes", metavar="N", type=number(1, 2**30, whole=True), default=LARGEST, help=f"bytes of the largest message ({LARGEST})"
    )
    made.add_argument("--json", action="store_true", help="print JSON")
    return made
