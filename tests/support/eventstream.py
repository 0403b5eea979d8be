"""A parser of event streams for tests, written from the HTML standard (section 9.2.6), and a client of them on a raw connection."""

from __future__ import annotations

import asyncio
from typing import NamedTuple

from tests.support.hosts import Client


class Event(NamedTuple):
    """What a page hears."""

    data: str
    name: str = "message"
    id: str = ""


class Parser:
    """Feed it bytes; it returns the events that they complete. ``retry`` is in milliseconds, ``last_id`` what a browser would send back."""

    def __init__(self) -> None:
        self.retry: int | None = None
        self.last_id = ""
        self.comments = 0
        self._rest = b""
        self._first = True
        self._data = ""
        self._name = ""
        self._id = ""

    def feed(self, wire: bytes) -> list[Event]:
        events = []
        self._rest += wire
        while (line := self._line()) is not None:
            if line == "":
                if (event := self._dispatch()) is not None:
                    events.append(event)
            else:
                self._field(line)
        return events

    def _line(self) -> str | None:
        """The next line; a CR at the end of what is there may be half of a CRLF, so it waits."""
        rest = self._rest
        ends = [at for at in (rest.find(b"\n"), rest.find(b"\r")) if at >= 0]
        if not ends or (rest[min(ends)] == 13 and min(ends) + 1 == len(rest)):
            return None
        end = min(ends)
        self._rest = rest[end + 2 :] if rest[end : end + 2] == b"\r\n" else rest[end + 1 :]
        line = rest[:end].decode("utf-8", "replace")
        if self._first:
            line = line.removeprefix("\ufeff")
            self._first = False
        return line

    def _field(self, line: str) -> None:
        name, colon, value = line.partition(":")
        if not name and colon:
            self.comments += 1
            return
        value = value.removeprefix(" ")
        match name:
            case "event":
                self._name = value
            case "data":
                self._data += value + "\n"
            case "id" if "\0" not in value:
                self._id = value
            case "retry" if value.isascii() and value.isdigit():
                self.retry = int(value)

    def _dispatch(self) -> Event | None:
        self.last_id = self._id
        data, name = self._data, self._name
        self._data = self._name = ""
        return Event(data.removesuffix("\n"), name or "message", self.last_id) if data else None


class Source:
    """An event stream on a raw connection, whose answer has begun."""

    def __init__(self, client: Client, status: int, headers: dict[bytes, bytes]) -> None:
        self.client = client
        self.status = status
        self.headers = headers
        self.parser = Parser()
        self._events: list[Event] = []
        self._over = False

    @classmethod
    async def read_head(cls, client: Client) -> Source:
        """Wait until the answer begins."""
        return cls(client, *await client.head())

    async def event(self) -> Event:
        """The next event."""
        while not self._events:
            assert await self._read(), "the stream has ended"
        return self._events.pop(0)

    async def comment(self) -> None:
        """Wait for one more comment."""
        before = self.parser.comments
        while self.parser.comments == before:
            assert await self._read(), "the stream has ended"

    async def opened(self) -> Source:
        """Wait for the first piece."""
        await self._read()
        return self

    async def ends(self) -> bool:
        """Whether the response ends, in good order, with no event before that."""
        while await self._read():
            assert not self._events, self._events
        return not self._events

    async def _read(self) -> bool:
        if b"transfer-encoding" in self.headers:
            piece = await self.client.chunk()
        else:
            async with asyncio.timeout(self.client.patience):
                piece = await self.client.reader.read(65536)
        self._events += self.parser.feed(piece)
        return bool(piece)
