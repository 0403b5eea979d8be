"""A store in a process of its own, with the loop and the collector as hbpushd has them, and no server in front: what a store itself costs.

    python -m tests.bench.store_alone OPTIONS WORK NUMBER...

``OPTIONS`` are the store's, in JSON, with its ``type``. It prints a line of figures for each step, and begins the next when it reads one.
This is the one program of the bench that imports the project.
"""

from __future__ import annotations

import asyncio
import gc
import json
import os
import sys
import time
from asyncio import Future
from collections.abc import AsyncIterator, Callable, Iterable
from typing import Any

import msgspec
import uvloop

from hbpush.core.clock import LoopClock
from hbpush.core.counters import Counters
from hbpush.core.message import NEWEST, ChannelRef, Draft, Message
from hbpush.core.result import Result
from hbpush.daemon.plugins import store_type
from hbpush.daemon.run import GC_THRESHOLD
from hbpush.errors import HbpushError, StoreFull
from hbpush.stores.base import Receipt, Store, StoreContext

IN_FLIGHT = 64
"""Requests under way together, where their number is no part of the figure."""

STDIN = 0

Rows = AsyncIterator[dict[str, float]]


class Nobody:
    """`hbpush.stores.base.StoreEvents` of a process without subscribers."""

    def deliver(self, message: Message) -> None:
        """Nobody takes it."""

    def deleted(self, ref: ChannelRef) -> None:
        """Nobody is to be told."""

    def gap(self, ref: ChannelRef) -> None:
        """Nobody has missed it."""

    def displaced(self, ref: ChannelRef, number: int) -> None:
        """Nobody waits."""


class Publishing:
    """Publishes to one channel for a while, ``in_flight`` messages at a time, and counts those that were answered."""

    def __init__(self, store: Store, body: bytes, in_flight: int) -> None:
        self.answered = 0
        self._store = store
        self._ref = channel(0)
        self._body = body
        self._in_flight = in_flight
        self._under_way = 0
        self._going = True
        self._loop = asyncio.get_running_loop()
        self._over = self._loop.create_future()

    def publish(self) -> Result[Receipt]:
        """One message."""
        return self._store.publish(self._ref, Draft(self._body))

    def start(self) -> None:
        """Publish until `stop`."""
        if self._store.shared:
            for _ in range(self._in_flight):
                self._send()
        else:
            self._turn()

    async def lasting(self, seconds: float) -> None:
        """Wait while it publishes. Raises what a publish failed with."""
        await asyncio.wait([self._over], timeout=seconds)
        if self._over.done():
            self._over.result()

    async def stop(self) -> None:
        """Wait for what is under way."""
        self._going = False
        await self._over

    def _turn(self) -> None:
        """Of a store that answers at once: as many as are in flight elsewhere are one turn of the loop."""
        for _ in range(self._in_flight):
            self.publish()
        self.answered += self._in_flight
        if self._going:
            self._loop.call_soon(self._turn)
        else:
            self._over.set_result(None)

    def _send(self) -> None:
        try:
            result = self.publish()
        except HbpushError as error:
            self._failed(error)
            return
        assert isinstance(result, Future)
        self._under_way += 1
        result.add_done_callback(self._sent)

    def _sent(self, result: Future[Receipt]) -> None:
        self._under_way -= 1
        error = result.exception()
        if error is not None:
            self._failed(error)
            return
        self.answered += 1
        if self._going:
            self._send()
        elif not self._under_way and not self._over.done():
            self._over.set_result(None)

    def _failed(self, error: BaseException) -> None:
        self._going = False
        if not self._over.done():
            self._over.set_exception(error)


def channel(number: int) -> ChannelRef:
    """One of many channels."""
    return ChannelRef("default", "", f"{number:07}")


async def publish(store: Store, in_flight: int, body: int, warm_ms: int, measured_ms: int) -> Rows:
    """After one message, in each step: the rate of publishing to one channel."""
    first = Publishing(store, b"." * body, in_flight).publish()
    if isinstance(first, Future):
        await first
    yield {"ready": 1}
    while True:
        publishing = Publishing(store, b"." * body, in_flight)
        publishing.start()
        await publishing.lasting(warm_ms / 1000)
        begin, before = time.perf_counter(), publishing.answered
        await publishing.lasting(measured_ms / 1000)
        rate = (publishing.answered - before) / (time.perf_counter() - begin)
        await publishing.stop()
        yield {"rate": rate}


async def fill(store: Store, channels: int, messages: int, body: int) -> Rows:
    """Publish to one channel after the other."""
    draft = Draft(b"." * body)
    yield await _all(lambda number: store.publish(channel(number % channels), draft), range(messages))


async def create(store: Store, channels: int) -> Rows:
    """Make channels as PUT does."""
    yield await _all(lambda number: store.create(channel(number), True), range(channels))


async def watch(store: Store, few: int, many: int) -> Rows:
    """Listen to few channels, then to many: one held poll in each, as the hub tells it."""

    def begin(number: int) -> Result[None]:
        ref = channel(number)
        watched = store.watch(ref)
        store.report(ref, 1, 0, time.time())
        return watched

    for numbers in (range(few), range(few, many)):
        row = await _all(begin, numbers)
        # Its answer comes after those to all that was told before.
        await _all(lambda _: store.read_after(channel(0), NEWEST, 1), [0])
        gc.collect()
        yield row


async def _all(call: Callable[[int], Result[Any]], numbers: Iterable[int]) -> dict[str, float]:
    """Make a call for each number. Returns how many were done, and how many refused for want of room."""
    left = iter(numbers)
    done = refused = 0

    async def work() -> None:
        nonlocal done, refused
        for number in left:
            try:
                result = call(number)
                if isinstance(result, Future):
                    await result
                done += 1
            except StoreFull:
                refused += 1

    await asyncio.gather(*(work() for _ in range(IN_FLIGHT)))
    return {"done": done, "refused": refused}


async def _asked() -> bool:
    """Wait for a line, while the store lives on. False at the end of the input."""
    loop = asyncio.get_running_loop()
    readable: Future[None] = loop.create_future()
    loop.add_reader(STDIN, readable.set_result, None)
    try:
        await readable
    finally:
        loop.remove_reader(STDIN)
    return os.read(STDIN, 100) != b""


WORKS: dict[str, Callable[..., Rows]] = {"publish": publish, "fill": fill, "create": create, "watch": watch}


async def main(options: dict[str, Any], work: str, numbers: list[int]) -> None:
    """Run a work in a started store. Raises HbpushError."""
    clock = LoopClock(asyncio.get_running_loop())
    made = store_type(options.pop("type"), "type")
    store = made(msgspec.convert(options, made.Settings), StoreContext("default", clock, Counters(clock)))
    await _all(lambda _: store.start(Nobody()), [0])
    try:
        if store.trouble:
            raise HbpushError(store.trouble)
        gc.collect()
        gc.freeze()
        gc.set_threshold(GC_THRESHOLD)
        async for row in WORKS[work](store, *numbers):
            print(*(f"{name}={value}" for name, value in row.items()), flush=True)
            if not await _asked():
                return
    finally:
        await _all(lambda _: store.stop(), [0])


if __name__ == "__main__":
    try:
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            runner.run(main(json.loads(sys.argv[1]), sys.argv[2], [int(word) for word in sys.argv[3:]]))
    except HbpushError as error:
        sys.exit(str(error) or type(error).__name__)
