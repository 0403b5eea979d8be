"""The place of Socket.IO in a configuration: ``type: socketio``, for the clients 0.7 to 0.9 (DESIGN section 7)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any, Literal

import msgspec

from hbpush.daemon.location import LocationContext
from hbpush.web.routes import Route
from socketio_compat.client_location import ClientLocation, ClientSettings, Interval
from socketio_compat.origins import Origins
from socketio_compat.v09.channels import ChannelApplication
from socketio_compat.v09.places import grouped_routes
from socketio_compat.v09.server import Server
from socketio_compat.v09.settings import Settings

TransportName = Literal["websocket", "flashsocket", "xhr-polling", "jsonp-polling", "htmlfile"]


class SocketIOSettings(ClientSettings, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The options of a socketio location."""

    transports: Annotated[
        tuple[TransportName, ...],
        msgspec.Meta(
            min_length=1, description="transports that clients are offered, in their order; flashsocket is another name of websocket"
        ),
    ] = ("websocket", "xhr-polling", "jsonp-polling", "htmlfile")
    heartbeat_interval: Annotated[
        float, msgspec.Meta(ge=0, description="seconds between two heartbeats, 0 for none; two that are not answered end a session")
    ] = 12
    client_timeout: Annotated[
        Interval, msgspec.Meta(description="seconds that a client is given beyond heartbeat_interval and xhr_polling_timeout")
    ] = 5
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
    max_subscriptions: Annotated[
        Annotated[int, msgspec.Meta(ge=1)],
        msgspec.Meta(description="channels that one session may be subscribed to, and endpoints it may have"),
    ] = 1000


class SocketIOLocation(ClientLocation):
    """Where clients of Socket.IO find the channels of a store."""

    type_name = "socketio"
    Settings = SocketIOSettings
    settings: SocketIOSettings
    server: Server

    def __init__(self, settings: Any, context: LocationContext) -> None:
        super().__init__(settings, context)
        application = ChannelApplication(context.hub, settings.rules, self)
        origins = Origins(settings.origins)
        self.server = Server(application, server_settings(settings), context.clock, context.wheel, context.counters, origins)

    def routes(self) -> Sequence[Route]:
        settings = self.settings
        grouped = grouped_routes(settings.resource, settings.transports, self.server.places, settings.max_body)
        return [route for group in grouped for route in group]


def server_settings(settings: SocketIOSettings) -> Settings:
    """The options that are the server's."""
    return Settings(
        **settings.kept(),
        transports=settings.transports,
        heartbeat_interval=settings.heartbeat_interval,
        resource=settings.resource,
        client_timeout=settings.client_timeout,
        websocket_check=settings.websocket_check,
        strict=settings.strict,
        verify_ip=settings.verify_remote_ip,
        close_on_goodbye=settings.close_on_goodbye,
        max_endpoints=settings.max_subscriptions,
    )
