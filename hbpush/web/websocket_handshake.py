"""The opening handshake of a WebSocket (RFC 6455 section 4.2), the same on every host.

Whose Origin may connect is the location's business.
"""

from __future__ import annotations

import binascii
from base64 import b64decode, b64encode
from hashlib import sha1

from hbpush.web.answers import line, stamp
from hbpush.web.exchange import Exchange, HeaderLines

GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"

NEEDED: HeaderLines = b"Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
"""What a 426 tells a client to send (RFC 9110 section 15.5.22, RFC 6455 section 4.4)."""


def refusal(exchange: Exchange) -> bytes | None:
    """The ready answer to a request that is not fit to become a WebSocket: 400 or 426. None for one that is."""
    if exchange.method != b"GET" or not exchange.http11:
        return line(400, "a WebSocket begins with GET and HTTP/1.1")
    if b"websocket" not in tokens(exchange.header(b"upgrade")):
        return line(426, "this is a WebSocket", NEEDED)
    if b"upgrade" not in tokens(exchange.header(b"connection")) or not exchange.upgrade:
        return line(400, "the Connection header does not say Upgrade")
    if exchange.header(b"sec-websocket-version") != b"13":
        return line(426, "the only version of WebSocket is 13", NEEDED)
    if not is_key(exchange.header(b"sec-websocket-key") or b""):
        return line(400, "Sec-WebSocket-Key is not the base64 of 16 bytes")
    return None


def switching(exchange: Exchange, subprotocol: str | None) -> bytes:
    """The 101 for a request that `refusal` has nothing against."""
    accept = b64encode(sha1((exchange.header(b"sec-websocket-key") or b"") + GUID, usedforsecurity=False).digest())
    chosen = b"" if subprotocol is None else b"Sec-WebSocket-Protocol: %b\r\n" % subprotocol.encode("latin-1")
    return b"HTTP/1.1 101 Switching Protocols\r\n%bUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: %b\r\n%b%b\r\n" % (
        stamp.lines(),
        accept,
        chosen,
        exchange.extra,
    )


def tokens(value: bytes | None) -> list[bytes]:
    """The members of a comma-separated header, in lower case."""
    return [] if value is None else [token.strip() for token in value.lower().split(b",")]


def is_key(value: bytes) -> bool:
    """Whether a Sec-WebSocket-Key is what RFC 6455 section 4.1 asks for."""
    try:
        return len(value) == 24 and len(b64decode(value, validate=True)) == 16
    except binascii.Error:
        return False
