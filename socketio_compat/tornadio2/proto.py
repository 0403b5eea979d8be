"""TornadIO2's functions for packets, over `socketio_compat.v09.codec`, with its spelling of JSON (TornadIO API, B6).

All return str except `encode_frames`. ``endpoint`` may be None for the root. What the wire could not bear in the original is put right:
an event with an id asks for data (``id+``), else no browser ever answered it; lengths count UTF-16 units.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence

from hbpush.core import jsontext
from socketio_compat.v09 import codec

DISCONNECT, CONNECT, HEARTBEAT, MESSAGE, JSON, EVENT, ACK, ERROR, NOOP = "012345678"
FRAME_SEPARATOR = codec.SEPARATOR

_log = logging.getLogger(__name__)


def disconnect(endpoint: str | None = None) -> str:
    return codec.disconnect(endpoint or "")


def connect(endpoint: str | None = None) -> str:
    return codec.connect(endpoint or "")


def heartbeat() -> str:
    return codec.heartbeat()


def noop() -> str:
    return codec.noop()


def message(endpoint: str | None, msg: object, message_id: int | None = None, force_json: bool = False) -> str:
    """A text (bytes are taken as UTF-8), or any other value as JSON; with ``force_json`` a text that is JSON already. '' for None."""
    if msg is None:
        return ""
    if isinstance(msg, bytes):
        msg = msg.decode()
    if not isinstance(msg, str):
        return codec.json_text(json_dumps(msg), endpoint or "", message_id)
    if force_json:
        return codec.json_text(msg, endpoint or "", message_id)
    return codec.message(msg, endpoint or "", message_id)


def event(endpoint: str | None, name: str, message_id: int | None, *args: object, **kwargs: object) -> str:
    """An event with its positional arguments; without any, with one dict of the keyword arguments. Of both, the latter are dropped."""
    return event_of(endpoint, name, message_id, args, kwargs)


def event_of(endpoint: str | None, name: str, message_id: int | None, args: Sequence[object], kwargs: Mapping[str, object]) -> str:
    """As `event`, for keyword arguments of any name."""
    if args and kwargs:
        _log.error("event %r has positional and keyword arguments: the keyword arguments are dropped", name)
    body = {"args": list(args) or [kwargs], "name": name}
    return codec.event_text(json_dumps(body), endpoint or "", message_id)


def ack(endpoint: str | None, message_id: int, ack_response: object = None) -> str:
    """An acknowledgement: plain for None, with the items of a tuple, else with one item."""
    if ack_response is None:
        return codec.ack(message_id, None, endpoint or "")
    items = list(ack_response) if isinstance(ack_response, tuple) else [ack_response]
    return codec.ack_text(message_id, json_dumps(items), endpoint or "")


def error(endpoint: str | None, reason: int | str, advice: int | str | None = None) -> str:
    return codec.error(reason, advice, endpoint or "")


def json_dumps(msg: object) -> str:
    """JSON with blanks, in ASCII. Raises TypeError and ValueError as `hbpush.core.jsontext.encode` does."""
    return jsontext.encode(msg, spaced=True)


def json_load(msg: str | bytes) -> object:
    """The value of a JSON text. Raises ProtocolError."""
    return jsontext.decode(msg)


def decode_frames(data: str | bytes) -> list[str]:
    """The packets of a payload. Raises ProtocolError when anything is wrong with it."""
    packets, fault = codec.decode_payload(data)
    if fault is not None:
        raise fault
    return packets


def encode_frames(packets: Sequence[str]) -> bytes:
    """The payload for packets: empty for none, one bare, several with their lengths."""
    return codec.encode_payload(packets)
