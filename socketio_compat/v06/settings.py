"""What a server of Socket.IO 0.6 may be told, whoever runs it: hbpushd's location or the Python API. Times in seconds."""

from __future__ import annotations

from typing import NamedTuple

from hbpush.session.outbox import Room

WEBSOCKET, FLASHSOCKET, MULTIPART, XHR, JSONP, HTMLFILE = TRANSPORTS = (
    "websocket", "flashsocket", "xhr-multipart", "xhr-polling", "jsonp-polling", "htmlfile",
)  # fmt: skip
"""The transports, by their names in URLs."""


HEARTBEAT_BELOW, POLL_BELOW = 15, 25
"""Seconds after which clients give up: a stream that brings nothing, and a poll that is not answered (specification 5)."""


class Settings(NamedTuple):
    """The watchdogs of clients want a heartbeat in less than 15 seconds and the answer to a poll in less than 25 (specification 5)."""

    transports: tuple[str, ...] = TRANSPORTS
    """The others are answered 403."""
    heartbeat_interval: float = 12
    """On streams, from the last time that something was sent; 0 for none."""
    polling_timeout: float = 20
    session_expiry: float = 30
    """How long a session is kept while nothing carries it."""
    max_sessions: int = 0
    """0 for any number."""
    max_waiting: int = 10_000
    """Messages of one client that may wait for a busy handler when it sends more, or as many bytes as ``room`` has."""
    max_body: int = 1024 * 1024
    """Bytes of a request body, and of a WebSocket message."""
    room: Room = Room()
