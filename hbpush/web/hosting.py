"""What every host does for its exchanges: it runs their endpoints behind a wall, and counts who holds how many."""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod
from asyncio import CancelledError
from collections import Counter
from collections.abc import Awaitable
from functools import partial

from hbpush.core.clock import Clock, end_program
from hbpush.core.counters import Counters
from hbpush.errors import ProtocolError
from hbpush.web.answers import fail
from hbpush.web.exchange import Endpoint, Exchange
from hbpush.web.limits import Limits
from hbpush.web.websocket_transport import Transport


class Hosting(ABC):
    """A host, as far as hosts are alike."""

    def __init__(self) -> None:
        self._held: Counter[str] = Counter()
        self._sockets: dict[Transport, str] = {}
        self._pending: set[asyncio.Future[object]] = set()

    @property
    @abstractmethod
    def limits(self) -> Limits:
        """The bounds as they are now."""

    @property
    @abstractmethod
    def clock(self) -> Clock:
        """The time of the loop."""

    @property
    @abstractmethod
    def counters(self) -> Counters:
        """Where refusals are counted."""

    def run(self, endpoint: Endpoint, exchange: Exchange) -> None:
        """Have an exchange answered; an error is an answer too."""
        try:
            outcome = endpoint(exchange)
        except BaseException as error:  # noqa: BLE001 - the wall behind which nothing may break the loop: a fault becomes a 500
            if isinstance(error, ProtocolError):
                self.counters.add("protocol_error")
            fail(exchange, error)
            end_program(self.clock, error)
        else:
            if outcome is not None:
                self._see_to(exchange, outcome)

    def _see_to(self, exchange: Exchange, outcome: Awaitable[object]) -> None:
        future: asyncio.Future[object] = asyncio.ensure_future(outcome)
        self._pending.add(future)
        future.add_done_callback(partial(self._seen_to, exchange))

    def _seen_to(self, exchange: Exchange, future: asyncio.Future[object]) -> None:
        if future not in self._pending:
            # Given up, and nobody is there.
            return
        self._pending.discard(future)
        error = CancelledError() if future.cancelled() else future.exception()
        if error is not None:
            fail(exchange, error)

    def cancel_pending(self) -> None:
        """Give up the endpoints that have not answered yet."""
        pending, self._pending = self._pending, set()
        for future in pending:
            future.cancel()

    def hold_for(self, address: str) -> bool:
        """Count a held request, a stream or a WebSocket for an address; False when it has too many."""
        limit = self.limits.max_held_per_address
        if limit and self._held[address] >= limit:
            self.counters.refuse("too_many_held", f"more than {limit} held requests of one address")
            return False
        self._held[address] += 1
        return True

    def held(self) -> int:
        """How many requests, streams and WebSockets are counted as held."""
        return self._held.total()

    def hold_on(self, transport: Transport, address: str) -> None:
        """What is counted for an address goes on as a WebSocket, until `release`."""
        self._sockets[transport] = address

    def release(self, transport: Transport) -> None:
        """A WebSocket is over."""
        address = self._sockets.pop(transport, None)
        if address is not None:
            self.release_address(address)

    def release_address(self, address: str) -> None:
        """One held request less."""
        self._held[address] -= 1
        if self._held[address] <= 0:
            del self._held[address]
