"""What is made to fail, one scenario each, and how a scenario is run and judged. `losses` has those in which history is lost."""

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
    """A scenario while it runs. ``outages``: how many there are at most."""

    def __init__(self, house: House, crowd: Crowd, ledger: Ledger, size: Size) -> None:
        self.house = house
        self.crowd = crowd
        self.ledger = ledger
        self.size = size
        self.resumed: list[Resumed] = []
        self.outages = 0

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
        with house(scenario.processes, size.timeout, scenario.appendonly, scenario.proxied) as its:
            with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
                runner.run(_run(scenario, its, ledger, size, resumed))
    except AssertionError as error:
        # What a process has logged and should not have.
        ledger.complain(str(error))
    figures = ledger.summary()
    if resumed:
        figures += f", resumed within {max(each.publish for each in resumed):.2f} s (publishers), {max(each.deliver for each in resumed):.2f} s (polls)"
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
    for line in its.complaints(run.outages):
        ledger.complain(line)


# Redis


async def nothing(run: Run) -> None:
    """All is well."""
    await run.traffic(run.size.calm)


async def kill_redis(run: Run) -> None:
    """kill -9, and start again with what is on disk."""
    for _ in range(run.size.kills):
        run.outages += 1
        await run.traffic(run.size.between)
        await asyncio.to_thread(run.house.redis.kill)
        await asyncio.to_thread(run.house.redis.start)
        await run.fault_ended()


async def kill_connections(run: Run) -> None:
    """Each second all connections of clients are closed by the server."""
    due = run.crowd.now()
    with run.house.redis.wire() as control:
        for _ in range(run.size.kills):
            run.outages += 1
            killed = control.call("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes") + control.call("CLIENT", "KILL", "TYPE", "pubsub")
            if killed < 2 * len(run.house.daemons):
                run.ledger.complain(f"only {killed} connections were there to be killed")
            await run.fault_ended()
            due = max(due + 1, run.crowd.now())
            await run.traffic(due - run.crowd.now())


async def pause_clients(run: Run) -> None:
    """The server answers nobody for some seconds."""
    run.outages += 1

    def pause() -> None:
        with run.house.redis.wire() as control:
            control.call("CLIENT", "PAUSE", int(run.size.pause * 1000), "ALL")
            control.call("PING")

    await asyncio.to_thread(pause)
    await run.fault_ended()


async def stop_redis(run: Run) -> None:
    """SIGSTOP: connections stay, nothing is answered."""
    run.outages += 1
    await asyncio.to_thread(run.house.redis.pause)
    await run.traffic(run.size.pause)
    run.house.redis.resume()
    await run.fault_ended()


# Processes


async def kill_process(run: Run) -> None:
    """kill -9 of one process of several; who was there goes elsewhere."""
    run.crowd.may_be_cut = True
    victim = run.house.daemons[1].process
    victim.kill()
    await asyncio.to_thread(victim.wait)
    await run.fault_ended()
    await run.traffic(run.size.calm)
