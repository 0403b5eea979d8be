"""Sessions whose applications may take their time: what a client sends is taken up one after the other, in its order."""

from __future__ import annotations

import asyncio
import logging
from abc import abstractmethod
from asyncio import CancelledError
from collections import deque
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any, Generic, TypeVar

from hbpush.core.clock import end_program
from hbpush.session.registry import Registry
from hbpush.session.session import Session
from hbpush.session.transport import End

P = TypeVar("P")

logger = logging.getLogger("hbpush")


class TurnSession(Session, Generic[P]):
    """A `Session` that gives what its client has sent to an application: at once, or when the application is done with what came before.

    What the application raises is logged, and closes the session; a CancelledError as well, which comes of a Future that was cancelled.
    What is meant to end the program does, when the session is closed. `Registry.running` are the calls that are under way.
    """

    __slots__ = ("_deaf", "_waiting", "_waiting_size")

    def __init__(self, registry: Registry[Any], id: str | None = None) -> None:
        super().__init__(registry, id)
        self._waiting: deque[tuple[P, int]] | None = None
        """What waits for the application, with its size; None while it is not busy."""
        self._waiting_size = 0
        self._deaf = False
        """Whether its client has sent too much: it is closed when the application is done with what was accepted."""

    @abstractmethod
    def take(self, packet: P) -> None:
        """A packet's turn: the protocol gives it to the application, and what has not come to its end within this call to `wait`."""

    def hears(self) -> bool:
        """Whether a post or a WebSocket message of its client's is taken: to be asked before its packets are given to `turn`.

        It is, whole, when what waits for the application by then leaves room. If not, it is not taken and nothing is any more; the
        application gets all that was taken before, and then the session is closed as SLOW.
        """
        # Whoever sends is there.
        self.unheard = 0
        registry = self.registry
        waiting = self._waiting
        if self._deaf:
            return False
        if waiting is None or (len(waiting) < registry.terms.max_waiting and self._waiting_size < registry.room.bytes):
            return True
        self._deaf = True
        registry.counters.refuse("busy_session", "a client sends more than its handlers take")
        return False

    def turn(self, packet: P, size: int) -> None:
        """A packet has come; ``size`` is what it counts while it waits."""
        waiting = self._waiting
        if waiting is None:
            self.take(packet)
        else:
            self._waiting_size += size
            waiting.append((packet, size))

    def wait(self, outcome: Awaitable[Any], then: Callable[..., object] | None = None, with_value: bool = False) -> None:
        """Let the packets that follow wait until ``outcome`` is there; then call ``then``, with its value if that is asked for."""
        if self._waiting is None:
            self._waiting = deque()
        future = asyncio.ensure_future(outcome)
        self.registry.running.add(future)
        future.add_done_callback(partial(self._done, then, with_value))

    def ask(self, call: Callable[[P], Awaitable[Any] | None], packet: P) -> None:
        """Give a packet to a method of the application: what it returns to be waited for is, and what it raises closes the session."""
        try:
            outcome = call(packet)
        except BaseException as error:  # noqa: BLE001 - the wall between sessions: it is logged, and ends the one that has it
            self.failed(error)
        else:
            if outcome is not None:
                self.wait(outcome)

    def see_out(self, outcome: Awaitable[Any]) -> None:
        """Let the application come to its end with a session that is over; what it raises then is logged."""
        future = asyncio.ensure_future(outcome)
        self.registry.running.add(future)
        future.add_done_callback(self._seen_out)

    def tell_closed(self, call: Callable[[End], Awaitable[Any] | None], why: End) -> None:
        """Tell the application that it is over: what it raises is logged only, for the session may be closed by a sweep of all of them."""
        try:
            outcome = call(why)
        except BaseException as error:
            logger.exception("a handler failed when it was closed")
            end_program(self.registry.clock, error)
        else:
            if outcome is not None:
                self.see_out(outcome)

    def failed(self, error: BaseException) -> None:
        """The application has raised."""
        if not isinstance(error, KeyboardInterrupt | SystemExit):
            logger.error("a handler failed; its session is closed", exc_info=error)
        self.close(End.FAULT)
        end_program(self.registry.clock, error)

    def ended(self) -> None:
        """To be called when the session is closed: nothing has its turn any more."""
        self._waiting = None

    def _seen_out(self, future: asyncio.Future[Any]) -> None:
        self.registry.running.discard(future)
        if not future.cancelled() and (error := future.exception()) is not None:
            logger.error("a handler failed when it was closed", exc_info=error)

    def _done(self, then: Callable[..., object] | None, with_value: bool, future: asyncio.Future[Any]) -> None:
        self.registry.running.discard(future)
        error = CancelledError() if future.cancelled() else future.exception()
        if error is not None:
            # One that ends the program has been raised by the task already. A session that is over has nothing to tell of its end.
            if not isinstance(error, KeyboardInterrupt | SystemExit) and not (self.state and future.cancelled()):
                logger.error("a handler failed; its session is closed", exc_info=error)
            self.close(End.FAULT)
        elif not self.state and then is not None:
            try:
                then(*((future.result(),) if with_value else ()))
            except BaseException as raised:  # noqa: BLE001 - as in `ask`
                self.failed(raised)
        waiting, self._waiting = self._waiting, None
        while waiting and self._waiting is None and not self.state:
            packet, size = waiting.popleft()
            self._waiting_size -= size
            self.take(packet)
        if waiting and not self.state:
            # The application takes its time with one of them, too.
            self._waiting = waiting
        elif self._deaf and self._waiting is None:
            self.close(End.SLOW)
