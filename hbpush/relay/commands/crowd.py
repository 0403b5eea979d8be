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

    Several publishers race, so the order of a channel is not that of the numbers: it is the one in which the first to have each message
    had it. Everybody has to have that one, and a message's place in it tells who has missed it.
    """

    def __init__(self, marks: Marks) -> None:
        self.marks = marks
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
        self._order = array("q")
        self._places = array("q")

    def place(self, number: int) -> int:
        """The place of a message in the order of the channel."""
        order, places = self._order, self._places
        if number >= len(places):
            places.extend([-1] * (number + 1 - len(places)))
        place = places[number]
        if place < 0:
            place = places[number] = len(order)
            order.append(number)
        return place

    def fail(self, why: Ending) -> None:
        """One of them cannot go on."""
        self.trouble = self.trouble or why
        self.changed.set()

    def lost(self, published: int, refused: set[int]) -> int:
        """Deliveries that are missing when so many were published."""
        order, places = self._order, self._places
        missing = sum(1 for number in range(published) if number not in refused and (number >= len(places) or places[number] < 0))
        missing *= len(self.members)
        for member in self.members:
            absent = member.absent.union(range(member.next, len(order)))
            missing += sum(1 for place in absent if order[place] not in refused)
        return missing


class Member(asyncio.Protocol):
    """One subscriber. ``next`` is the place of the message that comes next, ``absent`` are those before it that have not come."""

    __slots__ = ("_body", "_crowd", "_place", "_rest", "absent", "next", "transport")

    lines: tuple[str, ...] = ()

    def __init__(self, crowd: Crowd, place: Place) -> None:
        self._crowd = crowd
        self._place = place
        self._rest = b""
        self._body: Body | None = None
        self.next = 0
        self.absent: set[int] = set()
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
            place = crowd.place(int(number_text, 16))
            if place == self.next:
                self.next = place + 1
            elif place > self.next:
                self.absent.update(range(self.next, place))
                self.next = place + 1
            elif place in self.absent:
                self.absent.remove(place)
                crowd.disordered += 1
            else:
                crowd.doubled += 1
                continue
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
        self.count(self._crowd.marks.find(rest, end))
        lines = []
        for date, tag in _VALIDATORS.findall(rest[: end - 2]):
            lines.append(f"If-Modified-Since: {date.decode('latin-1')}" if date else f"If-None-Match: {tag.decode('latin-1')}")
        self.ask(*lines)


KINDS: dict[str, Callable[[Crowd, Place], Member]] = {"websocket": SocketReader, "eventsource": EventReader, "long": Poller}
