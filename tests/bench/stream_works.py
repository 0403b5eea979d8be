"""What the bench measures of streams: event streams and WebSockets, beside those of nchan and a bare send() loop."""

from __future__ import annotations

from functools import partial
from statistics import median

from tests.bench.marks import Mark
from tests.bench.processes import resident
from tests.bench.servers import STREAMS, Bounds
from tests.bench.works import BODY, FEW_HELD, KB, Case, Round, Sizes, Work

WINDOWS = (1, 16)
SETS = 3
"""Sets of connections of a round of fan-out, with one message under way: each goes its own way with the machine's caches, and may stay up
to a third slower than another for seconds, whatever the server."""

FEWER, MORE = 1000, 10_000
"""Subscribers that marks are about."""
EVENTSOURCE, WEBSOCKET = KINDS = ("eventsource", "websocket")
TITLES = {EVENTSOURCE: "event streams", WEBSOCKET: "WebSockets"}
ROOMS = {EVENTSOURCE: 5, WEBSOCKET: 10}
"""KB that an idle one may take."""


def _case(count: int, window: int) -> str:
    return f"{count:,}, {window} under way"


def _streamed(at: Round) -> Round:
    return at._replace(load=at.load._replace(subscriber=STREAMS))


def _fanout(kind: str, at: Round) -> Case:
    at = _streamed(at)
    return {
        _case(count, window): at.rate("streams", count, BODY, window, channel=(f"{at.channel}s{count}w{window}", kind))
        for count in at.sizes.streams
        for window in WINDOWS
        if window == 1 or not at.set
    }


def _reach(kind: str, at: Round) -> Case:
    at = _streamed(at)
    figures = {}
    few, many = min(at.sizes.streams), max(at.sizes.streams)
    times = max(1, at.sizes.latencies * few // many)
    for count in at.sizes.streams:
        # As many deliveries to many as to few: that is what percentiles are taken of. Few in as many sets as that takes.
        if at.set < many // count:
            rows = at.load.run("reach", count, BODY, times, f"{at.channel}r{count}", kind)
            for name in ("p50", "p99", "last"):
                figures[f"{count:,}, {name}"] = median(row[name] for row in rows)
    return figures


def _memory(kind: str, at: Round) -> Case:
    many = max(at.sizes.streams)
    with _streamed(at).load.steps("stay", FEW_HELD, many, at.channel, kind) as steps:
        steps.next()
        few = resident(at.server.pid)
        steps.next()
        return {"memory": (resident(at.server.pid) - few) / (many - FEW_HELD) / KB}


def _fanout_title(kind: str, sizes: Sizes) -> str:
    counts = " and ".join(f"{count:,}" for count in sizes.streams)
    return f"{counts} {TITLES[kind]} of one channel, messages of {BODY} bytes by POST"


def _reach_title(kind: str, sizes: Sizes) -> str:
    counts = " and ".join(f"{count:,}" for count in sizes.streams)
    return f"one message at a time to {counts} {TITLES[kind]}, time from its sending until they have it"


def _memory_title(kind: str, sizes: Sizes) -> str:
    many = max(sizes.streams)
    return f"memory of an idle one of {TITLES[kind]}: (RSS with {many:,} - RSS with {FEW_HELD}) / {many - FEW_HELD:,}"


def _bounds(sizes: Sizes) -> Bounds:
    return Bounds(streams=True)


def _fanout_marks(count: int) -> tuple[Mark, ...]:
    one, many = _case(count, 1), _case(count, 16)
    return Mark(one, 0.8, "limit", aim=0.95), Mark(one, 1, "nchan"), Mark(many, 5, "nchan", aim=8)


def _of(kind: str, name: str) -> list[Work]:
    return [
        Work(
            f"{name}-fanout", partial(_fanout_title, kind), "deliveries/s", True, ("hbpush", "nchan", "limit", "stock-host"),
            partial(_fanout, kind), bounds=_bounds, marks=(*_fanout_marks(FEWER), *_fanout_marks(MORE)), sets=lambda _: SETS,
        ),
        Work(
            f"{name}-reach", partial(_reach_title, kind), "ms", False, ("hbpush", "unjoined", "nchan", "limit"), partial(_reach, kind),
            bounds=_bounds, marks=(Mark(f"{FEWER:,}, p50", 1.1, "unjoined"), Mark(f"{MORE:,}, p50", 1.1, "unjoined")),
            sets=lambda sizes: max(sizes.streams) // min(sizes.streams),
        ),
        Work(
            f"{name}-memory", partial(_memory_title, kind), f"KB of {KB:,} bytes", False, ("hbpush", "nchan"), partial(_memory, kind),
            bounds=_bounds, fresh=True, marks=(Mark("memory", ROOMS[kind]),),
        ),
    ]  # fmt: skip


STREAM_WORKS = [*_of(EVENTSOURCE, "sse"), *_of(WEBSOCKET, "websocket")]
