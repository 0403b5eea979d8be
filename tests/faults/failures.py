"""What is made to fail without any history being lost: one function a scenario, called while publishers publish and subscribers listen."""

from __future__ import annotations

import asyncio

from tests.faults.crowd import CHECKED_EACH, PUBLISHER, SLACK, SUBSCRIBER
from tests.faults.ledger import Message
from tests.faults.runner import Run

LAG = 0.05
"""Seconds by which one process hears later of everything."""

AGAIN = 0.05
"""Seconds after which somebody asks again."""

TRIES = 20
"""Cut connections for one that is cut at the right moment: other commands may come in between."""

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
            killed = control.call("CLIENT", "KILL", "SKIPME", "yes")
            if killed < 2 * len(run.house.daemons):
                run.ledger.complain(f"only {killed} connections were there to be killed")
            await run.fault_ended()
            due = max(due + 1, run.crowd.now())
            await run.traffic(due - run.crowd.now())


async def pause_clients(run: Run) -> None:
    """The server answers nobody for some seconds."""
    run.outages += 1
    await run.traffic(run.size.between)

    def pause() -> None:
        with run.house.redis.wire() as control:
            control.call("CLIENT", "PAUSE", int(run.size.pause * 1000), "ALL")
            control.call("PING")

    await asyncio.to_thread(pause)
    await run.fault_ended()
    await run.traffic(run.size.between)


async def stop_redis(run: Run) -> None:
    """SIGSTOP: connections stay, nothing is answered."""
    run.outages += 1
    await run.traffic(run.size.between)
    await asyncio.to_thread(run.house.redis.pause)
    await run.traffic(run.size.pause)
    run.house.redis.resume()
    await run.fault_ended()
    await run.traffic(run.size.between)


# Processes


async def kill_process(run: Run) -> None:
    """kill -9 of one process of several; who was there goes elsewhere."""
    await run.traffic(run.size.between)
    run.crowd.may_be_cut = True
    victim = run.house.daemons[1].process
    victim.kill()
    await asyncio.to_thread(victim.wait)
    await run.fault_ended()
    await run.traffic(run.size.calm)


# A process that hears late, or no answer


async def lag(run: Run) -> None:
    """One process hears later than the others, so that who comes from them knows more than it does."""
    assert run.house.proxy is not None
    run.house.proxy.delay_subscribers(LAG)
    await run.traffic(run.size.calm)
    run.house.proxy.release_subscribers()


async def cut_answers(run: Run) -> None:
    """The connection is lost when a publish has reached the server: it is not known what became of it, and it is not sent again."""
    proxy = run.house.proxy
    assert proxy is not None
    for _ in range(run.size.kills):
        run.outages += 1
        proxy.cut_next_eval()
        await run.crowd.wait(lambda: not proxy.cuts_left, "a connection was cut")
        await run.fault_ended()
    await run.crowd.pause()
    cut: list[Message] = []
    for _ in range(TRIES * run.size.kills):
        if len(cut) == run.size.kills:
            break
        channel = run.crowd.channels[len(cut) % len(run.crowd.channels)]
        run.outages += 1
        await run.crowd.surely(0, channel, "before a cut")
        proxy.cut_next_eval()
        message = await run.crowd.post(0, channel, "cut")
        proxy.cut_next_eval(0)
        if message.status == 503 and proxy.evals(message.body) == 1:
            cut.append(message)
    if len(cut) < run.size.kills:
        run.ledger.complain(f"only {len(cut)} publishes could be cut off and were answered 503")
    unknown = [message for message in run.ledger.messages.values() if not message.acknowledged]
    for message in unknown:
        if proxy.evals(message.body) > 1:
            run.ledger.complain(f"{message} was sent to the server more than once")
    for channel in run.crowd.channels:
        await run.crowd.surely(0, channel, "after the cuts")
    await run.crowd.caught_up("everybody has what was cut off")
    for message in cut:
        for subscriber in run.ledger.subscribers:
            if subscriber.channel == message.channel and all(told.body != message.body for told in subscriber.told):
                run.ledger.complain(f"{message} had reached the server, and did not come to {subscriber.name}")


# An outage as clients see it


async def away(run: Run) -> None:
    """Redis is away for some seconds: who needs it is told to come back, who waits goes on waiting."""
    crowd = run.crowd
    await crowd.pause()
    await crowd.caught_up("nothing is under way")
    await crowd.all_held()
    refused = crowd.polls_refused
    await asyncio.to_thread(run.house.redis.kill)
    run.outages = run.plain_outages = 1
    end = crowd.now() + run.size.pause
    while crowd.now() < end:
        for place in range(len(run.house.daemons)):
            await _is_told_to_come_back(run, place)
        await run.traffic(AGAIN)
    for daemon in run.house.daemons:
        await asyncio.to_thread(daemon.wait_for, "cannot be reached")
    if crowd.polls_refused != refused:
        run.ledger.complain(f"{crowd.polls_refused - refused} polls that were held have not been held")
    await asyncio.to_thread(run.house.redis.start)
    await crowd.publish()
    await run.fault_ended()
    for daemon in run.house.daemons:
        await asyncio.to_thread(daemon.wait_for, "is back after")


async def _is_told_to_come_back(run: Run, place: int) -> None:
    crowd = run.crowd
    message = await crowd.post(place, crowd.channels[0], "meanwhile")
    if message.status != 503:
        run.ledger.complain(f"a POST while Redis was away was answered {message.status}")
    for target in (PUBLISHER + crowd.channels[0], SUBSCRIBER + "nobody-watches-this"):
        asked = crowd.now()
        answer = await crowd.ask(place, "GET", target)
        if answer.status != 503 or b"retry-after" not in answer.headers:
            run.ledger.complain(f"a GET of {target} while Redis was away was answered {answer.status} with {answer.headers}")
        if crowd.now() - asked > run.house.timeout + CHECKED_EACH + SLACK:
            run.ledger.complain(f"a GET of {target} while Redis was away was answered only after {crowd.now() - asked:.1f} s")
