"""One pub/sub channel of a Redis server, heard for as long as it is wanted; and a connection for the few commands of those who keep
no store. For protocols that meet others in Redis; stores have a link of their own.

**At most once**: what is published while there is no subscription is not heard, and nobody can tell how much that was. What is heard
comes in the order in which it was published.
"""

from __future__ import annotations

import asyncio
import logging
import re
from collections import deque
from collections.abc import Callable
from typing import Protocol

import hiredis

from hbpush.core.clock import Clock, Timer
from hbpush.errors import HbpushError, StoreUnavailable
from hbpush.stores.redis_place import LAST_WAIT, Place, Waits, reason
from hbpush.stores.redis_settings import RedisServerSettings
from hbpush.stores.redis_wire import Connection, Reply, Word

logger = logging.getLogger("hbpush")

CHECK = 1.0
"""Seconds between two questions whether the server is still there."""


class Hearer(Protocol):
    """Whose listener it is. `subscribed` and `deaf` are called in turn, `heard` between them only."""

    def subscribed(self) -> None:
        """The server has confirmed the subscription: what is published from now on is heard."""

    def heard(self, payload: bytes) -> None:
        """Something was published to the channel."""

    def deaf(self) -> None:
        """Nothing is heard any more; `Listener.trouble` says why."""


class Listener:
    """``name`` is what the log calls it. Raises ConfigError for options that contradict each other."""

    def __init__(self, name: str, settings: RedisServerSettings, channel: bytes, hearer: Hearer, clock: Clock) -> None:
        self.trouble = "it was not reached yet"
        """Why nothing is heard now, empty while the server has confirmed the subscription."""
        self.server = ""
        """The run of the server that is listened to, whatever name it was found by; that name where the user has no right to INFO."""
        self.has_to_know = False
        """Whether a server that does not tell its run is not to be used: others that listen to it are to find the same."""
        self.place = Place(settings)
        self._name = name
        self._channel = channel
        self._hearer = hearer
        self._clock = clock
        self._connection: Connection | None = None
        self._joining: Connection | None = None
        """The one that is not confirmed yet."""
        self._confirmed: asyncio.Future[None] | None = None
        self._lost_again = asyncio.Event()
        self._pings: deque[tuple[float, Callable[[], object] | None]] = deque()
        self._tried: asyncio.Future[None] | None = None
        self._task: asyncio.Task[None] | None = None
        self._timer: Timer | None = None
        self._away_since: float | None = None

    def start(self) -> asyncio.Future[None]:
        """Subscribe, and go on for ever. Done when the first try has succeeded or failed."""
        loop = asyncio.get_running_loop()
        self._tried = loop.create_future()
        self._task = loop.create_task(self._keep())
        self._timer = self._clock.call_later(CHECK, self._check)
        return self._tried

    async def stop(self) -> None:
        """Hear nothing more."""
        if self._timer is not None:
            self._timer.cancel()
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait([self._task])
        if self._connection is not None:
            self._connection.close("it is wanted no more")

    def catch_up(self, then: Callable[[], object]) -> None:
        """Call when everything was heard that is published by now; at once, or with the loss of the connection, when it never will be."""
        if self._connection is None or self.trouble:
            then()
        else:
            self._ping(self._connection, then)

    async def _keep(self) -> None:
        loop = asyncio.get_running_loop()
        waits = Waits()
        while True:
            try:
                await self._subscribe()
            except Exception as error:
                if not isinstance(error, OSError | HbpushError | hiredis.ReplyError):
                    logger.exception("a server could not be made use of")
                self._away(reason(error))
            else:
                since = loop.time()
                await self._lost_again.wait()
                if loop.time() - since > LAST_WAIT:
                    # One that lets us in and sends us away is not to be asked as fast as it can do that.
                    waits.reset()
                self._away(self.trouble)
            self._has_tried()
            await asyncio.sleep(waits.grow())

    async def _subscribe(self) -> None:
        self._lost_again.clear()
        address = await self.place.find(self._channel)
        connection = await self.place.open(address, self._lost, self._heard)
        self.server = await self._run_of(connection)
        self._joining = connection
        self._confirmed = asyncio.get_running_loop().create_future()
        try:
            connection.listen()
            connection.say(("SUBSCRIBE", self._channel))
            async with asyncio.timeout(self.place.timeout):
                await self._confirmed
        except BaseException:
            connection.close("it could not be listened to")
            raise

    async def _run_of(self, connection: Connection) -> str:
        try:
            async with asyncio.timeout(self.place.timeout):
                about = bytes(await connection.ask("INFO", "server"))
        except hiredis.ReplyError as error:
            if self.has_to_know:
                connection.close("it does not tell its run")
                raise StoreUnavailable(str(error)) from None
            return str(self.place)
        except BaseException:
            connection.close("it could not be asked")
            raise
        found = re.search(rb"^run_id:(\w+)", about, re.MULTILINE)
        return str(self.place) if found is None else found[1].decode()

    def _has_tried(self) -> None:
        if self._tried is not None and not self._tried.done():
            self._tried.set_result(None)

    def _away(self, why: str) -> None:
        self.trouble = f"Redis at {self.place} cannot be reached: {why}"
        if self._away_since is None:
            self._away_since = self._clock.monotonic()
            logger.warning("%s: %s; trying again", self._name, self.trouble)

    def _back(self) -> None:
        self.trouble = ""
        if self._away_since is not None:
            seconds = self._clock.monotonic() - self._away_since
            self._away_since = None
            logger.info("%s: Redis at %s is back after %.1f seconds", self._name, self.place, seconds)
        self._has_tried()

    # What the connection says

    def _joined(self) -> None:
        self._connection, self._joining = self._joining, None
        if self._confirmed is not None:
            self._confirmed.set_result(None)
        self._back()
        self._hearer.subscribed()

    def _lost(self, connection: Connection, why: str) -> None:
        if self._confirmed is not None and not self._confirmed.done():
            self._confirmed.set_exception(StoreUnavailable(why))
        if connection is not self._connection:
            return
        self._connection = None
        self.trouble = why
        self._lost_again.set()
        pings, self._pings = self._pings, deque()
        for _, then in pings:
            if then is not None:
                then()
        self._hearer.deaf()

    def _heard(self, reply: Reply) -> None:
        if isinstance(reply, Exception):
            if self._confirmed is not None and not self._confirmed.done():
                self._confirmed.set_exception(reply)
            elif self._connection is not None:
                # It refuses to say whether it is there.
                self._connection.close(str(reply))
            return
        kind = reply[0]
        if kind == b"message":
            self._hearer.heard(reply[2])
        elif kind == b"pong" and self._pings:
            _, then = self._pings.popleft()
            if then is not None:
                then()
        elif kind == b"subscribe" and self._confirmed is not None and not self._confirmed.done():
            self._joined()

    # Whether it lives

    def _ping(self, connection: Connection, then: Callable[[], object] | None) -> None:
        self._pings.append((asyncio.get_running_loop().time(), then))
        connection.say(("PING", b""))

    def _check(self) -> None:
        self._timer = self._clock.call_later(CHECK, self._check)
        connection = self._connection
        if connection is None:
            return
        if self._pings and asyncio.get_running_loop().time() - self._pings[0][0] > self.place.timeout:
            connection.close(f"no answer for {self.place.timeout:g} seconds")
        elif not self._pings:
            self._ping(connection, None)


