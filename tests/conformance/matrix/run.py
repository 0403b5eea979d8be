"""One run: everybody is attached, then one publisher after the other says what it has to say, until everybody has heard the last of it."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from tests.conformance.matrix.contract import Bell, Publisher, Subscriber
from tests.conformance.matrix.ledger import Ledger
from tests.conformance.matrix.payloads import TEXT, Payload, number_of, payload
from tests.conformance.matrix.relay import Post, id_of
from tests.support.hosts import Host, get

IN_FLIGHT = 16
"""Messages that a publisher has on their way at a time."""

Part = tuple[Publisher, Sequence[Payload]]


async def run(place: Host, channel: str, subscribers: Sequence[Subscriber], parts: Sequence[Part], bell: Bell, limit: float) -> list[str]:
    """Play it, within so many seconds; every fault in a line. Numbers rise over all parts, and begin above 0."""
    since = await _opened(place, channel)
    ledger = Ledger()
    last = 1 + max(number_of(each.value) for _, said in parts for each in said)
    for subscriber in subscribers:
        ledger.subscribe(subscriber.name)
    attached: dict[Subscriber, asyncio.Future[None]] = {each: asyncio.get_running_loop().create_future() for each in subscribers}
    try:
        async with asyncio.timeout(limit), asyncio.TaskGroup() as group:
            for subscriber in subscribers:
                group.create_task(_follow(subscriber, since, attached[subscriber], ledger, last))
            await asyncio.wait(attached.values())
            for publisher, said in parts:
                with _blamed(publisher.name):
                    await publisher.attach()
                    is_last = publisher is parts[-1][0]
                    await _publish(publisher, [*said, payload(TEXT, last)] if is_last else said, ledger, bell)
    except TimeoutError:
        late = [each.name for each, future in attached.items() if not future.done()]
        return [f"not over after {limit:g} s; not attached: {late}", *ledger.faults()]
    finally:
        for each in [*subscribers, *(publisher for publisher, _ in parts)]:
            await each.close()
    return ledger.faults()


async def _opened(place: Host, channel: str) -> str:
    """Make the channel, with a message that nobody hears, for everybody to have a place to begin at: its id."""
    post = Post("the opening", place, channel)
    await post.attach()
    await post.publish(0, payload(TEXT, 0))
    answer = await place.ask(get(f"/long/{channel}".encode()))
    assert answer.status == 200, answer
    return id_of(answer)


async def _follow(subscriber: Subscriber, since: str, attached: asyncio.Future[None], ledger: Ledger, last: int) -> None:
    with _blamed(subscriber.name):
        await subscriber.attach(since)
        attached.set_result(None)
        number = None
        while number != last:
            heard = await subscriber.received()
            number = ledger.hear(subscriber.name, subscriber.typed, heard.value, heard.id)


async def _publish(publisher: Publisher, said: Sequence[Payload], ledger: Ledger, bell: Bell) -> None:
    """Publish in order; a message waits until those before it, but for a few, have been published."""
    room = asyncio.Semaphore(IN_FLIGHT)

    async def publish(number: int, each: Payload) -> None:
        await publisher.publish(number, each)
        bell.ring()
        room.release()

    async with asyncio.TaskGroup() as group:
        for each in said:
            await room.acquire()
            number = number_of(each.value)
            ledger.publish(number, publisher.heard(each))
            group.create_task(publish(number, each))


@contextmanager
def _blamed(name: str) -> Iterator[None]:
    """What goes wrong here is said to be this one's."""
    try:
        yield
    except Exception as error:
        error.add_note(f"it was: {name}")
        raise
