"""Those who publish and listen while something fails, as good clients do: they ask again with the last id they have. They keep a ledger."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable, Sequence
from email.utils import formatdate

from tests.faults.client import Answer, Client
from tests.faults.ledger import Id, Ledger, Message, Subscriber, Told

PATIENCE = 20.0
"""Seconds for anything that is waited for: far more than it takes, so that only a fault meets it."""

JSON = {b"Accept": b"application/json"}
PUBLISHER, SUBSCRIBER, STRICT = "/pub/", "/sub/", "/strict/"
"""Prefixes of the locations. An absent channel is made by a GET on the second and is 404 on the third."""

DAWDLE = 0.5
DAWDLE_AFTER = 40
"""A dawdling subscriber goes away for so many seconds after so many messages, and has to be given history when it comes back."""

CHECKED_EACH = 1.0
"""Seconds between two looks of a store at whether its server still answers."""

SLACK = 1.0
"""Seconds that a busy machine may add to an answer."""


class Crowd:
    """Publishers at every server of ``ports``, ``rate`` messages a second in all; on each channel a subscriber at every server, one that
    wanders from server to server with each poll, and one that dawdles.

    ``refused_within``: seconds in which a publisher has to be told that the store cannot be reached.
    """

    def __init__(self, ledger: Ledger, ports: Sequence[int], channels: int, rate: float, timeout: float) -> None:
        self.ledger = ledger
        self.channels = [f"c{number}" for number in range(channels)]
        self.refused_within = timeout + CHECKED_EACH + SLACK
        self.may_be_cut = False
        """Whether a server is expected to end with its connections."""
        self.polls_refused = 0
        self._ports = list(ports)
        self._rate = rate
        self._loop = asyncio.get_running_loop()
        self._publishing = True
        self._publishers: list[asyncio.Task[None]] = []
        self._subscribers: list[asyncio.Task[None]] = []
        self._acknowledged: dict[str, float] = {}
        self._had: dict[Subscriber, float] = {}
        self._others: dict[str, int] = {}
        self._started: list[asyncio.Task[Answer]] = []

    # Its life

    async def start(self) -> None:
        """Make the channels, let everybody listen, then publish until `finish`; return when all have had something."""
        for channel in self.channels:
            answer = await self.ask(0, "PUT", PUBLISHER + channel)
            assert answer.status == 200, answer
        for channel in self.channels:
            for place in range(len(self._ports)):
                self._listen(channel, f"subscriber at {place}", place, 0)
            self._listen(channel, "wanderer", 0, 1)
            self._listen(channel, "dawdler", 0, 0, prompt=False)
        await self.publish()
        await self.recovered(self.now())

    async def publish(self) -> None:
        """Begin to publish, or begin again after `pause`."""
        self._publishing = True
        each = 2
        for place in range(len(self._ports)):
            for number in range(each):
                name = f"p{place}{number}-{len(self._publishers)}"
                self.ledger.publishers.add(name)
                self._publishers.append(self._loop.create_task(self._publish(name, place, each * len(self._ports) / self._rate)))

    async def pause(self) -> None:
        """Publish no more, and wait until the last request was answered."""
        self._publishing = False
        async with asyncio.timeout(PATIENCE):
            await asyncio.gather(*self._publishers)
        self.ledger.publishers.clear()

    async def finish(self) -> None:
        """Publish no more, and wait until everybody has come to the end."""
        if self._publishing:
            await self.pause()
        for channel in self.channels:
            self.ledger.ends[channel] = await self.surely(0, channel, "the end")
        await self.caught_up("the end is everywhere")
        await self.stop()

    async def stop(self) -> None:
        """Leave at once."""
        tasks = [*self._publishers, *self._subscribers, *self._started]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    # Waiting

    def now(self) -> float:
        """The time of the ledger."""
        return self._loop.time()

    async def recovered(self, moment: float) -> None:
        """Wait until what was sent after a moment was acknowledged to every publisher, and a message sent after it came to every prompt
        subscriber."""

        def everybody() -> bool:
            return all(self._acknowledged.get(name, -1.0) >= moment for name in self.ledger.publishers) and all(
                had >= moment for subscriber, had in self._had.items() if subscriber.prompt
            )

        await self.wait(everybody, "everybody goes on")

    async def caught_up(self, what: str) -> None:
        """Wait until every subscriber has the last message that was acknowledged on its channel."""
        newest: dict[str, Message] = {}
        for message in self.ledger.messages.values():
            if message.id is not None and (message.channel not in newest or (newest[message.channel].id or (0, 0)) < message.id):
                newest[message.channel] = message
        ids = {channel: message.id or (0, 0) for channel, message in newest.items()}

        def everybody() -> bool:
            return all(
                any(told.id is not None and told.id >= ids[subscriber.channel] for told in subscriber.told[-3:]) for subscriber in self._had
            )

        await self.wait(everybody, what)

    async def all_held(self) -> None:
        """Wait until every subscriber has a poll that waits. To be called when nobody publishes."""

        async def count() -> bool:
            answers = [await self.ask(0, "GET", PUBLISHER + channel, JSON) for channel in self.channels]
            return sum(json.loads(answer.body)["subscribers"] for answer in answers if answer.status == 200) == len(self._subscribers)

        await self.wait_for(count, "every poll is held")

    async def wait(self, condition: Callable[[], bool], what: str) -> None:
        """Wait until something is so; that it does not become so is a broken promise."""
        await self.wait_for(lambda: _done(condition()), what)

    async def wait_for(self, condition: Callable[[], Awaitable[bool]], what: str) -> None:
        """The same for what has to be asked."""
        end = self.now() + PATIENCE
        while not await condition():
            if self.now() > end:
                self.ledger.complain(f"not within {PATIENCE:g} s: {what}")
                return
            await asyncio.sleep(0.01)

    # One request

    async def ask(
        self, place: int, method: str, target: str, headers: dict[bytes, bytes] | None = None, body: bytes | None = None
    ) -> Answer:
        """A request on a connection of its own."""
        client = Client(self._ports[place])
        try:
            async with asyncio.timeout(PATIENCE):
                return await client.ask(method, target, headers, body)
        finally:
            client.close()

    def begin(self, place: int, target: str, last: Id) -> asyncio.Task[Answer]:
        """A poll for what follows an id, on a connection of its own. It ends with `stop` at the latest."""
        self._started.append(self._loop.create_task(self.ask(place, "GET", target, since(last))))
        return self._started[-1]

    async def post(self, place: int, channel: str, publisher: str) -> Message:
        """Publish one message, whatever becomes of it."""
        self._others[publisher] = number = self._others.get(publisher, -1) + 1
        message = self.ledger.publish(channel, publisher, number, self.now())
        client = Client(self._ports[place])
        try:
            await self._post(client, message)
        finally:
            client.close()
        return message

    async def surely(self, place: int, channel: str, publisher: str) -> Message:
        """Publish messages until one is acknowledged; return that one."""
        found: list[Message] = []

        async def is_acknowledged() -> bool:
            found.append(await self.post((place + len(found)) % len(self._ports), channel, publisher))
            return found[-1].acknowledged

        await self.wait_for(is_acknowledged, f"a message of {publisher} is acknowledged")
        return found[-1]

    async def _post(self, client: Client, message: Message) -> bool:
        """Returns whether there was an answer."""
        try:
            async with asyncio.timeout(PATIENCE):
                answer = await client.ask("POST", PUBLISHER + message.channel, JSON, message.body)
        except TimeoutError:
            self.ledger.complain(f"a POST was not answered in {PATIENCE:g} s")
            client.close()
            return False
        except OSError as error:
            self._was_cut("a publisher", error)
            return False
        message.answered = self.now()
        message.status = answer.status
        if message.answered - message.sent > self.refused_within:
            self.ledger.complain(f"a POST was answered {answer.status} only after more than {self.refused_within:g} s")
        if answer.status in (201, 202):
            message.id = _parse(json.loads(answer.body)["last_message_id"])
        else:
            self._refused("POST", answer)
        return True

    # Who goes on and on

    async def _publish(self, name: str, place: int, interval: float) -> None:
        client = Client(self._ports[place])
        due = self.now()
        number = 0
        while self._publishing:
            channel = self.channels[(number + place) % len(self.channels)]
            message = self.ledger.publish(channel, name, number, self.now())
            number += 1
            if await self._post(client, message):
                if message.acknowledged:
                    self._acknowledged[name] = message.sent
            else:
                place = (place + 1) % len(self._ports)
                client = Client(self._ports[place])
            due = max(due + interval, self.now())
            await asyncio.sleep(due - self.now())
        client.close()

    def _listen(self, channel: str, name: str, place: int, step: int, prompt: bool = True) -> None:
        subscriber = self.ledger.subscriber(name, channel, prompt)
        self._had[subscriber] = -1.0
        self._subscribers.append(self._loop.create_task(self._poll(subscriber, place, step)))

    async def _poll(self, subscriber: Subscriber, place: int, step: int) -> None:
        clients = [Client(port) for port in self._ports]
        headers: dict[bytes, bytes] = {}
        try:
            while True:
                place = (place + step) % len(clients)
                try:
                    answer = await clients[place].ask("GET", SUBSCRIBER + subscriber.channel, headers)
                except OSError as error:
                    self._was_cut("a poll", error)
                    place = (place + 1) % len(clients)
                    continue
                if answer.status != 200 or answer.id is None:
                    self._refused("GET", answer)
                    self.polls_refused += 1
                    if answer.missed:
                        subscriber.told.append(Told(self.now(), None, None, True))
                    await asyncio.sleep(float(answer.headers.get(b"retry-after", b"1")))
                    continue
                headers = since(answer.id)
                subscriber.told.append(Told(self.now(), answer.id, answer.body, answer.missed))
                message = self.ledger.messages.get(answer.body)
                if message is not None:
                    self._had[subscriber] = max(self._had[subscriber], message.sent)
                if not subscriber.prompt and len(subscriber.told) % DAWDLE_AFTER == 0:
                    await asyncio.sleep(DAWDLE)
        finally:
            for client in clients:
                client.close()

    def _refused(self, method: str, answer: Answer) -> None:
        if answer.status != 503:
            self.ledger.complain(f"a {method} was answered {answer.status}")
        elif b"retry-after" not in answer.headers:
            self.ledger.complain(f"a {method} was answered 503 without Retry-After")

    def _was_cut(self, what: str, error: OSError) -> None:
        if not self.may_be_cut:
            self.ledger.complain(f"{what} was cut off: {error}")


def since(id_: Id) -> dict[bytes, bytes]:
    """The headers that ask for what follows an id."""
    second, tag = id_
    return {b"If-Modified-Since": formatdate(second, usegmt=True).encode(), b"If-None-Match": b"%d" % tag}


def _parse(text: str) -> Id:
    time, _, tag = text.partition(":")
    return int(time), int(tag)


async def _done(value: bool) -> bool:
    return value
