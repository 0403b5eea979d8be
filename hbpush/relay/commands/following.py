"""A subscription that is kept up: one URL, followed by whatever stream or poll the server offers, and taken up again by id.

The first request asks for a WebSocket and accepts an event stream. What answers decides: a server, or a proxy on the way, that has
neither takes it for a long poll, which it then is. So nothing has to be tried out, and no answer is thrown away.
"""

from __future__ import annotations

import asyncio
import random
import secrets
from base64 import b64encode
from collections.abc import Awaitable, Callable
from itertools import count
from typing import Literal, NamedTuple
from urllib.parse import quote

from hbpush.errors import ProtocolError
from hbpush.relay.commands import frames
from hbpush.relay.commands.arguments import Place
from hbpush.relay.commands.connection import CONNECTING, Connection, refusal
from hbpush.relay.commands.endings import Refused, Silence, Unreachable
from hbpush.relay.commands.events import Events
from hbpush.relay.commands.received import Notice, Received, from_event, from_frame, from_response, id_of
from hbpush.relay.commands.responses import Body, Head, TooLarge
from hbpush.relay.rules import http_date

Kind = Literal["auto", "websocket", "eventsource", "long"]

SUBPROTOCOL = "hbpush.json"
EVENT_STREAM = "text/event-stream"
FIRST_PAUSE, LONGEST_PAUSE = 0.5, 30.0
"""Seconds until a lost connection is made again: doubled each time, less up to a half by chance."""

STEADY = 10.0
"""Seconds that a connection has to last, without a message, for the pauses to begin anew."""

BETWEEN_POLLS = 1.0
"""Seconds between two polls that are answered at once with nothing, as those of a location with ``polling: interval``."""

OLDEST, NEWEST = "0:0", "999999999999999:0"
"""Ids that stand for the ends of a history: before all messages, and behind all, which servers take for the last."""


class Wishes(NamedTuple):
    """What a follower is to do. ``since`` is an id, empty for what the location says; ``wait`` for a channel that is not there.

    ``idle`` is how many seconds may pass in silence, ``give_up`` how many without a server, 0 for ever.
    """

    kind: Kind = "auto"
    since: str = ""
    wait: bool = False
    idle: float = 90.0
    give_up: float = 0.0


class Pauses:
    """How long to stay away after each failure: longer each time, and not as long as others who have failed at the same moment."""

    def __init__(self, chance: Callable[[], float] = random.random) -> None:
        self._chance = chance
        self._next = FIRST_PAUSE

    def next(self, rest: float = 0) -> float:
        """Seconds until the next attempt, no less than the server has asked for."""
        pause, self._next = self._next, min(2 * self._next, LONGEST_PAUSE)
        # What the server asks for is the same for all of its clients.
        return rest + pause * (1 + self._chance()) / 2

    def begin_anew(self) -> None:
        """It went well."""
        self._next = FIRST_PAUSE


