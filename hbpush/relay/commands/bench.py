"""``hbpushd bench``: what a server does for a crowd of subscribers, measured from this process."""

from __future__ import annotations

import asyncio
import gc
import resource
import sys
import time
from collections.abc import Sequence
from contextlib import suppress
from typing import Any, NamedTuple

from hbpush.relay.commands.arguments import Parser, Place, add_key, key_lines, number, parser, places
from hbpush.relay.commands.connection import CONNECTING, Connection, refusal
from hbpush.relay.commands.crowd import KINDS, SMALLEST, Crowd, Marks
from hbpush.relay.commands.endings import Ending, Refused, Unreachable, ended, write
from hbpush.relay.commands.publish import told
from hbpush.relay.commands.publishing import Publishing
from hbpush.relay.commands.report import Result, as_json, as_text, status_of

COMMAND = "bench"
AT_ONCE = 100
"""Subscribers that connect at the same time."""

DRAINING = 3.0
"""Seconds without a delivery after which what is missing counts as lost."""

SPARE = 40
"""Descriptors that are not connections of the bench."""

SCHEDULED = 16
"""Publishers that share a rate."""

GLANCE = 0.25


class Plan(NamedTuple):
    """What is to be measured, and where."""

    subscriber: Place
    publisher: Place
    lines: Sequence[str]
    makes_channel: bool
    kind: str
    subscribers: int
    in_flight: int
    rate: float
    seconds: float
    size: int


def main(argv: Sequence[str]) -> int:
    """Run with arguments; return the exit status. Wrong usage exits with 2."""
    made = _parser()
    given = made.parse_args(argv)
    in_flight = given.in_flight or (SCHEDULED if given.rate else 1)
    _check_descriptors(made, given.subscribers + in_flight)
    marks = Marks(given.size)
    channel = f"bench-{marks.run}" if given.channel is None else given.channel
    if "://" in channel:
        made.error("CHANNEL is the name of one, for it is published to and listened to; see --server, --publisher and --subscriber")
    [subscriber] = places(made, given, [channel], given.subscriber)
    [publisher] = places(made, given, [channel], given.publisher)
    plan = Plan(
        subscriber,
        publisher,
        [*key_lines(made, given), "Accept: application/json"],
        given.channel is None,
        given.polling,
        given.subscribers,
        in_flight,
        given.rate,
        given.duration,
        given.size,
    )

    def work() -> int:
        result = asyncio.run(_measure(plan, marks))
        write(as_json(result) if given.json else as_text(result))
        return status_of(result)

    return ended(COMMAND, work)


async def _measure(plan: Plan, marks: Marks) -> Result:
    """Make the channel and the crowd, publish, and count. Raises Refused, Unreachable."""
    crowd = Crowd(marks, plan.in_flight)
    publishing = Publishing(marks, plan.publisher, plan.lines, plan.in_flight, plan.rate)
    if plan.makes_channel:
        await _ask(plan, "PUT")
    progress = asyncio.create_task(_progress(crowd, publishing, plan)) if sys.stderr.isatty() else None
    try:
        await _gather(crowd, plan)
        await publishing.connect()
        # What is there by now stays: looking through it again and again would be measured, too.
        gc.collect()
        gc.freeze()
        begun, used = time.monotonic(), time.process_time()
        await _until_trouble(crowd, publishing.run(plan.seconds))
        # The last message of a schedule may have its answer before the time is over.
        published = max(time.monotonic() - begun, plan.seconds)
        await _drain(crowd, publishing)
        elapsed = time.monotonic() - begun
        lost, dropped = crowd.missing(publishing.issued, publishing.refused)
        return Result(
            kind=plan.kind,
            subscribers=plan.subscribers,
            in_flight=plan.in_flight,
            rate=plan.rate,
            size=plan.size,
            publishing_seconds=published,
            # What is delivered while it is published is delivered in the same time.
            seconds=max(published, crowd.last / 1e9 - begun),
            processor=(time.process_time() - used) / elapsed,
            published=publishing.accepted,
            refused=len(publishing.refused),
            refusal=publishing.refusal,
            unsent=publishing.unsent,
            delivered=crowd.delivered,
            lost=lost,
            dropped=dropped,
            doubled=crowd.doubled,
            disordered=crowd.disordered,
            latency=crowd.latency,
            lateness=publishing.lateness,
        )
    finally:
        if progress is not None:
            progress.cancel()
            sys.stderr.write("\r\x1b[K")
            sys.stderr.flush()
        publishing.close()
        for member in crowd.members:
            member.leave()
        if plan.makes_channel:
            # It is one of many, and goes by itself some day; what was measured is worth more than a word about it.
            with suppress(Refused, Unreachable):
                await _ask(plan, "DELETE")


async def _gather(crowd: Crowd, plan: Plan) -> None:
    """Connect all subscribers, and wait until each is there. Raises Unreachable."""
    loop = asyncio.get_running_loop()
    place, kind = plan.subscriber, KINDS[plan.kind]
    # Says in words why it cannot be done.
    (await Connection.open(place)).close()
    for first in range(0, plan.subscribers, AT_ONCE):
        some = range(first, min(first + AT_ONCE, plan.subscribers))
        connecting = [loop.create_connection(lambda: kind(crowd, place), place.host, place.port, ssl=place.tls) for _ in some]
        try:
            async with asyncio.timeout(CONNECTING):
                await asyncio.gather(*connecting)
                while crowd.ready < some.stop and not crowd.trouble:
                    crowd.changed.clear()
                    await crowd.changed.wait()
        except OSError as error:
            what = str(error) or f"no answer in {CONNECTING:g} seconds"
            raise Unreachable(f"{place.authority} takes no more subscribers after {crowd.ready}: {what}") from None
        if crowd.trouble:
            raise _trouble(crowd.trouble, plan, crowd.ready)
    if plan.kind == "long":
        await _until_held(crowd, plan)


