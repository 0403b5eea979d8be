"""The list of channels that somebody listens to, as a console location gives it to its page: ``sample`` in JSON. Pure.

``{"listened": N, "channels": [{"store", "id", "rate", "subscribers": {protocol: number}}]}``: the busiest first, and ``listened`` tells how
many there are in all. What else is in it is passed over.
"""

from __future__ import annotations

import msgspec

from hbpush.errors import ProtocolError


class Entry(msgspec.Struct):
    """One channel. ``rate`` is in messages a second."""

    id: str
    store: str = "default"
    rate: float = 0.0
    subscribers: dict[str, int] = {}


class Listing(msgspec.Struct):
    """The channels, and how many somebody listens to."""

    channels: list[Entry]
    listened: int = 0


_decoder = msgspec.json.Decoder(Listing)


def listed(body: bytes) -> Listing:
    """Raises ProtocolError for what is no list."""
    try:
        return _decoder.decode(body)
    except msgspec.DecodeError:
        raise ProtocolError("no list of channels") from None
