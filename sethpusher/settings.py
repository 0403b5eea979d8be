"""The options of a SethPusher location of hbpushd, declared once: configuration, validation and reference page read them here."""

from __future__ import annotations

from typing import Annotated, Any, Literal

import msgspec

from hbpush.daemon.keys import Key, KeyFile
from hbpush.daemon.location import StoreLocationSettings
from hbpush.stores.base import Count
from sethpusher.rules import CHANNELS_PER_SOCKET, MaxChannels, ReportDelivered, RequireConnect, SendAcks, SendErrors

TransportName = Literal["websocket", "rawwebsocket", "xhr", "xhr_streaming", "eventsource", "htmlfile", "jsonp"]
Interval = Annotated[float, msgspec.Meta(gt=0)]
Size = Annotated[int, msgspec.Meta(ge=1024)]


class SethPusherSettings(StoreLocationSettings, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The options of a SethPusher location."""

    prefix: Annotated[str, msgspec.Meta(description="what its paths begin with; then come connect, api/channels/ and api/users/")] = "/"
    publish: Annotated[bool, msgspec.Meta(description="whether there is the REST API, by which messages are published")] = True
    key: Key = ""
    key_file: KeyFile = ""
    connection_key: Annotated[
        str,
        msgspec.Meta(
            description="what sockets have to carry as ?token= of their URL when they connect; empty for nothing", extra={"secret": True}
        ),
    ] = ""
    origins: Annotated[
        str | tuple[str, ...],
        msgspec.Meta(description="origins whose pages may open sockets: '*' for any, one such as https://example.com, or a list"),
    ] = "*"
    debug: Annotated[bool, msgspec.Meta(description="whether there are pages at debug/ that tell who is in which channel")] = False
    require_connect: RequireConnect = None
    send_errors: SendErrors = False
    send_acks: SendAcks = False
    report_delivered: ReportDelivered = False
    max_channels: MaxChannels = CHANNELS_PER_SOCKET
    disabled_transports: Annotated[tuple[TransportName, ...], msgspec.Meta(description="transports of SockJS that there are not")] = ()
    sockjs_url: Annotated[
        str, msgspec.Meta(description="URL of the client's library, for pages in frames; empty for no such transports")
    ] = ""
    disconnect_delay: Annotated[Interval, msgspec.Meta(description="seconds that a session is kept without a receiver")] = 5
    heartbeat_delay: Annotated[float, msgspec.Meta(ge=0, description="seconds between two heartbeats, each up to one late; 0 for none")] = (
        25
    )
    response_limit: Annotated[Size, msgspec.Meta(description="bytes after which a stream ends, for its client to begin anew")] = 128 * 1024
    jsessionid: Annotated[bool, msgspec.Meta(description="whether to set the cookie JSESSIONID, for balancers that go by it")] = False
    verify_remote_ip: Annotated[
        bool, msgspec.Meta(description="whether a session stays with the address that it came from, which mobile clients change")
    ] = False
    max_sessions: Annotated[Count, msgspec.Meta(description="sockets that may be open, 0 for any number")] = 100_000
    outbox_bytes: Annotated[Size, msgspec.Meta(description="bytes that may wait for a client; over that it is cut off")] = 1024 * 1024
    max_waiting: Annotated[
        Annotated[int, msgspec.Meta(ge=1)],
        msgspec.Meta(description="messages of one client that may wait for those before them when it sends more"),
    ] = 10_000
    max_body: Annotated[Size, msgspec.Meta(description="largest body that a socket may post, and largest WebSocket message")] = 1024 * 1024


def sockjs_settings(settings: SethPusherSettings) -> dict[str, Any]:
    """Those that are the SockJS router's, by its names."""
    return {
        "disabled_transports": settings.disabled_transports,
        "sockjs_url": settings.sockjs_url,
        "disconnect_delay": settings.disconnect_delay,
        "heartbeat_delay": settings.heartbeat_delay,
        "response_limit": settings.response_limit,
        "jsessionid": settings.jsessionid,
        "verify_ip": settings.verify_remote_ip,
        "allowed_origins": settings.origins,
        "max_sessions": settings.max_sessions,
        "max_queue_bytes": settings.outbox_bytes,
        "max_waiting": settings.max_waiting,
        "max_body_size": settings.max_body,
    }
