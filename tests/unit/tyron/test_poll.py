"""What a poll of Tyron asks for."""

from __future__ import annotations

import pytest

from hbpush.core.message import NEWEST, MessageId, Since
from hbpush.errors import ProtocolError
from tyron.poll import since_of


@pytest.mark.parametrize(
    ("target", "since"),
    [
        (b"/a/", NEWEST),
        (b"/a/?x=1", NEWEST),
        (b"/a/?x=1&since=5%3A6", MessageId(5, 6)),
        (b"/a/?since=5-6", MessageId(5, 6)),
        # Where a client begins, by whatever door, on a channel on which nothing was published yet.
        (b"/a/?since=5:-1", MessageId(5, -1)),
    ],
)
def test_where_it_wants_to_go_on(target: bytes, since: Since) -> None:
    assert since_of(target) == since


def test_what_cannot_be_read() -> None:
    with pytest.raises(ProtocolError, match="since"):
        since_of(b"/a/?since=")
