"""What a SethPusher application may be told beyond its classes, declared once: keywords of applications and hbpushd's location read it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

import msgspec

from hbpush.daemon.options import settings

CHANNELS_PER_SOCKET = 1000

RequireConnect = Annotated[
    bool | None,
    msgspec.Meta(description="whether a socket has to connect before it subscribes; if not said, where it is checked who connects"),
]
SendErrors = Annotated[bool, msgspec.Meta(description="whether a socket is told why a message of its cannot be taken")]
SendAcks = Annotated[bool, msgspec.Meta(description="whether a socket is told that a message of its was taken")]
ReportDelivered = Annotated[
    bool, msgspec.Meta(description="whether the REST API tells how many got a message: all of this process, and what is known of others")
]
MaxChannels = Annotated[int, msgspec.Meta(ge=1, description="channels that one socket may be in")]


class Rules(msgspec.Struct, frozen=True, kw_only=True):
    """The original is silent to sockets: so are the defaults."""

    require_connect: RequireConnect = None
    send_errors: SendErrors = False
    send_acks: SendAcks = False
    report_delivered: ReportDelivered = False
    max_channels: MaxChannels = CHANNELS_PER_SOCKET
    persist_strict: Annotated[
        bool, msgspec.Meta(description="whether a message that cannot be persisted is refused with 502, and not delivered")
    ] = False


UNCHECKED = "sockets are checked when they connect, but need not connect to subscribe: leave out require_connect, or set it to true"
"""What an operator should read who has said that it need not be."""


def rules(given: Mapping[str, Any]) -> Rules:
    """Those among keywords; others are passed over. Raises ConfigError."""
    return settings(Rules, {name: given[name] for name in Rules.__struct_fields__ if name in given}, "", "a SethPusher application")
