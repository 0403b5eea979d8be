"""The settings of a router, by TornadIO2's names (TornadIO API, B2), and what they are to the machine below. Times in seconds."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from hbpush.errors import ConfigError
from hbpush.session.numbers import check_numbers
from hbpush.session.outbox import Room
from hbpush.web.answers import REASONS
from socketio_compat.enabled import enabled
from socketio_compat.v09.settings import OFFERED, TRANSPORTS, Settings

DEFAULT_SETTINGS: dict[str, Any] = {
    # How often to look for sessions that have expired. Accepted: it is done when the time comes.
    "session_check_interval": 15,
    # How long a session is kept while nothing carries it.
    "session_expiry": 30,
    # Between two heartbeats; two that are not answered end a session.
    "heartbeat_interval": 12,
    # Transports, in the order in which they are offered. Names that are none are skipped. The original offered flashsocket, too, after
    # websocket, which served it: its address is still there, but no server of today speaks what a Flash player does.
    "enabled_protocols": list(OFFERED),
    # How long a poll waits for packets.
    "xhr_polling_timeout": 20,
    # Whether a WebSocket counts only when its client has answered a heartbeat: some proxies let the handshake through and nothing else.
    "websocket_check": False,
    # Heartbeats on all transports from the handshake on, without which clients since 0.9.1 give up; else on streams only.
    "global_heartbeats": True,
    # What a network may take: added to both time-outs that clients are told, and the limit of websocket_check.
    "client_timeout": 5,
    # Whether a session stays with the address of its handshake.
    "verify_remote_ip": True,
    # Whether a session is closed when its client sends what is no packet.
    "strict": False,
    # Origins whose pages may use the server: "*" for any, one, or a list.
    "origins": "*",
    # What a refused handshake is answered; clients of 0.9 that come back take 403 as final.
    "handshake_error_status": 401,
    # Whether a refused endpoint is answered by an error alone, instead of being connected and disconnected.
    "reject_endpoint_with_error": False,
    # Whether a session ends when its WebSocket is closed in due form, instead of when it expires.
    "close_on_clean_disconnect": False,
    # Packets, and bytes, that may wait for a client since an earlier turn of the loop: with so much, one more closes it. What is sent in
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

_POSITIVE = (
    "session_expiry", "xhr_polling_timeout", "client_timeout", "handshake_error_status",
    "max_queue", "max_queue_bytes", "max_waiting", "max_body_size",
)  # fmt: skip
_NATURAL = ("session_check_interval", "heartbeat_interval", "max_sessions")
_WHOLE = ("handshake_error_status", "max_queue", "max_queue_bytes", "max_waiting", "max_body_size", "max_sessions")


def effective(user_settings: Mapping[str, Any] | None) -> dict[str, Any]:
    """Those of a user, laid over the defaults. Others than ours are kept. Raises ConfigError."""
    settings = {**DEFAULT_SETTINGS, **(user_settings or {})}
    check_numbers(settings, _POSITIVE, _NATURAL, _WHOLE, "user_settings.")
    status = settings["handshake_error_status"]
    if status not in REASONS or status < 400:
        raise ConfigError(f"is {status}; must be an HTTP status of errors, such as 403", "user_settings.handshake_error_status")
    return settings


def machine(settings: Mapping[str, Any], namespace: str) -> Settings:
    """The settings of `socketio_compat.v09.server.Server`."""
    return Settings(
        resource=namespace.strip("/"),
        transports=enabled(settings, TRANSPORTS, "user_settings."),
        heartbeat_interval=settings["heartbeat_interval"],
        global_heartbeats=bool(settings["global_heartbeats"]),
        client_timeout=settings["client_timeout"],
        polling_timeout=settings["xhr_polling_timeout"],
        session_expiry=settings["session_expiry"],
        websocket_check=bool(settings["websocket_check"]),
        strict=bool(settings["strict"]),
        verify_ip=bool(settings["verify_remote_ip"]),
        refusal_status=settings["handshake_error_status"],
        refusal_by_error=bool(settings["reject_endpoint_with_error"]),
        close_on_goodbye=bool(settings["close_on_clean_disconnect"]),
        max_sessions=settings["max_sessions"],
        max_body=settings["max_body_size"],
        max_waiting=settings["max_waiting"],
        room=Room(settings["max_queue_bytes"], settings["max_queue"]),
    )
