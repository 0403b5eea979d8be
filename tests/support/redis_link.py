"""One client's connection through `tests.support.redis_proxy`: what passes, what is cut, what waits. Lives on the loop of the proxy."""

from __future__ import annotations

import asyncio
import math
from collections import deque
from dataclasses import dataclass, field
from typing import Literal

import hiredis

from tests.support.redis_wire import NOT_YET, PATIENCE, pack, reader

EVALS = (b"EVALSHA", b"EVAL")
SUBSCRIBES = (b"SUBSCRIBE", b"PSUBSCRIBE", b"SSUBSCRIBE")

Direction = Literal["to server", "to client"]


@dataclass
class Faults:
    """What the proxy does wrong at present, for all its links; and what has passed."""

    server: tuple[str, int]
    commands: list[list[bytes]] = field(default_factory=list)
    cuts: int = 0
    blocked: frozenset[Direction] = frozenset()
    delay: float = 0.0
    links: set[Link] = field(default_factory=set)


class _Side(asyncio.Protocol):
    """One of the two connections of a link."""

    transport: asyncio.Transport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport


class Link(_Side):
    """The client's side, which makes the other."""

    def __init__(self, faults: Faults) -> None:
        self.gone = asyncio.Event()
        self._faults = faults
        self._server: _Server | None = None
        self._commands = reader()
        self._replies = reader()
        self._unanswered = 0
        self._replies_before_cut: int | None = None
        self._partial = bytearray()
        self._subscriber = False
        self._held: deque[tuple[float, bytes | None]] = deque()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        self._loop = asyncio.get_running_loop()
        self._faults.links.add(self)
        self.transport.pause_reading()
        self._connecting = self._loop.create_task(self._connect())

    async def _connect(self) -> None:
        try:
            async with asyncio.timeout(PATIENCE):
                _, self._server = await self._loop.create_connection(lambda: _Server(self), *self._faults.server)
        except OSError:
            self.transport.abort()
            return
        if self.transport.is_closing():
            self._server.transport.abort()
        else:
            self.obey()

    def connection_lost(self, error: Exception | None) -> None:
        self._faults.links.discard(self)
        self._connecting.cancel()
        self.gone.set()
        if self._server is not None:
            self._server.transport.close()

    def cut(self) -> None:
        """End both connections at once, whatever is on the way."""
        self.transport.abort()
        if self._server is not None:
            self._server.transport.abort()

    def obey(self) -> None:
        """Read from both sides, or not, as the faults say."""
        if self._server is not None:
            _read(self.transport, "to server" not in self._faults.blocked)
            _read(self._server.transport, "to client" not in self._faults.blocked)
            self._go_on()

    # From the client to the server

    def data_received(self, data: bytes) -> None:
        self._commands.feed(data)
        self._go_on()

    def _go_on(self) -> None:
        """Pass on the commands that have come, if they may."""
        # Early releases of Python 3.11 forget a pause within `connection_made`, and what comes meanwhile comes all the same.
        if self._server is None or "to server" in self._faults.blocked:
            return
        try:
            while self._replies_before_cut is None and (command := self._commands.gets()) is not NOT_YET:
                self._forward(command)
        except hiredis.ProtocolError:
            self.cut()

    def _forward(self, command: list[bytes]) -> None:
        assert self._server is not None
        name = command[0].upper()
        if name in SUBSCRIBES:
            self._subscriber = True
        if name in EVALS and self._faults.cuts:
            self._faults.cuts -= 1
            self._replies_before_cut = self._unanswered
        self._unanswered += 1
        self._faults.commands.append(command)
        _write(self._server.transport, pack(*command))

    # From the server to the client

    def answered(self, data: bytes) -> None:
        """Data came from the server."""
        if self._replies_before_cut is None:
            self._replies.feed(data)
            while (value := self._replies.gets()) is not NOT_YET:
                self._unanswered -= not isinstance(value, hiredis.PushNotification)
            self._pass(data)
            return
        # The parser does not tell where a value ends: byte by byte it does.
        for byte in data:
            self._partial.append(byte)
            self._replies.feed(bytes((byte,)))
            value = self._replies.gets()
            if value is NOT_YET:
                continue
            if not isinstance(value, hiredis.PushNotification):
                if self._replies_before_cut == 0:
                    self._end()
                    return
                self._replies_before_cut -= 1
            self._pass(bytes(self._partial))
            self._partial.clear()

    def ended(self) -> None:
        """The server has ended its connection."""
        self._pass(None)

    def _pass(self, data: bytes | None) -> None:
        """To the client, now or later, and in order. None is the end."""
        if self._held or (self._subscriber and self._faults.delay):
            due = self._loop.time() + self._faults.delay
            self._held.append((due, data))
            if due != math.inf:
                self._loop.call_at(due, self.release, due)
        elif data is None:
            self._end()
        else:
            _write(self.transport, data)

    def release(self, due: float) -> None:
        """Pass on what is held and due by then, in seconds of the loop."""
        while self._held and self._held[0][0] <= due:
            data = self._held.popleft()[1]
            if data is None:
                self._end()
            else:
                _write(self.transport, data)

    def _end(self) -> None:
        """End both connections when what was written before has gone out."""
        self.transport.close()
        if self._server is not None:
            self._server.transport.close()


class _Server(_Side):
    """The server's side of a link."""

    def __init__(self, link: Link) -> None:
        self._link = link

    def data_received(self, data: bytes) -> None:
        self._link.answered(data)

    def connection_lost(self, error: Exception | None) -> None:
        self._link.ended()


def _write(transport: asyncio.Transport, data: bytes) -> None:
    # A connection that is lost complains in the log about what is written to it.
    if not transport.is_closing():
        transport.write(data)


def _read(transport: asyncio.Transport, reading: bool) -> None:
    if transport.is_closing():
        return
    if reading:
        transport.resume_reading()
    else:
        transport.pause_reading()
