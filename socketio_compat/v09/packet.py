"""Packets: the units of the protocol, as values and as text (Socket.IO 0.7 specification 3, 4, 5, 11). Pure.

``TYPE ":" [ID ["+"]] ":" [ENDPOINT] [":" DATA]``, where the data may hold colons and newlines. Encoders return the packet as text; what
a transport sends is made of that by ``payload.packet_bytes`` or ``payload.encode_payload``.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import msgspec

from hbpush.core import jsontext
from hbpush.errors import ProtocolError

DISCONNECT, CONNECT, HEARTBEAT, MESSAGE, JSON, EVENT, ACK, ERROR, NOOP = range(9)

REASONS = ("transport not supported", "client not handshaken", "unauthorized")
"""What the numbers in an error packet say, by their value."""
TRANSPORT_NOT_SUPPORTED, CLIENT_NOT_HANDSHAKEN, UNAUTHORIZED = range(3)
ADVICES = ("reconnect",)
RECONNECT = 0

_TYPES = {str(number): number for number in range(9)}
_ID_DIGITS = 16
"""All the digits that a client's counter can have: it is a JavaScript number."""


class UnknownPacketType(ProtocolError):
    """A packet of a type that the protocol does not have; every original ignores it."""


class Packet(msgspec.Struct, frozen=True, gc=False):
    """A packet as it came.

    ``type`` is one of the constants, 0 to 8. ``id`` is the number that an acknowledgement has to name, or None; ``wants_data`` tells that
    the application answers it (``+``). ``endpoint`` is '' for the root, else begins with ``/`` as clients write it; a query may still be in
    it (`connect_of`). ``data`` is the raw text after the third colon, or None without one.
    """

    type: int
    id: int | None = None
    wants_data: bool = False
    endpoint: str = ""
    data: str | None = None


class Event(NamedTuple):
    name: str
    args: list[Any]


class Ack(NamedTuple):
    """``id`` is the one being acknowledged."""

    id: int
    args: list[Any]


class Target(NamedTuple):
    """What a connect packet asks for: an endpoint, and the query without its question mark."""

    endpoint: str
    query: str


class Refusal(NamedTuple):
    """The words of an error packet; '' for what is absent or no number that the protocol has."""

    reason: str
    advice: str


# Reading


def decode_packet(text: str) -> Packet:
    """One packet. Raises `UnknownPacketType` for a type that there is not, ProtocolError for anything else that is no packet.

    A bare ``0`` is a disconnect, as the written protocol has it. The data is not looked at: see `event_of` and its like.
    """
    kind, _, rest = text.partition(":")
    number, colon, rest = rest.partition(":")
    if not colon:
        if text == "0":
            return Packet(DISCONNECT)
        raise ProtocolError("not a packet")
    known = _TYPES.get(kind)
    if known is None:
        raise UnknownPacketType("a packet of unknown type")
    endpoint, colon, data = rest.partition(":")
    if not number:
        return Packet(known, None, False, endpoint, data if colon else None)
    wants_data = number[-1] == "+"
    number = number.removesuffix("+")
    return Packet(known, _number(number) if number else None, wants_data, endpoint, data if colon else None)


class _EventBody(msgspec.Struct, gc=False):
    name: str
    args: list[Any] = []


_EVENT = msgspec.json.Decoder(_EventBody)


def event_of(packet: Packet) -> Event:
    """The name and the arguments of an event; none when ``args`` is left out. Raises ProtocolError when the data is not such an object."""
    text = packet.data or ""
    try:
        body = _EVENT.decode(text)
        return Event(body.name, body.args)
    except (msgspec.DecodeError, UnicodeError, RecursionError):
        pass
    value = jsontext.decode(text)
    if isinstance(value, dict):
        name, args = value.get("name"), value.get("args", [])
        if isinstance(name, str) and isinstance(args, list):
            return Event(name, args)
    raise ProtocolError("an event is an object with a name and, perhaps, a list args")


def json_of(packet: Packet) -> object:
    """The value in a json packet. Raises ProtocolError when the data is not JSON."""
    return jsontext.decode(packet.data or "")


def ack_of(packet: Packet) -> Ack:
    """What an acknowledgement names and brings. Raises ProtocolError for an id that is no number, and for data that is not a JSON array.

    ``6:::2+``, as TornadIO2 writes it, brings nothing.
    """
    number, _, data = (packet.data or "").partition("+")
    acked = _number(number)
    args = jsontext.decode(data) if data else []
    if not isinstance(args, list):
        raise ProtocolError("the data of an acknowledgement is a list")
    return Ack(acked, args)


