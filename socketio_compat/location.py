"""The place of Socket.IO in a configuration: ``type: socketio``, for the clients 0.7 to 0.9 (DESIGN section 7)."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Annotated, Any, Literal

import msgspec

from hbpush.daemon.location import Location, LocationContext, StoreLocationSettings
from hbpush.errors import ConfigError
from hbpush.session.outbox import Room
from hbpush.session.transport import End
from hbpush.stores.base import Count
from hbpush.web.routes import Route
from socketio_compat.channels import Rules
from socketio_compat.origins import Origins
from socketio_compat.v09.channels import ChannelApplication
from socketio_compat.v09.places import grouped_routes
from socketio_compat.v09.server import Server
from socketio_compat.v09.settings import Settings

TransportName = Literal["websocket", "flashsocket", "xhr-polling", "jsonp-polling", "htmlfile"]
Interval = Annotated[float, msgspec.Meta(gt=0)]

_RESOURCE = re.compile(r"[A-Za-z0-9._~-]+(?:/[A-Za-z0-9._~-]+)*")


class SocketIOSettings(StoreLocationSettings, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The options of a socketio location."""

    resource: Annotated[str, msgspec.Meta(description="what its paths begin with, without slashes around it")] = "socket.io"
    transports: Annotated[
        tuple[TransportName, ...],
        msgspec.Meta(
            min_length=1, description="transports that clients are offered, in their order; flashsocket is another name of websocket"
        ),
    ] = ("websocket", "xhr-polling", "jsonp-polling", "htmlfile")
    channels: Annotated[
        tuple[str, ...], msgspec.Meta(description="what the ids of channels that clients may have begin with; empty for every channel")
    ] = ()
    publish: Annotated[bool, msgspec.Meta(description="whether clients may publish")] = False
    origins: Annotated[
        str | tuple[str, ...],
        msgspec.Meta(description="origins whose pages may use this location: '*' for any, one such as https://example.com, or a list"),
    ] = "*"
    heartbeat_interval: Annotated[
        float, msgspec.Meta(ge=0, description="seconds between two heartbeats, 0 for none; two that are not answered end a session")
    ] = 12
    client_timeout: Annotated[
        Interval, msgspec.Meta(description="seconds that a client is given beyond heartbeat_interval and xhr_polling_timeout")
    ] = 5
    xhr_polling_timeout: Annotated[Interval, msgspec.Meta(description="seconds that a poll waits for messages")] = 20
    session_expiry: Annotated[Interval, msgspec.Meta(description="seconds that a session is kept while nothing carries it")] = 30
    websocket_check: Annotated[
        bool,
        msgspec.Meta(
            description="whether a WebSocket counts only when its client has answered a heartbeat, within client_timeout, "
            "which then has to be less than the 10 seconds after which clients try another transport"
        ),
    ] = False
    close_on_goodbye: Annotated[
        bool, msgspec.Meta(description="whether a session ends when its WebSocket is closed in due form; else when it expires")
    ] = True
    strict: Annotated[bool, msgspec.Meta(description="whether a session is closed when its client sends what is no packet")] = False
    verify_remote_ip: Annotated[
        bool, msgspec.Meta(description="whether a session stays with the address of its handshake, which mobile clients change")
    ] = False
    max_sessions: Annotated[Count, msgspec.Meta(description="sessions that may be open, 0 for any number")] = 100_000
    max_subscriptions: Annotated[
        Annotated[int, msgspec.Meta(ge=1)],
        msgspec.Meta(description="channels that one session may be subscribed to, and endpoints it may have"),
    ] = 1000
    outbox_bytes: Annotated[
        Annotated[int, msgspec.Meta(ge=1024)], msgspec.Meta(description="bytes that may wait for a client; over that it is cut off")
    ] = 1024 * 1024
    max_body: Annotated[
        Annotated[int, msgspec.Meta(ge=1024)],
        msgspec.Meta(description="largest body that a client may post, and largest WebSocket message"),
    ] = 1024 * 1024


class SocketIOLocation(Location):
    """Where clients of Socket.IO find the channels of a store."""

    type_name = "socketio"
    Settings = SocketIOSettings
    settings: SocketIOSettings

    def __init__(self, settings: Any, context: LocationContext) -> None:
        super().__init__(settings, context)
        rules = Rules(settings.store, settings.channels, settings.publish, settings.max_subscriptions)
        application = ChannelApplication(context.hub, rules, self)
        origins = Origins(settings.origins)
        self.server = Server(application, server_settings(settings), context.clock, context.wheel, context.counters, origins)

    @classmethod
    def check(cls, settings: Any) -> None:
        if not _RESOURCE.fullmatch(settings.resource):
            raise ConfigError(
                f"is {settings.resource!r}; must be path segments such as socket.io, without a slash at either end", "resource"
            )
        if len(set(settings.transports)) < len(settings.transports):
            raise ConfigError("names a transport twice", "transports")
        Origins(settings.origins)

    @classmethod
    def sticky(cls, settings: Any) -> str:
        return (
            "its handshake makes a session that lives in one process, where every later request of the client has to come back to; "
            "run one process, or several behind a balancer that sends each client to the same one"
        )

    def routes(self) -> Sequence[Route]:
        settings = self.settings
        grouped = grouped_routes(settings.resource, settings.transports, self.server.places, settings.max_body)
        return [route for group in grouped for route in group]

    def release(self) -> None:
        self.server.close(End.SHUTDOWN)

    def stop(self) -> None:
        self.server.close(End.SHUTDOWN)


def server_settings(settings: SocketIOSettings) -> Settings:
    """The options that are the server's."""
    return Settings(
        resource=settings.resource,
        transports=settings.transports,
        heartbeat_interval=settings.heartbeat_interval,
        client_timeout=settings.client_timeout,
        polling_timeout=settings.xhr_polling_timeout,
        session_expiry=settings.session_expiry,
        websocket_check=settings.websocket_check,
        strict=settings.strict,
        verify_ip=settings.verify_remote_ip,
        close_on_goodbye=settings.close_on_goodbye,
        max_sessions=settings.max_sessions,
        max_endpoints=settings.max_subscriptions,
        max_body=settings.max_body,
        room=Room(settings.outbox_bytes),
    )
