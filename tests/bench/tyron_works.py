"""What is measured of Tyron: long polls that a PUBLISH to Redis releases, beside nchan's, which a POST releases."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path
from typing import Any

from tests.bench import redis_server
from tests.bench.contests import Contenders, Contest, Setting, Turn
from tests.bench.load import Load
from tests.bench.marks import Mark
from tests.bench.processes import HOST, Started, Watch, started
from tests.bench.redis_server import Redis
from tests.bench.servers import PUBLISHER, SUBSCRIBER, Bounds, Hbpush, Nchan, Server
from tests.bench.works import BODY, Sizes
from tests.support.ports import free_port

HBPUSH = "hbpush"
SINCE = "since"
NEXT = "next"
"""Cases, which the load generator calls so too: clients ask again for what came after the message that they have, from a buffer; or for
whatever comes next.
"""

UNBUFFERED = "/next/"
BUFFER_SECONDS = 60
NCHAN_WORK = "cycle"


def _locations(redis: Redis) -> list[dict[str, Any]]:
    """Tyron with a buffer and without, each fed by a Redis channel of the case's name, and the publisher that tells how many wait."""
    server = {"host": HOST, "port": redis.port}
    return [
        {"type": "tyron", "prefix": SUBSCRIBER, "pubsub_channel": SINCE, "redis": server, "buffer_seconds": BUFFER_SECONDS},
        {"type": "tyron", "prefix": UNBUFFERED, "pubsub_channel": NEXT, "redis": server},
        {"type": "publisher", "prefix": PUBLISHER},
    ]


@contextmanager
def _tyron(at: Setting) -> Iterator[Contenders]:
    sizes, cores = at.sizes, at.place.cores
    numbers = (sizes.pollers, BODY, sizes.window, sizes.warm_ms, sizes.measured_ms)
    lasting_ms = sizes.warm_ms + sizes.measured_ms
    with ExitStack() as stack:
        redis = stack.enter_context(redis_server.redis_server(cores))
        config = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="hbpush-bench-"))) / "hbpushd.json"
        config.write_text(json.dumps({"locations": _locations(redis)}), encoding="utf-8")
        served = stack.enter_context(_served(at, Hbpush(at.python, config)))

        def tyron(number: int) -> Turn:
            figures, shares, backend = {}, [], []
            for case, location in ((SINCE, SUBSCRIBER), (NEXT, UNBUFFERED)):
                load = Load(at.place.load, redis.port, cores.load, served.port, location)
                watch = Watch(served.pid, (*cores, redis_server.core(cores)), redis.pid)
                [row] = load.run("feed", *numbers, f"{case}{number}", case, case, lasting_ms=lasting_ms)
                figures[case] = row["rate"]
                shares.append(watch.shares())
                backend.append(watch.backend_share())
            return Turn(figures, tuple(shares), tuple(backend))

        def cycle(rival: Started, number: int) -> Turn:
            watch = Watch(rival.pid, cores)
            [row] = Load(at.place.load, rival.port, cores.load).run(NCHAN_WORK, *numbers, f"round{number}", lasting_ms=lasting_ms)
            return Turn({SINCE: row["rate"]}, (watch.shares(),))

        contenders = {HBPUSH: tyron}
        if Nchan().absent() is None:
            contenders[Nchan.name] = partial(cycle, stack.enter_context(_served(at, Nchan())))
        yield contenders


@contextmanager
def _served(at: Setting, server: Server) -> Iterator[Started]:
    with tempfile.TemporaryDirectory(prefix="hbpush-bench-") as name:
        folder, port = Path(name), free_port()
        command = server.command(port, folder, Bounds())
        with started(command, port, folder, at.place.cores.server, server.environment()) as process:
            yield process


def _title(sizes: Sizes) -> str:
    return (
        f"{sizes.pollers:,} long-pollers of one channel of Tyron, released by PUBLISH to Redis, beside those of longpoll by POST; they ask "
        f"again with {SINCE}, or for what is {NEXT}, when all have to wait again before a message, which is part of the time"
    )


TYRON = Contest("tyron", _title, "deliveries/s", True, _tyron, marks=(Mark(SINCE, 0.75, Nchan.name, aim=1),))
