"""The list of all channels."""

from __future__ import annotations

import pytest

from hbpush.errors import ProtocolError
from hbpush.relay.commands.listing import listed


def test_numbers_and_numbers_by_protocol() -> None:
    wire = (
        b'{"uptime": 3, "channels": [{"channel": "a", "subscribers": 2, "rate": 1.5}, {"channel": "b", "subscribers": {"x": 1, "y": 2}}]}'
    )
    assert [(entry.channel, entry.listening) for entry in listed(wire)] == [("a", 2), ("b", 3)]


@pytest.mark.parametrize("wire", [b"", b"[]", b"{}", b'{"channels": [{}]}', b"<html>"])
def test_what_is_no_list(wire: bytes) -> None:
    with pytest.raises(ProtocolError):
        listed(wire)
