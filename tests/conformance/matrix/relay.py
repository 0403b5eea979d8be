"""The relay in the matrix: a POST and a WebSocket that publish; long and interval polls, event streams and WebSockets that subscribe."""

from __future__ import annotations

import base64
import json
from email.utils import formatdate, parsedate_to_datetime

from tests.conformance.matrix.contract import Heard, InOrder, Subscriber, of_body, of_data
from tests.conformance.matrix.payloads import BINARY, JSON, Payload
from tests.support.eventstream import Source
from tests.support.hosts import Answer, Host, get, request
from tests.support.websocket import PING, PONG, TEXT, Peer

MEDIA = {JSON: "application/json", BINARY: "application/octet-stream"}
"""What a payload of a kind is posted as; others are text/plain."""


def id_of(answer: Answer) -> str:
    """The id of the message in an answer."""
    second = parsedate_to_datetime(answer.headers[b"last-modified"].decode()).timestamp()
    return f"{second:.0f}:{answer.headers[b'etag'].decode()}"


def dates_of(place: str) -> tuple[bytes, bytes]:
    """An id as Last-Modified and Etag."""
    second, _, tag = place.partition(":")
    return formatdate(int(second), usegmt=True).encode(), tag.encode()


class LongPoll(Subscriber):
    """GET that waits for the next message, with the ids of the last one."""

    prefix = "long"

    async def attach(self, since: str) -> None:
        self._client = await self.place.connect()
        await self._ask(*dates_of(since))

    async def received(self) -> Heard:
        return await self._taken(await self._client.answer())

    async def _ask(self, date: bytes, tag: bytes) -> None:
        path = f"/{self.prefix}/{self.channel}".encode()
        await self._client.send(get(path, b"If-Modified-Since: " + date, b"If-None-Match: " + tag))

    async def _taken(self, answer: Answer) -> Heard:
        """What an answer brings; the next one is asked for first."""
        assert (answer.status, answer.headers.get(b"x-relay-missed")) == (200, None), answer
        date, tag = answer.headers[b"last-modified"], answer.headers[b"etag"]
        await self._ask(date, tag)
        return Heard(of_body(answer.body, answer.headers[b"content-type"].decode()), id_of(answer))


class IntervalPoll(LongPoll):
    """GET that is answered at once. It asks again after a message, and after something was published."""

    prefix = "interval"

    async def received(self) -> Heard:
        while True:
            answer = await self._client.answer()
            if answer.status != 304:
                return await self._taken(answer)
            await self.bell.after(self._rung)
            await self._ask(answer.headers[b"last-modified"], answer.headers[b"etag"])

    async def _ask(self, date: bytes, tag: bytes) -> None:
        self._rung = self.bell.rung
        await super()._ask(date, tag)


class EventStream(Subscriber):
    """An event stream on a raw connection."""

    typed = False

    async def attach(self, since: str) -> None:
        client = await self.place.connect()
        await client.send(get(f"/eventsource/{self.channel}".encode(), f"Last-Event-ID: {since}".encode()))
        self._source = await Source.read_head(client)
        assert self._source.status == 200, self._source.status

    async def received(self) -> Heard:
        event = await self._source.event()
        if event.name == "base64":
            return Heard(base64.b64decode(event.data, validate=True), event.id)
        assert event.name == "message", event
        return Heard(event.data, event.id)


class Frames(Peer):
    """A client's WebSocket that answers pings."""

    async def message(self) -> str | bytes:
        """The next message."""
        while True:
            opcode, payload = await self.read_frame()
            if opcode == PING:
                self.send(PONG, payload)
                continue
            assert opcode in (1, 2), (opcode, payload)
            return payload.decode() if opcode == TEXT else payload


async def socket(place: Host, path: str, subprotocol: bytes | None = None) -> Frames:
    """A WebSocket that is open."""
    client = await place.connect()
    frames = Frames(client.reader, client.writer, place.patience)
    await frames.shake_hands(path=path.encode(), sec_websocket_protocol=subprotocol)
    assert b"\r\nx-relay-missed:" not in frames.head.lower()
    return frames


class PlainSocket(Subscriber):
    """A WebSocket whose frames are bodies, and nothing else."""

    typed = False

    async def attach(self, since: str) -> None:
        self._socket = await socket(self.place, f"/websocket/{self.channel}?since={since}")

    async def received(self) -> Heard:
        return Heard(await self._socket.message())


class JsonSocket(Subscriber):
    """A WebSocket with the subprotocol ``hbpush.json``."""

    async def attach(self, since: str) -> None:
        self._socket = await socket(self.place, f"/websocket/{self.channel}?since={since}", b"hbpush.json")

    async def received(self) -> Heard:
        return taken(json.loads(await self._socket.message()), self.channel)


def taken(said: dict[str, object], channel: str) -> Heard:
    """A message in an object of ``hbpush.json``."""
    assert (said.get("channel"), "data" in said) == (channel, True), said
    return Heard(of_data(said["data"], said.get("encoding")), str(said["id"]))  # type: ignore[arg-type]


class Post(InOrder):
    """POST, several on their way on one connection."""

    async def attach(self) -> None:
        self.client = await self.place.connect()

    def send(self, payload: Payload) -> None:
        media = f"Content-Type: {MEDIA.get(payload.kind, 'text/plain')}".encode()
        self.client.writer.write(request(b"POST", self.path(), media, body=body_of(payload)))

    async def answered(self, number: int) -> None:
        answer = await self.client.answer()
        assert answer.status in (200, 201, 202), answer

    def path(self) -> bytes:
        return f"/publisher/{self.channel}".encode()


def body_of(payload: Payload) -> bytes:
    """What is posted for a payload."""
    if isinstance(payload.value, bytes):
        return payload.value
    return (payload.value if isinstance(payload.value, str) else json.dumps(payload.value, ensure_ascii=False)).encode()


class SocketPublisher(InOrder):
    """A WebSocket with the subprotocol ``hbpush.json``, which is a subscriber, too."""

    async def attach(self) -> None:
        self._socket = await socket(self.place, f"/websocket/{self.channel}", b"hbpush.json")

    def send(self, payload: Payload) -> None:
        self._socket.send(TEXT, json.dumps(publication(payload)).encode())

    async def answered(self, number: int) -> None:
        while "published" not in (said := json.loads(await self._socket.message())):
            assert "data" in said, said


def publication(payload: Payload) -> dict[str, object]:
    """What a client of ``hbpush.json`` sends."""
    if isinstance(payload.value, bytes):
        return {"publish": base64.b64encode(payload.value).decode(), "encoding": "base64"}
    return {"publish": payload.value}
