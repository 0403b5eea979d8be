"""What a server of Socket.IO 0.7-0.9 may be told, whoever runs it: hbpushd's location or the Python API. Times in seconds."""

from __future__ import annotations

from typing import NamedTuple

from hbpush.session.outbox import Room

WEBSOCKET, FLASHSOCKET, XHR, JSONP, HTMLFILE = TRANSPORTS = ("websocket", "flashsocket", "xhr-polling", "jsonp-polling", "htmlfile")
"""The transports, by their names in URLs and in the answer to a handshake."""
OFFERED = (WEBSOCKET, XHR, JSONP, HTMLFILE)
"""Those that are offered by default. A Flash player speaks a draft that nobody serves: a client that tries it loses ten seconds."""


class Settings(NamedTuple):
    """The timings satisfy the watchdogs of all clients as long as ``client_timeout`` is more than a network takes (specification 8)."""

    resource: str = "socket.io"
    transports: tuple[str, ...] = OFFERED
    """In the order in which they are advertised."""
    heartbeat_interval: float = 12
    """0 for no heartbeats, which are then not advertised either."""
    global_heartbeats: bool = True
    """On all transports, from the handshake on; else on streams only, and each packet postpones the next one."""
    client_timeout: float = 5
    """Added to both time-outs that are advertised; the limit of ``websocket_check``."""
    polling_timeout: float = 20
    session_expiry: float = 30
    websocket_check: bool = False
    """A WebSocket counts only when something has come over it: a proxy may let the handshake through and nothing else."""
    strict: bool = False
    """Close a session whose client breaks the protocol."""
    verify_ip: bool = False
    """Take a session's transports from the address of its handshake only."""
    refusal_status: int = 401
    refusal_by_error: bool = False
    """Refuse an endpoint by an error packet alone, instead of connecting and disconnecting it."""
    close_on_goodbye: bool = True
    """End a session when its WebSocket is closed in due form, instead of keeping it until it expires."""
    max_sessions: int = 0
    max_endpoints: int = 1000
    """Of one session."""
    max_waiting: int = 10_000
    """Packets of one client that may wait for a busy handler when it sends more, or as many bytes as ``room`` has."""
    max_body: int = 1024 * 1024
    """Bytes of a request body, and of a WebSocket message."""
    room: Room = Room()

    @property
    def served(self) -> tuple[str, ...]:
        """The transports that have URLs: those that are advertised, and flashsocket as another name of websocket (specification 12)."""
        return tuple(name for offered in self.transports for name in names_of(offered, self.transports))

    @property
    def heartbeat_timeout(self) -> int | None:
        """What is advertised; None for no heartbeats."""
        return _whole(self.heartbeat_interval + self.client_timeout) if self.heartbeat_interval else None

    @property
    def close_timeout(self) -> int:
        """What is advertised: clients 0.7 and 0.9 leave when nothing at all has come for so long, on a poll or on a stream.

        There is always one: an empty field is 0 seconds to every client, which then leaves as soon as it has connected.
        """
        return _whole(max(self.polling_timeout, self.heartbeat_interval) + self.client_timeout)


def names_of(transport: str, transports: tuple[str, ...]) -> tuple[str, ...]:
    """The names in URLs of one of the transports that are advertised."""
    return (WEBSOCKET, FLASHSOCKET) if transport == WEBSOCKET and FLASHSOCKET not in transports else (transport,)


def _whole(seconds: float) -> int:
    """Whole seconds, never fewer: a client with no time to spare would give up a moment too early."""
    return int(seconds) + (seconds > int(seconds))