class Commands:
    """A connection for single commands, made when it is first needed and again when it was lost. Each is sent at most once."""

    def __init__(self, place: Place) -> None:
        self._place = place
        self._connection: Connection | None = None
        self._opening: asyncio.Task[Connection] | None = None

    async def text(self, key: bytes) -> bytes | None:
        """What a key has, None for no such key and for one that has no text. Raises StoreUnavailable."""
        try:
            value = await self._ask("GET", key)
        except hiredis.ReplyError as error:
            if str(error).startswith("WRONGTYPE"):
                return None
            raise StoreUnavailable(f"Redis at {self._place} refuses: {error}") from None
        return None if value is None else bytes(value)

    async def append(self, key: bytes, value: bytes, most: int) -> None:
        """Put a value at the end of a list, of which the newest ``most`` stay. Raises StoreUnavailable."""
        connection = await self._connected()
        # Both leave in one write.
        pushed, trimmed = connection.ask("RPUSH", key, value), connection.ask("LTRIM", key, -most, -1)
        try:
            await self._answered(connection, asyncio.gather(pushed, trimmed))
        except hiredis.ReplyError as error:
            raise StoreUnavailable(f"Redis at {self._place} refuses: {error}") from None

    async def _ask(self, *command: Word) -> Reply:
        connection = await self._connected()
        return await self._answered(connection, connection.ask(*command))

    async def _connected(self) -> Connection:
        connection = self._connection
        if connection is None or connection.closed:
            if self._opening is None:
                self._opening = asyncio.get_running_loop().create_task(self._open())
                self._opening.add_done_callback(self._opened)
            # Others wait for the same connection.
            connection = await asyncio.shield(self._opening)
        return connection

    async def _answered(self, connection: Connection, reply: asyncio.Future[Reply]) -> Reply:
        try:
            async with asyncio.timeout(self._place.timeout):
                return await reply
        except TimeoutError:
            connection.close("no answer")
            raise StoreUnavailable(f"Redis at {self._place} does not answer") from None

    async def _open(self) -> Connection:
        try:
            connection = await self._place.open(await self._place.find(b""), _ignore_loss)
        except (OSError, HbpushError) as error:
            raise StoreUnavailable(f"Redis at {self._place} cannot be reached: {reason(error)}") from None
        connection.bound = self._place.pending_bytes
        return connection

    def _opened(self, task: asyncio.Task[Connection]) -> None:
        self._opening = None
        if not task.cancelled() and task.exception() is None:
            self._connection = task.result()

    async def stop(self) -> None:
        """Close the connection."""
        if self._opening is not None:
            self._opening.cancel()
            await asyncio.wait([self._opening])
        if self._connection is not None:
            self._connection.close("it is wanted no more")


def _ignore_loss(_: Connection, __: str) -> None:
    """The next command makes another connection."""
