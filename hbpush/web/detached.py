"""A Tornado stream over an asyncio transport: what a handler gets that takes its connection from HTTP (``RequestHandler.detach``).

The transport keeps the socket, plain or TLS, on any loop; nothing here reads, writes or duplicates a descriptor. ``BaseIOStream`` has
seams for other kinds of files (``read_from_fd`` and its like); the two methods that would have a loop watch the descriptor, and the two
that a loop calls when it is ready, are private to Tornado: tests/integration/web/test_bridge.py holds them to what is used here.
"""

from __future__ import annotations

import asyncio
import errno
import os
from collections.abc import Callable

from tornado.iostream import BaseIOStream

READ_AHEAD = 256 * 1024
"""Bytes that wait for somebody to read them; over that, the transport stops reading until half of them are read."""

WRITE_AHEAD = 64 * 1024
"""Bytes that wait in the transport; over that, further ones wait in the stream, where Tornado counts them."""


class TransportStream(BaseIOStream):
    """Gives handlers the stream that they know. Sets itself up as the transport's protocol; ``tail`` was read already.

    ``over`` is called when the connection is lost.
    """

    def __init__(self, transport: asyncio.Transport, tail: bytes, over: Callable[[], object]) -> None:
        super().__init__()
        self._over = over
        self._transport = transport
        self._incoming = bytearray()
        self._full = False
        self._ended = False
        self._stalled = False
        transport.set_write_buffer_limits(high=WRITE_AHEAD)
        transport.set_protocol(_Feed(self))
        self.fed(tail)

    # What BaseIOStream asks of a kind of file

    def fileno(self) -> int:
        return int(self._transport.get_extra_info("socket").fileno())

    def close_fd(self) -> None:
        self._incoming.clear()
        self._transport.close()

    def read_from_fd(self, buf: bytearray | memoryview) -> int | None:
        incoming = self._incoming
        size = min(len(buf), len(incoming))
        if not size:
            return 0 if self._ended else None
        buf[:size] = incoming[:size]
        del incoming[:size]
        if self._full and len(incoming) <= READ_AHEAD // 2:
            self._full = False
            self._transport.resume_reading()
        return size

    def write_to_fd(self, data: memoryview) -> int:
        if self._stalled:
            raise BlockingIOError
        if self._ended or self._transport.is_closing():
            raise BrokenPipeError(errno.EPIPE, os.strerror(errno.EPIPE))
        size = min(len(data), WRITE_AHEAD)
        # The view is Tornado's, and ends with this call.
        self._transport.write(bytes(data[:size]))
        return size

    def _add_io_state(self, state: int) -> None:
        """The transport watches the descriptor."""

    def _maybe_add_error_listener(self) -> None:
        """The transport tells when the connection is over."""

    # What the transport tells

    def fed(self, data: bytes) -> None:
        """Bytes of the peer."""
        self._incoming += data
        if self.reading() and not self.closed():
            self._handle_read()
        if len(self._incoming) > READ_AHEAD and not self._full and not self._transport.is_closing():
            self._full = True
            self._transport.pause_reading()

    def stalled(self) -> None:
        """The peer does not read as fast as is written."""
        self._stalled = True

    def flowing(self) -> None:
        """It does again."""
        self._stalled = False
        if not self.closed() and self.writing():
            self._handle_write()

    def lost(self, error: Exception | None) -> None:
        """The connection is over. What came before its end can still be read."""
        self._ended = True
        self._over()
        if not self._incoming:
            self.close(exc_info=error or False)


class _Feed(asyncio.Protocol):
    def __init__(self, stream: TransportStream) -> None:
        self._stream = stream

    def data_received(self, data: bytes) -> None:
        self._stream.fed(data)

    def pause_writing(self) -> None:
        self._stream.stalled()

    def resume_writing(self) -> None:
        self._stream.flowing()

    def connection_lost(self, exc: Exception | None) -> None:
        self._stream.lost(exc)
