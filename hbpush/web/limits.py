"""The bounds of an HTTP server (DESIGN 8), declared once: configuration, validation and reference page read them here."""

from __future__ import annotations

from typing import Annotated

import msgspec

Count = Annotated[int, msgspec.Meta(ge=0)]
Bytes = Annotated[int, msgspec.Meta(ge=1024)]
Timeout = Annotated[float, msgspec.Meta(gt=0)]
PeerTimeout = Annotated[float, msgspec.Meta(ge=0, le=3600)]


class Limits(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What one server takes from its clients. Sizes in bytes, times in seconds."""

    max_body: Annotated[Count, msgspec.Meta(description="largest request body, in bytes")] = 10 * 1024 * 1024
    max_header: Annotated[Bytes, msgspec.Meta(description="largest request line and headers together, in bytes")] = 16 * 1024
    header_timeout: Annotated[Timeout, msgspec.Meta(description="seconds for a request's head to arrive")] = 10
    body_timeout: Annotated[Timeout, msgspec.Meta(description="seconds for a request's body to arrive")] = 30
    idle_timeout: Annotated[Timeout, msgspec.Meta(description="seconds that a connection may wait between requests")] = 75
    peer_timeout: Annotated[
        PeerTimeout,
        msgspec.Meta(
            description="seconds after which a connection ends whose client acknowledges nothing, or takes nothing; 0 for the system's own"
        ),
    ] = 60
    max_connections: Annotated[Count, msgspec.Meta(description="open connections, 0 for the limit of file descriptors less 100")] = 0
    max_held_per_address: Annotated[
        Count, msgspec.Meta(description="held requests, streams and WebSockets of one address, 0 for no limit")
    ] = 0
