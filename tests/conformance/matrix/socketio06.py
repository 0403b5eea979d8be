"""Socket.IO 0.6 in the matrix: a WebSocket that publishes, and every transport subscribes. Messages are JSON with a ``type``."""

from __future__ import annotations

import json
import re
from typing import Any

from socketio_compat.v06 import codec
from tests.conformance.matrix.contract import Heard, InOrder
from tests.conformance.matrix.payloads import Payload
from tests.conformance.matrix.relay import Frames, socket
from tests.conformance.matrix.sessions import ONLY_JSON, TOLD, Endless, Session
from tests.conformance.matrix.socketio import STRING, call
from tests.support.hosts import get, request
from tests.support.socketio06 import form, stream
from tests.support.websocket import TEXT

PREFIX = "/socket.io"


class Client06(Session):
    """A client on ``transport``, which a subclass carries."""

    async def open(self) -> None:
        await self.connect()
        self.sid = await self.packet()
        assert len(self.sid) == 32, self.sid

    async def subscribe(self, since: str) -> None:
        await self.say(codec.json({"type": "subscribe", "channel": self.channel, "since": since}))
        answer = said(await self.packet())
        assert (answer["type"], answer["channel"], answer["missed"]) == ("subscribed", self.channel, False), answer

    async def received(self) -> Heard:
        message = said(await self.packet())
        assert message["type"] == "message", message
        return self.taken(message["data"], message)

    def beats(self, packet: str) -> bool:
        return packet.startswith(codec.HEARTBEAT)

    async def poll(self) -> None:
        await self.client.send(get(f"{PREFIX}/{self.transport}/{self.sid}/1/0".encode()))

    async def read(self) -> list[str]:
        answer = await self.client.answer()
        assert answer.status == 200, answer
        found = decoded(self.unwrapped(answer.body))
        if not self.sid:
            self.sid = found[0]
        await self.poll()
        return found

    async def say(self, packet: str) -> None:
        tail = "1/0" if self.transport == "jsonp-polling" else "send"
        path = f"{PREFIX}/{self.transport}/{self.sid}/{tail}"
        answer = await self.place.ask(request(b"POST", path.encode(), body=form(stream(packet), self.transport)))
        assert (answer.status, answer.body) == (200, b"ok"), answer

    def unwrapped(self, body: bytes) -> str:
        """The stream of frames in an answer."""
        return body.decode()


class Xhr06(Client06):
    """Polls."""

    transport = "xhr-polling"


class Jsonp06(Client06):
    """Polls by script."""

    transport = "jsonp-polling"

    def unwrapped(self, body: bytes) -> str:
        return call(body, "io.JSONP[0]._(")


class Stream06(Endless, Client06):
    """Frames in pieces."""

    async def read(self) -> list[str]:
        return decoded(self.unwrapped((await self.next_piece()).encode()))


class HtmlFile06(Stream06):
    """A page of scripts."""

    transport = "htmlfile"
    piece = re.compile(rf".*?<script>parent\.s\._\(({STRING}), document\);</script>", re.DOTALL)

    def unwrapped(self, body: bytes) -> str:
        return str(json.loads(body))


class Multipart06(Stream06):
    """Parts, which only Gecko could read."""

    transport = "xhr-multipart"
    piece = re.compile(r"(?:--socketio\n)?Content-Type: text/plain; charset=UTF-8\n\n(.*?)\n--socketio\n", re.DOTALL)


class WebSocket06(Client06):
    """Frames."""

    transport = "websocket"

    async def connect(self) -> None:
        self.socket: Frames = await socket(self.place, f"{PREFIX}/websocket")

    async def read(self) -> list[str]:
        return decoded(await self.socket.message())

    async def say(self, packet: str) -> None:
        self.socket.send(TEXT, stream(packet).encode())


WAYS = {f"Socket.IO 0.6 {kind.transport}": kind for kind in (WebSocket06, Xhr06, Jsonp06, HtmlFile06, Multipart06)}


class Publisher06(InOrder):
    """Messages ``publish`` on a WebSocket."""

    left_out = ONLY_JSON

    async def attach(self) -> None:
        self._socket = await socket(self.place, f"{PREFIX}/websocket")
        await self._socket.message()
        self._bodies: list[str] = []

    def send(self, payload: Payload) -> None:
        self._say(codec.json({"type": "publish", "channel": self.channel, "data": payload.value}))

    async def answered(self, number: int) -> None:
        while True:
            while not self._bodies:
                self._bodies += decoded(await self._socket.message())
            body = self._bodies.pop(0)
            if not body.startswith(codec.HEARTBEAT):
                break
            self._say(body)
        answer = said(body)
        assert answer["type"] == "published", answer

    def _say(self, body: str) -> None:
        self._socket.send(TEXT, stream(body).encode())


def decoded(text: str | bytes) -> list[str]:
    """The bodies of a stream of frames, which has to be whole."""
    bodies, fault = codec.decode_stream(text)
    assert fault is None, text
    return bodies


def said(body: str) -> dict[str, Any]:
    """A body that has to be an object."""
    kind, value = codec.read(body)
    assert (kind, isinstance(value, dict)) == (codec.JSON, True), body
    assert value["type"] not in TOLD, value
    return value  # type: ignore[no-any-return]
