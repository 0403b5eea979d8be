"""Many streams that read as fast as they can, in one loop with the one who publishes to them: they count bytes and note times."""

from __future__ import annotations

import json
import select
import socket
import time
from typing import NamedTuple

from hbpush.core.message import BEFORE_ALL, ChannelRef, Message, MessageId
from hbpush.relay.forms import chunked_events, plain_frames
from tests.support.plain_streams import EventSource, WebSocket
from tests.support.websocket import request

PATIENCE = 20.0
"""Seconds for anything that is waited for."""

SCRATCH = bytearray(256 * 1024)
HELLO = b"hello"
FORMS = {EventSource: chunked_events, WebSocket: plain_frames}

Kind = type[EventSource] | type[WebSocket]


class Round(NamedTuple):
    """What became of one message. ``subscribers``: how many the server had before it; ``latencies``: of every reader, in seconds."""

    id: str
    subscribers: int
    latencies: list[float]


class Readers:
    """``count`` subscribers of ``channel``, and its publisher. The channel has to be new.

    The bytes of large messages are counted and dropped by the system, so that readers cost little beside the server.
    """

    def __init__(self, port: int, kind: Kind, count: int, channel: str) -> None:
        self.port = port
        self._form = FORMS[kind]
        self._channel = ChannelRef("default", "", channel)
        self._epoll = select.epoll()
        self._publisher = socket.create_connection(("127.0.0.1", port), PATIENCE)
        self._publish(HELLO)
        self._answer()
        self._sockets: dict[int, socket.socket] = {}
        for _ in range(count):
            reader = self._open(kind)
            self._sockets[reader.fileno()] = reader
            self._epoll.register(reader.fileno(), select.EPOLLIN)
        self._epoll.register(self._publisher.fileno(), select.EPOLLIN)

    def round(self, body: bytes) -> Round:
        """Publish a message, and wait until all have it. Raises AssertionError when a reader is cut or has to wait too long."""
        got = dict.fromkeys(self._sockets, 0)
        times: dict[int, float] = {}
        wire: int | None = None
        place, subscribers = "", 0
        complete = 0
        end = time.monotonic() + PATIENCE
        begin = time.perf_counter()
        self._publish(body)
        while complete < len(got):
            ready = self._epoll.poll(PATIENCE)
            assert ready, "readers wait for a message"
            assert time.monotonic() < end, "readers wait for a message"
            for descriptor, _ in ready:
                reader = self._sockets.get(descriptor)
                if reader is None:
                    place, subscribers = self._answer()
                    wire = self._length(body, place)
                    complete = sum(size == wire for size in got.values())
                    continue
                size = reader.recv_into(SCRATCH, len(SCRATCH), socket.MSG_TRUNC)
                assert size, "a reader that reads was cut"
                times[descriptor] = time.perf_counter() - begin
                got[descriptor] += size
                complete += got[descriptor] == wire
        assert all(size == wire for size in got.values()), "readers have more than one message"
        return Round(place, subscribers, list(times.values()))

    def close(self) -> None:
        """Leave."""
        self._epoll.close()
        for each in (self._publisher, *self._sockets.values()):
            each.close()

    def _open(self, kind: Kind) -> socket.socket:
        """A stream that has had the first message."""
        reader = socket.create_connection(("127.0.0.1", self.port), PATIENCE)
        target = f"/sub/{self._channel.id}"
        plain = f"GET {target} HTTP/1.1\r\nHost: test\r\nAccept: text/event-stream\r\n\r\n".encode()
        reader.sendall(request(path=target.encode()) if kind is WebSocket else plain)
        last = self._wire(HELLO, BEFORE_ALL).partition(HELLO)[2]
        had = b""
        while not had.endswith(HELLO + last):
            piece = reader.recv(65536)
            assert piece, had
            had += piece
        return reader

    def _publish(self, body: bytes) -> None:
        self._publisher.sendall(
            b"POST /pub/%b HTTP/1.1\r\nHost: test\r\nAccept: application/json\r\nContent-Length: %d\r\n\r\n%b"
            % (self._channel.id.encode(), len(body), body)
        )

    def _answer(self) -> tuple[str, int]:
        """The id of the message that was published, and how many subscribers there were before it."""
        answer = b""
        while not answer.endswith(b"}"):
            piece = self._publisher.recv(65536)
            assert piece, answer
            answer += piece
        info = json.loads(answer.partition(b"\r\n\r\n")[2])
        return info["last_message_id"], info["subscribers"]

    def _length(self, body: bytes, id: str) -> int:
        return len(self._wire(body, MessageId.parse(id)))

    def _wire(self, body: bytes, id: MessageId) -> bytes:
        return self._form([Message(self._channel, id, BEFORE_ALL, body)])
