"""The endpoints of a Tyron location that are no channels: whether it serves, and the text of a Redis key (specification 7.4.6 to 7.4.8)."""

from __future__ import annotations

from collections.abc import Awaitable

from hbpush.stores.redis_listener import Commands
from hbpush.web.answers import NOT_FOUND, UNAVAILABLE, Head, not_allowed
from hbpush.web.exchange import Exchange
from tyron.feed import Feed
from tyron.poll import NOT_ALLOWED, OPTIONS, TEXT

FOUND = Head(200, TEXT)
HEALTH_METHODS = b"GET, HEAD, OPTIONS"
HEALTH_OPTIONS = Head(200, b"Allow: %b\r\n" % HEALTH_METHODS)
HEALTH_NOT_ALLOWED = not_allowed(HEALTH_METHODS)


class Health:
    """200 while messages arrive: the subscription to Redis is confirmed, and the store serves."""

    def __init__(self, feed: Feed) -> None:
        self._feed = feed

    def __call__(self, exchange: Exchange) -> None:
        if exchange.method not in (b"GET", b"HEAD"):
            exchange.respond((HEALTH_OPTIONS if exchange.method == b"OPTIONS" else HEALTH_NOT_ALLOWED).wire())
            return
        trouble = self._feed.trouble
        exchange.respond(UNAVAILABLE.wire(trouble.encode("utf-8", "backslashreplace") + b"\n") if trouble else FOUND.wire(b"OK"))


class Lookup:
    """The text of a key whose name begins with the configured prefix; `Exchange.args` is the name. 404 for all others."""

    def __init__(self, commands: Commands, prefix: str) -> None:
        self._commands = commands
        self._prefix = prefix.encode("utf-8", "surrogateescape")

    def __call__(self, exchange: Exchange) -> Awaitable[object] | None:
        if exchange.method not in (b"GET", b"POST"):
            exchange.respond((OPTIONS if exchange.method == b"OPTIONS" else NOT_ALLOWED).wire())
            return None
        if not self._prefix or not exchange.args.startswith(self._prefix):
            exchange.respond(NOT_FOUND.wire())
            return None
        return self._look(exchange, exchange.args)

    async def _look(self, exchange: Exchange, key: bytes) -> None:
        value = await self._commands.text(key)
        exchange.respond(NOT_FOUND.wire() if value is None else FOUND.wire(value))
