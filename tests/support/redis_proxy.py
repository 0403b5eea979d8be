"""A proxy between a client and a Redis server that a test makes fail: cut, silent in one direction, or slow for subscribers.

It runs on a loop in a thread of its own; its methods may be called from any thread, and what they ask is done when they return. It reads
the commands that pass, and forwards them one by one; plain TCP only.
"""

from __future__ import annotations

import asyncio
import math
import socket
import threading
from collections.abc import Callable
from concurrent.futures import Future
from contextlib import suppress
from types import TracebackType
from typing import TypeVar

from tests.support.ports import HOST, free_port
from tests.support.redis_link import EVALS, Direction, Faults, Link
from tests.support.redis_process import RedisProcess
from tests.support.redis_wire import PATIENCE

T = TypeVar("T")


class CuttingProxy:
    """Passes everything on to ``server`` until it is told otherwise. As a context manager it listens from entry to exit."""

    def __init__(self, server: RedisProcess) -> None:
        self.port = free_port()
        self._faults = Faults(server.address)
        self._ready: Future[None] = Future()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._serve()), name="cutting proxy", daemon=True)

    @property
    def address(self) -> tuple[str, int]:
        return HOST, self.port

    def __enter__(self) -> CuttingProxy:
        self._thread.start()
        self._ready.result(PATIENCE)
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None) -> None:
        self._loop.call_soon_threadsafe(self._ended.set)
        self._thread.join(PATIENCE)
        assert not self._thread.is_alive(), "the proxy does not end"

    # What has passed

    @property
    def connections(self) -> int:
        """How many clients are connected."""
        return len(self._faults.links)

    def evals(self, marker: bytes = b"") -> int:
        """How many EVALSHA and EVAL that have ``marker`` in an argument were forwarded to the server, those that were cut too."""
        return self.seen(*EVALS, marker=marker)

    def seen(self, *names: bytes, marker: bytes = b"") -> int:
        """The same for commands with these names, in capitals."""
        commands = self._faults.commands.copy()
        return sum(command[0].upper() in names and any(marker in part for part in command) for command in commands)

    # What fails

    def cut_next_eval(self, times: int = 1) -> None:
        """Cut the connection of whoever sends the next EVALSHA or EVAL: when the server has done it, and instead of its reply.

        What the client has sent before it is answered, what it has sent after it does not reach the server. ``times``: so for as many
        such commands, each on whatever connection. 0 takes back what is still to come.
        """
        self._set("cuts", times)

    @property
    def cuts_left(self) -> int:
        """How many of the cuts that `cut_next_eval` asked for are still to come."""
        return self._faults.cuts

    def cut_all(self) -> int:
        """Cut all connections; return how many there were. New ones are welcome."""
        return self._inside(self._cut_all)

    def block(self, *directions: Direction) -> None:
        """Pass nothing more in these directions, for new connections too. Nothing fails, it just does not come, not even an end."""
        self._set("blocked", self._faults.blocked | set(directions))

    def unblock(self) -> None:
        """Pass data again, with what has waited."""
        self._set("blocked", frozenset())

    def delay_subscribers(self, seconds: float = math.inf) -> None:
        """From now on hold what the server sends on connections that have sent SUBSCRIBE, the confirmation and the end too: each
        piece for so long, by default until `release_subscribers`."""
        self._set("delay", seconds)

    def release_subscribers(self) -> None:
        """Pass on what `delay_subscribers` holds, in order, and hold nothing more."""
        self._set("delay", 0.0)
        self._inside(self._release)

    # The thread

    async def _serve(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._ended = asyncio.Event()
        try:
            listening = socket.create_server(self.address)
        except OSError as error:
            self._ready.set_exception(error)
            return
        with listening:
            listening.setblocking(False)
            self._loop.add_reader(listening, self._accept, listening)
            self._ready.set_result(None)
            await self._ended.wait()
            self._loop.remove_reader(listening)
        async with asyncio.timeout(PATIENCE):
            # A connection that is being made is a task: without the wait it would stay open.
            while others := asyncio.all_tasks() - {asyncio.current_task()}:
                await asyncio.wait(others)
            links = list(self._faults.links)
            self._cut_all()
            await asyncio.gather(*(link.gone.wait() for link in links))

    def _accept(self, listening: socket.socket) -> None:
        # A server of asyncio would drop, and leave open, what it accepts in the turn in which it is closed.
        with suppress(BlockingIOError):
            client, _ = listening.accept()
            client.setblocking(False)
            self._loop.create_task(self._loop.connect_accepted_socket(lambda: Link(self._faults), client))

    def _inside(self, function: Callable[[], T]) -> T:
        async def call() -> T:
            return function()

        return asyncio.run_coroutine_threadsafe(call(), self._loop).result(PATIENCE)

    def _set(self, fault: str, value: object) -> None:
        def change() -> None:
            setattr(self._faults, fault, value)
            for link in self._faults.links:
                link.obey()

        self._inside(change)

    def _release(self) -> None:
        for link in list(self._faults.links):
            link.release(math.inf)

    def _cut_all(self) -> int:
        links = list(self._faults.links)
        for link in links:
            link.cut()
        return len(links)
