"""What becomes of all that the REST API takes, beside its delivery: nothing, a POST elsewhere, a list in Redis (specification 7)."""

from __future__ import annotations

import asyncio
import logging
import time
from collections import deque
from collections.abc import Awaitable
from typing import Any

from tornado.httpclient import AsyncHTTPClient, HTTPError, HTTPRequest, HTTPResponse

from hbpush.core import jsontext
from hbpush.core.clock import LoopClock
from hbpush.core.counters import Counters
from hbpush.errors import ConfigError, HbpushError
from hbpush.stores.redis_listener import Commands
from hbpush.stores.redis_place import Place
from hbpush.stores.redis_settings import DEFAULT_HOST, DEFAULT_PORT, RedisServerSettings

logger = logging.getLogger("hbpush.sethpusher")


class DefaultPersistencePolicy:
    """The interface. This one keeps nothing."""

    def persist(self, data: dict[str, Any], **kwargs: Any) -> Awaitable[object] | object:
        """Called once for each message that was posted, before it is delivered, with ``channel=`` or ``user=``.

        May be a coroutine: the message is delivered when that is done. What it raises is logged; with the application's ``persist_strict``
        the message is then refused.
        """
        return None

    def close(self) -> Awaitable[object] | None:
        """The application ends: put away what is open."""
        return None


class ExternalApiPersistencePolicy(DefaultPersistencePolicy):
    """POSTs each message as JSON, ``{"data": ..., "channel": ...}`` or ``{"data": ..., "user": ...}``, to an API.

    Nobody waits for the answer. `max_queue` messages may wait for their turn, beyond that the oldest is dropped; `timeout` is in seconds.
    At its end the application waits `closing` seconds for those that were not posted yet; what is lost then is told once.
    """

    api_url = ""
    max_queue = 1000
    max_at_once = 4
    timeout = 5.0
    closing = 1.0

    _queue: deque[tuple[str, bytes]] | None = None
    _workers: set[asyncio.Task[None]]
    _counters: Counters

    def get_api_url(self, **kwargs: Any) -> str:
        """Where a message goes that was posted with ``channel=`` or ``user=``; an empty text is nowhere."""
        return self.api_url

    def persist(self, data: dict[str, Any], **kwargs: Any) -> Awaitable[object] | object:
        url = self.get_api_url(**kwargs)
        if not url:
            return None
        if self._queue is None:
            self._queue = deque()
            self._workers = set()
            self._counters = Counters(LoopClock(asyncio.get_running_loop()))
        self._queue.append((url, jsontext.encode({"data": data, **kwargs}).encode()))
        if len(self._queue) > self.max_queue:
            self._queue.popleft()
            self._warn("persistence_dropped", f"{self.max_queue} messages wait to be posted to {url}: the oldest is dropped")
        if len(self._workers) < self.max_at_once:
            worker = asyncio.get_running_loop().create_task(self._work(self._queue))
            self._workers.add(worker)
            worker.add_done_callback(self._workers.discard)
        return None

    def close(self) -> Awaitable[object] | None:
        if self._queue is None or not self._workers:
            return None
        return self._close(self._queue)

    async def _close(self, queue: deque[tuple[str, bytes]]) -> None:
        _, unfinished = await asyncio.wait(self._workers, timeout=self.closing)
        if not unfinished:
            return
        lost = len(queue) + len(unfinished)
        queue.clear()
        for worker in unfinished:
            worker.cancel()
        await asyncio.wait(unfinished)
        logger.warning("the application ends: %d message%s not posted", lost, " was" if lost == 1 else "s were")

    def _warn(self, kind: str, text: str) -> None:
        """Once a second of a kind: what is published may be much, and none of it wants to be told of an API that is away."""
        self._counters.refuse(kind, text, logging.WARNING)

    async def _work(self, queue: deque[tuple[str, bytes]]) -> None:
        client = AsyncHTTPClient()
        while queue:
            url, body = queue.popleft()
            try:
                request = HTTPRequest(
                    url, "POST", {"Content-Type": "application/json"}, body, connect_timeout=self.timeout, request_timeout=self.timeout
                )
                # Told to leave off, Tornado's client would complain to the log: it is left alone with its last request.
                fetching = asyncio.ensure_future(client.fetch(request))
                fetching.add_done_callback(_seen)
                await asyncio.shield(fetching)
            except (HTTPError, OSError, ValueError) as error:
                self._warn("persistence_failed", f"a message could not be posted to {url}: {error}")


def _seen(fetching: asyncio.Future[HTTPResponse]) -> None:
    """Nobody waits for it any more, perhaps."""
    if not fetching.cancelled():
        fetching.exception()


class RedisPersistencePolicy(DefaultPersistencePolicy):
    """Appends each message to a list in Redis, and keeps the newest `max_messages` of it.

    An entry is JSON, ``{"data": ..., "ts": unix seconds}``; the lists are ``<prefix>channel:<name>`` and ``<prefix>user:<name>``.
    """

    redis_host = DEFAULT_HOST
    redis_port = DEFAULT_PORT
    redis_password: str | None = None
    redis_selected_db: int | None = None
    prefix = "sethpusher:"
    max_messages = 1000

    _commands: Commands | None = None

    def get_key(self, **kwargs: Any) -> str:
        """The key for a message that was posted with ``channel=`` or ``user=``."""
        kind, name = next(iter(kwargs.items()))
        return f"{self.prefix}{kind}:{name}"

    def serialize(self, data: dict[str, Any], **kwargs: Any) -> str | bytes:
        """The entry for a message."""
        return jsontext.encode({"data": data, "ts": time.time()})

    async def persist(self, data: dict[str, Any], **kwargs: Any) -> None:
        """Append it. Raises StoreUnavailable, ConfigError."""
        entry = self.serialize(data, **kwargs)
        raw = entry.encode() if isinstance(entry, str) else entry
        await self._redis().append(self.get_key(**kwargs).encode("utf-8", "surrogateescape"), raw, self.max_messages)

    def close(self) -> Awaitable[object] | None:
        commands, self._commands = self._commands, None
        return None if commands is None else commands.stop()

    def _redis(self) -> Commands:
        if self._commands is None:
            try:
                settings = RedisServerSettings(
                    host=self.redis_host, port=self.redis_port, password=self.redis_password or "", database=self.redis_selected_db or 0
                )
                self._commands = Commands(Place(settings))
            except ConfigError as error:
                raise HbpushError(f"the Redis server of {type(self).__name__} cannot be used: {error}") from None
        return self._commands
