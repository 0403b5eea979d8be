"""One reader in many stops reading: what it costs the server, what the others notice, and that it can come back.

In each round all read for a while, then one more comes and stalls while messages go on; their turns alternate, so that what else the
machine does is in both. The system takes several megabytes for a reader before the server has anything to keep.
"""

from __future__ import annotations

import resource
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager, suppress
from functools import partial
from pathlib import Path
from typing import NamedTuple

from tests.bench.processes import cores, on_core, resident
from tests.faults.readers import Kind, Readers, Round
from tests.faults.runner import Verdict
from tests.support.plain_streams import EventSource, WebSocket
from tests.support.process import Daemon

CONFIGURATION = """
port: 0
address: 127.0.0.1
store:
  type: memory
  max_messages: {kept}
locations:
  - {{type: subscriber, prefix: /sub/, polling: auto, heartbeat_interval: 0, outbox_bytes: {outbox}}}
  - {{type: publisher, prefix: /pub/}}
"""
KEPT = 100
OUTBOX = 1024 * 1024
GROWTH = OUTBOX * 1.1
"""Bytes by which the server may grow for one reader that stalls: what may wait for it, and a tenth."""

SHARE, SECONDS = 1.2, 0.002
"""The 99th percentile of the others' latencies may grow by so much, whichever is more."""

CUT_AFTER = 8.0
"""Seconds after which a slow reader that does not even take the close frame is cut, with all that a clock in ticks may add."""

BODY = 50_000


class Size(NamedTuple):
    """``calm`` and ``stalled`` are messages of one round. In every other ``patient`` round the reader stalls beyond its end.

    ``timed``: whether latencies are judged, which is for a machine that has the time.
    """

    readers: int
    rounds: int
    calm: int
    stalled: int
    patient: bool
    timed: bool


SHORT = Size(readers=20, rounds=1, calm=60, stalled=260, patient=False, timed=False)
FULL = Size(readers=999, rounds=8, calm=125, stalled=500, patient=True, timed=True)


class Figures:
    """What was measured, and what is wrong."""

    def __init__(self) -> None:
        self.broken: list[str] = []
        self.calm: list[float] = []
        self.stalled: list[float] = []
        self.least = 0
        self.most = 0
        self.published = 0

    def judge(self, size: Size) -> None:
        """Compare with the bounds."""
        if self.most - self.least > GROWTH:
            self.broken.append(f"the server grew by {(self.most - self.least) / 1024:.0f} KiB for one outbox of {OUTBOX // 1024} KiB")
        before, after = _p99(self.calm), _p99(self.stalled)
        if size.timed and after > max(before * SHARE, before + SECONDS):
            self.broken.append(f"the others' p99 went from {before * 1000:.1f} to {after * 1000:.1f} ms")

    def summary(self) -> str:
        """One line for people."""
        return (
            f"{self.published * BODY / 1e6:.0f} MB published, {self.least / 2**20:.1f} MiB of memory grew by "
            f"{(self.most - self.least) / 1024:.0f} KiB, p99 of the others {_p99(self.calm) * 1000:.1f} ms, and "
            f"{_p99(self.stalled) * 1000:.1f} ms while one stalls"
        )


def stalled(kind: Kind, full: bool) -> Verdict:
    """The scenario for one kind of stream."""
    size = FULL if full else SHORT
    figures = Figures()
    with ExitStack() as stack:
        try:
            daemon = stack.enter_context(_server())
            readers = stack.enter_context(closing(Readers(daemon.port, kind, size.readers, "news")))
            _Rounds(kind, size, figures, readers, daemon.process.pid).run()
        except (AssertionError, OSError) as error:
            figures.broken.append(f"{type(error).__name__}: {error}")
    if figures.stalled:
        figures.judge(size)
    title = f"one of {size.readers + 1:,} {'WebSockets' if kind is WebSocket else 'event streams'} stalls"
    return Verdict(title, figures.summary() if figures.stalled else "", figures.broken)


STALLED: dict[str, Callable[[bool], Verdict]] = {
    "stalled-websocket": partial(stalled, WebSocket),
    "stalled-eventsource": partial(stalled, EventSource),
}
"""By the names that the command line knows. Each takes whether it is to be long and under load."""


