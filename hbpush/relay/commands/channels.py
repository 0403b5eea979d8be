"""``hbpushd channels``: what there is in channels, and how many listen, now or as it changes."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Iterable, Sequence

import msgspec

from hbpush.core import jsontext
from hbpush.daemon.log import one_line
from hbpush.errors import ProtocolError
from hbpush.relay.commands.arguments import Parser, Place, add_key, at, key_lines, number, parser, places
from hbpush.relay.commands.connection import Connection, refusal
from hbpush.relay.commands.endings import DONE, REFUSED, Refused, ended, tell, write
from hbpush.relay.commands.listing import Entry, Listing, listed
from hbpush.relay.commands.publish import Told, told

COMMAND = "channels"
MOST_CHANNELS = 1000
NAMED = ("channel", "messages", "subscribers", "last id", "last asked")
ALL = ("channel", "store", "messages a second", "subscribers")
CLEAR = "\x1b[H\x1b[2J"


class Row(msgspec.Struct, frozen=True):
    """One channel; ``told`` is None for one that is not there."""

    channel: str
    told: Told | None


def main(argv: Sequence[str]) -> int:
    """Run with arguments; return the exit status. Wrong usage exits with 2."""
    made = _parser()
    given = made.parse_args(argv)
    if len(given.channels) > MOST_CHANNELS:
        made.error(f"{len(given.channels)} channels are more than {MOST_CHANNELS}")
    lines = [*key_lines(made, given), "Accept: application/json"]
    named = places(made, given, given.channels, given.publisher)
    console = at(made, given, f"{given.console.rstrip('/')}/console/sample")
    return ended(COMMAND, lambda: asyncio.run(_show(named, console, lines, given.watch, given.json, given.timeout)))


async def _show(named: Sequence[Place], console: Place, lines: Sequence[str], every: float | None, as_json: bool, patience: float) -> int:
    """Ask and print, once or again and again. Returns the exit status; raises Refused, Unreachable."""
    clears = every is not None and not as_json and sys.stdout.isatty()
    between = ""
    while True:
        if named:
            rows = await _ask_each(named, lines, patience)
            text = "".join(map(_named_json, rows)) if as_json else _table(NAMED, map(_named_cells, rows))
            absent = [repr(row.channel) for row in rows if row.told is None]
            told = f"there is no channel {', '.join(absent)}" if absent else ""
        else:
            listing = await _ask_console(console, lines, patience)
            text = "".join(map(_entry_json, listing.channels)) if as_json else _table(ALL, map(_entry_cells, listing.channels))
            absent = []
            more = listing.listened - len(listing.channels)
            told = f"these are the busiest channels; somebody listens to {more} more" if more > 0 else ""
        write(f"{CLEAR}{text}" if clears else between + text)
        if every is None:
            break
        between = "" if as_json else "\n"
        await asyncio.sleep(every)
    if told:
        tell(COMMAND, told)
    return REFUSED if absent else DONE


async def _ask_each(named: Sequence[Place], lines: Sequence[str], patience: float) -> list[Row]:
    """What their publisher locations say of channels. Raises Refused, Unreachable."""
    rows = []
    connection: Connection | None = None
    try:
        for place in named:
            if connection is None or connection.lost or connection.place[1:3] != place[1:3]:
                if connection is not None:
                    connection.close()
                connection = await Connection.open(place, patience)
            connection.send(place.request("GET", *lines) + b"\r\n")
            answered = await connection.head(patience)
            body = await connection.body(answered, patience)
            if answered.status not in (200, 404):
                raise refusal(answered, body, repr(place.channel))
            rows.append(Row(place.channel, told(body, place.authority) if answered.status == 200 else None))
    finally:
        if connection is not None:
            connection.close()
    return rows


async def _ask_console(console: Place, lines: Sequence[str], patience: float) -> Listing:
    """What a console says of the channels that somebody listens to. Raises Refused, Unreachable."""
    connection = await Connection.open(console, patience)
    try:
        connection.send(console.request("GET", *lines) + b"\r\n")
        answered = await connection.head(patience)
        body = await connection.body(answered, patience)
    finally:
        connection.close()
    if answered.status == 404:
        raise Refused(f"there is no console at {console.target}: name the channels, or say with --console where it is")
    if answered.status != 200:
        raise refusal(answered, body, console.target)
    try:
        return listed(body)
    except ProtocolError as error:
        raise Refused(f"{console.target} has answered with {error}: is this a console?") from None


def _table(headings: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    cells = [headings, *rows]
    widths = [max(len(row[column]) for row in cells) for column in range(len(headings))]
    lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in cells]
    return "\n".join(lines) + "\n"


def _named_cells(row: Row) -> Sequence[str]:
    said = row.told
    if said is None:
        return one_line(row.channel), "-", "-", "-", "-"
    asked = "never" if said.requested < 0 else f"{said.requested} sec. ago"
    return one_line(row.channel), str(said.messages), str(said.subscribers), one_line(said.last_message_id or "-"), asked


def _named_json(row: Row) -> str:
    said = row.told
    if said is None:
        return f'{{"channel":{jsontext.quote(row.channel)},"exists":false}}\n'
    last = "null" if said.last_message_id is None else jsontext.quote(said.last_message_id)
    return (
        f'{{"channel":{jsontext.quote(row.channel)},"exists":true,"messages":{said.messages},"subscribers":{said.subscribers},'
        f'"requested":{said.requested},"last_message_id":{last}}}\n'
    )


def _entry_cells(entry: Entry) -> Sequence[str]:
    by = ", ".join(f"{number} {protocol}" for protocol, number in entry.subscribers.items())
    return (
        one_line(entry.id),
        one_line(entry.store),
        f"{entry.rate:g}",
        one_line(f"{sum(entry.subscribers.values())} ({by})" if by else "0"),
    )


def _entry_json(entry: Entry) -> str:
    told = {"channel": entry.id, "store": entry.store, "rate": entry.rate, "subscribers": entry.subscribers}
    return f"{jsontext.encode(told)}\n"


def _parser() -> Parser:
    made = parser(
        COMMAND,
        "Tell of channels: messages kept, subscribers, when one last asked, and the last id. Without names, of the busiest of those "
        "that somebody listens to, which takes a console location on the server.",
        "Exit status: 0 done, 2 wrong usage, 3 refused, or a named channel is not there, 4 no server.",
    )
    made.add_argument("channels", nargs="*", metavar="CHANNEL", help="a channel of --server, or its URL at a publisher location")
    made.add_argument("--console", metavar="PREFIX", default="/", help="prefix of the console location of --server (/)")
    made.add_argument(
        "--watch", metavar="S", nargs="?", type=number(0.1, 86400), const=2.0, help="do it again every S seconds (2), until Ctrl-C"
    )
    made.add_argument(
        "--timeout", metavar="S", type=number(0.001, 3600), default=10, help="seconds that the server may take to answer (10)"
    )
    add_key(made)
    made.add_argument("--json", action="store_true", help="print JSON, one channel a line")
    return made
