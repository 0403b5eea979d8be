"""What makes Redis lose its history: everybody who goes on from an id has to be told. One function a scenario, as in `failures`."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

from tests.faults.client import Answer
from tests.faults.crowd import PUBLISHER, STRICT, SUBSCRIBER, since
from tests.faults.ledger import Id, Loss
from tests.faults.runner import Run

ANOTHER = "another"
"""A channel that nobody makes by asking for it."""


async def flush(run: Run) -> None:
    """FLUSHALL: while all publish and listen, and when everybody waits for the next message."""
    for _ in range(run.size.kills):
        await run.traffic(run.size.between)
        _flush(run)
        await run.fault_ended()
    await run.crowd.pause()
    await run.crowd.caught_up("nothing is under way")
    await _flush_under_held_polls(run)


async def restart_empty(run: Run) -> None:
    """kill -9 of a server that saves nothing, and start."""
    for _ in range(run.size.kills):
        run.outages += 1
        await run.traffic(run.size.between)
        start = run.crowd.now()
        await asyncio.to_thread(run.house.redis.kill)
        await asyncio.to_thread(run.house.redis.start)
        run.ledger.losses.append(Loss(start, run.crowd.now()))
        await run.fault_ended()


def _flush(run: Run) -> None:
    start = run.crowd.now()
    run.house.redis.cli("FLUSHALL")
    run.ledger.losses.append(Loss(start, run.crowd.now()))


async def _flush_under_held_polls(run: Run) -> None:
    """Everybody waits. Others come back with the last id: at once, and when the loss is known. All get the sign with their first answer."""
    crowd = run.crowd
    places = range(len(run.house.daemons))
    last = {channel: await _id_of_another(run, channel) for channel in (crowd.channels[0], ANOTHER)}
    await crowd.caught_up("nothing is under way")
    await crowd.all_held()
    _flush(run)
    polls = {f"who came back at once to {SUBSCRIBER} at {place}": _resume(run, place, SUBSCRIBER, last) for place in places}
    polls |= {f"who came back at once to {STRICT} at {place}": _resume(run, place, STRICT, last) for place in places}
    for place in places:

        async def is_known(place: int = place) -> bool:
            return (await crowd.ask(place, "GET", PUBLISHER + ANOTHER)).status == 404

        await crowd.wait_for(is_known, "the loss is known")
        answer = await crowd.ask(place, "GET", STRICT + ANOTHER, since(last[ANOTHER]))
        if answer.status != 404 or not answer.missed:
            run.ledger.complain(f"who came back to an absent channel at {place} was answered {answer.status} with {answer.headers}")
        polls[f"who came back later to {SUBSCRIBER} at {place}"] = _resume(run, place, SUBSCRIBER, last)
    for channel in (*crowd.channels, ANOTHER):
        await crowd.surely(0, channel, "first after FLUSHALL")
    for who, poll in polls.items():
        answer = await poll
        if not answer.missed:
            run.ledger.complain(f"{who} was answered {answer.status} without the sign of a gap: {answer.headers}")


async def _id_of_another(run: Run, channel: str) -> Id:
    """Publish a message; its id."""
    id_ = (await run.crowd.surely(0, channel, "last before FLUSHALL")).id
    assert id_ is not None
    return id_


def _resume(run: Run, place: int, prefix: str, last: Mapping[str, Id]) -> asyncio.Task[Answer]:
    channel = ANOTHER if prefix == STRICT else run.crowd.channels[0]
    return run.crowd.begin(place, prefix + channel, last[channel])
