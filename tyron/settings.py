"""The options of a Tyron location, declared once: configuration, command line, validation and reference page read them here."""

from __future__ import annotations

from typing import Annotated

import msgspec

from hbpush.daemon.location import StoreLocationSettings
from hbpush.stores.base import Count, Seconds
from hbpush.stores.redis_settings import RedisServerSettings
from hbpush.web.cors import AllowCredentials, AllowOrigin

DEFAULT_CHANNEL = "tyron_pubsub"


class TyronSettings(StoreLocationSettings, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The options of a Tyron location."""

    prefix: Annotated[str, msgspec.Meta(description="what its paths begin with; then come the channel and a slash, or health/")] = "/tyron/"
    pubsub_channel: Annotated[str, msgspec.Meta(min_length=1, description="Redis pub/sub channel that envelopes are published to")] = (
        DEFAULT_CHANNEL
    )
    redis: Annotated[RedisServerSettings, msgspec.Meta(description="the Redis server of that channel")] = RedisServerSettings()
    timeout: Annotated[Seconds, msgspec.Meta(description="seconds that a request may wait, 0 for ever")] = 600
    timeout_status: Annotated[int, msgspec.Meta(ge=200, le=599, description="status of the answer when that time is over")] = 200
    timeout_message: Annotated[str, msgspec.Meta(description="body of the answer when that time is over")] = ""
    buffer_seconds: Annotated[
        Seconds, msgspec.Meta(description="seconds that messages are kept for clients who ask again with since, 0 for not at all")
    ] = 0
    close_connections: Annotated[bool, msgspec.Meta(description="whether a connection is closed after each answer")] = False
    store_prefix: Annotated[
        str, msgspec.Meta(description="what keys of Redis begin with that store/<key>/ may read; empty for no key at all")
    ] = ""
    max_subscribers: Annotated[Count, msgspec.Meta(description="requests of one channel that may wait in a process, 0 for any")] = 0
    max_payload: Annotated[Count, msgspec.Meta(description="largest envelope that is taken, in bytes, 0 for any")] = 10 * 1024 * 1024
    allow_origin: AllowOrigin = ""
    allow_credentials: AllowCredentials = False
