"""Event streams: what a server of ``text/event-stream`` writes (HTML standard, section 9.2). Pure.

A stream is text in UTF-8. What a client gets of a message is its data, its name and an id to resume by; line ends within the data, CR, LF
or CRLF, become LF. A body that is no text is sent in base64 under the name ``base64``, or ``NAME;base64`` where the message has a name.

Names are up to publishers, who are not to speak in the place of the server or of the client's own machine: a message with a name that means
something on a stream (`is_reserved`) is sent without one.
"""

from __future__ import annotations

from binascii import b2a_base64

from hbpush.core.message import HEADER_VALUE, Message

MEDIA = b"text/event-stream"
HEADERS = b"Content-Type: text/event-stream\r\nCache-Control: no-cache\r\nX-Accel-Buffering: no\r\n"
"""Header lines of the response. The last one has nginx hand on each piece as it comes."""

COMMENT = b":\n\n"
"""What every client passes over: a heartbeat."""

BASE64 = b"base64"

RESERVED = frozenset((b"gap", b"deleted", b"displaced", b"open", b"error", BASE64))
"""Names that are not a publisher's: three are what a server says of a channel, two are events of EventSource itself, which pages take
for the state of the connection, and one is for bodies that are no text."""

_CR_TO_LF = bytes.maketrans(b"\r", b"\n")


def event(data: bytes, id: bytes = b"", name: bytes = b"") -> bytes:
    """One event. ``data`` is UTF-8; ``id`` and ``name`` are on one line each, empty for none: a client then keeps the id that it has."""
    return b"".join(pieces(name, _on_lines(data), id))


def message_pieces(message: Message, id: bytes) -> tuple[bytes, ...]:
    """A message as an event, with the id to resume by: what has to be joined to make it."""
    return pieces(*named_data(message), id)


def named_data(message: Message) -> tuple[bytes, bytes]:
    """The name and the data of a message as an event, ready for `pieces`: what costs something is done."""
    body = message.body
    name = b"" if message.event is None else event_name(message.event)
    try:
        body.decode()
    except UnicodeDecodeError:
        body = b2a_base64(body, newline=False)
        name = b"%b;%b" % (name, BASE64) if name else BASE64
    return name, _on_lines(body)


def _on_lines(data: bytes) -> bytes:
    # A body of nothing but line ends takes a regular expression seconds, during which nobody is served.
    if b"\r" in data:
        data = data.replace(b"\r\n", b"\n").translate(_CR_TO_LF)
    return data.replace(b"\n", b"\ndata: ")


def pieces(name: bytes, data: bytes, id: bytes) -> tuple[bytes, ...]:
    """An event, of a name and data that are ready, and an id: what has to be joined to make it.

    A large body is copied once, by whoever joins all that goes out together. Each copy on the way would leave a hole of its size beside
    what waits for a slow reader, and double what that costs.
    """
    return b"%b%bdata: " % (b"event: %b\n" % name if name else b"", b"id: %b\n" % id if id else b""), data, b"\n\n"


def event_name(name: str) -> bytes:
    """A message's name as a field can carry it; nothing for one that none can, that is no text, or that `is_reserved`."""
    try:
        value = name.encode()
    except UnicodeEncodeError:
        return b""
    return value if HEADER_VALUE.fullmatch(value) and not is_reserved(value) else b""


def is_reserved(name: bytes) -> bool:
    """Whether a name means something else on a stream than what a publisher calls a message."""
    bare = name.strip(b" \t")
    return bare in RESERVED or bare.endswith(b";" + BASE64)


def opening(retry: float = 0, id: bytes = b"") -> bytes:
    """What a stream begins with: after how many seconds a client is to come back (0: as it likes), and the id it has, if it is given one.

    A client takes the id up although no event comes with it.
    """
    lines = b"retry: %d\n" % round(retry * 1000) if retry else b""
    if id:
        lines += b"id: %b\n" % id
    return lines + b"\n" if lines else COMMENT
