"""What the rooms below the protocols count, so that a bound that nobody has met yet is in the page, too. Pure.

What a protocol counts of its own (DESIGN section 8) is there from the first time on.
"""

from __future__ import annotations

KINDS = {
    "bad_key": "requests without the key of a location",
    "bad_origin": "pages of origins that are not allowed",
    "bad_request": "what is not HTTP as it should be",
    "body_timeout": "bodies that took longer than body_timeout",
    "body_too_large": "bodies over max_body",
    "busy_session": "sessions whose clients send more than their handlers take",
    "foreign_announcement": "what others publish to a store's names at Redis",
    "head_timeout": "heads that took longer than header_timeout",
    "header_too_large": "heads over max_header",
    "idle_timeout": "connections that were closed after idle_timeout",
    "max_sessions": "sessions over max_sessions",
    "max_subscribers": "subscribers over max_subscribers",
    "message_too_large": "messages larger than a channel of the store may be",
    "ping_timeout": "WebSockets that did not answer a ping in time",
    "protocol_error": "requests that an endpoint could not read: ids, names and arguments out of bounds",
    "request_line_too_large": "request lines over max_header",
    "silent_session": "sessions whose clients do not answer heartbeats",
    "slow": "readers that fell behind by a whole outbox, or stopped reading",
    "slow_session": "sessions whose outbox was full",
    "store_full": "what a store had no room for",
    "store_refused": "what Redis refused",
    "too_many_connections": "connections over max_connections",
    "too_many_held": "held requests, streams and WebSockets over max_held_per_address",
    "websocket_failed": "WebSockets that broke the protocol, or a bound of it",
}
"""Kind -> what it counts."""


def counted(counts: dict[str, int]) -> dict[str, int]:
    """All kinds in the order of their names, with 0 for what was never counted."""
    return {kind: counts.get(kind, 0) for kind in sorted(KINDS.keys() | counts.keys())}
