"""A blocking connection to Redis for what a test itself asks: apart from the client library under test, with the replies as they are.

Also the one way in which the servers of the tests wait for something.
"""

from __future__ import annotations

import socket
import ssl
import time
from collections.abc import Callable
from types import TracebackType
from typing import Any

import hiredis

PATIENCE = 20.0
"""Seconds for anything that is waited for: far more than it takes, so that only a fault meets it."""

NOT_YET = object()
"""What a `reader` says when the next value is not complete."""


def until(condition: Callable[[], object], what: str, patience: float = PATIENCE) -> None:
    """Ask every 10 ms until ``condition`` holds. Raises TimeoutError with ``what``; errors of ``condition`` pass."""
    end = time.monotonic() + patience
    while not condition():
        if time.monotonic() > end:
            raise TimeoutError(f"not after {patience} s: {what}")
        time.sleep(0.01)


def reader() -> hiredis.Reader:
    """A parser of RESP2 and RESP3: ``feed(bytes)``, then ``gets()`` gives values until it gives `NOT_YET`. Errors are values."""
    return hiredis.Reader(notEnoughData=NOT_YET)


def pack(*arguments: str | bytes | float) -> bytes:
    """A command as a client sends it."""
    parts = [argument if isinstance(argument, bytes) else str(argument).encode() for argument in arguments]
    return b"*%d\r\n" % len(parts) + b"".join(b"$%d\r\n%s\r\n" % (len(part), part) for part in parts)


class Wire:
    """One connection, in RESP2, to a Unix socket (a path) or a host and port."""

    def __init__(self, address: str | tuple[str, int], tls: ssl.SSLContext | None = None, patience: float = PATIENCE) -> None:
        if isinstance(address, str):
            self._socket = socket.socket(socket.AF_UNIX)
            self._socket.settimeout(patience)
            try:
                self._socket.connect(address)
            except BaseException:
                self._socket.close()
                raise
        else:
            self._socket = socket.create_connection(address, timeout=patience)
            if tls is not None:
                self._socket = tls.wrap_socket(self._socket, server_hostname=address[0])
        self._reader = reader()

    def __enter__(self) -> Wire:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None) -> None:
        self.close()

    def call(self, *arguments: str | bytes | float) -> Any:
        """Send a command and return its reply: bytes, int, None or a list of these. Raises hiredis.ReplyError, OSError."""
        self.send(*arguments)
        return self.reply()

    def send(self, *arguments: str | bytes | float) -> None:
        """Send a command and wait for nothing."""
        self._socket.sendall(pack(*arguments))

    def reply(self) -> Any:
        """The next reply or message. Raises hiredis.ReplyError, EOFError, OSError (TimeoutError too)."""
        while (value := self._reader.gets()) is NOT_YET:
            data = self._socket.recv(65536)
            if not data:
                raise EOFError("the connection is closed")
            self._reader.feed(data)
        if isinstance(value, hiredis.ReplyError):
            raise value
        return value

    def close(self) -> None:
        self._socket.close()
