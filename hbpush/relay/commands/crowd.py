"""The subscribers of a bench: thousands of connections that read, and a count of what came, for each of them.

A message of the bench says in its body which one it is and when it was due, so that each delivery is known whichever way it came. The clock
is `time.monotonic_ns`, of this process alone: the messages come back to where they were made.
"""

from __future__ import annotations

import asyncio
import re
import secrets
from array import array
from base64 import b64encode
from bisect import bisect_right
from collections.abc import Callable
from time import monotonic_ns
from typing import cast

from hbpush.errors import ProtocolError
from hbpush.relay.commands import frames
from hbpush.relay.commands.arguments import Place
from hbpush.relay.commands.connection import refusal
from hbpush.relay.commands.endings import Ending, Refused, Unreachable
from hbpush.relay.commands.histogram import Histogram
from hbpush.relay.commands.responses import LARGEST_HEAD, Body, Head, head

SMALLEST = 64
"""Bytes that the body of a message of the bench has at least."""

_LENGTH = 40
_VALIDATORS = re.compile(rb"\r\n(?:Last-Modified: ([^\r\n]*)|Etag: ([^\r\n]*))", re.IGNORECASE)


class Marks:
    """The bodies of one bench: made, and found again in what comes."""

    def __init__(self, size: int) -> None:
        self.run = secrets.token_hex(4)
        self._padding = b"." * (size - _LENGTH)
        self.find = re.compile(rb"<%b ([0-9a-f]{12}) ([0-9a-f]{16})>" % self.run.encode()).findall

    def body(self, number: int, due: int) -> bytes:
        """The body of a message: its number, and when it was due, in nanoseconds."""
        return b"<%b %012x %016x>%b" % (self.run.encode(), number, due, self._padding)


class Crowd:
    """What all subscribers have had. ``latency`` counts each message when it comes for the first time.

    Several publishers race, ``race`` of them, so the order of a channel is not that of the numbers: it is the one in which the first to
    have each message had it. Everybody has to have that one. Who was told of a gap says nothing of the order: others have what is in it.
    """

    def __init__(self, marks: Marks, race: int = 1) -> None:
        self.marks = marks
        self.slack = race - 1
        self.latency = Histogram()
        self.delivered = self.doubled = self.disordered = 0
        self.members: list[Member] = []
        self.last = 0
        """When the last delivery was, in nanoseconds of the clock."""
        self.ready = 0
        self.trouble: Ending | None = None
        """Why one of them has left, which none should."""
        self.changed = asyncio.Event()
        """Set when somebody is ready, or in trouble."""
        self._count = 0
        self._places = array("q")

    def place(self, number: int, has_all: bool) -> int:
        """The place of a message in the order of the channel; -1 if nobody has had it who has all before it."""
        places = self._places
        if number >= len(places):
            places.extend([-1] * (number + 1 - len(places)))
        if places[number] < 0 and has_all:
            places[number] = self._count
            self._count += 1
        return places[number]

    def fail(self, why: Ending) -> None:
        """One of them cannot go on."""
        self.trouble = self.trouble or why
        self.changed.set()

    def missing(self, published: int, refused: set[int]) -> tuple[int, int]:
        """Deliveries that have not come when so many were published: lost ones, and such as the server has told that it has dropped."""
        lost = dropped = 0
        for member in self.members:
            gaps = member.gaps + ([(member.next - self.slack, published)] if member.told else [])
            for number in member.absent.union(range(member.next, published)) - refused:
                index = bisect_right(gaps, (number, published)) - 1
                if index >= 0 and number <= gaps[index][1]:
                    dropped += 1
                else:
                    lost += 1
        return lost, dropped


