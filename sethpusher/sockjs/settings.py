"""What a SockJS server may be told, whoever runs it. Times in seconds."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from hbpush.session.outbox import Room
from hbpush.web.exchange import Exchange

XHR, XHR_STREAMING, EVENTSOURCE, HTMLFILE, JSONP, WEBSOCKET = TRANSPORTS = (
    "xhr", "xhr_streaming", "eventsource", "htmlfile", "jsonp", "websocket",
)  # fmt: skip
"""The transports by their names in URLs."""
RAW_WEBSOCKET = "rawwebsocket"
IFRAMES = frozenset((HTMLFILE, JSONP))
"""Transports whose requests carry no Origin that could be trusted."""

ANY = "*"


class Settings(NamedTuple):
    """``disconnect_delay`` is how long a session is kept without a receiver; ``heartbeat_delay`` 0 is for none."""

    prefix: str = ""
    """What its paths begin with: empty, or from a slash on, without one at the end."""
    transports: tuple[str, ...] = TRANSPORTS
    raw: bool = True
    """Whether there is a raw WebSocket as well."""
    disconnect_delay: float = 5
    heartbeat_delay: float = 25
    ping_timeout: float = 20
    """A WebSocket is pinged with every heartbeat; a client that gives no sign of life for so long is gone."""
    response_limit: int = 128 * 1024
    """Bytes after which a stream ends, so that its client comes back and the browser forgets what it has read."""
    jsessionid: bool | Callable[[Exchange], str] = False
    """Set a cookie by which balancers know their clients; or what gives its value."""
    sockjs_url: str = ""
    """Where pages in frames find the client's library; without it there are no frames."""
    base_url: str | Callable[[Exchange], str] = ""
    """Where clients find the transports, if not here."""
    allowed_origins: str | tuple[str, ...] = ANY
    """Origins whose pages may use the server. With a list there are no frames and no scripts, for they do not tell theirs."""
    websocket_origins: str | tuple[str, ...] = ANY
    """Those whose pages may open WebSockets, of the ones before."""
    verify_ip: bool = False
    """Let a session be carried to the address only that it came from."""
    max_sessions: int = 0
    max_waiting: int = 10_000
    """Messages of one client that may wait for a busy handler when it sends more, or as many bytes as ``room`` has."""
    max_body: int = 1024 * 1024
    """Bytes of a request body, and of a WebSocket message."""
    room: Room = Room()

    @property
    def served(self) -> tuple[str, ...]:
        """The transports that there are."""
        return tuple(name for name in self.transports if self.allowed_origins == ANY or name not in IFRAMES)

    @property
    def framed(self) -> bool:
        """Whether there is a page for frames."""
        return bool(self.sockjs_url) and self.allowed_origins == ANY
