"""The settings of a router, by sockjs-tornado's names, and what they are to the server below. Times in seconds."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any

from hbpush.errors import ConfigError
from hbpush.session.numbers import check_numbers
from hbpush.session.outbox import Room
from sethpusher.sockjs.settings import RAW_WEBSOCKET, TRANSPORTS, WEBSOCKET, Settings

logger = logging.getLogger("hbpush.sockjs")

DEFAULT_SETTINGS: dict[str, Any] = {
    # How often to look for sessions that have expired. Accepted: it is done when the time comes.
    "session_check_interval": 1,
    # How long a session is kept without a receiver.
    "disconnect_delay": 5,
    # Between two heartbeats, of the server alone; clients of jsonp give up after 35. 0 for none. Each may come up to a second late.
    "heartbeat_delay": 25,
    # Transports that there are not. Without "websocket" there is no raw one either.
    "disabled_transports": [],
    # Where pages in frames find the client's library, in the version of the pages around them; without it there are no frames.
    "sockjs_url": "",
    # Bytes after which a stream ends, for its client to begin anew.
    "response_limit": 128 * 1024,
    # Whether to set a cookie by which balancers know their clients; or a function of the request that gives its value.
    "jsessionid": True,
    # Accepted: what is sent in one turn of the loop goes out together in the next; what goes to many, at once.
    "immediate_flush": True,
    # Accepted: nothing waits in the system for more to come.
    "disable_nagle": True,
    # Whether a session is carried to the address only that it came from, which mobile clients change.
    "verify_ip": False,
    # Origins whose pages may open WebSockets: "*" for any, one, or a list.
    "websocket_allow_origin": "*",
    # Origins whose pages may use any transport; anything but "*" leaves out frames, jsonp and htmlfile, which tell no origin.
    "allowed_origins": "*",
    # Where clients find the transports, if elsewhere; or a function of the request.
    "base_url": "",
    # How long a client on a WebSocket may give no sign of life after a heartbeat.
    "ping_timeout": 20,
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
    "max_sessions": 0,
}

_POSITIVE = ("disconnect_delay", "ping_timeout", "response_limit", "max_queue", "max_queue_bytes", "max_waiting", "max_body_size")
_NATURAL = ("session_check_interval", "heartbeat_delay", "max_sessions")
_WHOLE = ("response_limit", "max_queue", "max_queue_bytes", "max_waiting", "max_body_size", "max_sessions")


def effective(user_settings: Mapping[str, Any] | None) -> dict[str, Any]:
    """The settings of a router: the user's over the defaults. Raises ConfigError, its path the name, for one that cannot be."""
    settings = {**DEFAULT_SETTINGS, **(user_settings or {})}
    check_numbers(settings, _POSITIVE, _NATURAL, _WHOLE)
    url = settings["sockjs_url"]
    if not isinstance(url, str) or (url and not url.startswith(("/", "http://", "https://"))):
        raise ConfigError(f"is {url!r}; must be empty, or a URL that begins with / or http", "sockjs_url")
    for name in ("disabled_transports", "allowed_origins", "websocket_allow_origin"):
        value = settings[name]
        listed = [value] if isinstance(value, str) and name != "disabled_transports" else value
        if not isinstance(listed, list | tuple | set | frozenset) or not all(isinstance(entry, str) for entry in listed):
            raise ConfigError(f"is {value!r}; must be a list of strings", name)
    for name in settings["disabled_transports"]:
        if name not in TRANSPORTS and name != RAW_WEBSOCKET:
            logger.info("disabled_transports: %r is no transport; they are %s", name, ", ".join(TRANSPORTS))
    return settings


def machine(settings: Mapping[str, Any], prefix: str) -> Settings:
    """What the server is told. Raises ConfigError for a prefix that is no path."""
    prefix = prefix.rstrip("/")
    if prefix and not prefix.startswith("/"):
        raise ConfigError(f"is {prefix!r}; must be empty, or begin with a slash", "prefix")
    disabled = settings["disabled_transports"]
    found = Settings(
        prefix=prefix,
        transports=tuple(name for name in TRANSPORTS if name not in disabled),
        raw=WEBSOCKET not in disabled and RAW_WEBSOCKET not in disabled,
        disconnect_delay=settings["disconnect_delay"],
        heartbeat_delay=settings["heartbeat_delay"],
        ping_timeout=settings["ping_timeout"],
        response_limit=settings["response_limit"],
        jsessionid=settings["jsessionid"],
        sockjs_url=settings["sockjs_url"],
        base_url=settings["base_url"],
        allowed_origins=_origins(settings["allowed_origins"]),
        websocket_origins=_origins(settings["websocket_allow_origin"]),
        verify_ip=settings["verify_ip"],
        max_sessions=settings["max_sessions"],
        max_body=settings["max_body_size"],
        max_waiting=settings["max_waiting"],
        room=Room(settings["max_queue_bytes"], settings["max_queue"]),
    )
    if not found.served:
        raise ConfigError("leaves no transport by which a client could come", "disabled_transports")
    return found


def _origins(allowed: Any) -> str | tuple[str, ...]:
    if isinstance(allowed, str):
        return allowed
    return "*" if "*" in allowed else tuple(sorted(allowed))