class _Rounds:
    def __init__(self, kind: Kind, size: Size, figures: Figures, readers: Readers, pid: int) -> None:
        self._kind = kind
        self._size = size
        self._figures = figures
        self._readers = readers
        self._pid = pid
        self._number = 0

    def run(self) -> None:
        figures, size = self._figures, self._size
        # As much history as there may be, twice over, and one more reader that does read: from here on nothing grows by itself.
        for _ in range(2 * KEPT):
            last = self._publish().id
        with closing(self._kind(self._readers.port, "/sub/news", last)) as reader:
            for _ in range(3):
                self._publish()
                reader.hear()
        for number in range(size.rounds):
            for _ in range(size.calm):
                figures.calm += self._publish().latencies
                if not number:
                    figures.least = max(figures.least, resident(self._pid))
            self._stall(size.patient and number % 2 == 1)

    def _publish(self) -> Round:
        self._number += 1
        return self._readers.round(b"%08d" % self._number + b"x" * (BODY - 8))

    def _stall(self, patient: bool) -> None:
        """One more comes, hears one message, and reads no more until it is given up, or even its end was."""
        figures, size = self._figures, self._size
        with closing(self._kind(self._readers.port, "/sub/news", self._publish().id)) as reader:
            first = self._publish()
            if reader.hear() != (self._text(), first.id):
                figures.broken.append("a reader did not get the first message after its id")
            given_up = 0.0
            for _ in range(size.stalled):
                got = self._publish()
                figures.stalled += got.latencies
                figures.published += 1
                figures.most = max(figures.most, resident(self._pid))
                if not given_up and got.subscribers == size.readers:
                    given_up = time.monotonic()
                    if not patient:
                        heard = self._read_on(reader, first.id)
            if not given_up:
                figures.broken.append(f"a reader that stalls was not given up within {size.stalled} messages")
                return
            while patient and time.monotonic() < given_up + CUT_AFTER:
                self._publish()
            if patient:
                heard = self._read_on(reader, first.id)
        last, end = heard
        expected = "" if self._kind is EventSource else "1006" if patient else "4000"
        if end != expected:
            figures.broken.append(f"a reader that stalled was ended with {end or 'nothing'} instead of {expected or 'nothing'}")
        self._come_back(last)

    def _read_on(self, reader: EventSource | WebSocket, last: str) -> tuple[str, str]:
        """Read to the end: the last id, and the close code. What comes has to go on after ``last`` without a gap."""
        number = None
        while True:
            said, place = reader.hear()
            if said == "end":
                return last, place
            if number is not None and int(said[:8]) != number + 1:
                self._figures.broken.append(f"a reader that stalled had {said[:8]} after {number:08d}")
            number, last = int(said[:8]), place

    def _come_back(self, last: str) -> None:
        """By its last id: with all that is kept, and told of what is not, then with what is new."""
        with closing(self._kind(self._readers.port, "/sub/news", last)) as reader:
            said, _ = reader.hear()
            gap = said == "gap"
            if gap:
                said, _ = reader.hear()
            numbers = [int(said[:8])]
            while numbers[-1] < self._number:
                numbers.append(int(reader.hear()[0][:8]))
            self._publish()
            numbers.append(int(reader.hear()[0][:8]))
        if numbers != list(range(numbers[0], self._number + 1)) or (gap and len(numbers) != KEPT + 1):
            self._figures.broken.append(f"a reader that came back had {numbers} of {self._number}, and was told of a gap: {gap}")

    def _text(self) -> str:
        return f"{self._number:08d}" + "x" * (BODY - 8)


@contextmanager
def _server() -> Iterator[Daemon]:
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    with suppress(ValueError):
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    with tempfile.TemporaryDirectory(prefix="hbpush-faults-") as folder:
        file = Path(folder) / "hbpushd.yaml"
        file.write_text(CONFIGURATION.format(kept=KEPT, outbox=OUTBOX), encoding="utf-8")
        # The readers have the other core.
        with on_core(cores().server):
            daemon = Daemon("-c", file)
        with daemon, on_core(cores().load):
            yield daemon


def _p99(latencies: list[float]) -> float:
    return sorted(latencies)[int(len(latencies) * 0.99)]
