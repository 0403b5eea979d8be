"""The server: listening sockets, the connections they brought, and the sweep that looks after their time-outs."""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import Sequence

from hbpush.core.clock import Clock, Timer, TimerWheel
from hbpush.core.counters import Counters
from hbpush.core.figures import Figure
from hbpush.web.hosting import Hosting
from hbpush.web.limits import Limits
from hbpush.web.native.connection import Connection
from hbpush.web.native.heads import Heads
from hbpush.web.native.reader import Reader
from hbpush.web.native.vanished import give_up_after
from hbpush.web.proxies import TrustedProxies
from hbpush.web.routes import Routes
from hbpush.web.websocket_transport import Transport

BACKLOG = 4096
SWEEP = 1.0
"""Seconds between two looks at every connection: time-outs are up to this late."""

SWEPT_AT_ONCE = 2000

READERS = 16
"""Readers that are kept beside the spare one: about as many requests arrive in parts at the same time on a quiet server."""


class NativeServer(Hosting):
    """HTTP/1.0 and 1.1, plain and TLS, on any number of listening sockets.

    ``routes`` and ``limits`` may be replaced while it runs; connections go on under the new ones. ``max_connections`` 0 is no bound
    here: the daemon puts in what the descriptor limit allows.
    """

    def __init__(
        self,
        routes: Routes,
        limits: Limits,
        clock: Clock,
        wheel: TimerWheel,
        counters: Counters,
        proxies: TrustedProxies,
    ) -> None:
        super().__init__()
        self.heads = Heads()
        self._routes = routes
        self._limits = limits
        self._clock = clock
        self.wheel = wheel
        self._counters = counters
        self.proxies = proxies
        self.closing = False
        self.now = clock.monotonic()
        """A coarse clock, as old as the last sweep."""
        self.connections: set[Connection] = set()
        self._adopted: set[Transport] = set()
        self.spare = Reader(self)
        self._readers: list[Reader] = []
        self._listeners: list[asyncio.Server] = []
        self._sweep_timer: Timer | None = None
        self._sweeping: list[Connection] = []
        self._empty: asyncio.Future[None] | None = None

    @property
    def clock(self) -> Clock:
        return self._clock

    @property
    def routes(self) -> Routes:
        """The route table."""
        return self._routes

    @routes.setter
    def routes(self, routes: Routes) -> None:
        self._routes = routes
        self.heads.clear()

    @property
    def limits(self) -> Limits:
        """The bounds."""
        return self._limits

    @limits.setter
    def limits(self, limits: Limits) -> None:
        self._limits = limits
        self.heads.clear()
        self._give_up()

    @property
    def counters(self) -> Counters:
        return self._counters

    def figures(self) -> Sequence[Figure]:
        """How many clients there are, for the status page."""
        return (
            Figure("connections", len(self.connections) + len(self._adopted), "Open connections."),
            Figure("upgraded_connections", len(self._adopted), "Those of them that speak HTTP no longer: WebSockets for the most part."),
            Figure("held_requests", self.held(), "Held requests, streams and WebSockets, where max_held_per_address has them counted."),
        )

    async def listen(
        self, address: str, port: int, ssl_context: ssl.SSLContext | None = None, reuse_port: bool = False
    ) -> list[tuple[str, int]]:
        """Listen on an address ('' for every interface) and a port (0 for a free one). Returns what was bound. Raises OSError.

        With ``reuse_port`` other processes of the same user that do so too may share the port: each gets a part of the connections.
        """
        loop = asyncio.get_running_loop()
        listener = await loop.create_server(
            self.connection,
            address or None,
            port,
            ssl=ssl_context,
            backlog=BACKLOG,
            reuse_address=True,
            reuse_port=reuse_port,
            ssl_handshake_timeout=self._handshake_timeout(ssl_context),
        )
        return self._listens(listener)

    async def listen_on(self, listening: socket.socket, ssl_context: ssl.SSLContext | None = None) -> list[tuple[str, int]]:
        """As `listen`, on a socket that is bound already. It is the server's from now on."""
        loop = asyncio.get_running_loop()
        timeout = self._handshake_timeout(ssl_context)
        listener = await loop.create_server(
            self.connection, sock=listening, ssl=ssl_context, backlog=BACKLOG, ssl_handshake_timeout=timeout
        )
        return self._listens(listener)

    def _handshake_timeout(self, ssl_context: ssl.SSLContext | None) -> float | None:
        return None if ssl_context is None else self.limits.header_timeout

    def _listens(self, listener: asyncio.Server) -> list[tuple[str, int]]:
        self._listeners.append(listener)
        self._give_up()
        if self._sweep_timer is None:
            self._sweep_timer = self.clock.call_later(SWEEP, self._sweep)
        return [listening.getsockname()[:2] for listening in listener.sockets]

    def _give_up(self) -> None:
        for listener in self._listeners:
            for listening in listener.sockets:
                give_up_after(listening, self._limits.peer_timeout)

    def connection(self) -> Connection:
        """The protocol for an accepted socket."""
        return Connection(self)

    def stop_accepting(self) -> None:
        """Close the listening sockets and idle connections; answers from here on are the last of their connections."""
        self.closing = True
        for listener in self._listeners:
            listener.close()
        for connection in list(self.connections):
            connection.end_when_idle()

    async def close(self, grace: float) -> None:
        """Wait up to ``grace`` seconds for connections that are still being answered or are WebSockets, then cut them."""
        self.stop_accepting()
        if self.connections or self._adopted:
            self._empty = asyncio.get_running_loop().create_future()
            await asyncio.wait([self._empty], timeout=grace)
        for transport in [connection.transport for connection in self.connections] + list(self._adopted):
            transport.abort()
        self.cancel_pending()
        if self._sweep_timer is not None:
            self._sweep_timer.cancel()
            self._sweep_timer = None
        # The transports that were cut report their end in the next turn of the loop.
        await asyncio.sleep(0)

    # What connections need

    def admit(self, connection: Connection) -> bool:
        """Count a new connection in, unless there are too many."""
        if self.limits.max_connections and len(self.connections) + len(self._adopted) >= self.limits.max_connections:
            self.counters.refuse("too_many_connections", f"more than {self.limits.max_connections} connections")
            return False
        self.connections.add(connection)
        return True

    def forget(self, connection: Connection) -> None:
        """A connection is over, or no longer HTTP."""
        self.connections.discard(connection)
        self._tell_if_empty()

    def adopt(self, transport: Transport) -> None:
        """Count a connection that is no longer HTTP; it has been told to end before `close` waits for it."""
        self._adopted.add(transport)

    def release(self, transport: Transport) -> None:
        """An adopted connection is over."""
        super().release(transport)
        self._adopted.discard(transport)
        self._tell_if_empty()

    def _tell_if_empty(self) -> None:
        if self._empty is not None and not self.connections and not self._adopted and not self._empty.done():
            self._empty.set_result(None)

    def lend(self, reader: Reader) -> None:
        """A connection keeps the spare reader until its request is whole: the others get another."""
        if self.spare is reader:
            self.spare = self._readers.pop() if self._readers else Reader(self)

    def take_back(self, reader: Reader) -> None:
        """A connection has no more use for a reader that stands between two requests."""
        if reader is not self.spare:
            if len(self._readers) < READERS:
                self._readers.append(reader)
            else:
                reader.close()

    def discard(self, reader: Reader) -> None:
        """A reader stands where no further request can be read."""
        self.lend(reader)
        reader.close()

    # Time-outs

    def _sweep(self) -> None:
        self.now = self.clock.monotonic()
        if not self._sweeping:
            self._sweeping = list(self.connections)
            self._sweep_some()
        self._sweep_timer = self.clock.call_later(SWEEP, self._sweep)

    def _sweep_some(self) -> None:
        swept, self._sweeping = self._sweeping[:SWEPT_AT_ONCE], self._sweeping[SWEPT_AT_ONCE:]
        for connection in swept:
            connection.check(self.now)
        if self._sweeping:
            self.clock.call_soon(self._sweep_some)