class Following:
    """One subscription. ``emit`` gets its messages, ``tell`` what a person should know: gaps, a lost connection."""

    def __init__(
        self,
        place: Place,
        wishes: Wishes,
        emit: Callable[[Received], None],
        tell: Callable[[str], None],
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._sleep = sleep
        self.place = place
        self.kind = wishes.kind
        self._wishes = wishes
        self._emit = emit
        self._tell = tell
        self._resume = wishes.since
        if wishes.since in (OLDEST, NEWEST) and wishes.kind != "long":
            # A stream has an id for each of its channels.
            self._resume = ",".join([wishes.since] * len(place.channels))
        # Who asks for all that is kept is not missing what is not.
        self._all = wishes.since == OLDEST
        self._name = repr(place.channel)
        self._pauses = Pauses()
        self._stood = False
        self._is_lost = False
        self._is_ended = False
        self._gaps: dict[str, str] = {}

    async def run(self) -> None:
        """Follow until the server ends it for good, which raises Refused, or is not there: Unreachable."""
        loop = asyncio.get_running_loop()
        last = loop.time()
        while True:
            begun = loop.time()
            try:
                pause = await self._once()
                if pause is not None:
                    await self._sleep(pause)
                    continue
                why, rest = "the server has ended it", 0.0
            except Unreachable as lost:
                if not self._stood:
                    raise
                why, rest = str(lost), lost.retry_after
            now = loop.time()
            if self._stood and not self._is_lost:
                last = now
                if now - begun >= STEADY:
                    self._pauses.begin_anew()
                self._is_lost = True
                self._tell(f"{self._name}: the connection is lost ({why}); it is made again")
            if self._wishes.give_up and now - last > self._wishes.give_up:
                raise Unreachable(f"{self._name}: given up after {now - last:.0f} seconds ({why})")
            await self._sleep(self._pauses.next(rest))

    async def _once(self) -> float | None:
        """One connection, to its end: seconds until it is asked again, None when it was lost. Raises Refused, Unreachable."""
        connection = await Connection.open(self.place)
        try:
            return await self._ask(connection)
        except TooLarge as error:
            raise Refused(f"{self._name}: {error}; try another --polling, by which it may be smaller") from None
        except ProtocolError as error:
            raise Unreachable(f"{self.place.authority}: {error}") from None
        finally:
            connection.close()

    async def _ask(self, connection: Connection) -> float | None:
        key = b64encode(secrets.token_bytes(16)).decode()
        lines = []
        if self.kind in ("auto", "websocket"):
            lines += [
                "Connection: Upgrade",
                "Upgrade: websocket",
                "Sec-WebSocket-Version: 13",
                f"Sec-WebSocket-Key: {key}",
                f"Sec-WebSocket-Protocol: {SUBPROTOCOL}",
            ]
        if self.kind in ("auto", "eventsource"):
            lines += ["Accept: text/event-stream", "Cache-Control: no-cache"]
        only_streams = self.kind in ("websocket", "eventsource")
        for again in count():
            since, query = self._since()
            connection.send(self.place.request("GET", *lines, *since, query=query) + b"\r\n")
            begun = asyncio.get_running_loop().time()
            try:
                answered = await connection.head(min(self._wishes.idle, CONNECTING) if only_streams else self._wishes.idle)
            except Silence:
                if not only_streams:
                    # A poll that is held, and maybe forgotten by something on the way.
                    self._stands()
                    return 0.0
                if self._stood:
                    raise
                raise Refused(f"{self._name}: this location does not answer as one with polling {self.kind}") from None
            except Unreachable:
                if again:
                    # A server may end a connection between two polls, when it likes.
                    return 0.0
                # Who was kept waiting was let in: only polls are answered late.
                self._stood = self._stood or asyncio.get_running_loop().time() - begun >= BETWEEN_POLLS
                raise
            if answered.status == 101 and self.kind in ("auto", "websocket"):
                await self._socket(connection, answered, key)
                return None
            if answered.status == 200 and answered.media == EVENT_STREAM and self.kind in ("auto", "eventsource"):
                await self._events(connection, answered)
                return None
            if answered.status in (101, 200, 304, 408) and (only_streams or answered.status == 101 or answered.media == EVENT_STREAM):
                # Before its body is read: a stream has no end.
                raise Refused(f"{self._name}: this location has another polling than {self.kind}")
            body = await connection.body(answered, self._wishes.idle)
            if answered.status not in (200, 304, 408):
                if answered.status == 404 and self._wishes.wait:
                    return BETWEEN_POLLS
                raise refusal(answered, body, self._name)
            self.kind, lines = "long", []
            self._stands()
            pause = 0.0
            if not self._polled(answered, body) and asyncio.get_running_loop().time() - begun < BETWEEN_POLLS:
                pause = BETWEEN_POLLS
            if connection.lost or answered.headers.get("connection", "").lower() == "close":
                return pause
            await self._sleep(pause)
        return None

    def _since(self) -> tuple[list[str], str]:
        """Where it stands, for a request: as header lines, or as an argument."""
        second, _, tag = self._resume.partition(":")
        if self.kind == "long" and tag == "-1" and second.isdigit() and len(second) < 12:
            # Before all messages of a second: not every server of polls takes that as an argument, and all by the date alone.
            return [f"If-Modified-Since: {http_date(int(second)).decode()}"], ""
        return [], f"last_event_id={quote(self._resume, ':,[]', errors='surrogateescape')}" if self._resume else ""

    def _stands(self) -> None:
        """The server has let it in."""
        self._stood = True
        if self._is_lost:
            self._is_lost = False
            passed = "; what was published meanwhile is passed over" if NEWEST in self._resume else ""
            self._tell(f"{self._name}: connected again{passed}")

    def _polled(self, answered: Head, body: bytes) -> bool:
        """Take what a poll was answered; whether that was a message."""
        if answered.status == 200 and body and not ("last-modified" in answered.headers and "etag" in answered.headers):
            raise Refused(f"{self._name}: what answers is no subscriber location: its answer has no id")
        if answered.headers.get("x-relay-missed"):
            self._notice(Notice("gap", self.place.channel))
        message = from_response(answered, body, self.place.channel, self._resume)
        if message is not None:
            self._take(message)
            return True
        told = id_of(answered)
        # Behind all is where it began, and the server has said where that is.
        if told and told != NEWEST:
            self._resume = told
        return False

    async def _events(self, connection: Connection, answered: Head) -> None:
        self._stands()
        stream, body = Events(), Body(answered)
        while not body.over:
            wire = await connection.read(self._wishes.idle)
            if not wire:
                break
            for event in stream.feed(body.feed(wire)):
                self._read(from_event, event, self.place.channels)
            self._resume = stream.last_id or self._resume
        if self._is_ended:
            raise Refused(f"{self._name}: the channel was deleted")

    async def _socket(self, connection: Connection, answered: Head, key: str) -> None:
        if answered.headers.get("sec-websocket-accept") != frames.accept(key):
            raise Refused(f"{self._name}: what answers is no WebSocket")
        if answered.headers.get("sec-websocket-protocol") != SUBPROTOCOL:
            raise Refused(f"{self._name}: this WebSocket does not speak {SUBPROTOCOL}; try --polling eventsource or long")
        self._stands()
        stream = frames.Frames()
        pinged = False
        while True:
            try:
                wire = await connection.read(self._wishes.idle / 2)
            except Silence:
                if pinged:
                    raise
                pinged = True
                connection.send(frames.frame(frames.PING, b"", secrets.token_bytes(4)))
                continue
            if not wire:
                return
            pinged = False
            for opcode, payload in stream.feed(wire):
                if opcode == frames.TEXT:
                    self._read(from_frame, payload)
                elif opcode == frames.PING:
                    connection.send(frames.frame(frames.PONG, payload, secrets.token_bytes(4)))
                elif opcode == frames.CLOSE:
                    connection.send(frames.frame(frames.CLOSE, payload[:2], secrets.token_bytes(4)))
                    code, reason = frames.code(payload)
                    if 4500 <= code < 5000:
                        raise Refused(f"{self._name}: {reason or 'the server has ended it'} ({code})")
                    raise Unreachable(f"{reason or 'the server has ended it'} ({code})")

    def _read(self, read: Callable[..., Received | Notice | None], *wire: object) -> None:
        """Take what comes on a stream."""
        try:
            said = read(*wire)
        except ProtocolError as error:
            # It would be the same when it is asked for again.
            self._tell(f"{self._name}: {error}; it is passed over")
            return
        if isinstance(said, Received):
            self._take(said)
        elif said is not None:
            self._notice(said)

    def _take(self, message: Received) -> None:
        self._resume = message.resume
        self._all = self._is_ended = False
        self._pauses.begin_anew()
        self._emit(message)

    def _notice(self, notice: Notice) -> None:
        channel = repr(notice.channel or self.place.channel)
        if notice.kind == "displaced":
            raise Refused(f"{channel}: another subscriber has taken the place")
        if notice.kind == "deleted":
            self._is_ended = len(self.place.channels) == 1
            if not self._is_ended:
                self._tell(f"{channel}: the channel was deleted")
        elif not self._all and self._gaps.get(channel) != self._resume:
            # Who comes back with the same id hears of the same gap again.
            self._gaps[channel] = self._resume
            self._tell(f"{channel}: messages were missed")
