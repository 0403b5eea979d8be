"""Peers that leave without a word: what the system is told of connections, by the options that they have."""

from __future__ import annotations

import socket

import pytest

from hbpush.web.limits import Limits
from hbpush.web.native.vanished import give_up_after
from tests.integration.web.conftest import natives
from tests.support.hosts import Host, get

pytestmark = pytest.mark.skipif(not hasattr(socket, "TCP_USER_TIMEOUT"), reason="this system has no TCP_USER_TIMEOUT")


def options(own: socket.socket) -> tuple[bool, int, int, int]:
    """Whether silent peers are asked, after how many seconds, how often; and the time-out in milliseconds."""
    asks = bool(own.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE))
    after, every = own.getsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE), own.getsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPINTVL)
    return asks, after, every, own.getsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT)


async def accepted(host: Host) -> tuple[bool, int, int, int]:
    """The options of a new connection, at the server."""
    before = set(host.native.connections)
    client = await host.connect()
    await client.ask(get(b"/echo"))
    [connection] = host.native.connections - before
    descriptor = connection.transport.get_extra_info("socket").fileno()
    with socket.socket(fileno=socket.dup(descriptor)) as own:
        return options(own)


@natives
async def test_connections_end_whose_peers_acknowledge_nothing(host: Host) -> None:
    await host.serve_places()
    assert await accepted(host) == (True, 30, 10, 60_000)
    host.native.limits = Limits(peer_timeout=1.5)
    assert await accepted(host) == (True, 1, 1, 1500)
    host.native.limits = Limits(peer_timeout=0)
    asks, _, _, timeout = await accepted(host)
    assert (asks, timeout) == (False, 0)


def test_what_is_no_tcp_is_left_alone() -> None:
    with socket.socket(socket.AF_UNIX) as own:
        give_up_after(own, 60)
        assert not own.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE)
