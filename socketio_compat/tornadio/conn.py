"""What an application derives from: one client of Socket.IO 0.6 (TornadIO API, A2)."""

from __future__ import annotations

from typing import Any

from tornado.ioloop import IOLoop

from socketio_compat.tornadio.pollingsession import PollingSession


class SocketConnection:
    """One client: derive from it, and override `on_message` at least.

    Handlers may be plain functions or ``async def``: then what follows from the same client waits until they are done. What a handler
    raises closes the connection. Nothing may block.

    ``protocol`` is the client's session, whatever its transport; ``heartbeat_interval`` is given in seconds, and kept in milliseconds.
    """

    is_closed = False
    """Set when `on_close` has run."""

    def __init__(self, protocol: PollingSession, io_loop: IOLoop, heartbeat_interval: float) -> None:
        self.protocol = protocol
        self.io_loop = io_loop
        self.heartbeat_interval = heartbeat_interval * 1000

    # To be overridden

    def on_open(self, *args: Any, **kwargs: Any) -> Any:
        """The client is there; what is sent here reaches it with the first answer. What this returns means nothing.

        The one positional argument is the request, a ``tornado.httputil.HTTPServerRequest``. ``kwargs`` tell what its path was:
        ``resource``, ``extra`` (what matched ``extra_re``, else None), ``protocol`` (the transport), ``session_id`` (that of the new
        session), ``protocol_init`` and ``xhr_path`` (what stood behind it), ``jsonp_index``.
        """
        return None

    def on_message(self, message: Any) -> Any:
        """A text as str, or the value of a JSON message."""
        raise NotImplementedError

    def on_close(self) -> Any:
        """It is over, whoever ended it: called once. What is sent now goes nowhere."""
        return None

    # To be called

    def send(self, message: Any) -> None:
        """Send a text (bytes are taken as UTF-8), nothing for None, each item of a list by itself, and all else as JSON.

        Raises TypeError and ValueError for what is no JSON. A no-op when closed.
        """
        self.protocol.send(message)

    def close(self) -> None:
        """Close the connection. Harmless when it is closed."""
        self.protocol.close()

    # The framework's

    def raw_message(self, message: str | bytes) -> None:
        """Take frames as they come from the client: its messages go to `on_message`."""
        self.protocol.raw_message(message)

    def reset_heartbeat(self, interval: float | None = None) -> None:
        """Let heartbeats come every ``interval`` milliseconds from now on, by default as before."""
        if interval is not None:
            self.heartbeat_interval = interval
        self.protocol.below.start_heartbeats(self.heartbeat_interval / 1000)

    def stop_heartbeat(self) -> None:
        """No more heartbeats."""
        self.protocol.below.stop_heartbeats()

    def delay_heartbeat(self) -> None:
        """Let the next heartbeat come a whole period from now, if there is to be one."""
        self.protocol.below.postpone_heartbeat()

    def send_heartbeat(self) -> None:
        """Send one now."""
        self.protocol.below.beat()
