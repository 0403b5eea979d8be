"""What the bench measures. A work is run for one server at a time; what it returns is the figures of one round, by case."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from statistics import median
from typing import NamedTuple, Protocol

from tests.bench.load import Load
from tests.bench.marks import Mark
from tests.bench.processes import Cores, Started, Watch, resident
from tests.bench.servers import Bounds

CONNECTIONS = 32
BODY = 100
FEW_HELD = 100
KB = 1024


class Sizes(NamedTuple):
    """How much of everything. Times in milliseconds. Those from ``in_flight`` on are of the works with Redis: messages published together,
    and messages whose way is timed; messages kept in a channel, and such channels; idle channels; channels that are listened to. Those
    from ``sessions`` on are of the works with sessions: who gets messages, who says events, and who is idle. ``streams`` is how many
    subscribers the works with streams have, the most of them in those of time and memory.
    """

    rounds: int = 5
    warm_ms: int = 400
    measured_ms: int = 2000
    pollers: int = 1000
    window: int = 1
    held: int = 10_000
    releases: int = 3
    channels: tuple[int, ...] = (1, 1000, 100_000)
    backlogs: tuple[int, ...] = (10, 1000, 100_000)
    in_flight: int = 64
    latencies: int = 500
    kept: int = 1000
    kept_channels: int = 100
    idle: int = 10_000
    watched: int = 10_000
    sessions: int = 1000
    asking: int = 50
    idle_sessions: int = 5000
    streams: tuple[int, ...] = (1000, 10_000)


QUICK = Sizes(
    rounds=2, warm_ms=100, measured_ms=400, held=2000, releases=2, channels=(1, 1000, 20_000), backlogs=(10, 1000, 20_000),
    latencies=50, kept=200, kept_channels=50, idle=1000, watched=3000,
    sessions=300, idle_sessions=1000, streams=(1000, 3000),
)  # fmt: skip


class Round(NamedTuple):
    """One server in one round, or in one of a round's sets. ``folder`` lasts as long as its process; ``shares`` takes those of `Watch` for
    each run. ``dialect`` is that of the server's sessions.
    """

    number: int
    set: int
    server: Started
    load: Load
    sizes: Sizes
    folder: Path
    cores: Cores
    shares: list[tuple[float, float]]
    dialect: str = ""

    @property
    def channel(self) -> str:
        """A channel that no round and no set before has used."""
        return f"round{self.number}set{self.set}"

    def rate(self, work: str, *words: object, channel: tuple[object, ...] = ()) -> float:
        """Run a work of the load generator for the time of a measurement. ``channel`` are the words behind the two times."""
        times = (self.sizes.warm_ms, self.sizes.measured_ms)
        watch = Watch(self.server.pid, self.cores)
        [row] = self.load.run(work, *words, *times, *channel, lasting_ms=sum(times))
        self.shares.append(watch.shares())
        return row["rate"]


Case = dict[str, float]


class Described(Protocol):
    """What figures are of. ``growth``: later cases are compared to the first one. ``marks`` are for the first server of all, hbpush.

    ``is_rate``: it keeps the server busy all the time, and the figure is what that server can do.
    """

    @property
    def name(self) -> str: ...
    @property
    def title(self) -> Callable[[Sizes], str]: ...
    @property
    def unit(self) -> str: ...
    @property
    def more_is_better(self) -> bool: ...
    @property
    def growth(self) -> bool: ...
    @property
    def marks(self) -> tuple[Mark, ...]: ...
    @property
    def is_rate(self) -> bool: ...


class Work(NamedTuple):
    """`Described`. ``servers`` can do it. ``fresh``: each round needs a new process. ``sets``: how often a round runs it for each server,
    one server after the other: the round's figures are medians of theirs. A case may be of some sets only.
    """

    name: str
    title: Callable[[Sizes], str]
    unit: str
    more_is_better: bool
    servers: tuple[str, ...]
    run: Callable[[Round], Case]
    bounds: Callable[[Sizes], Bounds] = lambda _: Bounds()
    fresh: bool = False
    growth: bool = False
    marks: tuple[Mark, ...] = ()
    sets: Callable[[Sizes], int] = lambda _: 1

    @property
    def is_rate(self) -> bool:
        return self.more_is_better


def _publish(at: Round) -> Case:
    return {"publish": at.rate("publish", CONNECTIONS, BODY, 1)}


def _longpoll(at: Round) -> Case:
    return {"longpoll": at.rate("cycle", at.sizes.pollers, BODY, at.sizes.window, channel=(at.channel,))}


def _memory(at: Round) -> Case:
    with at.load.steps("hold", FEW_HELD, at.sizes.held, at.channel) as steps:
        steps.next()
        few = resident(at.server.pid)
        steps.next()
        return {"memory": (resident(at.server.pid) - few) / (at.sizes.held - FEW_HELD) / KB}


def _release(at: Round) -> Case:
    rows = at.load.run("release", at.sizes.held, BODY, at.sizes.releases, at.channel)
    return {name: median(row[name] for row in rows) for name in ("p50", "p99", "last")}


def _startup(at: Round) -> Case:
    return {"startup": at.server.seconds * 1000}


def _channels(at: Round) -> Case:
    return {_counted(count, "channel"): at.rate("publish", CONNECTIONS, BODY, count) for count in at.sizes.channels}


def _backlog(at: Round) -> Case:
    figures = {}
    for count in at.sizes.backlogs:
        channel, ids = f"backlog{count}", at.folder / f"backlog{count}"
        if not ids.exists():
            at.load.run("fill", CONNECTIONS, BODY, count, channel, ids)
        figures[_counted(count, "message")] = at.rate("backlog", CONNECTIONS, BODY, channel=(channel, ids))
    return figures


def _counted(count: int, thing: str) -> str:
    return f"{count:,} {thing}{'' if count == 1 else 's'}"


def _longpoll_title(sizes: Sizes) -> str:
    window = f"{sizes.window} messages" if sizes.window > 1 else "one message"
    return f"{sizes.pollers:,} long-pollers of one channel that ask again at once, {window} under way"


ALL = ("hbpush", "nchan", "tornado", "limit", "socket.io", "sockjs-node", "stock-host", "unjoined")

POLLED = ("hbpush", "nchan", "tornado", "limit")

WORKS = [
    Work(
        "publish",
        lambda _: f"POSTs of {BODY} bytes to one channel, {CONNECTIONS} keep-alive connections with one in flight each",
        "requests/s", True, POLLED, _publish, marks=(Mark("publish", 0.55, "nchan", aim=0.7), Mark("publish", 12, "tornado")),
    ),
    Work("longpoll", _longpoll_title, "deliveries/s", True, POLLED, _longpoll, marks=(Mark("longpoll", 0.75, "nchan"),)),
    Work(
        "memory",
        lambda sizes: f"memory of a held long-poll: (RSS with {sizes.held:,} - RSS with {FEW_HELD}) / {sizes.held - FEW_HELD:,}",
        f"KB of {KB:,} bytes", False, ("hbpush", "nchan", "tornado"), _memory, fresh=True, marks=(Mark("memory", 4, aim=3),),
    ),
    Work(
        "release",
        lambda sizes: f"{sizes.held:,} held long-polls released by one publish, time from its sending to their answers",
        "ms", False, POLLED, _release, marks=(Mark("p99", 1.3, "nchan"),),
    ),
    Work(
        "startup", lambda _: "from exec to the first answered request", "ms", False, ("hbpush", "nchan", "tornado"), _startup, fresh=True
    ),
    Work(
        "channels",
        lambda _: "POSTs as in publish, each to the next of many channels that keep two messages",
        "requests/s", True, ("hbpush", "nchan"), _channels, bounds=lambda _: Bounds(keep=2), growth=True,
    ),
    Work(
        "backlog",
        lambda _: f"GETs of the message next to a random id in a channel with many, {CONNECTIONS} connections with one in flight each",
        "requests/s", True, ("hbpush", "nchan"), _backlog, bounds=lambda sizes: Bounds(keep=max(sizes.backlogs)), growth=True,
    ),
]  # fmt: skip
