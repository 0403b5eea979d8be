"""``hbpushd subscribe``: follow channels, and print what is published there."""

from __future__ import annotations

import asyncio
import os
import select
import sys
from collections.abc import Sequence
from contextlib import suppress
from functools import partial
from stat import S_ISFIFO

from hbpush.core.message import MessageId
from hbpush.daemon.log import one_line
from hbpush.relay.commands.arguments import Parser, number, parser, places
from hbpush.relay.commands.endings import DONE, SHORT, Ending, ended, tell
from hbpush.relay.commands.following import NEWEST, OLDEST, Following, Wishes
from hbpush.relay.commands.received import Received, as_json, as_text

COMMAND = "subscribe"
MOST_CHANNELS = 100


class _Enough(Exception):
    """As many messages as were asked for have come."""


class _Output:
    """Where messages go, and how many."""

    def __init__(self, form: str, count: int) -> None:
        self._form = form
        self._left = count

    def emit(self, message: Received) -> None:
        """Print a message. Raises _Enough with the last one that is wanted; OSError when nobody reads."""
        match self._form:
            case "raw":
                wire = message.body
            case "json":
                wire = as_json(message) + b"\n"
            case _:
                wire = one_line(as_text(message)).encode("utf-8", "backslashreplace") + b"\n"
        output = sys.stdout.buffer
        output.write(wire)
        output.flush()
        self._left -= 1
        if not self._left:
            raise _Enough


def main(argv: Sequence[str]) -> int:
    """Run with arguments; return the exit status. Wrong usage exits with 2."""
    made = _parser()
    given = made.parse_args(argv)
    since = _since(made, given.since)
    if len(given.channels) > MOST_CHANNELS:
        made.error(f"{len(given.channels)} channels are more than {MOST_CHANNELS}")
    wishes = Wishes(given.polling, since, given.wait, given.idle, given.give_up)
    output = _Output(given.form, given.count)
    followings = [
        Following(place, wishes, output.emit, partial(tell, COMMAND)) for place in places(made, given, given.channels, given.subscriber)
    ]
    return ended(COMMAND, lambda: asyncio.run(_follow(followings, given.timeout, SHORT if given.count else DONE)))


async def _follow(followings: Sequence[Following], seconds: float, late: int) -> int:
    """Follow until all is over; ``late`` is the exit status when the time is."""
    tasks = [asyncio.create_task(following.run()) for following in followings]
    loop = asyncio.get_running_loop()
    left_alone = _watch(loop)
    end = loop.time() + seconds if seconds else None
    status = DONE
    try:
        waiting: set[asyncio.Future[None]] = {*tasks, left_alone}
        while waiting - {left_alone}:
            left = None if end is None else max(0.0, end - loop.time())
            done, waiting = await asyncio.wait(waiting, timeout=left, return_when=asyncio.FIRST_COMPLETED)
            if not done:
                return status or late
            for task in done:
                try:
                    task.result()
                except _Enough:
                    return DONE
                except Ending as ending:
                    if len(followings) == 1:
                        raise
                    tell(COMMAND, str(ending))
                    status = max(status, ending.status)
    finally:
        for task in (*tasks, left_alone):
            task.cancel()
        with suppress(asyncio.CancelledError):
            await asyncio.gather(*tasks, left_alone, return_exceptions=True)
    return status


def _watch(loop: asyncio.AbstractEventLoop) -> asyncio.Future[None]:
    """Has BrokenPipeError when standard output is a pipe that nobody reads any more: the next message may be long in coming."""
    left_alone: asyncio.Future[None] = loop.create_future()
    try:
        output = sys.stdout.fileno()
        if not S_ISFIFO(os.fstat(output).st_mode):
            return left_alone
    except (OSError, ValueError):
        return left_alone
    ends = select.poll()
    ends.register(output, 0)

    def look() -> None:
        loop.remove_reader(output)
        if ends.poll(0) and not left_alone.done():
            left_alone.set_exception(BrokenPipeError)

    loop.add_reader(output, look)
    left_alone.add_done_callback(lambda _: loop.remove_reader(output))
    return left_alone


def _since(made: Parser, text: str) -> str:
    """The id to begin after. Wrong usage ends the process."""
    if text in ("", "oldest", "newest"):
        return {"oldest": OLDEST, "newest": NEWEST}.get(text, "")
    for part in text.split(","):
        try:
            if part != "-":
                MessageId.parse(part.removeprefix("[").removesuffix("]"))
        except ValueError:
            made.error(f"argument --since: is {text!r}; must be oldest, newest or an id such as 1275927710:0")
    return text


def _parser() -> Parser:
    made = parser(
        COMMAND,
        "Follow channels: print each message as a line. What was missed, and lost connections, are told on stderr; "
        "a subscription is taken up again where it was.",
        "Exit status: 0 done, 2 wrong usage, 3 refused or ended by the server, 4 no server, 5 time over before --count.",
    )
    made.add_argument("channels", nargs="+", metavar="CHANNEL", help="a channel of --server, or the URL of one")
    made.add_argument(
        "--polling",
        choices=("auto", "websocket", "eventsource", "long"),
        default="auto",
        help="how to listen (default auto: the first of these that the server offers)",
    )
    made.add_argument(
        "--since", metavar="ID", default="", help="begin after this id, or with oldest or newest (default: as the location says)"
    )
    made.add_argument("--count", metavar="N", type=number(1, 10**12, whole=True), default=0, help="end after N messages")
    made.add_argument("--timeout", metavar="S", type=number(0.001, 10**9), default=0, help="end after S seconds")
    made.add_argument("--wait", action="store_true", help="wait for a channel that is not there yet")
    made.add_argument("--idle", metavar="S", type=number(1, 3600), default=90, help="seconds of silence before it is asked anew (90)")
    made.add_argument(
        "--give-up", metavar="S", type=number(0, 10**9), default=0, help="end when there was no server for S seconds (default 0: never)"
    )
    form = made.add_mutually_exclusive_group()
    for name, text in (("json", "print messages as JSON, one a line"), ("raw", "print bodies as they are, with nothing between them")):
        form.add_argument(f"--{name}", action="store_const", dest="form", const=name, default="text", help=text)
    return made
