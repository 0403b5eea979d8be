"""Tyron's place in a configuration: ``type: tyron`` (relay and Tyron specification 3.1, 7.4)."""

from __future__ import annotations

from asyncio import Future, ensure_future
from collections.abc import Sequence
from http import HTTPStatus
from typing import Any, ClassVar
from urllib.parse import unquote_to_bytes

from hbpush.core.message import ChannelRef
from hbpush.daemon.location import Entrance, Location, LocationContext
from hbpush.daemon.options import join, shown
from hbpush.errors import ConfigError
from hbpush.stores.redis_listener import Commands
from hbpush.stores.redis_place import Place
from hbpush.web import cors
from hbpush.web.exchange import Endpoint
from hbpush.web.routes import Exact, Prefix, Route, channel_id
from tyron.feed import Feed
from tyron.places import HEALTH_METHODS, Health, Lookup
from tyron.poll import EXPOSED, METHODS, Waiting
from tyron.settings import TyronSettings

REQUEST_HEADERS = b"Content-Type"


class TyronLocation(Location):
    """Where clients wait for what is published to a Redis channel, or to the hub's channel by whatever other protocol."""

    type_name: ClassVar[str] = "tyron"
    Settings = TyronSettings
    settings: TyronSettings

    def __init__(self, settings: Any, context: LocationContext) -> None:
        super().__init__(settings, context)
        self.feed = Feed(context.hub, context.clock, context.counters, settings)
        self._commands = Commands(self.feed.listener.place)

    @classmethod
    def check(cls, settings: Any) -> None:
        if not (settings.prefix.startswith("/") and settings.prefix.endswith("/")):
            raise ConfigError(f"is {shown(settings.prefix)}; must begin and end with /", "prefix")
        if settings.timeout_status not in set(HTTPStatus):
            raise ConfigError(f"is {settings.timeout_status}, which is no status of HTTP", "timeout_status")
        if settings.timeout_message and settings.timeout_status in (204, 304):
            raise ConfigError(f"is given, and an answer of status {settings.timeout_status} has no body", "timeout_message")
        cors.check(settings.allow_origin, settings.allow_credentials)
        try:
            Place(settings.redis)
        except ConfigError as error:
            raise ConfigError(error.message, join("redis", error.path)) from None

    def routes(self) -> Sequence[Route]:
        prefix = self.settings.prefix
        context = self.context
        health = self._guard(Health(self.feed), HEALTH_METHODS)
        lookup = self._guard(Lookup(self._commands, self.settings.store_prefix))
        waiting = self._guard(Waiting(self, context.hub, context.wheel, context.counters, self.settings))
        return [
            Route(Exact(f"{prefix}health/"), health, _nothing),
            Route(Exact(f"{prefix}health"), health, _nothing),
            Route(Prefix(f"{prefix}store/"), lookup, _key),
            Route(Prefix(prefix), waiting, self._channel, guard=self._guard),
        ]

    @property
    def name(self) -> str:
        return self.feed.name

    @property
    def trouble(self) -> str:
        return self.feed.listener.trouble

    def entrances(self) -> Sequence[Entrance]:
        return (Entrance("tyron", self.settings.prefix, self.settings.store),)

    def start(self) -> Future[None]:
        return self.feed.start()

    def stop(self) -> Future[None]:
        return ensure_future(self._stop())

    async def _stop(self) -> None:
        await self.feed.stop()
        await self._commands.stop()

    def _channel(self, name: bytes) -> ChannelRef:
        """The channel of a path with or without its last slash. Raises ProtocolError."""
        return ChannelRef(self.settings.store, "", channel_id(name.removesuffix(b"/")))

    def _guard(self, endpoint: Endpoint, methods: bytes = METHODS) -> Endpoint:
        settings = self.settings
        return cors.guarded(endpoint, settings.allow_origin, settings.allow_credentials, methods, REQUEST_HEADERS, EXPOSED)


def _nothing(_: bytes) -> None:
    return None


def _key(name: bytes) -> bytes:
    return unquote_to_bytes(name.removesuffix(b"/"))
