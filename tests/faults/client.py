"""An HTTP client for load: one connection, one request at a time, nothing repeated. What is cut is told, not hidden."""

from __future__ import annotations

import asyncio
from email.utils import parsedate_to_datetime
from functools import lru_cache
from typing import NamedTuple, cast

from tests.faults.ledger import Id

HOST = "127.0.0.1"


class Answer(NamedTuple):
    """A whole response; header names in lower case."""

    status: int
    headers: dict[bytes, bytes]
    body: bytes

    @property
    def id(self) -> Id | None:
        """Last-Modified and Etag, when it has both."""
        date, tag = self.headers.get(b"last-modified"), self.headers.get(b"etag")
        return None if date is None or tag is None else (_second(date), int(tag))

    @property
    def missed(self) -> bool:
        """Whether it carries the sign of a gap."""
        return self.headers.get(b"x-relay-missed") == b"1"


class Client:
    """A client of the server on ``port``, with a connection that is made when it is needed and kept."""

    def __init__(self, port: int) -> None:
        self.port = port
        self._connection: _Connection | None = None

    async def ask(self, method: str, target: str, headers: dict[bytes, bytes] | None = None, body: bytes | None = None) -> Answer:
        """Send a request and wait for its answer, for ever. Raises OSError when there is no server or the connection is cut."""
        if self._connection is None or self._connection.lost:
            loop = asyncio.get_running_loop()
            self._connection = (await loop.create_connection(_Connection, HOST, self.port))[1]
        lines = b"".join(b"%b: %b\r\n" % line for line in (headers or {}).items())
        if body is not None:
            lines += b"Content-Length: %d\r\n" % len(body)
        return await self._connection.send(b"%b %b HTTP/1.1\r\nHost: test\r\n%b\r\n" % (method.encode(), target.encode(), lines), body)

    def close(self) -> None:
        """Cut the connection; a request that waits fails."""
        if self._connection is not None:
            self._connection.close()


class _Connection(asyncio.Protocol):
    def __init__(self) -> None:
        self.lost = False
        self._data = b""
        self._answer: asyncio.Future[Answer] | None = None

    def send(self, head: bytes, body: bytes | None) -> asyncio.Future[Answer]:
        assert self._answer is None or self._answer.done()
        self._answer = asyncio.get_running_loop().create_future()
        if self.lost:
            self._answer.set_exception(ConnectionResetError("the connection was cut"))
        else:
            self._transport.write(head + (body or b""))
        return self._answer

    def close(self) -> None:
        self._transport.abort()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        self._data += data
        end = self._data.find(b"\r\n\r\n")
        if end < 0:
            return
        first, *lines = self._data[:end].split(b"\r\n")
        headers = {name.strip().lower(): value.strip() for name, _, value in (line.partition(b":") for line in lines)}
        length = int(headers.get(b"content-length", b"0"))
        if len(self._data) < end + 4 + length:
            return
        body = self._data[end + 4 : end + 4 + length]
        self._data = self._data[end + 4 + length :]
        if self._answer is None or self._answer.done() or self._data:
            self.close()
        else:
            self._answer.set_result(Answer(int(first.split(b" ")[1]), headers, body))

    def connection_lost(self, error: Exception | None) -> None:
        self.lost = True
        if self._answer is not None and not self._answer.done():
            self._answer.set_exception(ConnectionResetError("the connection was cut"))


@lru_cache(1024)
def _second(date: bytes) -> int:
    return int(parsedate_to_datetime(date.decode()).timestamp())
