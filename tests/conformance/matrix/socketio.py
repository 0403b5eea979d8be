"""Socket.IO 0.7 to 0.9 in the matrix: their wire is one. A WebSocket publishes; every transport subscribes, by an event or an endpoint."""

from __future__ import annotations

import json
import re
from typing import Any
from urllib.parse import quote_plus

from socketio_compat.v09 import codec
from tests.conformance.matrix.contract import Heard, InOrder, Subscriber
from tests.conformance.matrix.payloads import Payload
from tests.conformance.matrix.relay import Frames, socket
from tests.conformance.matrix.sessions import ONLY_JSON, TOLD, Endless, Session
from tests.support.hosts import Host, get, request
from tests.support.websocket import TEXT

PREFIX = "/socket.io/1"
STRING = r'"(?:[^"\\]|\\.)*"'


class Client09(Session):
    """By an event ``subscribe``. On ``transport``, which a subclass carries."""

    async def open(self) -> None:
        self.sid = await handshake(self.place)
        self.path = f"{PREFIX}/{self.transport}/{self.sid}"
        await self.connect()
        assert await self.packet() == "1::"

    async def subscribe(self, since: str) -> None:
        await self.say(codec.event("subscribe", [self.channel, since], id=1))
        packet = await self.packet()
        assert packet.startswith("6:::1+"), packet
        [answer] = json.loads(packet[len("6:::1+") :])
        assert (answer["channel"], answer["missed"]) == (self.channel, False), answer

    async def received(self) -> Heard:
        while (packet := await self.packet()) == "8::":
            pass
        return self.message(packet)

    def message(self, packet: str) -> Heard:
        """A packet as a message."""
        name, args = event(packet, "")
        assert name == "message", packet
        [about] = args
        return self.taken(about["data"], about)

    def beats(self, packet: str) -> bool:
        return packet == "2::"

    async def poll(self) -> None:
        await self.client.send(get(f"{self.path}?t=1&i=0".encode()))

    async def read(self) -> list[str]:
        answer = await self.client.answer()
        assert answer.status == 200, answer
        await self.poll()
        return decoded(self.unwrapped(answer.body))

    async def say(self, packet: str) -> None:
        answer = await self.place.ask(request(b"POST", self.path.encode(), body=self.wrapped(packet)))
        assert (answer.status, answer.body) == (200, b"1"), answer

    def unwrapped(self, body: bytes) -> bytes | str:
        """The payload in an answer."""
        return body

    def wrapped(self, packet: str) -> bytes:
        """The body of a post."""
        return packet.encode()


class Xhr09(Client09):
    """Polls."""

    transport = "xhr-polling"


class Jsonp09(Client09):
    """Polls by script, and posts by form as the clients 0.9 do."""

    transport = "jsonp-polling"

    def unwrapped(self, body: bytes) -> bytes | str:
        return call(body, "io.j[0](")

    def wrapped(self, packet: str) -> bytes:
        return b"d=" + quote_plus(json.dumps(packet)).encode()


class HtmlFile09(Endless, Client09):
    """A page of scripts."""

    transport = "htmlfile"
    piece = re.compile(rf".*?<script>_\(({STRING})\);</script>", re.DOTALL)

    async def read(self) -> list[str]:
        return decoded(json.loads(await self.next_piece()))


class WebSocket09(Client09):
    """Frames."""

    transport = "websocket"

    async def connect(self) -> None:
        self.socket = await socket(self.place, self.path)

    async def read(self) -> list[str]:
        return decoded(await self.socket.message())

    async def say(self, packet: str) -> None:
        self.socket.send(TEXT, packet.encode())


def at_endpoint(kind: type[Client09]) -> type[Client09]:
    """The same client, which subscribes by connecting the endpoint that has the channel's name."""

    class AtEndpoint(kind):  # type: ignore[misc, valid-type]
        async def subscribe(self, since: str) -> None:
            await self.say(f"1::/{self.channel}?since={since.replace(':', '-')}")
            packet = await self.packet()
            assert packet.startswith(f"1::/{self.channel}"), packet

        def message(self, packet: str) -> Heard:
            name, args = event(packet, f"/{self.channel}")
            assert name == "message", packet
            data, about = args
            return self.taken(data, about)

    return AtEndpoint


TRANSPORTS: tuple[type[Client09], ...] = (WebSocket09, Xhr09, Jsonp09, HtmlFile09)
WAYS: dict[str, type[Subscriber]] = {
    f"Socket.IO 0.9 {kind.transport}{how}": made for kind in TRANSPORTS for how, made in (("", kind), (" endpoint", at_endpoint(kind)))
}


class Publisher09(InOrder):
    """Events ``publish`` on a WebSocket, each with an acknowledgement."""

    left_out = ONLY_JSON

    async def attach(self) -> None:
        self._socket: Frames = await socket(self.place, f"{PREFIX}/websocket/{await handshake(self.place)}")
        assert await self._socket.message() == "1::"
        self._asked = 0
        self._answered = 0

    def send(self, payload: Payload) -> None:
        self._asked += 1
        self._socket.send(TEXT, codec.event("publish", [self.channel, payload.value], id=self._asked).encode())

    async def answered(self, number: int) -> None:
        self._answered += 1
        while (packet := await self._socket.message()) == "2::":
            self._socket.send(TEXT, b"2::")
        assert isinstance(packet, str)
        assert packet.startswith(f"6:::{self._answered}+"), packet
        [answer] = json.loads(packet.partition("+")[2])
        assert answer.keys() == {"channel", "id"}, answer


async def handshake(place: Host) -> str:
    """A new session's id."""
    answer = await place.ask(get(f"{PREFIX}/?t=1".encode()))
    assert answer.status == 200, answer
    return answer.body.partition(b":")[0].decode()


def decoded(payload: bytes | str) -> list[str]:
    """The packets of a payload, which has to be whole."""
    packets, fault = codec.decode_payload(payload)
    assert fault is None, payload
    return packets


def call(body: bytes, head: str) -> str:
    """The text with which a script calls a function."""
    text = body.decode("ascii")
    assert (text.startswith(head), text.endswith(");")) == (True, True), text
    called = json.loads(text[len(head) : -2])
    assert isinstance(called, str)
    return called


def event(packet: str, endpoint: str) -> tuple[str, list[Any]]:
    """The name and arguments of an event on an endpoint."""
    kind, _, where, data = packet.split(":", 3)
    assert (kind, where) == ("5", endpoint), packet
    said = json.loads(data)
    assert said["name"] not in TOLD, packet
    return said["name"], said["args"]
