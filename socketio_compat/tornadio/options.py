"""The settings of a router, by TornadIO's names (TornadIO API, A3), and what they are to the machine below. Times in seconds."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from hbpush.session.numbers import check_numbers
from hbpush.session.outbox import Room
from socketio_compat.enabled import enabled
from socketio_compat.v06.settings import HEARTBEAT_BELOW, POLL_BELOW, TRANSPORTS, Settings

DEFAULT_SETTINGS: dict[str, Any] = {
    # Transports that clients may use; the others are answered 403. Names that are none are skipped.
    "enabled_protocols": list(TRANSPORTS),
    # How often to look for sessions that have expired. Accepted: it is done when the time comes.
    "session_check_interval": 15,
    # How long a session is kept while nothing carries it: the longest time between two polls.
    "session_expiry": 30,
    # Between two heartbeats on a WebSocket or stream; clients give up after 15 seconds without anything. 0 for none.
    "heartbeat_interval": 12,
    # How long a poll waits for messages; clients give up after 25 seconds.
    "xhr_polling_timeout": 20,
    # Origins whose pages may use the server: "*" for any, one, or a list.
    "origins": "*",
    # Messages, and bytes, that may wait for a client since an earlier turn of the loop: with so much, one more closes it. What is sent in
    # one turn counts as one, whatever it is.
    "max_queue": 10_000,
    "max_queue_bytes": 1024 * 1024,
    # What may wait for a handler that takes its time with what the same client sent before, and as many bytes as max_queue_bytes. What
    # comes in one post or WebSocket message counts as one; a client that sends more is closed when its handlers have had what they have.
    "max_waiting": 10_000,
    # Bytes of what a client posts, and of a WebSocket message.
    "max_body_size": 1024 * 1024,
    # Sessions that may be open, 0 for any number.
    "max_sessions": 100_000,
}

_POSITIVE = ("session_expiry", "xhr_polling_timeout", "max_queue", "max_queue_bytes", "max_waiting", "max_body_size")
_NATURAL = ("session_check_interval", "heartbeat_interval", "max_sessions")
_WHOLE = ("max_queue", "max_queue_bytes", "max_waiting", "max_body_size", "max_sessions")
_BELOW = {"heartbeat_interval": HEARTBEAT_BELOW, "xhr_polling_timeout": POLL_BELOW}


def effective(settings: Mapping[str, Any] | None) -> dict[str, Any]:
    """Those of a user, laid over the defaults. Others than ours are kept. Raises ConfigError."""
    merged = {**DEFAULT_SETTINGS, **(settings or {})}
    check_numbers(merged, _POSITIVE, _NATURAL, _WHOLE, "settings.", _BELOW)
    return merged


def machine(settings: Mapping[str, Any]) -> Settings:
    """The settings of `socketio_compat.v06.server.Server`. Raises ConfigError for transports that cannot be."""
    return Settings(
        transports=enabled(settings, TRANSPORTS, "settings."),
        heartbeat_interval=settings["heartbeat_interval"],
        polling_timeout=settings["xhr_polling_timeout"],
        session_expiry=settings["session_expiry"],
        max_sessions=settings["max_sessions"],
        max_body=settings["max_body_size"],
        max_waiting=settings["max_waiting"],
        room=Room(settings["max_queue_bytes"], settings["max_queue"]),
    )
