"""What a WebSocket runs on: the calls of an asyncio transport that it uses, and the same over a stream of Tornado's."""

from __future__ import annotations

import asyncio
import socket
from asyncio import Future
from functools import partial
from typing import Any, Protocol, cast

from tornado.iostream import IOStream, SSLIOStream, StreamBufferFullError, StreamClosedError

READ_SIZE = 64 * 1024


class Transport(Protocol):
    """The part of `asyncio.Transport` that carries a WebSocket."""

    def set_protocol(self, protocol: asyncio.BaseProtocol, /) -> None: ...
    def get_protocol(self) -> asyncio.BaseProtocol: ...
    def get_extra_info(self, name: str, /) -> Any: ...
    def write(self, data: bytes, /) -> None: ...
    def get_write_buffer_size(self) -> int: ...
    def set_write_buffer_limits(self, high: int | None = None, low: int | None = None) -> None: ...
    def can_write_eof(self) -> bool: ...
    def write_eof(self) -> None: ...
    def close(self) -> None: ...
    def abort(self) -> None: ...


def feed(transport: Transport, wire: bytes) -> None:
    """Give bytes to the transport's protocol as if they had just been read. It may set another one meanwhile: that gets the rest."""
    rest = memoryview(wire)
    while rest:
        protocol = transport.get_protocol()
        if not isinstance(protocol, asyncio.BufferedProtocol):
            cast("asyncio.Protocol", protocol).data_received(bytes(rest))
            return
        room = cast("memoryview", protocol.get_buffer(len(rest)))
        size = min(len(room), len(rest))
        room[:size] = rest[:size]
        protocol.buffer_updated(size)
        rest = rest[size:]


class StreamTransport:
    """A Tornado stream behind a transport's calls. Reading begins with the first protocol and goes on to the end of the stream.

    ``close`` and ``write_eof`` first send what waits, as a transport's do; the end of reading is what calls ``connection_lost``.
    """

    __slots__ = ("_ending", "_high", "_low", "_paused", "_protocol", "_shut", "_stream", "_waiting")

    def __init__(self, stream: IOStream) -> None:
        self._stream = stream
        self._protocol: asyncio.BaseProtocol | None = None
        self._waiting = 0
        self._high = 64 * 1024
        self._low = 16 * 1024
        self._paused = False
        self._ending = False
        self._shut = False
        # An earlier answer has left the socket with Nagle's algorithm on.
        stream.set_nodelay(True)

    def set_protocol(self, protocol: asyncio.BaseProtocol, /) -> None:
        begins = self._protocol is None
        self._protocol = protocol
        if begins:
            self._read()

    def get_protocol(self) -> asyncio.BaseProtocol:
        assert self._protocol is not None  # noqa: S101 - whoever asks has set one
        return self._protocol

    def get_extra_info(self, name: str, /) -> None:
        """Nothing: bytes reach the system by the stream, which may encrypt them."""

    def write(self, data: bytes, /) -> None:
        if self._ending:
            return
        stream = self._stream
        try:
            written = stream.write(data)
        except StreamClosedError:
            return
        except StreamBufferFullError:
            self.abort()
            return
        if stream.writing():
            self._waiting += len(data)
            written.add_done_callback(partial(self._written, len(data)))
            self._pause_if_full()

    def get_write_buffer_size(self) -> int:
        return self._waiting

    def set_write_buffer_limits(self, high: int | None = None, low: int | None = None) -> None:
        self._high = 64 * 1024 if high is None else high
        self._low = self._high // 4 if low is None else low
        self._pause_if_full()

    def can_write_eof(self) -> bool:
        return isinstance(self._stream, IOStream) and not isinstance(self._stream, SSLIOStream)

    def write_eof(self) -> None:
        self._ending = True
        self._end_if_sent()

    def close(self) -> None:
        self._ending = self._shut = True
        self._end_if_sent()

    def abort(self) -> None:
        self._ending = True
        self._stream.close()

    def _pause_if_full(self) -> None:
        if self._waiting > self._high and not self._paused and self._protocol is not None:
            self._paused = True
            self._protocol.pause_writing()

    def _written(self, size: int, _: Future[None]) -> None:
        self._waiting -= size
        if self._stream.closed():
            return
        if self._ending:
            self._end_if_sent()
        if self._paused and self._waiting <= self._low and self._protocol is not None:
            self._paused = False
            self._protocol.resume_writing()

    def _end_if_sent(self) -> None:
        stream = self._stream
        if stream.closed() or stream.writing():
            return
        if self._shut:
            stream.close()
            return
        try:
            stream.socket.shutdown(socket.SHUT_WR)
        except OSError:
            # The peer was faster: reading will find the end.
            return

    def _read(self) -> None:
        try:
            future = cast("Future[bytes]", self._stream.read_bytes(READ_SIZE, partial=True))
        except (StreamClosedError, OSError) as error:
            asyncio.get_running_loop().call_soon(self._lost, error)
        else:
            future.add_done_callback(self._arrived)

    def _arrived(self, future: Future[bytes]) -> None:
        if future.cancelled() or future.exception() is not None:
            self._lost(None if future.cancelled() else future.exception())
            return
        feed(self, future.result())
        self._read()

    def _lost(self, error: BaseException | None) -> None:
        self._ending = True
        self._stream.close()
        self.get_protocol().connection_lost(error if isinstance(error, Exception) else None)
