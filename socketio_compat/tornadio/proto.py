"""TornadIO's functions for messages, over `socketio_compat.v06.codec` (TornadIO API, A5). Lengths count UTF-16 units, as clients do."""

from __future__ import annotations

import logging
from typing import Any

from hbpush.errors import ProtocolError
from socketio_compat.v06 import codec

FRAME, HEARTBEAT, JSON = codec.FRAME, codec.HEARTBEAT, codec.JSON

_log = logging.getLogger(__name__)


def encode(message: object) -> str:
    """The frames for a message: a text as it is, nothing for None, each item of a list by itself, all else as JSON.

    Raises TypeError and ValueError for what is no JSON.
    """
    return codec.encode_stream(codec.bodies(message)).decode()


def decode(data: str | bytes) -> list[tuple[str, Any]]:
    """The messages in frames: ``(FRAME, value)`` for a text and for the value of a JSON message, ``(HEARTBEAT, text)`` for a heartbeat.

    What is broken is logged and left out: a message that is no JSON, and everything from the first frame that is none.
    """
    found, fault = codec.decode_stream(data)
    messages: list[tuple[str, Any]] = []
    for body in found:
        try:
            kind, value = codec.read(body)
        except ProtocolError as error:
            _log.info("a message is ignored: %s", error)
            continue
        messages.append((HEARTBEAT if kind == HEARTBEAT else FRAME, value))
    if fault is not None:
        _log.info("the rest of a stream is ignored: %s", fault)
    return messages
