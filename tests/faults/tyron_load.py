"""Load for Tyron, light enough for one core: requests are made beforehand, and PUBLISHes are pipelined. It keeps a ledger."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from typing import cast

from tests.faults.tyron_house import HOST, until
from tests.faults.tyron_ledger import Poll, Polls, Sent, TyronLedger
from tests.support.redis_wire import NOT_YET, pack, reader

TICK = 0.01
"""Seconds between two pipelines of PUBLISHes."""

ANSWERED = 5.0
"""Seconds that the answers to the last PUBLISHes may take."""

AGAIN = 0.02
"""Seconds between two tries to reach Redis."""


class Waiter(asyncio.Protocol):
    """A client: one connection, on which it asks, and asks again as soon as it has an answer; with the id it had, if ``since``."""

    def __init__(self, polls: Polls, since: bool, complain: Callable[[str], object]) -> None:
        self.polls = polls
        self._since = since
        self._complain = complain
        self._path = b"GET /c%d/" % polls.channel
        self._request = self._path + b" HTTP/1.1\r\nHost: test\r\n\r\n"
        self._data = b""
        self._leaving = False
        self._loop = asyncio.get_running_loop()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        self._ask()

    def data_received(self, data: bytes) -> None:
        if self._data:
            data = self._data + data
        end = data.find(b"\r\n\r\n")
        if end < 0:
            self._data = data
            return
        head = data[:end]
        length = int(_value(head, b"\r\nContent-Length: "))
        if len(data) < end + 4 + length:
            self._data = data
            return
        self._data = b""
        if len(data) > end + 4 + length:
            self._complain("more than an answer came")
        self._answered(head, data[end + 4 :])

    def connection_lost(self, error: Exception | None) -> None:
        if not self._leaving:
            self._complain("a connection was cut")

    def leave(self) -> None:
        """Ask no more."""
        self._leaving = True
        self._transport.abort()

    def _ask(self) -> None:
        self.polls.waiting = self._loop.time()
        self._transport.write(self._request)

    def _answered(self, head: bytes, body: bytes) -> None:
        written, self.polls.waiting = self.polls.waiting, None
        assert written is not None
        if b"\r\nX-Tyron-Missed" in head:
            self._complain("a client was told that it has missed something")
        if not head.startswith(b"HTTP/1.1 200 "):
            self._complain(f"a client was answered {head.partition(b' ')[2][:40]!r}")
        else:
            channel, _, number = body.partition(b":")
            if int(channel) != self.polls.channel:
                self._complain(f"a client of channel {self.polls.channel} was given {body!r}")
            self.polls.answered.append(Poll(written, self._loop.time(), int(number)))
            if self._since:
                self._request = self._path + b"?since=%b HTTP/1.1\r\nHost: test\r\n\r\n" % _value(head, b"\r\nX-Tyron-Id: ")
        self._ask()


def _value(head: bytes, name: bytes) -> bytes:
    begin = head.find(name)
    if begin < 0:
        return b"0"
    begin += len(name)
    end = head.find(b"\r", begin)
    return head[begin:] if end < 0 else head[begin:end]


class Publisher:
    """PUBLISHes ``rate`` envelopes a second to ``topic``, for ``channels`` in turn, while there is a Redis.

    ``row``: so many for a channel, one directly after the other, so that who has had the first is not back in time for the next.
    """

    def __init__(self, port: int, topic: str, ledger: TyronLedger, channels: Sequence[int], rate: float, row: int = 1) -> None:
        self._port = port
        self._topic = topic
        self._sent = {channel: ledger.sent.setdefault(channel, []) for channel in channels}
        self._order = list(channels)
        self._rate = rate
        self._row = row
        self._turn = 0
        self._task: asyncio.Task[None] | None = None
        self._pipe: _Pipe | None = None

    def start(self) -> None:
        """Begin, or begin again."""
        self._task = asyncio.get_running_loop().create_task(self._run())

    async def stop(self) -> None:
        """Publish no more; what is on its way gets its answer."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
        pipe, self._pipe = self._pipe, None
        if pipe is not None:
            await until(lambda: not pipe.waiting, ANSWERED)
            pipe.close()

    async def _run(self) -> None:
        loop = asyncio.get_running_loop()
        due = loop.time()
        while True:
            if self._pipe is None or self._pipe.lost:
                try:
                    _, self._pipe = await loop.create_connection(_Pipe, HOST, self._port)
                except OSError:
                    await asyncio.sleep(AGAIN)
                due = loop.time()
                continue
            now = loop.time()
            number = int((now - due) * self._rate)
            if number:
                due += number / self._rate
                self._publish(number)
            await asyncio.sleep(TICK)

    def _publish(self, number: int) -> None:
        assert self._pipe is not None
        commands, entries = [], []
        for _ in range(number):
            channel = self._order[self._turn // self._row % len(self._order)]
            self._turn += 1
            sent = self._sent[channel]
            entry = Sent(0.0)
            envelope = b'{"channel": "c%d", "data": "%d:%d"}' % (channel, channel, len(sent))
            sent.append(entry)
            entries.append(entry)
            commands.append(pack("PUBLISH", self._topic, envelope))
        now = asyncio.get_running_loop().time()
        for entry in entries:
            entry.at = now
        self._pipe.send(b"".join(commands), entries)


class _Pipe(asyncio.Protocol):
    def __init__(self) -> None:
        self.lost = False
        self.waiting: deque[Sent] = deque()
        self._reader = reader()

    def send(self, commands: bytes, entries: list[Sent]) -> None:
        self.waiting += entries
        self._transport.write(commands)

    def close(self) -> None:
        self._transport.abort()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        self._reader.feed(data)
        while (reply := self._reader.gets()) is not NOT_YET:
            sent = self.waiting.popleft()
            sent.receivers = reply if isinstance(reply, int) else None

    def connection_lost(self, error: Exception | None) -> None:
        self.lost = True
        self.waiting.clear()
