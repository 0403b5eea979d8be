"""Tyron in the matrix: an envelope that is published to Redis, and requests that wait, with the buffer and ``since``."""

from __future__ import annotations

import asyncio
import json
from types import MappingProxyType

from tests.conformance.matrix.contract import Heard, InOrder, Subscriber, of_body
from tests.conformance.matrix.payloads import BINARY, Payload, Value, number_of
from tests.conformance.matrix.relay import socket, taken
from tests.support.hosts import Client, Host, get
from tests.support.redis_wire import pack


class TyronPoll(Subscriber):
    """GET that waits for the next message after an id."""

    typed = False

    async def attach(self, since: str) -> None:
        self._client = await self.place.connect()
        await self._ask(since)

    async def received(self) -> Heard:
        answer = await self._client.answer()
        assert answer.status == 200, answer
        assert answer.headers.keys() & {b"x-tyron-missed", b"x-tyron-timeout"} == set(), answer
        place = answer.headers[b"x-tyron-id"].decode()
        await self._ask(place)
        return Heard(of_body(answer.body), place)

    async def _ask(self, since: str) -> None:
        await self._client.send(get(f"/tyron/{self.channel}/?since={since}".encode()))


class RedisPublish(InOrder):
    """PUBLISH of envelopes. Redis says only that somebody has them: a message is published when a subscriber of its own hears it."""

    left_out = MappingProxyType({BINARY: "the data of an envelope is a text or other JSON"})

    def __init__(self, name: str, place: Host, channel: str, redis_port: int, redis_channel: str) -> None:
        super().__init__(name, place, channel)
        self._client: Client | None = None
        self._redis_port = redis_port
        self._redis_channel = redis_channel

    def heard(self, payload: Payload) -> Value:
        """JSON that is no string becomes its text."""
        return payload.value if isinstance(payload.value, str) else _spelled(payload.value)

    async def attach(self) -> None:
        self._client = Client(*await asyncio.open_connection("127.0.0.1", self._redis_port), self.place.patience)
        self._ear = await socket(self.place, f"/websocket/{self.channel}", b"hbpush.json")

    def send(self, payload: Payload) -> None:
        envelope = _spelled({"channel": self.channel, "data": payload.value})
        assert self._client is not None
        self._client.writer.write(pack("PUBLISH", self._redis_channel, envelope))

    async def answered(self, number: int) -> None:
        assert self._client is not None
        async with asyncio.timeout(self.place.patience):
            reply = await self._client.reader.readline()
        assert reply.startswith(b":"), reply
        assert int(reply[1:]) > 0, "nobody listens"
        while number_of(taken(json.loads(await self._ear.message()), self.channel).value) != number:
            pass

    async def close(self) -> None:
        if self._client is not None:
            self._client.leave()


def _spelled(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
