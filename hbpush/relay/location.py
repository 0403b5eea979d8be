"""The relay's places in a configuration: ``type: publisher`` and ``type: subscriber`` (relay specification 2.2, 7.3)."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any, ClassVar

import msgspec

from hbpush.core.message import ChannelRef
from hbpush.daemon import keys
from hbpush.daemon.keyed import KeyedLocation
from hbpush.daemon.location import Entrance, Location, LocationContext
from hbpush.daemon.options import either, shown
from hbpush.daemon.routes_check import literal_head
from hbpush.errors import ConfigError
from hbpush.relay import publisher, subscriber
from hbpush.relay.auto import Auto
from hbpush.relay.eventsource import EventSource
from hbpush.relay.settings import PublisherSettings, RelaySettings, SubscriberSettings
from hbpush.relay.websocket import SocketPlace
from hbpush.web import cors
from hbpush.web.exchange import Endpoint
from hbpush.web.routes import Exact, Pattern, Prefix, Regex, Route, channel_id

EXPOSED = b"Last-Modified, Etag, X-Relay-Missed, X-Relay-Event, Retry-After"
SUBSCRIBER_HEADERS = b"If-Modified-Since, If-None-Match, Last-Event-ID, Content-Type"
PUBLISHER_HEADERS = b"If-Modified-Since, If-None-Match, Content-Type, Authorization, X-Api-Key, X-Relay-Event, X-EventSource-Event"

_POLLS = ("long", "interval", "auto")
_STREAMS = ("eventsource", "websocket", "auto")
_SOCKETS = ("websocket", "auto")
TAKERS = {
    "subscriber_timeout": _POLLS,
    "timeout_status": _POLLS,
    "quote_etag": _POLLS,
    "multiple": _STREAMS,
    "max_channels": _STREAMS,
    "heartbeat_interval": _STREAMS,
    "ping_timeout": _STREAMS,
    "outbox_bytes": _STREAMS,
    "retry": ("eventsource", "auto"),
    "publish": _SOCKETS,
    "max_message": _SOCKETS,
}
"""Options of a subscriber that not every ``polling`` has a use for, and which take them. A poll that is answered at once takes what one
that waits does, as it always did."""


class RelayLocation(Location):
    """What publisher and subscriber locations have in common: paths that name a channel, and CORS."""

    settings: RelaySettings
    methods: ClassVar[bytes]
    request_headers: ClassVar[bytes]

    def __init__(self, settings: Any, context: LocationContext) -> None:
        super().__init__(settings, context)
        self.pattern = pattern(settings)
        self.endpoint = self.guard(self.make_endpoint())

    @classmethod
    def check(cls, settings: Any) -> None:
        super().check(settings)
        pattern(settings)
        cors.check(settings.allow_origin, settings.allow_credentials)

    def make_endpoint(self) -> Endpoint:
        """The one endpoint of the location."""
        raise NotImplementedError

    def routes(self) -> Sequence[Route]:
        return [Route(self.pattern, self.endpoint, self.channel, guard=self.guard)]

    def guard(self, endpoint: Endpoint) -> Endpoint:
        """The endpoint with CORS around it, where the location is asked for that."""
        settings = self.settings
        return cors.guarded(endpoint, settings.allow_origin, settings.allow_credentials, self.methods, self.request_headers, EXPOSED)

    def channel(self, name: bytes) -> ChannelRef:
        """The channel that the naming part of a path names. Raises ProtocolError."""
        return ChannelRef(self.settings.store, "", channel_id(name))


class PublisherLocation(RelayLocation, KeyedLocation):
    """Where messages are published."""

    type_name = "publisher"
    Settings = PublisherSettings
    settings: PublisherSettings
    methods = publisher.METHODS
    request_headers = PUBLISHER_HEADERS
    without_key = keys.OPEN_TO_ALL

    def make_endpoint(self) -> Endpoint:
        context = self.context
        return publisher.Publisher(context.hub, context.clock, context.counters, self.settings, keys.read(self.settings))


class SubscriberLocation(RelayLocation):
    """Where messages are read, and waited for."""

    type_name = "subscriber"
    Settings = SubscriberSettings
    settings: SubscriberSettings
    methods = subscriber.METHODS
    request_headers = SUBSCRIBER_HEADERS

    @classmethod
    def check(cls, settings: Any) -> None:
        super().check(settings)
        for field in msgspec.structs.fields(settings):
            value, takers = getattr(settings, field.name), TAKERS.get(field.name)
            if takers is not None and value != field.default and settings.polling not in takers:
                raise ConfigError(
                    f"is {shown(value)} while polling is {settings.polling}, with which it means nothing; only {either(takers)} takes it",
                    field.name,
                )
        if settings.multiple and settings.concurrency != "broadcast":
            raise ConfigError(f"is {settings.concurrency} while multiple is true, with which it has to be broadcast", "concurrency")

    @classmethod
    def warnings(cls, settings: Any, loopback: bool) -> list[str]:
        if loopback or not settings.publish:
            return []
        return [
            "whoever reaches this server may publish here; listen on a loopback address, or let a publisher location with a key do that"
        ]

    def routes(self) -> Sequence[Route]:
        routes = list(super().routes())
        if self.settings.multiple and isinstance(self.pattern, Prefix):
            # All channels may be in the query.
            routes.append(Route(Exact(self.pattern.text), self.endpoint, self.channel, guard=self.guard))
        return routes

    def channel(self, name: bytes) -> Any:
        if not self.settings.multiple:
            return super().channel(name)
        return tuple([super(SubscriberLocation, self).channel(part) for part in name.split(b",")]) if name else ()

    def entrances(self) -> Sequence[Entrance]:
        settings = self.settings
        if not isinstance(self.pattern, Prefix):
            return ()
        protocols = ("long", "eventsource", "websocket") if settings.polling == "auto" else (settings.polling,)
        return [Entrance(protocol, self.pattern.literal.decode(), settings.store) for protocol in protocols]

    def make_endpoint(self) -> Endpoint:
        context, settings = self.context, self.settings
        match settings.polling:
            case "interval":
                return subscriber.IntervalPoll(self, context.hub, settings)
            case "eventsource":
                return EventSource(self, context, settings)
            case "websocket":
                return SocketPlace(self, context, settings)
        long = subscriber.LongPoll(self, context.hub, context.wheel, context.counters, settings)
        return (
            long if settings.polling == "long" else Auto(long, EventSource(self, context, settings), SocketPlace(self, context, settings))
        )


def pattern(settings: RelaySettings) -> Pattern:
    """The paths of a location. Raises ConfigError, its path ``url`` or ``prefix``."""
    if settings.url:
        head = literal_head(settings.url)[0]
        if head and not head.startswith("/"):
            raise ConfigError(f"is {shown(settings.url)}, which no path can match; must begin with /", "url")
        try:
            return Regex(settings.url)
        except re.error as error:
            raise ConfigError(f"is {shown(settings.url)}, which is not a regular expression: {error}", "url") from None
        except ValueError as error:
            raise ConfigError(f"is {shown(settings.url)}, which {error}", "url") from None
    if not settings.prefix:
        raise ConfigError("is missing, and so is prefix; set one of them, such as prefix: /channel/", "url")
    if not settings.prefix.startswith("/"):
        raise ConfigError(f"is {shown(settings.prefix)}; must begin with /", "prefix")
    return Prefix(settings.prefix)