class Member(asyncio.Protocol):
    """One subscriber. ``next`` is the number after the largest that has come, ``absent`` are those before it that have not.

    ``gaps`` are the numbers, from and to, between which the server has told of missed messages; ``told`` is one that is open still.
    """

    __slots__ = ("_at", "_body", "_crowd", "_place", "_rest", "absent", "gaps", "next", "told", "transport")

    lines: tuple[str, ...] = ()

    def __init__(self, crowd: Crowd, place: Place) -> None:
        self._crowd = crowd
        self._place = place
        self._rest = b""
        self._body: Body | None = None
        self.next = 0
        self.absent: set[int] = set()
        self.gaps: list[tuple[int, int]] = []
        self.told = False
        self._at = -1
        self.transport: asyncio.Transport | None = None
        crowd.members.append(self)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("asyncio.Transport", transport)
        self.ask(*self.lines)

    def connection_lost(self, error: Exception | None) -> None:
        if self.transport is not None:
            self.transport = None
            self._crowd.fail(Unreachable("the server has ended the connection of a subscriber"))

    def data_received(self, data: bytes) -> None:
        try:
            self.take(data)
        except ProtocolError as error:
            self.leave()
            self._crowd.fail(Unreachable(f"a subscriber: {error}"))
        except Ending as ending:
            self.leave()
            self._crowd.fail(ending)

    def ask(self, *lines: str) -> None:
        """Send the request, with these header lines."""
        if self.transport is not None:
            self.transport.write(self._place.request("GET", *lines) + b"\r\n")

    def leave(self) -> None:
        """End the connection, which is no trouble."""
        transport, self.transport = self.transport, None
        if transport is not None:
            transport.abort()

    def take(self, data: bytes) -> None:
        """Take what came. Raises ProtocolError, and Refused or Unreachable for a refusal."""
        if self._body is None:
            self._rest += data
            end = self._rest.find(b"\r\n\r\n") + 4
            if end < 4:
                if len(self._rest) > LARGEST_HEAD:
                    raise ProtocolError("the head of an answer is too large")
                return
            answered = head(self._rest[:end])
            if answered.status >= 300:
                self._refused(answered, self._rest[end:])
                return
            data, self._rest = self._rest[end:], b""
            self.check(answered)
            self._body = Body(answered)
            self._crowd.ready += 1
            self._crowd.changed.set()
        if data:
            self.read(data)

    def _refused(self, answered: Head, wire: bytes) -> None:
        """Raise what the server says, as soon as it is all there."""
        body = Body(answered)
        said = body.feed(wire)
        if body.over or len(said) > LARGEST_HEAD:
            raise refusal(answered, said, "a subscriber")

    def check(self, answered: Head) -> None:
        """Whether a stream begins. Raises Refused."""
        raise NotImplementedError

    def read(self, data: bytes) -> None:
        """Take a piece of the stream. Raises ProtocolError."""
        raise NotImplementedError

    def count(self, found: list[tuple[bytes, bytes]]) -> None:
        """Messages have come."""
        now = monotonic_ns()
        crowd = self._crowd
        if found:
            crowd.last = now
        for number_text, due in found:
            number = int(number_text, 16)
            if self.told:
                self.told = False
                self.gaps.append((self.next - crowd.slack, number + crowd.slack))
            if number >= self.next:
                self.absent.update(range(self.next, number))
                self.next = number + 1
            elif number in self.absent:
                self.absent.remove(number)
            else:
                crowd.doubled += 1
                continue
            place = crowd.place(number, not self.gaps)
            if place > self._at:
                self._at = place
            elif place >= 0:
                crowd.disordered += 1
            crowd.delivered += 1
            crowd.latency.add(now - int(due, 16))


class EventReader(Member):
    """By event stream."""

    __slots__ = ()

    lines = ("Accept: text/event-stream",)

    def check(self, answered: Head) -> None:
        if answered.status != 200 or answered.media != "text/event-stream":
            raise Refused(f"a subscriber: no event stream, but {answered.status} {answered.media}")

    def read(self, data: bytes) -> None:
        text = self._rest + cast("Body", self._body).feed(data)
        if b"event: gap\n" in text:
            self.told = True
        self.count(self._crowd.marks.find(text))
        # A mark that is cut off is whole with the next piece; one that is whole must not be there again.
        cut = text.rfind(b"<")
        self._rest = text[cut:] if 0 <= len(text) - cut < _LENGTH else b""


class SocketReader(Member):
    """By WebSocket, without a subprotocol."""

    __slots__ = ("_frames",)

    lines = ("Connection: Upgrade", "Upgrade: websocket", "Sec-WebSocket-Version: 13")

    def __init__(self, crowd: Crowd, place: Place) -> None:
        super().__init__(crowd, place)
        self._frames = frames.Frames()

    def ask(self, *lines: str) -> None:
        super().ask(*lines, f"Sec-WebSocket-Key: {b64encode(secrets.token_bytes(16)).decode()}")

    def check(self, answered: Head) -> None:
        if answered.status != 101:
            raise Refused(f"a subscriber: no WebSocket, but {answered.status}")

    def read(self, data: bytes) -> None:
        came = self._frames.feed(data)
        marks = self._crowd.marks
        self.count([mark for opcode, payload in came if opcode < frames.CLOSE for mark in marks.find(payload)])
        for opcode, payload in came:
            if opcode == frames.PING and self.transport is not None:
                self.transport.write(frames.frame(frames.PONG, payload, secrets.token_bytes(4)))
            elif opcode == frames.CLOSE:
                raise ProtocolError("its WebSocket was closed: {} {}".format(*frames.code(payload)))


class Poller(Member):
    """By long polls, each asked as soon as the one before is answered."""

    __slots__ = ()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        # A poll is not answered before there is a message.
        self._crowd.ready += 1
        self._crowd.changed.set()

    def take(self, data: bytes) -> None:
        rest = self._rest + data
        end = rest.find(b"\r\n\r\n") + 4
        if end < 4:
            self._rest = rest
            return
        answered = head(rest[:end])
        if answered.status not in (200, 304, 408):
            self._rest = rest
            self._refused(answered, rest[end:])
            return
        body = Body(answered)
        body.feed(rest[end:])
        if not body.over:
            self._rest = rest
            return
        self._rest = b""
        if "x-relay-missed" in answered.headers:
            self.told = True
        self.count(self._crowd.marks.find(rest, end))
        lines = []
        for date, tag in _VALIDATORS.findall(rest[: end - 2]):
            lines.append(f"If-Modified-Since: {date.decode('latin-1')}" if date else f"If-None-Match: {tag.decode('latin-1')}")
        self.ask(*lines)


KINDS: dict[str, Callable[[Crowd, Place], Member]] = {"websocket": SocketReader, "eventsource": EventReader, "long": Poller}
