"""The publishers of a bench: connections that each have one message in flight, driven by their answers or by a clock.

With so many in flight the next message leaves when one is answered: a server that is slow is asked less, so that its worst moments are
measured by few messages (coordinated omission). With a rate each message has a moment at which it is due, however slow the server is, and
counts from there; one that finds all connections busy waits for its turn, and that counts, too.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Sequence
from time import monotonic_ns
from typing import cast

from hbpush.relay.commands.arguments import Place
from hbpush.relay.commands.connection import CONNECTING, Connection
from hbpush.relay.commands.crowd import Marks
from hbpush.relay.commands.endings import Unreachable
from hbpush.relay.commands.histogram import Histogram

ANSWERING = 10.0
"""Seconds that the server may take to answer the last messages."""

_SECOND = 1_000_000_000
_LENGTH = re.compile(rb"\r\ncontent-length: *([0-9]{1,9})\r\n", re.IGNORECASE)


class Publishing:
    """Publishes for a while. ``rate`` is in messages a second, 0 for as fast as they are answered."""

    def __init__(self, marks: Marks, place: Place, lines: Sequence[str], in_flight: int, rate: float) -> None:
        self.issued = self.accepted = 0
        self.refused: set[int] = set()
        """Numbers that were not published, or of which nobody knows."""
        self.refusal = ""
        """What the server has said of the first of them."""
        self.lateness = Histogram()
        """With a rate: how long after its moment each message has left."""
        self._marks = marks
        self._place = place
        self._lines = tuple(lines)
        self._most = in_flight
        self._step = _SECOND / rate if rate else 0.0
        self._start = self._end = 0
        self._doors: list[_Door] = []
        self._idle: list[_Door] = []
        self._over: asyncio.Future[None] | None = None
        self._timer: asyncio.TimerHandle | None = None

    @property
    def unsent(self) -> int:
        """Messages that were due, and have never left."""
        if not self._step:
            return 0
        return max(0, -int(-(self._end - self._start) // self._step) - self.issued)

    async def connect(self) -> None:
        """Make all connections. Raises Unreachable."""
        loop = asyncio.get_running_loop()
        # Says in words why it cannot be done.
        (await Connection.open(self._place)).close()
        host, port, tls = self._place.host, self._place.port, self._place.tls
        try:
            async with asyncio.timeout(CONNECTING):
                for _ in range(self._most):
                    _, door = await loop.create_connection(lambda: _Door(self), host, port, ssl=tls)
                    self._doors.append(door)
        except OSError as error:
            raise Unreachable(f"{self._place.authority} takes no more connections: {error}") from None

    async def run(self, seconds: float) -> None:
        """Publish for so many seconds, and wait for the last answers. Raises Unreachable."""
        self._over = asyncio.get_running_loop().create_future()
        self._start = monotonic_ns()
        self._end = self._start + int(seconds * _SECOND)
        self._idle = list(self._doors)
        self._go_on()
        try:
            async with asyncio.timeout(seconds + ANSWERING):
                await self._over
        except TimeoutError:
            raise Unreachable(f"{self._place.authority} has not answered a message in {ANSWERING:g} seconds") from None
        finally:
            self.close()

    def close(self) -> None:
        """End all connections."""
        if self._timer is not None:
            self._timer.cancel()
        for door in self._doors:
            door.leave()

    def answered(self, door: _Door, number: int, status: int, why: str) -> None:
        """A message has its answer."""
        if status in (200, 201, 202):
            self.accepted += 1
        else:
            self.refused.add(number)
            self.refusal = self.refusal or why
        self._idle.append(door)
        self._go_on()

    def lost(self) -> None:
        """A connection has ended while a message was in flight, or before."""
        if self._over is not None and not self._over.done():
            self._over.set_exception(Unreachable(f"{self._place.authority} has ended the connection of a publisher"))

    def _go_on(self) -> None:
        """Send what is due, as far as connections are free."""
        now = monotonic_ns()
        idle = self._idle
        while idle and now < self._end:
            due = now
            if self._step:
                due = self._start + int(self.issued * self._step)
                if due >= self._end:
                    break
                if due > now:
                    self._wait((due - now) / _SECOND)
                    return
                self.lateness.add(now - due)
            door = idle.pop()
            number, self.issued = self.issued, self.issued + 1
            body = self._marks.body(number, due)
            head = self._place.request("POST", *self._lines, "Content-Type: text/plain", f"Content-Length: {len(body)}")
            door.publish(number, head + b"\r\n" + body)
            now = monotonic_ns()
        if len(idle) == len(self._doors) and self._over is not None and not self._over.done():
            self._over.set_result(None)

    def _wait(self, seconds: float) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._timer = asyncio.get_running_loop().call_later(seconds, self._go_on)


class _Door(asyncio.Protocol):
    """One connection, and the message that is in flight on it."""

    def __init__(self, owner: Publishing) -> None:
        self._owner = owner
        self._transport: asyncio.Transport | None = None
        self._rest = b""
        self._number = -1

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)

    def connection_lost(self, error: Exception | None) -> None:
        if self._transport is not None:
            self._transport = None
            self._owner.lost()

    def publish(self, number: int, wire: bytes) -> None:
        """Send a message."""
        self._number = number
        if self._transport is not None:
            self._transport.write(wire)

    def data_received(self, data: bytes) -> None:
        rest = self._rest + data
        end = rest.find(b"\r\n\r\n") + 4
        length = _LENGTH.search(rest, 0, end - 2) if end >= 4 else None
        if end < 4 or (length is not None and len(rest) < end + int(length[1])):
            self._rest = rest
            return
        self._rest = b""
        status = int(rest[9:12]) if rest[9:12].isdigit() else 0
        why = "" if status < 300 else f"{status} {rest[end : end + 200].decode('utf-8', 'replace').strip()}"
        self._owner.answered(self, self._number, status, why)

    def leave(self) -> None:
        """End the connection, which is no trouble."""
        transport, self._transport = self._transport, None
        if transport is not None:
            transport.abort()
