"""Clients of a SockJS server, one for each transport, as far as SethPusher's tests need them: they say texts and hear texts."""

from __future__ import annotations

import itertools
import json
import re
from abc import ABC, abstractmethod
from collections import deque
from typing import Any
from urllib.parse import quote, unquote

from tests.support.hosts import Client, Host
from tests.support.site import wire
from tests.support.websocket import CLOSE, PING, PONG, TEXT, Peer, client_frame, request

_ids = itertools.count()


class SockJSClient(ABC):
    """A client below a prefix. ``closed`` is the code and the reason with which the server has ended it."""

    def __init__(self, host: Host, prefix: str = "/connect", query: str = "") -> None:
        self.host = host
        self.prefix = prefix
        self.query = query
        self.base = f"{prefix}/000/c{next(_ids)}"
        self.patience = host.patience
        self.texts: deque[str] = deque()
        self.closed: list[Any] | None = None

    @abstractmethod
    async def open(self) -> None:
        """Connect."""

    @abstractmethod
    async def say_text(self, text: str) -> None:
        """Send a text."""

    @abstractmethod
    async def read(self) -> None:
        """Wait for the next frame."""

    def leave(self) -> None:
        """Cut the connection."""
        self.client.leave()

    client: Client

    async def say(self, message: Any) -> None:
        """Send a message as JSON."""
        await self.say_text(json.dumps(message))

    async def hear(self) -> Any:
        """The next message."""
        while not self.texts:
            assert self.closed is None, self.closed
            await self.read()
        return json.loads(self.texts.popleft())

    async def end(self) -> list[Any]:
        """Wait for the end: its code and reason."""
        while self.closed is None:
            await self.read()
        return self.closed

    def took(self, frame: str) -> str:
        """Take a frame of the protocol; returns its letter."""
        letter = frame[0]
        if letter == "a":
            self.texts.extend(json.loads(frame[1:]))
        elif letter == "c":
            self.closed = json.loads(frame[1:])
        else:
            assert frame in ("o", "h"), frame
        return letter

    def path(self, name: str) -> str:
        return f"{self.base}/{name}{self.query}"


class WebSocketClient(SockJSClient):
    """``/S/ID/websocket``."""

    place = "websocket"
    raw = False

    async def open(self) -> None:
        self.client = await self.host.connect()
        path = f"{self.prefix}/websocket{self.query}" if self.raw else self.path("websocket")
        await self.client.send(request(path=path.encode()))
        self.peer = Peer(self.client.reader, self.client.writer, self.patience)
        head = await self.peer.read_head()
        assert head.startswith(b"HTTP/1.1 101 "), head
        if not self.raw:
            await self.read()

    async def say_text(self, text: str) -> None:
        await self.client.send(client_frame(TEXT, (text if self.raw else json.dumps([text])).encode()))

    async def read(self) -> None:
        while True:
            opcode, payload = await self.peer.read_frame()
            if opcode == PING:
                self.peer.send(PONG, payload)
                continue
            if opcode == CLOSE:
                if self.raw:
                    self.closed = [int.from_bytes(payload[:2], "big"), payload[2:].decode()]
                return
            if self.raw:
                self.texts.append(payload.decode())
            else:
                self.took(payload.decode())
            return


class RawWebSocketClient(WebSocketClient):
    """``/websocket``."""

    raw = True


class XhrClient(SockJSClient):
    """Polls; a poll is always under way once it has opened."""

    name = "xhr"

    async def open(self) -> None:
        self.client = await self.host.connect()
        await self.poll()
        await self.read()

    async def poll(self) -> None:
        await self.client.send(wire("POST", self.path(self.name)))

    async def read(self) -> None:
        answer = await self.client.answer()
        assert answer.status == 200, answer
        if self.took(self.unwrapped(answer.body.decode())) != "c":
            await self.poll()

    def unwrapped(self, body: str) -> str:
        return body.removesuffix("\n")

    async def say_text(self, text: str) -> None:
        answer = await self.host.ask(wire("POST", self.path("xhr_send"), body=json.dumps([text]).encode()))
        assert answer.status == 204, answer


class JsonpClient(XhrClient):
    """Polls by script."""

    async def poll(self) -> None:
        query = self.query.replace("?", "&")
        await self.client.send(wire("GET", f"{self.base}/jsonp?c=_jp.x{query}"))

    def unwrapped(self, body: str) -> str:
        found = re.fullmatch(r"/\*\*/_jp\.x\((.*)\);\r\n", body)
        assert found, body
        return str(json.loads(found[1]))

    async def say_text(self, text: str) -> None:
        body = b"d=" + quote(json.dumps([text])).encode()
        line = "Content-Type: application/x-www-form-urlencoded"
        answer = await self.host.ask(wire("POST", self.path("jsonp_send"), line, body=body))
        assert (answer.status, answer.body) == (200, b"ok")


class XhrStreamingClient(XhrClient):
    """A stream of lines. One that has become too long ends, and begins anew."""

    name = "xhr_streaming"
    separator = "\n"

    async def open(self) -> None:
        self.client = await self.host.connect()
        self.held = ""
        await self.begin()
        while True:
            await self.read()
            if self.started:
                return

    async def begin(self) -> None:
        await self.poll()
        await self.client.head()

    started = False

    async def read(self) -> None:
        while self.separator not in self.held:
            piece = await self.client.chunk()
            if not piece:
                await self.begin()
            self.held += piece.decode()
        frame, _, self.held = self.held.partition(self.separator)
        frame = self.unwrapped(frame)
        if frame and not frame.startswith("hh") and self.took(frame) == "o":
            self.started = True


class EventSourceClient(XhrStreamingClient):
    """A stream of events."""

    separator = "\r\n\r\n"

    async def poll(self) -> None:
        await self.client.send(wire("GET", self.path("eventsource")))

    def unwrapped(self, body: str) -> str:
        return unquote(body.strip("\r\n").removeprefix("data: "))


class HtmlFileClient(XhrStreamingClient):
    """A stream of scripts."""

    separator = "</script>\r\n"

    async def poll(self) -> None:
        query = self.query.replace("?", "&")
        await self.client.send(wire("GET", f"{self.base}/htmlfile?c=cb{query}"))

    def unwrapped(self, body: str) -> str:
        found = re.search(r"<script>\np\((.*)\);\n$", body, re.DOTALL)
        return str(json.loads(found[1])) if found else ""


TRANSPORTS: tuple[type[SockJSClient], ...] = (
    WebSocketClient,
    RawWebSocketClient,
    XhrClient,
    XhrStreamingClient,
    EventSourceClient,
    HtmlFileClient,
    JsonpClient,
)
