"""The list of channels that somebody listens to."""

from __future__ import annotations

import pytest

from hbpush.errors import ProtocolError
from hbpush.relay.commands.listing import Entry, Listing, listed


def test_a_list_and_what_is_passed_over() -> None:
    wire = (
        b'{"number": 3, "listened": 9, "channels": [{"id": "a", "store": "s", "rate": 1.5, "subscribers": {"x": 1, "y": 2}}, {"id": "b"}]}'
    )
    assert listed(wire) == Listing([Entry("a", "s", 1.5, {"x": 1, "y": 2}), Entry("b")], 9)


@pytest.mark.parametrize("wire", [b"", b"[]", b"{}", b'{"channels": [{}]}', b"<html>"])
def test_what_is_no_list(wire: bytes) -> None:
    with pytest.raises(ProtocolError):
        listed(wire)
