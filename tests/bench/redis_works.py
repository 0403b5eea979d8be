"""What is measured of the store in Redis, beside the store in memory and beside what Redis itself can do."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from functools import partial
from pathlib import Path
from statistics import median
from typing import Any, NamedTuple

from tests.bench import redis_server
from tests.bench.contests import Contenders, Contest, Setting, Turn
from tests.bench.load import Load
from tests.bench.marks import Mark
from tests.bench.processes import Started, Watch, resident, started
from tests.bench.redis_server import Redis
from tests.bench.servers import Bounds, Hbpush
from tests.bench.steps import Steps, stepping
from tests.bench.works import BODY, FEW_HELD, KB, Case, Sizes
from tests.support.ports import free_port

HBPUSH = "hbpush"
BENCHMARK = "redis-benchmark"
MEMORY = "memory store"
DERIVED = "derived"
MEMORY_STORE = {"type": "memory"}

PILOT = 3000
"""Commands that tell how many fill the time of a measurement."""

OVER = 10
"""How many times as much is published as a bound lets through."""

OVERHEAD = 256
NODE = 4 * KB
KEYS = 1 * KB
CONNECTIONS = KB * KB
"""What Redis needs at most, in bytes: for a message beyond its body, as ``max_bytes`` reckons; for the first node of a stream, where
what was dropped stays until the whole node is, and for the last, which is as large from its first message on; for the names of a channel
and what is noted of it; for all connections and scripts.
"""


class Bound(NamedTuple):
    """Options that bound a store; what is published, and what they let through: channels, and messages in all of them."""

    options: dict[str, float]
    published: tuple[int, int]
    kept: tuple[int, int]

    @property
    def derived(self) -> int:
        """Bytes that Redis may use for it."""
        channels, messages = self.kept
        return CONNECTIONS + channels * (2 * NODE + KEYS) + messages * (BODY + OVERHEAD)


def _publish_title(sizes: Sizes) -> str:
    return (
        f"publishes of {BODY} bytes to one channel by a store without a server in front, {sizes.in_flight} in flight, and {BENCHMARK} "
        "with the same command"
    )


@contextmanager
def _publish(at: Setting) -> Iterator[Contenders]:
    sizes = at.sizes
    numbers = (sizes.in_flight, BODY, sizes.warm_ms, sizes.measured_ms)
    with ExitStack() as stack:
        redis = stack.enter_context(redis_server.redis_server(at.place.cores))
        with redis.overheard() as said:
            on_redis = stack.enter_context(_alone(at, redis.store(), "publish", *numbers))
            on_redis.next()
            command = said(b"." * BODY)
        in_memory = stack.enter_context(_alone(at, MEMORY_STORE, "publish", *numbers))
        in_memory.next()

        def rate(steps: Steps, backend: int | None, _: int) -> Turn:
            watch = Watch(steps.pid, _cores(at), backend)
            figures = {"publish": steps.next()["rate"]}
            return Turn(figures, (watch.shares(),), () if backend is None else (watch.backend_share(),))

        def benchmark(_: int) -> Turn:
            run = partial(redis.benchmark, command, sizes.in_flight, on=at.place.cores.server)
            count = max(PILOT, round(run(PILOT) * sizes.measured_ms / 1000))
            watch = Watch(redis.pid, _cores(at))
            return Turn({"publish": run(count)}, (watch.shares(),))

        yield {HBPUSH: partial(rate, on_redis, redis.pid), BENCHMARK: benchmark, MEMORY: partial(rate, in_memory, None)}


@contextmanager
def _http(at: Setting) -> Iterator[Contenders]:
    sizes, cores = at.sizes, at.place.cores
    times = (sizes.warm_ms, sizes.measured_ms)
    with redis_server.redis_server(cores) as redis, _served(at, redis.store()) as shared, _served(at, MEMORY_STORE) as own:

        def rate(server: Started, backend: int | None, _: int) -> Turn:
            watch = Watch(server.pid, _cores(at), backend)
            load = Load(at.place.load, server.port, cores.load)
            [row] = load.run("publish", sizes.in_flight, BODY, 1, *times, lasting_ms=sum(times))
            return Turn({"publish": row["rate"]}, (watch.shares(),), () if backend is None else (watch.backend_share(),))

        yield {HBPUSH: partial(rate, shared, redis.pid), MEMORY: partial(rate, own, None)}


@contextmanager
def _latency(at: Setting) -> Iterator[Contenders]:
    cores = at.place.cores
    with ExitStack() as stack:
        redis = stack.enter_context(redis_server.redis_server(cores))
        publisher = stack.enter_context(_served(at, redis.store()))
        # Were it on the publisher's core, it would wait there until the publisher is answered.
        subscriber = stack.enter_context(_served(at, redis.store(), redis_server.core(cores)))
        both = stack.enter_context(_served(at, MEMORY_STORE))

        def times(load: Load, round_number: int) -> Turn:
            # Before the first message the other process is yet to subscribe.
            rows = load.run("release", 1, BODY, at.sizes.latencies + 1, f"round{round_number}")[1:]
            taken = sorted(row["last"] for row in rows)
            return Turn({"p50": median(taken), "p99": taken[(len(taken) - 1) * 99 // 100]})

        between = Load(at.place.load, publisher.port, cores.load, subscriber.port)
        yield {HBPUSH: partial(times, between), MEMORY: partial(times, Load(at.place.load, both.port, cores.load))}


@contextmanager
def _memory(at: Setting) -> Iterator[Contenders]:
    sizes = at.sizes
    messages = sizes.kept * sizes.kept_channels
    things = [
        ("message", messages, "fill", (sizes.kept_channels, messages, BODY)),
        ("channel made by PUT", sizes.idle, "create", (sizes.idle,)),
        ("channel with one message", sizes.idle, "fill", (sizes.idle, sizes.idle, BODY)),
    ]

    def look(_: int) -> Turn:
        figures: Case = {}
        for thing, count, work, numbers in things:
            with redis_server.redis_server(at.place.cores) as redis:
                options = redis.store(max_messages=sizes.kept)
                _worked(at, redis, options, "fill", 1, 0, BODY)
                before = redis.used_memory()
                _worked(at, redis, options, work, *numbers)
                figures[f"{thing}, used_memory"] = (redis.used_memory() - before) / count
                figures[f"{thing}, MEMORY USAGE"] = redis.usage() / count
        return Turn(figures)

    yield {HBPUSH: look}


@contextmanager
def _bounds(at: Setting) -> Iterator[Contenders]:
    sizes = at.sizes
    channels, messages = sizes.kept_channels, sizes.kept * sizes.kept_channels
    few, room = sizes.idle // OVER, messages // OVER * (BODY + OVERHEAD)
    cases = {
        "max_messages": Bound({"max_messages": sizes.kept // OVER}, (channels, messages), (channels, messages // OVER)),
        "max_channels": Bound({"max_channels": few}, (sizes.idle, sizes.idle), (few, few)),
        # A message with a time-out takes the most.
        "max_bytes": Bound({"max_bytes": room, "message_timeout": 3600}, (channels, messages), (channels, messages // OVER)),
    }

    def used(_: int) -> Turn:
        figures: Case = {}
        for case, bound in cases.items():
            with redis_server.redis_server(at.place.cores) as redis:
                before = redis.used_memory()
                _worked(at, redis, redis.store(**bound.options), "fill", *bound.published, BODY)
                figures[case] = redis.most_memory() - before
        return Turn(figures)

    yield {HBPUSH: used, DERIVED: lambda _: Turn({case: bound.derived for case, bound in cases.items()})}


@contextmanager
def _watch(at: Setting) -> Iterator[Contenders]:
    channels = at.sizes.watched

    def cost(steps: Steps, redis: Redis | None) -> Case:
        figures = []
        for _ in range(2):
            steps.next()
            figures.append((resident(steps.pid), 0 if redis is None else redis.used_memory()))
        (few, few_in_redis), (all_, all_in_redis) = figures
        here = {"in the process": (all_ - few) / (channels - FEW_HELD)}
        return here if redis is None else {**here, "in Redis": (all_in_redis - few_in_redis) / (channels - FEW_HELD)}

    def on_redis(_: int) -> Turn:
        with redis_server.redis_server(at.place.cores) as redis, _alone(at, redis.store(), "watch", FEW_HELD, channels) as steps:
            return Turn(cost(steps, redis))

    def in_memory(_: int) -> Turn:
        with _alone(at, MEMORY_STORE, "watch", FEW_HELD, channels) as steps:
            return Turn(cost(steps, None))

    yield {HBPUSH: on_redis, MEMORY: in_memory}


def _worked(at: Setting, redis: Redis, options: dict[str, Any], work: str, *numbers: int) -> None:
    """Let a store do its work to the end, and leave."""
    with _alone(at, options, work, *numbers) as steps:
        steps.next()
    redis.await_alone()


def _alone(at: Setting, options: dict[str, Any], work: str, *numbers: int) -> AbstractContextManager[Steps]:
    command = [at.python.program, "-P", "-m", "tests.bench.store_alone", json.dumps(options), work, *map(str, numbers)]
    return stepping("the store alone", command, at.place.cores.server, at.python.environment())


@contextmanager
def _served(at: Setting, store: dict[str, Any], core: int | None = None) -> Iterator[Started]:
    """A server with a store, on a core or that of servers."""
    server = Hbpush(at.python, store=store)
    with tempfile.TemporaryDirectory(prefix="hbpush-bench-") as name:
        folder, port = Path(name), free_port()
        command = server.command(port, folder, Bounds())
        with started(command, port, folder, at.place.cores.server if core is None else core, server.environment()) as process:
            yield process


def _cores(at: Setting) -> tuple[int | None, ...]:
    return (*at.place.cores, redis_server.core(at.place.cores))


CONTESTS = [
    Contest(
        "redis-publish", _publish_title, "messages/s", True, _publish, marks=(Mark("publish", 0.3, BENCHMARK, aim=0.5),),
    ),
    Contest(
        "redis-http",
        lambda sizes: f"POSTs of {BODY} bytes to one channel in Redis, {sizes.in_flight} keep-alive connections with one in flight each",
        "requests/s", True, _http,
    ),
    Contest(
        "redis-latency",
        lambda sizes: f"from POST at one process to the answer of a held long-poll at another, {sizes.latencies:,} times; "
        f"with the {MEMORY}, at the same process",
        "ms", False, _latency,
    ),
    Contest(
        "redis-memory",
        lambda sizes: f"memory in Redis: {sizes.kept_channels:,} channels with {sizes.kept:,} messages of {BODY} bytes, "
        f"and {sizes.idle:,} idle channels",
        "bytes for each", False, _memory,
    ),
    Contest(
        "redis-bounds",
        lambda _: f"the most that Redis has used when {OVER} times as much was published as an option lets through, and what is derived "
        f"from the option",
        "bytes", False, _bounds, marks=tuple(Mark(option, 1, DERIVED) for option in ("max_messages", "max_channels", "max_bytes")),
    ),
    Contest(
        "redis-watch",
        lambda sizes: f"memory of an idle channel that is listened to: (with {sizes.watched:,} - with {FEW_HELD}) / "
        f"{sizes.watched - FEW_HELD:,}",
        "bytes", False, _watch,
    ),
]  # fmt: skip