def error_of(packet: Packet) -> Refusal:
    """The reason and the advice of an error packet. Whatever it holds is taken."""
    reason, _, advice = (packet.data or "").partition("+")
    return Refusal(_word(reason, REASONS), _word(advice, ADVICES))


def connect_of(packet: Packet) -> Target:
    """The endpoint that a connect packet asks for, and the query, which stands behind the endpoint or in the data."""
    endpoint, mark, query = packet.endpoint.partition("?")
    return Target(endpoint, query if mark else (packet.data or "").removeprefix("?"))


def _number(digits: str) -> int:
    if not (len(digits) <= _ID_DIGITS and digits.isascii() and digits.isdigit()):
        raise ProtocolError("an id is a whole number")
    return int(digits)


def _word(number: str, words: Sequence[str]) -> str:
    return words[int(number)] if number in ("0", "1", "2") and int(number) < len(words) else ""


# Writing: every function raises ValueError for an endpoint with a colon, which would end it.


def disconnect(endpoint: str = "") -> str:
    """The end of an endpoint; of the whole session for the root."""
    return _head("0", "", endpoint)


def connect(endpoint: str = "", query: str = "") -> str:
    """``query`` is written as it is, with its question mark."""
    return _with(_head("1", "", endpoint), query)


def heartbeat() -> str:
    return "2::"


def message(text: str, endpoint: str = "", id: int | None = None, wants_data: bool = False) -> str:
    """A text. With an id the receiver acknowledges it, by itself or, with ``wants_data``, by its application."""
    return _with(_head("3", _id(id, wants_data), endpoint), text)


def json(value: object, endpoint: str = "", id: int | None = None, wants_data: bool = False) -> str:
    """A JSON value. Raises what `hbpush.core.jsontext.encode` raises."""
    return json_text(jsontext.encode(value), endpoint, id, wants_data)


def json_text(text: str, endpoint: str = "", id: int | None = None, wants_data: bool = False) -> str:
    """A value that is JSON text already: it has to be on one line, since the client 0.7 loses a packet that is not."""
    return f"{_head('4', _id(id, wants_data), endpoint)}:{text}"


def event(name: str, args: Sequence[object] = (), endpoint: str = "", id: int | None = None) -> str:
    """An event; ``args`` is left out when empty. With an id the receiver's application acknowledges it: clients never do so by themselves.

    Raises what `hbpush.core.jsontext.encode` raises.
    """
    body: dict[str, object] = {"name": name, "args": args} if args else {"name": name}
    return event_text(jsontext.encode(body), endpoint, id)


def event_text(text: str, endpoint: str = "", id: int | None = None) -> str:
    """An event whose object, with ``name`` and ``args``, is JSON text on one line already."""
    return f"{_head('5', _id(id, True), endpoint)}:{text}"


def ack(id: int, args: Sequence[object] | None = None, endpoint: str = "") -> str:
    """The acknowledgement of ``id``, with what the application says to it. Raises what `hbpush.core.jsontext.encode` raises."""
    return ack_text(id, jsontext.encode(args), endpoint) if args else f"{_head('6', '', endpoint)}:{id}"


def ack_text(id: int, text: str, endpoint: str = "") -> str:
    """An acknowledgement whose list of arguments is JSON text on one line already."""
    return f"{_head('6', '', endpoint)}:{id}+{text}"


def error(reason: int | str | None = None, advice: int | str | None = None, endpoint: str = "") -> str:
    """A refusal: reason and advice are the protocol's numbers, or anything else that a peer of one's own understands."""
    data = "" if reason is None else str(reason)
    return _with(_head("7", "", endpoint), data if advice is None else f"{data}+{advice}")


def noop() -> str:
    """What ends a poll that has nothing to bring."""
    return "8::"


def _id(id: int | None, wants_data: bool) -> str:
    if id is None:
        return ""
    return f"{id}+" if wants_data else str(id)


def _head(type: str, id: str, endpoint: str) -> str:
    if ":" in endpoint:
        raise ValueError("an endpoint has no colon")
    return f"{type}:{id}:{endpoint}"


def _with(head: str, data: str) -> str:
    return f"{head}:{data}" if data else head
