"""What every place of Socket.IO in a configuration has: options, what is wrong with them, and the end of its sessions."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Annotated, Any

import msgspec

from hbpush.core.figures import Figure
from hbpush.daemon.location import Entrance, Location, StoreLocationSettings
from hbpush.errors import ConfigError
from hbpush.session.outbox import Room
from hbpush.session.transport import End
from hbpush.stores.base import Count
from hbpush.web.session_server import SessionServer
from socketio_compat.channels import Rules
from socketio_compat.origins import Origins

Interval = Annotated[float, msgspec.Meta(gt=0)]

_RESOURCE = re.compile(r"[A-Za-z0-9._~-]+(?:/[A-Za-z0-9._~-]+)*")


class ClientSettings(StoreLocationSettings, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The options of a location for clients of Socket.IO, of any version."""

    resource: Annotated[str, msgspec.Meta(description="what its paths begin with, without slashes around it")] = "socket.io"
    channels: Annotated[
        tuple[str, ...], msgspec.Meta(description="what the ids of channels that clients may have begin with; empty for every channel")
    ] = ()
    publish: Annotated[bool, msgspec.Meta(description="whether clients may publish")] = False
    origins: Annotated[
        str | tuple[str, ...],
        msgspec.Meta(description="origins whose pages may use this location: '*' for any, one such as https://example.com, or a list"),
    ] = "*"
    xhr_polling_timeout: Annotated[Interval, msgspec.Meta(description="seconds that a poll waits for messages")] = 20
    session_expiry: Annotated[Interval, msgspec.Meta(description="seconds that a session is kept while nothing carries it")] = 30
    max_sessions: Annotated[Count, msgspec.Meta(description="sessions that may be open, 0 for any number")] = 100_000
    max_subscriptions: Annotated[
        Annotated[int, msgspec.Meta(ge=1)],
        msgspec.Meta(description="channels that one session may be subscribed to"),
    ] = 1000
    outbox_bytes: Annotated[
        Annotated[int, msgspec.Meta(ge=1024)],
        msgspec.Meta(description="bytes that may wait for a client since an earlier turn of the loop; over that it is cut off"),
    ] = 1024 * 1024
    max_waiting: Annotated[
        Annotated[int, msgspec.Meta(ge=1)],
        msgspec.Meta(description="packets of one client that may wait for an answer of the store when it sends more"),
    ] = 10_000
    max_body: Annotated[
        Annotated[int, msgspec.Meta(ge=1024)],
        msgspec.Meta(description="largest body that a client may post, and largest WebSocket message"),
    ] = 1024 * 1024

    @property
    def rules(self) -> Rules:
        """What clients may do with channels."""
        return Rules(self.store, self.channels, self.publish, self.max_subscriptions)

    def kept(self) -> dict[str, Any]:
        """Those of these options that are the server's, by their names in its settings."""
        return {
            "polling_timeout": self.xhr_polling_timeout,
            "session_expiry": self.session_expiry,
            "max_sessions": self.max_sessions,
            "max_waiting": self.max_waiting,
            "max_body": self.max_body,
            "room": self.room,
        }

    @property
    def room(self) -> Room:
        """What may wait for a client."""
        return Room(self.outbox_bytes)


class ClientLocation(Location):
    """Where clients of Socket.IO find the channels of a store. A subclass makes the ``server``, and has routes to it."""

    server: SessionServer[Any]
    place = "resource"

    @classmethod
    def check(cls, settings: Any) -> None:
        if not _RESOURCE.fullmatch(settings.resource):
            raise ConfigError(
                f"is {settings.resource!r}; must be path segments such as socket.io, without a slash at either end", "resource"
            )
        if len(set(settings.transports)) < len(settings.transports):
            raise ConfigError("names a transport twice", "transports")
        if "" in settings.channels:
            raise ConfigError(
                "is '', with which every channel begins; leave channels out for that", f"channels[{settings.channels.index('')}]"
            )
        Origins(settings.origins)

    @classmethod
    def sticky(cls, settings: Any) -> str:
        return (
            "the first request of a client makes a session that lives in one process, where all that follow have to come back to; "
            "run one process, or several behind a balancer that sends each client to the same one"
        )

    def figures(self) -> Sequence[Figure]:
        return self.server.figures()

    def entrances(self) -> Sequence[Entrance]:
        return (Entrance(self.type_name, f"/{self.settings.resource}/", self.settings.store),)

    def release(self) -> None:
        self.server.close(End.SHUTDOWN)

    def stop(self) -> None:
        self.server.close(End.SHUTDOWN)
