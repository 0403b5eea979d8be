"""The matrix: whoever publishes, by whatever door, every subscriber of the channel hears it once, in order, whatever it speaks.

A run (`tests.conformance.matrix.run`) has a channel on one server process, or on two that share a store, all ways of subscribing attached
to it at once, and one way of publishing after the other. What is told is put into a `tests.conformance.matrix.ledger.Ledger`, by the number
that each message has in its body.

A way of subscribing is a class of its own that derives from `Subscriber`, a way of publishing one that derives from `Publisher`. Neither
knows of a run, a ledger or of the others: they take what a peer of their protocol takes, and say what it says. Each wait has an end, after
the patience of the `tests.support.hosts.Host` that they were given. What a peer must never meet, such as being told of a gap, an end of
its stream that nobody asked for, or another channel's message, is an AssertionError.

Values have three forms: a str is a text, bytes are a body that is no text, anything else is a value of JSON (always an object here).
"""

from __future__ import annotations

import asyncio
import base64
import json
from abc import ABC, abstractmethod
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, NamedTuple

from tests.conformance.matrix.payloads import Payload, Value
from tests.support.hosts import Host


class Heard(NamedTuple):
    """One message. ``id`` is ``time:tag``, None where the protocol has no place for it."""

    value: Value
    id: str | None = None


class Bell:
    """Rings when something was published: for those who have to ask whether there is anything."""

    def __init__(self) -> None:
        self.rung = 0
        self._waiting: list[asyncio.Future[None]] = []

    def ring(self) -> None:
        self.rung += 1
        waiting, self._waiting = self._waiting, []
        for each in waiting:
            if not each.done():
                each.set_result(None)

    async def after(self, rung: int) -> None:
        """Wait until it has rung more than so many times."""
        while self.rung <= rung:
            self._waiting.append(asyncio.get_running_loop().create_future())
            await self._waiting[-1]


class Subscriber(ABC):
    """A client that is subscribed to ``channel`` on ``place``.

    - ``attach(since)``: subscribe to what comes after the id ``since``, that of the last message of the channel; return when nothing of it
      can be missed any more
    - ``received()``: the next message; others, such as notices, are passed over
    - ``close()``: leave, however far `attach` came; connections of ``place`` are cut by it anyway
    """

    typed: bool = True
    """Whether it hears of the type of a message: without, JSON comes as its text."""

    def __init__(self, name: str, place: Host, channel: str, bell: Bell) -> None:
        self.name = name
        self.place = place
        self.channel = channel
        self.bell = bell

    @abstractmethod
    async def attach(self, since: str) -> None: ...

    @abstractmethod
    async def received(self) -> Heard: ...

    async def close(self) -> None:
        return None


class Publisher(ABC):
    """A client that publishes to ``channel`` on ``place``, on one connection.

    - ``attach()``: connect
    - ``publish(number, payload)``: send it at once, in the order of the calls, and return when it is known to be published
    - ``close()``: leave

    ``left_out`` has a reason for each kind of payload that its protocol cannot carry.
    """

    left_out: Mapping[str, str] = MappingProxyType({})

    def __init__(self, name: str, place: Host, channel: str) -> None:
        self.name = name
        self.place = place
        self.channel = channel

    def heard(self, payload: Payload) -> Value:
        """What subscribers are to hear of a payload: the documented mapping of its protocol."""
        return payload.value

    @abstractmethod
    async def attach(self) -> None: ...

    @abstractmethod
    async def publish(self, number: int, payload: Payload) -> None: ...

    async def close(self) -> None:
        return None


class InOrder(Publisher):
    """A publisher whose answers come in the order of what it sends, as they do on one connection."""

    def __init__(self, name: str, place: Host, channel: str) -> None:
        super().__init__(name, place, channel)
        self._turn = asyncio.Lock()

    async def publish(self, number: int, payload: Payload) -> None:
        self.send(payload)
        async with self._turn:
            await self.answered(number)

    @abstractmethod
    def send(self, payload: Payload) -> None:
        """Give a payload to the connection."""

    @abstractmethod
    async def answered(self, number: int) -> None:
        """Wait for the next answer, which is that to ``number``."""


def of_body(body: bytes, media: str | None = None) -> Value:
    """What a body is, and its type if there is one: the value of JSON, a text, or bytes."""
    if media == "application/json":
        return json.loads(body)
    try:
        return body.decode()
    except UnicodeDecodeError:
        return body


def of_data(data: Any, encoding: str | None) -> Value:
    """What ``data`` in an object is, with the ``encoding`` that stands beside it (DESIGN section 7)."""
    assert encoding in (None, "base64"), encoding
    return data if encoding is None else base64.b64decode(data, validate=True)
