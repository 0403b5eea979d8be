"""WebSockets as a client speaks them (RFC 6455). Pure: masks and keys are given."""

from __future__ import annotations

from base64 import b64encode
from hashlib import sha1

from hbpush.errors import ProtocolError
from hbpush.relay.commands.responses import LARGEST_MESSAGE, TooLarge

TEXT, BINARY, CLOSE, PING, PONG = 1, 2, 8, 9, 10

NO_CODE = 1005
ENDED = 1006
"""Codes that no frame has: a close frame without one, and no close frame."""


def accept(key: str) -> str:
    """The Sec-WebSocket-Accept that answers a Sec-WebSocket-Key."""
    return b64encode(sha1(key.encode() + b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11", usedforsecurity=False).digest()).decode()


def frame(opcode: int, payload: bytes, mask: bytes) -> bytes:
    """A control frame of a client, of at most 125 bytes. ``mask`` is four bytes that nobody can guess."""
    return bytes((0x80 | opcode, 0x80 | len(payload))) + mask + bytes([byte ^ mask[at & 3] for at, byte in enumerate(payload)])


def code(payload: bytes) -> tuple[int, str]:
    """The code and the reason of a close frame."""
    return (int.from_bytes(payload[:2], "big") if len(payload) > 1 else NO_CODE), payload[2:].decode("utf-8", "replace")


class Frames:
    """Feed it bytes; it returns the messages and control frames that they complete: opcode and payload."""

    __slots__ = ("_opcode", "_parts", "_rest", "_size")

    def __init__(self) -> None:
        self._rest = b""
        self._opcode = 0
        self._parts: list[bytes] = []
        self._size = 0

    def feed(self, wire: bytes) -> list[tuple[int, bytes]]:
        """Raises ProtocolError for what no server may send, and TooLarge, when those before it have been returned."""
        if self._rest:
            wire = self._rest + wire
        found: list[tuple[int, bytes]] = []
        at, there = 0, len(wire)
        while there - at >= 2:
            first, size = wire[at], wire[at + 1]
            start = at + 2
            if size == 126:
                start += 2
                size = int.from_bytes(wire[at + 2 : start], "big")
            elif size == 127:
                start += 8
                size = int.from_bytes(wire[at + 2 : start], "big")
            elif size > 127:
                raise ProtocolError("the server has sent a masked frame")
            if start > there:
                break
            if size > LARGEST_MESSAGE:
                if found:
                    break
                raise TooLarge
            end = start + size
            if end > there:
                break
            payload = wire[start:end]
            at = end
            if first & 0xF0 == 0x80 and first & 0x0F:
                if self._parts and first < 0x88:
                    raise ProtocolError("the server has sent a message within another")
                found.append((first & 0x0F, payload))
            elif (message := self._fragment(first, payload)) is not None:
                found.append(message)
        self._rest = wire[at:]
        return found

    def _fragment(self, first: int, payload: bytes) -> tuple[int, bytes] | None:
        opcode = first & 0x0F
        if first & 0x70 or opcode > 2 or bool(opcode) == bool(self._parts):
            raise ProtocolError("the server has sent a frame that is none")
        self._opcode = opcode or self._opcode
        self._parts.append(payload)
        self._size += len(payload)
        if self._size > LARGEST_MESSAGE:
            raise TooLarge
        if not first & 0x80:
            return None
        whole = b"".join(self._parts)
        self._parts, self._size = [], 0
        return self._opcode, whole
