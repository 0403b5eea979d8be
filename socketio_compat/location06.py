"""The place of Socket.IO 0.6 in a configuration: ``type: socketio06`` (DESIGN section 7).

It may stand beside one of ``type: socketio`` with the same resource: their paths differ.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any, Literal

import msgspec

from hbpush.daemon.location import LocationContext
from hbpush.web.routes import Route
from socketio_compat.client_location import ClientLocation, ClientSettings
from socketio_compat.origins import Origins
from socketio_compat.v06 import places
from socketio_compat.v06.channels import ChannelApplication
from socketio_compat.v06.server import Server
from socketio_compat.v06.settings import HEARTBEAT_BELOW, POLL_BELOW, Settings

TransportName = Literal["websocket", "flashsocket", "xhr-multipart", "xhr-polling", "jsonp-polling", "htmlfile"]


class SocketIO06Settings(ClientSettings, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The options of a socketio06 location."""

    transports: Annotated[
        tuple[TransportName, ...],
        msgspec.Meta(min_length=1, description="transports that clients may use; the others are refused with 403"),
    ] = ("websocket", "flashsocket", "xhr-multipart", "xhr-polling", "jsonp-polling", "htmlfile")
    heartbeat_interval: Annotated[
        Annotated[float, msgspec.Meta(ge=0, lt=HEARTBEAT_BELOW)],
        msgspec.Meta(
            description="seconds after which a WebSocket or stream that nothing was sent on gets a heartbeat, 0 for none; "
            "six that are not answered end a session, and clients give up after 15 seconds without anything"
        ),
    ] = 12
    xhr_polling_timeout: Annotated[
        Annotated[float, msgspec.Meta(gt=0, lt=POLL_BELOW)],
        msgspec.Meta(description="seconds that a poll waits for messages; clients give up after 25"),
    ] = 20


class SocketIO06Location(ClientLocation):
    """Where clients of Socket.IO 0.6 find the channels of a store."""

    type_name = "socketio06"
    Settings = SocketIO06Settings
    settings: SocketIO06Settings
    server: Server

    def __init__(self, settings: Any, context: LocationContext) -> None:
        super().__init__(settings, context)
        application = ChannelApplication(context.hub, settings.rules, self)
        origins = Origins(settings.origins)
        self.server = Server(application, server_settings(settings), context.clock, context.wheel, context.counters, origins)

    def routes(self) -> Sequence[Route]:
        return places.routes(self.settings.resource, self.server.request, self.settings.max_body)


def server_settings(settings: SocketIO06Settings) -> Settings:
    """The options that are the server's."""
    return Settings(transports=settings.transports, heartbeat_interval=settings.heartbeat_interval, **settings.kept())
