"""How a scenario is run and judged."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import NamedTuple

import uvloop

from tests.faults.crowd import Crowd
from tests.faults.house import House, house
from tests.faults.ledger import Ledger, Resumed

RESUME = 3.0
"""Seconds after the end of a fault within which everybody has to go on."""


class Size(NamedTuple):
    """How much of everything. ``rate``: messages a second in all; ``calm``, ``between``, ``pause``: seconds;
    ``kills``: times; ``timeout``: the store's."""

    rate: float
    channels: int
    calm: float
    between: float
    kills: int
    pause: float
    timeout: float


SHORT = Size(rate=150, channels=3, calm=1.5, between=0.3, kills=3, pause=1.7, timeout=0.5)
FULL = Size(rate=500, channels=6, calm=20, between=1, kills=20, pause=10, timeout=3)


class Run:
    """A scenario while it runs. ``outages``: how many may be noticed; ``plain_outages``: how many have to."""

    def __init__(self, house: House, crowd: Crowd, ledger: Ledger, size: Size) -> None:
        self.house = house
        self.crowd = crowd
        self.ledger = ledger
        self.size = size
        self.resumed: list[Resumed] = []
        self.outages = 0
        self.plain_outages = 0

    async def fault_ended(self, patience: float = RESUME) -> None:
        """Everybody has to go on from here: wait for that, and note how long it took."""
        moment = self.crowd.now()
        await self.crowd.recovered(moment)
        took = self.ledger.resumed(moment)
        self.resumed.append(took)
        if max(took) > patience:
            self.ledger.complain(
                f"not resumed within {patience:g} s: publishers after {took.publish:.1f} s, polls after {took.deliver:.1f} s"
            )

    async def traffic(self, seconds: float) -> None:
        """Let them publish and listen for a time."""
        await asyncio.sleep(seconds)


class Scenario(NamedTuple):
    """``fail`` does it, while publishers publish and subscribers listen."""

    name: str
    processes: int
    fail: Callable[[Run], Awaitable[None]]
    appendonly: bool = True
    proxied: bool = False
    share: float = 1.0
    """Of the publishers' rate."""


class Verdict(NamedTuple):
    """``broken`` lists the promises that were not kept."""

    scenario: str
    figures: str
    broken: list[str]

    def text(self) -> str:
        """For people: a line, and one for each broken promise."""
        return "\n".join(
            [f"{'BROKEN' if self.broken else 'kept  '} {self.scenario}: {self.figures}", *(f"       {line}" for line in self.broken)]
        )


def judge(scenario: Scenario, size: Size) -> Verdict:
    """Run a scenario."""
    ledger = Ledger()
    resumed: list[Resumed] = []
    try:
        with (
            house(scenario.processes, size.timeout, scenario.appendonly, scenario.proxied) as its,
            asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner,
        ):
            runner.run(_run(scenario, its, ledger, size, resumed))
    except (AssertionError, OSError) as error:
        # What a process has logged and should not have, or a server that does not answer any more.
        ledger.complain(f"{type(error).__name__}: {error}")
    figures = ledger.summary()
    if resumed:
        publish, deliver = (max(seconds) for seconds in zip(*resumed, strict=True))
        figures += f", resumed within {publish:.2f} s (publishers), {deliver:.2f} s (polls)"
    return Verdict(scenario.name, figures, ledger.broken())


async def _run(scenario: Scenario, its: House, ledger: Ledger, size: Size, resumed: list[Resumed]) -> None:
    crowd = Crowd(ledger, its.ports, size.channels, size.rate * scenario.share, size.timeout)
    run = Run(its, crowd, ledger, size)
    run.resumed = resumed
    try:
        await crowd.start()
        await scenario.fail(run)
        await crowd.finish()
    finally:
        await crowd.stop()
    for line in its.complaints(run.plain_outages, run.outages):
        ledger.complain(line)
