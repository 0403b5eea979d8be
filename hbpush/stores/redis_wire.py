"""One connection to a Redis server: commands of one tick leave in one write, replies come to callbacks in their order.

It knows the wire and nothing of what is said on it: no script, no channel, no way back when the connection is lost. **A command is sent
at most once**: when its reply does not come, its callback gets `StoreUnavailable`, and what became of it is not known.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Callable
from typing import Any, cast

import hiredis

from hbpush.errors import StoreUnavailable

logger = logging.getLogger("hbpush")

Word = bytes | str | int
Reply = Any
"""bytes, int, None, a list of replies, or an exception: `hiredis.ReplyError` from the server, `ConnectionLost` for no answer."""

Answered = Callable[[Reply], object]

OVERHEAD = 256
"""Bytes that a waiting command counts on top of its own."""


class ConnectionLost(StoreUnavailable):
    """The connection ended before the reply came."""


class Connection(asyncio.Protocol):
    """A connection. ``lost`` is called once when it ends, after the callbacks of all that waited.

    ``heard`` gets what the server says without being asked; from `listen` on, that is everything. ``bound`` is how many bytes of
    commands may wait for replies, 0 for any. ``reason`` tells why it has ended.
    """

    def __init__(self, lost: Callable[[Connection, str], object], heard: Callable[[Reply], object] | None = None) -> None:
        self._loop = asyncio.get_running_loop()
        self._reader = hiredis.Reader()
        self._waiting: deque[tuple[Answered, int, float]] = deque()
        self._out: list[bytes] = []
        self._bytes = 0
        self.bound = 0
        self._lost = lost
        self._heard = heard
        self._listening = False
        self._transport: asyncio.Transport | None = None
        self.reason = "the connection was closed"
        self.closed = False

    # What is said

    def call(self, command: tuple[Word, ...], answered: Answered) -> None:
        """Send a command with the others of this tick. Raises StoreUnavailable when the connection is gone or too much waits."""
        if self.closed:
            raise StoreUnavailable("the store cannot be reached")
        packed = hiredis.pack_command(command)  # type: ignore[arg-type]
        size = len(packed) + OVERHEAD
        # One command may be larger than the bound: it is refused by the server if at all.
        if self.bound and self._bytes and self._bytes + size > self.bound:
            raise StoreUnavailable("the store is busy: too much waits for it")
        self._bytes += size
        self._write(packed)
        self._waiting.append((answered, size, self._loop.time()))

    def ask(self, *command: Word) -> asyncio.Future[Reply]:
        """The same for a coroutine: the reply, or an error of the server's raised."""
        future: asyncio.Future[Reply] = self._loop.create_future()

        def answered(reply: Reply) -> None:
            if future.done():
                return
            if isinstance(reply, Exception):
                future.set_exception(reply)
            else:
                future.set_result(reply)

        # Whoever asked may have given up.
        future.add_done_callback(lambda done: done.cancelled() or done.exception())
        self.call(command, answered)
        return future

    def listen(self) -> None:
        """From here on everything that comes goes to ``heard``: the connection is used for pub/sub."""
        self._listening = True

    def say(self, command: tuple[Word, ...]) -> None:
        """On a connection that listens: send a command whose reply, if any, is heard. Does nothing when it is gone."""
        if not self.closed:
            self._write(hiredis.pack_command(command))  # type: ignore[arg-type]

    def waiting_since(self) -> float | None:
        """When the oldest command without a reply was sent, in the loop's time."""
        return self._waiting[0][2] if self._waiting else None

    @property
    def waiting_bytes(self) -> int:
        """What the commands without a reply count towards ``bound``."""
        return self._bytes

    def close(self, reason: str) -> None:
        """End it at once. What waits is told within this call or soon after."""
        if self.closed:
            return
        self.reason = reason
        if self._transport is not None:
            self._transport.abort()

    def _write(self, packed: bytes) -> None:
        if not self._out:
            self._loop.call_soon(self._flush)
        self._out.append(packed)

    def _flush(self) -> None:
        out, self._out = self._out, []
        if self._transport is not None and not self.closed:
            self._transport.write(b"".join(out))

    # What asyncio calls

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        self._reader.feed(data)
        gets = self._reader.gets
        waiting = self._waiting
        try:
            while not self.closed:
                reply = gets()
                if reply is False:
                    return
                if self._listening or not waiting:
                    if self._heard is not None:
                        self._told(self._heard, reply)
                    continue
                answered, size, _ = waiting.popleft()
                self._bytes -= size
                self._told(answered, reply)
        except hiredis.ProtocolError as error:
            self.close(f"what answers does not speak Redis ({error})")

    def connection_lost(self, error: Exception | None) -> None:
        if self.closed:
            return
        self.closed = True
        if error is not None:
            self.reason = str(error) or type(error).__name__
        waiting, self._waiting = self._waiting, deque()
        for answered, _, _ in waiting:
            self._told(answered, ConnectionLost("the store did not answer"))
        self._lost(self, self.reason)

    def _told(self, answered: Answered, reply: Reply) -> None:
        try:
            answered(reply)
        except Exception:
            # The replies that follow are for others.
            logger.exception("a reply of Redis could not be used")
