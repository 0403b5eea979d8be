"""One connection of a command to a server. Every wait ends; what goes wrong is Unreachable, in words for a person."""

from __future__ import annotations

import asyncio
import os
import socket
import ssl
from email.utils import parsedate_to_datetime
from time import time

from hbpush.errors import ProtocolError
from hbpush.relay.commands.arguments import Place
from hbpush.relay.commands.endings import Refused, Silence, Unreachable
from hbpush.relay.commands.responses import LARGEST_HEAD, LARGEST_MESSAGE, Body, Head, TooLarge, head

CONNECTING = 10.0
"""Seconds for a connection to stand, TLS included."""

LONGEST_REST = 3600.0
"""Seconds that a server may ask a client to stay away."""

_PIECE = 256 * 1024
_SHOWN = 200


class Connection:
    """Requests one after the other, or one that becomes a stream. To be closed."""

    def __init__(self, place: Place, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.place = place
        self._reader = reader
        self._writer = writer

    @classmethod
    async def open(cls, place: Place, patience: float = CONNECTING) -> Connection:
        """Raises Unreachable."""
        try:
            async with asyncio.timeout(patience):
                reader, writer = await asyncio.open_connection(
                    place.host, place.port, ssl=place.tls, server_hostname=place.host if place.tls else None, limit=LARGEST_HEAD
                )
        except TimeoutError:
            raise Unreachable(f"{place.authority} cannot be reached: no answer in {patience:g} seconds") from None
        except ssl.SSLCertVerificationError as error:
            raise Unreachable(f"{place.authority} is not trusted: {error.verify_message}; see --cafile and --insecure") from None
        except ssl.SSLError as error:
            raise Unreachable(f"{place.authority} does not speak TLS as it should: {error.reason or error}") from None
        except (OSError, UnicodeError) as error:
            raise Unreachable(f"{place.authority} cannot be reached: {_why(error)}") from None
        return cls(place, reader, writer)

    def send(self, wire: bytes) -> None:
        """Send, at once or as soon as there is room."""
        self._writer.write(wire)

    async def head(self, patience: float) -> Head:
        """The head of the next answer. Raises Unreachable, Silence among it."""
        try:
            async with asyncio.timeout(patience):
                while True:
                    found = head(await self._reader.readuntil(b"\r\n\r\n"))
                    if found.status >= 200 or found.status == 101:
                        return found
        except TimeoutError:
            raise Silence(f"{self.place.authority} has not answered in {patience:g} seconds") from None
        except asyncio.LimitOverrunError:
            raise Unreachable(f"{self.place.authority}: the head of its answer is too large") from None
        except asyncio.IncompleteReadError:
            raise Unreachable(f"{self.place.authority} has ended the connection without an answer") from None
        except ProtocolError as error:
            raise Unreachable(f"{self.place.authority}: {error}") from None
        except OSError as error:
            raise Unreachable(f"{self.place.authority} has ended the connection without an answer: {_why(error)}") from None

    async def read(self, patience: float) -> bytes:
        """Whatever comes next; empty at the end of the connection. Raises Unreachable, Silence among it."""
        try:
            async with asyncio.timeout(patience):
                return await self._reader.read(_PIECE)
        except TimeoutError:
            raise Silence(f"nothing was heard in {patience:g} seconds") from None
        except OSError as error:
            raise Unreachable(f"the connection was lost: {_why(error)}") from None

    async def body(self, answered: Head, patience: float) -> bytes:
        """The whole body of an answer. Raises Refused for one that is too large, Unreachable."""
        try:
            body = Body(answered)
            pieces, size = [], 0
            while not body.over:
                wire = await self.read(patience)
                if not wire:
                    if body.endless:
                        break
                    raise Unreachable(f"{self.place.authority} has ended the connection within its answer")
                pieces.append(body.feed(wire))
                size += len(pieces[-1])
                if size > LARGEST_MESSAGE:
                    raise TooLarge
        except TooLarge as error:
            raise Refused(f"{self.place.authority}: {error}") from None
        except ProtocolError as error:
            raise Unreachable(f"{self.place.authority}: {error}") from None
        return b"".join(pieces)

    @property
    def lost(self) -> bool:
        """Whether the server has ended the connection, as far as is known."""
        return self._reader.at_eof() or self._writer.is_closing()

    def close(self) -> None:
        """End it, now."""
        self._writer.transport.abort()


def refusal(answered: Head, body: bytes, what: str) -> Refused | Unreachable:
    """An answer that is no success, as an error; ``what`` was asked for. A redirection is a refusal: a key is for one server."""
    said = body[:_SHOWN].decode("utf-8", "replace").strip() if answered.media in ("", "text/plain") else ""
    words = {
        301: f"it is at {answered.headers.get('location', 'another place')}",
        302: f"it is at {answered.headers.get('location', 'another place')}",
        307: f"it is at {answered.headers.get('location', 'another place')}",
        308: f"it is at {answered.headers.get('location', 'another place')}",
        404: "there is no such channel, or no location with this URL",
        409: "another subscriber has taken the place",
        410: "the channel was deleted",
    }
    text = f"{what}: {said or words.get(answered.status, 'refused')} ({answered.status})"
    if answered.status in (429, 500, 502, 503, 504):
        return Unreachable(text, rest(answered))
    return Refused(text)


def rest(answered: Head) -> float:
    """The seconds that Retry-After asks to stay away, 0 for nothing (RFC 9110 section 10.2.3)."""
    value = answered.headers.get("retry-after", "")
    if value.isascii() and value.isdigit():
        return min(float(value[:9]), LONGEST_REST)
    try:
        return min(max(0.0, parsedate_to_datetime(value).timestamp() - time()), LONGEST_REST)
    except ValueError:
        return 0.0


def _why(error: Exception) -> str:
    """The reason of an OSError; asyncio puts an address in the place of the system's words."""
    number = getattr(error, "errno", None) or 0
    if number > 0 and not isinstance(error, socket.gaierror):
        return os.strerror(number)
    return getattr(error, "strerror", None) or str(error) or type(error).__name__
