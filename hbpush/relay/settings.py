"""The options of the relay's locations, declared once: configuration, validation and reference page read them here."""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec

from hbpush.daemon.keys import Key, KeyFile
from hbpush.daemon.location import StoreLocationSettings
from hbpush.stores.base import Count, Seconds
from hbpush.web.cors import AllowCredentials, AllowOrigin


class RelaySettings(StoreLocationSettings, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What publisher and subscriber locations have in common."""

    prefix: Annotated[str, msgspec.Meta(description="what its paths begin with; the rest of a path is the channel id")] = ""
    url: Annotated[
        str, msgspec.Meta(description="regular expression for its whole paths, with one group: the channel id; goes before prefix")
    ] = ""
    allow_origin: AllowOrigin = ""
    allow_credentials: AllowCredentials = False


class PublisherSettings(RelaySettings, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The options of a publisher location."""

    create_on_post: Annotated[bool, msgspec.Meta(description="whether a POST makes an absent channel; else it is answered 404")] = True
    store_messages: Annotated[bool, msgspec.Meta(description="whether messages are kept; else only those who listen get them")] = True
    message_timeout: Annotated[
        Seconds | None, msgspec.Meta(description="seconds that messages from here are kept, 0 for ever; empty takes the store's")
    ] = None
    key: Key = ""
    key_file: KeyFile = ""


class SubscriberSettings(RelaySettings, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The options of a subscriber location."""

    polling: Annotated[
        Literal["long", "interval", "eventsource", "websocket", "auto"],
        msgspec.Meta(
            description="long: wait for the next message; interval: answer at once; eventsource, websocket: a stream of messages; "
            "auto: websocket for who asks for an upgrade, eventsource for who accepts text/event-stream, long for all others"
        ),
    ] = "long"
    concurrency: Annotated[
        Literal["broadcast", "first", "last"],
        msgspec.Meta(description="who may wait on a channel: everybody, the first to come, or the last, who displaces those before"),
    ] = "broadcast"
    create_on_get: Annotated[bool, msgspec.Meta(description="whether a GET makes an absent channel; else it is answered 404")] = False
    first_message: Annotated[
        Literal["oldest", "newest"] | Annotated[int, msgspec.Meta(ge=1)],
        msgspec.Meta(description="what a subscriber without an id starts with: the oldest message kept, the next new one, or the last N"),
    ] = "oldest"
    subscriber_timeout: Annotated[Seconds, msgspec.Meta(description="seconds that a request may wait, 0 for ever")] = 0
    timeout_status: Annotated[Literal[304, 408, 200], msgspec.Meta(description="status of the answer when that time is over")] = 304
    max_subscribers: Annotated[
        Count, msgspec.Meta(description="subscribers that a channel may have when one more wants to wait, 0 for any")
    ] = 0
    quote_etag: Annotated[bool, msgspec.Meta(description="whether the Etag is sent in quotes")] = False
    multiple: Annotated[
        bool,
        msgspec.Meta(
            description="whether a stream may be of several channels: their ids with commas between them, or channel= in the query"
        ),
    ] = False
    max_channels: Annotated[Annotated[int, msgspec.Meta(ge=1)], msgspec.Meta(description="channels that one stream may be of")] = 100
    heartbeat_interval: Annotated[
        Seconds, msgspec.Meta(description="seconds between two comments on an event stream, or two pings of a WebSocket, 0 for none")
    ] = 25
    ping_timeout: Annotated[
        Annotated[float, msgspec.Meta(gt=0)],
        msgspec.Meta(
            description="seconds that the client of a WebSocket has to answer a ping; that the client of an event stream may read nothing, "
            "once half an outbox waits for it"
        ),
    ] = 20
    retry: Annotated[
        Seconds, msgspec.Meta(description="seconds after which the client of an event stream is to come back, 0 to leave that to it")
    ] = 3
    outbox_bytes: Annotated[
        Annotated[int, msgspec.Meta(ge=1024)],
        msgspec.Meta(description="bytes that may wait for the client of a stream; over that it is cut off, and may come back for them"),
    ] = 1024 * 1024
    publish: Annotated[bool, msgspec.Meta(description="whether the clients of WebSockets may publish")] = False
    max_message: Annotated[
        Annotated[int, msgspec.Meta(ge=1024)],
        msgspec.Meta(description="bytes of the largest message that the client of a WebSocket may send"),
    ] = 1024 * 1024
