"""What both generations of Socket.IO have in common in the matrix: a session on one of their transports, packet by packet."""

from __future__ import annotations

import re
from abc import abstractmethod
from collections import deque
from types import MappingProxyType
from typing import Any

from tests.conformance.matrix.contract import Heard, Subscriber, of_data
from tests.conformance.matrix.payloads import BINARY
from tests.support.hosts import Client

ONLY_JSON = MappingProxyType({BINARY: "what is published is a text or other JSON"})
"""What a client of Socket.IO cannot publish, and why."""

TOLD = frozenset({"gap", "deleted", "unavailable", "error"})
"""What a subscriber may be told beside messages, and is never told here."""


class Session(Subscriber):
    """A client with a session. ``sid`` is its id, once `open` has been; ``client`` the connection of a transport that is no WebSocket."""

    sid = ""
    client: Client
    transport: str

    async def attach(self, since: str) -> None:
        self._packets: deque[str] = deque()
        await self.open()
        await self.subscribe(since)

    @abstractmethod
    async def open(self) -> None:
        """Begin a session on the transport."""

    async def connect(self) -> None:
        """Connect the transport."""
        self.client = await self.place.connect()
        await self.poll()

    @abstractmethod
    async def poll(self) -> None:
        """Ask for what comes next; where the session begins with that, for a session at first."""

    @abstractmethod
    async def subscribe(self, since: str) -> None:
        """Subscribe, and wait until that is so."""

    @abstractmethod
    async def read(self) -> list[str]:
        """The packets of the next thing that comes; what has to be asked for is asked for again."""

    @abstractmethod
    async def say(self, packet: str) -> None:
        """Send a packet."""

    @abstractmethod
    def beats(self, packet: str) -> bool:
        """Whether a packet is a heartbeat, which is sent back as it is."""

    async def packet(self) -> str:
        """The next packet."""
        while True:
            while not self._packets:
                self._packets += await self.read()
            packet = self._packets.popleft()
            if not self.beats(packet):
                return packet
            await self.say(packet)

    def taken(self, data: Any, about: dict[str, Any]) -> Heard:
        """A message, with what stands about it."""
        assert about["channel"] == self.channel, about
        return Heard(of_data(data, about.get("encoding")), about["id"])


class Endless(Session):
    """A session on a response that does not end, whose pieces match ``piece``."""

    piece: re.Pattern[str]

    async def connect(self) -> None:
        await super().connect()
        self._held = ""
        status, _ = await self.client.head()
        assert status == 200

    async def next_piece(self) -> str:
        """What the group of ``piece`` has."""
        while (found := self.piece.match(self._held)) is None:
            more = await self.client.chunk()
            assert more, "the stream has ended"
            self._held += more.decode()
        self._held = self._held[found.end() :]
        return found[1]
