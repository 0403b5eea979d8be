"""However requests are cut into reads, the answers are the same; and no bytes bring a host down or make it answer 500."""

from __future__ import annotations

import re
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.integration.web.bad_requests import BAD, LIMITS
from tests.support.hosts import KINDS, Host, Kind, get, request

PLAIN = pytest.mark.parametrize("kind", [kind for kind in KINDS if not kind.tls], ids=lambda kind: kind.name)

GOOD = [
    get(b"/echo?1"),
    request(b"POST", b"/echo?2", body=b"a body"),
    request(b"POST", b"/echo?3", b"Transfer-Encoding: chunked") + b"3\r\nabc\r\n10\r\n0123456789abcdef\r\n0\r\n\r\n",
    request(b"HEAD", b"/name/x"),
    get(b"/upgrade", b"Connection: Upgrade", b"Upgrade: websocket"),
    get(b"/upgrade", b"Connection: Upgrade", b"Upgrade: h2c"),
    b"GET /echo?4 HTTP/1.0\r\nConnection: keep-alive\r\n\r\n",
    get(b"/none"),
]
LAST = get(b"/last", b"Connection: close")

WORDS = [
    *GOOD,
    *(bad.wire for bad in BAD.values()),
    *(b"\r\n", b"\r\n\r\n", b"GET ", b"/echo", b" HTTP/1.1", b"Host: x\r\n", b"0", b"\0", b"\xff"),
    *(b"Content-Length: 3\r\n", b"Transfer-Encoding: chunked\r\n", b"Connection: Upgrade\r\nUpgrade: websocket\r\n"),
]


async def answers(host: Host, reads: list[bytes], last: bool) -> bytes:
    """All that comes back, without dates. The client ends what it sends, unless its last request asks for the end."""
    await host.serve_places(LIMITS)
    client = await host.connect()
    for read in reads:
        await client.send(read)
        # Let the host see what was sent, as a read of its own.
        await host.connect()
    if not last:
        client.end()
    answered = await client.rest()
    client.leave()
    await host.others_are_served()
    return re.sub(rb"Date: [^\r]*\r\n", b"", answered)


@PLAIN
@settings(max_examples=60, deadline=None)
@given(st.lists(st.sampled_from(GOOD), max_size=6), st.lists(st.integers(0, 900), max_size=8))
def test_any_split_has_the_same_answers(kind: Kind, requests: list[bytes], cuts: list[int]) -> None:
    wire = b"".join(requests) + LAST
    places = [0, *sorted(cut for cut in cuts if cut < len(wire)), len(wire)]
    reads = [wire[start:end] for start, end in pairwise(places)]
    assert run(kind, reads, True) == run(kind, [wire], True)
    assert run(kind, reads, True).count(b"HTTP/1.1 ") == len(requests) + 1


@PLAIN
@pytest.mark.usefixtures("quiet_access_log")
@settings(max_examples=150, deadline=None)
@given(st.lists(st.sampled_from(WORDS) | st.binary(max_size=40), max_size=8))
def test_no_bytes_bring_a_host_down(kind: Kind, reads: list[bytes]) -> None:
    answered = run(kind, reads, False)
    assert b"HTTP/1.1 500" not in answered
    assert b"Traceback" not in answered


def run(kind: Kind, reads: list[bytes], last: bool) -> bytes:
    answered = b""

    async def scenario() -> None:
        nonlocal answered
        answered = await answers(host, reads, last)

    host = Host(kind, None)
    host.run(scenario())
    return answered
