"""The list of all channels, as a status location gives it in JSON: ``{"channels": [{"channel", "subscribers", ...}]}``. Pure.

``subscribers`` is a number, or numbers by protocol. What is not there is not told; what nobody knows here is passed over.
"""

from __future__ import annotations

import msgspec

from hbpush.errors import ProtocolError


class Entry(msgspec.Struct):
    """One channel."""

    channel: str
    subscribers: int | dict[str, int] = 0
    messages: int = 0
    requested: int = -1
    last_message_id: str | None = None

    @property
    def listening(self) -> int:
        """Subscribers, by whatever protocol."""
        return self.subscribers if isinstance(self.subscribers, int) else sum(self.subscribers.values())


class _List(msgspec.Struct):
    channels: list[Entry]


_decoder = msgspec.json.Decoder(_List)


def listed(body: bytes) -> list[Entry]:
    """The channels of a status. Raises ProtocolError for what is none."""
    try:
        return _decoder.decode(body).channels
    except msgspec.DecodeError:
        raise ProtocolError("no list of channels") from None