def _trouble(trouble: Ending, plan: Plan, ready: int) -> Ending:
    """What has kept the crowd from being complete. How many polls wait nobody knows."""
    return trouble if plan.kind == "long" else type(trouble)(f"after {ready} subscribers: {trouble}")


async def _until_held(crowd: Crowd, plan: Plan) -> None:
    """Wait until the server says that all polls wait: they have no other way to tell. Raises Refused, Unreachable."""
    end = time.monotonic() + CONNECTING
    while True:
        there = told(await _ask(plan, "GET"), plan.publisher.authority).subscribers
        if crowd.trouble:
            raise crowd.trouble
        if there >= plan.subscribers:
            return
        if time.monotonic() > end:
            raise Unreachable(f"{plan.publisher.authority} has {there} subscribers of {plan.subscribers} after {CONNECTING:g} seconds")
        await asyncio.sleep(GLANCE)


async def _until_trouble(crowd: Crowd, work: Any) -> None:
    """Do something, but no longer than all subscribers are well. Raises Unreachable, and what it raises."""
    crowd.changed.clear()
    doing, watching = asyncio.create_task(work), asyncio.create_task(crowd.changed.wait())
    try:
        await asyncio.wait((doing, watching), return_when=asyncio.FIRST_COMPLETED)
        if crowd.trouble:
            raise crowd.trouble
        await doing
    finally:
        doing.cancel()
        watching.cancel()
        await asyncio.gather(doing, watching, return_exceptions=True)


async def _drain(crowd: Crowd, publishing: Publishing) -> None:
    """Wait for what is on its way still."""
    wanted = publishing.accepted * len(crowd.members)
    before, since = crowd.delivered, time.monotonic()
    while crowd.delivered < wanted and time.monotonic() - since < DRAINING and not crowd.trouble:
        await asyncio.sleep(0.01)
        if crowd.delivered != before:
            before, since = crowd.delivered, time.monotonic()


async def _ask(plan: Plan, method: str) -> bytes:
    """One request to the publisher location. Raises Refused, Unreachable."""
    connection = await Connection.open(plan.publisher)
    try:
        connection.send(plan.publisher.request(method, *plan.lines, *(["Content-Length: 0"] if method == "PUT" else [])) + b"\r\n")
        answered = await connection.head(CONNECTING)
        body = await connection.body(answered, CONNECTING)
    finally:
        connection.close()
    if answered.status != 200:
        raise refusal(answered, body, repr(plan.publisher.channel))
    return body


async def _progress(crowd: Crowd, publishing: Publishing, plan: Plan) -> None:
    """Show how far it is, on a terminal."""
    while True:
        if publishing.issued:
            text = f"{publishing.accepted:,} published, {crowd.delivered:,} delivered"
        else:
            text = f"{crowd.ready:,} of {plan.subscribers:,} subscribers"
        sys.stderr.write(f"\r\x1b[K{text}")
        sys.stderr.flush()
        await asyncio.sleep(GLANCE)


def _check_descriptors(made: Parser, connections: int) -> None:
    """Make room for so many. Wrong usage ends the process when there is none."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = connections + SPARE
    if soft == resource.RLIM_INFINITY or soft >= wanted:
        return
    if hard != resource.RLIM_INFINITY and hard < wanted:
        made.error(f"{connections} connections take {wanted} file descriptors, and this process may have {hard} (`ulimit -n`)")
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
    except (ValueError, OSError) as error:
        made.error(f"{connections} connections take {wanted} file descriptors, and this process may have {soft}: {error}")


def _parser() -> Parser:
    made = parser(
        COMMAND,
        "Measure a server: subscribers that listen, and messages that are published for a while; tells how many were delivered, lost and "
        "doubled, and how long deliveries took.",
        "Each message carries the moment at which it was due, by the monotonic clock of this process, which also reads it. With --rate "
        "that is its moment in the schedule, whether the server keeps up or not; with --in-flight it is when it was sent, so that a slow "
        "server is asked less (coordinated omission): its worst moments count for little. "
        "Exit status: 0 done, 1 something was lost, doubled or out of order, 2 wrong usage, 3 refused, 4 no server.",
    )
    made.add_argument("channel", nargs="?", metavar="CHANNEL", help="a channel of --server (default: one of its own, which is deleted)")
    made.add_argument("--subscribers", metavar="N", type=number(1, 100_000, whole=True), default=100, help="how many listen (100)")
    made.add_argument("--polling", choices=tuple(KINDS), default="websocket", help="how they listen (default websocket)")
    made.add_argument(
        "--rate", metavar="R", type=number(0.01, 1_000_000), default=0, help="messages a second (default: as --in-flight says)"
    )
    made.add_argument(
        "--in-flight",
        metavar="K",
        type=number(1, 1024, whole=True),
        default=None,
        help="publishers, each with one message that is not answered yet (default 1, with --rate 16)",
    )
    made.add_argument("--duration", metavar="S", type=number(0.1, 3600), default=5, help="seconds of publishing (5)")
    made.add_argument("--size", metavar="BYTES", type=number(SMALLEST, 1024 * 1024, whole=True), default=100, help="of a message (100)")
    add_key(made)
    made.add_argument("--json", action="store_true", help="print JSON")
    return made
