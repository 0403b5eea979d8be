"""The way past a transport, on each loop: nothing is lost, doubled or out of order when a peer stops reading and goes on."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Awaitable, Callable
from typing import cast

import pytest
import uvloop

from hbpush.web.outflow import Outflow

OUTBOX = 100_000


class Flow(Outflow, asyncio.Protocol):
    """One that counts how often it was behind, and what its transport was given."""

    def __init__(self) -> None:
        self.behind = 0
        self.lost = asyncio.Event()
        self.resumed = asyncio.Event()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("asyncio.Transport", transport)
        self._flow(self.transport, OUTBOX)

    def connection_lost(self, exc: Exception | None) -> None:
        self._stop()
        self.lost.set()

    def resume_writing(self) -> None:
        super().resume_writing()
        self.resumed.set()

    def _behind(self) -> None:
        self.behind += 1


Test = Callable[[Flow, socket.socket], Awaitable[None]]


@pytest.fixture(params=[asyncio.new_event_loop, uvloop.new_event_loop], ids=["asyncio", "uvloop"])
def run(request: pytest.FixtureRequest) -> Callable[[Test], None]:
    def run(test: Test) -> None:
        async def joined() -> None:
            ours, peer = socket.socketpair()
            ours.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 8192)
            peer.setblocking(False)
            with ours, peer:
                _, flow = await asyncio.get_running_loop().create_connection(Flow, sock=ours)
                async with asyncio.timeout(10):
                    await test(flow, peer)
                flow.transport.abort()
                await flow.lost.wait()

        with asyncio.Runner(loop_factory=request.param) as runner:
            runner.run(joined())

    return run


async def read(peer: socket.socket, size: int) -> bytes:
    read = b""
    while len(read) < size:
        read += await asyncio.get_running_loop().sock_recv(peer, 65536)
    return read


def test_what_the_system_takes_does_not_wait(run: Callable[[Test], None]) -> None:
    async def test(flow: Flow, peer: socket.socket) -> None:
        flow.write(b"one,")
        flow.write(b"")
        flow.write(b"two")
        # It is there before the loop has had a turn.
        assert peer.recv(100) == b"one,two"
        assert not flow.paused
        assert flow.waiting == 0

    run(test)


def test_order_is_kept_over_every_way(run: Callable[[Test], None]) -> None:
    async def test(flow: Flow, peer: socket.socket) -> None:
        sent = heard = b""
        for turn in range(40):
            number = 0
            # Each turn fills the system, then something of the outbox; what one write could not finish the next must not overtake.
            while not flow.paused or number % 5:
                piece = b"%d.%d;" % (turn, number) * (1 + 97 * (number % 7))
                flow.write(piece)
                sent += piece
                number += 1
                if flow.transport.get_write_buffer_size() and number % 3:
                    # There is room for what comes next, and the loop has had no turn to use it for what waits.
                    heard += peer.recv(3000)
            assert 0 < flow.waiting <= OUTBOX
            flow.resumed.clear()
            heard += await read(peer, len(sent) - len(heard))
            await flow.resumed.wait()
            assert not flow.paused
        assert heard == sent
        assert flow.behind == 0

    run(test)


def test_no_more_waits_than_the_outbox(run: Callable[[Test], None]) -> None:
    async def test(flow: Flow, peer: socket.socket) -> None:
        # One piece alone may be larger.
        flow.write(bytes(3 * OUTBOX))
        first = flow.waiting
        assert first > OUTBOX
        assert not flow.has_room()
        flow.write(b"too much")
        assert (flow.behind, flow.waiting) == (1, first)
        await read(peer, 3 * OUTBOX)
        await flow.resumed.wait()
        assert flow.has_room()
        flow.write(b"goes on")
        assert await read(peer, 7) == b"goes on"

    run(test)


def test_nothing_is_written_after_the_end(run: Callable[[Test], None]) -> None:
    async def test(flow: Flow, peer: socket.socket) -> None:
        flow._stop()
        flow.write(b"nobody hears it")
        flow.pause_writing()
        flow.resume_writing()
        flow.write(b"nor this")
        with pytest.raises(BlockingIOError):
            peer.recv(100)

    run(test)


def test_a_broken_connection_is_told_by_the_transport(run: Callable[[Test], None]) -> None:
    async def test(flow: Flow, peer: socket.socket) -> None:
        peer.close()
        flow.write(b"x")
        flow.write(b"y")
        await flow.lost.wait()
        flow.write(b"z")

    run(test)
