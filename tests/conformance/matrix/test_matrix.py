"""Whoever publishes, everybody hears it once, in order, as it was said (DESIGN section 7)."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from itertools import chain
from pathlib import Path

import pytest

from tests.conformance.driving.drivers import need_clients
from tests.conformance.matrix import real, ways
from tests.conformance.matrix.contract import Bell, Publisher, Subscriber
from tests.conformance.matrix.curl import CurlPoll, CurlPost
from tests.conformance.matrix.house import STORES, House, Place, house
from tests.conformance.matrix.payloads import payloads
from tests.conformance.matrix.run import run
from tests.support.packages import needs
from tests.support.redis_server import missing

pytestmark = pytest.mark.skipif(missing() is not None, reason=missing() or "")

CHANNEL = "matrix"
FEW, MANY = 20, 1000
FEWER = 8
"""For clients that start a process for each message."""
SHORT_LIMIT, LIMIT = 60.0, 300.0

Record = Callable[[str, object], None]
Cast = Callable[[House, list[Place], Bell], tuple[list[Subscriber], list[Publisher]]]
"""Makes everybody who takes part, within the loop that they live in."""


def play(store: str, folder: Path, record_property: Record, count: int, limit: float, cast: Cast) -> None:
    """Let each publisher publish so many messages, one after the other."""

    async def played(servers: House) -> list[str]:
        places, bell = servers.places(), Bell()
        subscribers, publishers = cast(servers, places, bell)
        parts = [(each, payloads(1 + index * count, count, each.left_out)) for index, each in enumerate(publishers)]
        for each in publishers:
            for kind, reason in each.left_out.items():
                record_property("left out", f"{kind} by {each.name}: {reason}")
        try:
            return await run(places[0], CHANNEL, subscribers, parts, bell, limit)
        finally:
            for place in places:
                place.leave()

    with house(store, folder) as servers:
        assert asyncio.run(played(servers)) == []


@pytest.mark.parametrize("store", STORES)
def test_in_short(store: str, tmp_path: Path, record_property: Record) -> None:
    """Every way to publish, one after the other, and every way to subscribe that needs no more than a socket."""

    def cast(servers: House, places: list[Place], bell: Bell) -> tuple[list[Subscriber], list[Publisher]]:
        publishers = [ways.publisher(name, servers, places[0], CHANNEL) for name in ways.PUBLISHERS]
        return list(ways.subscribers(places, CHANNEL, bell)), publishers

    play(store, tmp_path, record_property, FEW, SHORT_LIMIT, cast)


@needs("curl")
@pytest.mark.parametrize("store", STORES)
def test_real_clients_in_short(store: str, tmp_path: Path, record_property: Record) -> None:
    """The old clients on Node, and curl, publish and subscribe."""
    _need()

    def cast(servers: House, places: list[Place], bell: Bell) -> tuple[list[Subscriber], list[Publisher]]:
        node = real.on_node()
        publishers = [real.RealPublisher(name, client, node, places[0], CHANNEL) for name, client in real.PUBLISHERS.items()]
        heard = [*real.subscribers(real.ON_NODE, node, places, CHANNEL, bell), CurlPoll("curl", places[-1], CHANNEL, bell)]
        return heard, [CurlPost("curl", places[0], CHANNEL), *publishers]

    play(store, tmp_path, record_property, FEWER, SHORT_LIMIT, cast)


@pytest.mark.full
@pytest.mark.parametrize("store", STORES)
@pytest.mark.parametrize("name", ways.PUBLISHERS)
def test_in_full(name: str, store: str, tmp_path: Path, record_property: Record) -> None:
    """One way to publish, by a real client where there is one, and everybody: by sockets, on Node, in pages of Chromium."""
    _need("chromium")

    def cast(servers: House, places: list[Place], bell: Bell) -> tuple[list[Subscriber], list[Publisher]]:
        node, pages = real.on_node(), real.in_pages()
        # Whatever is at one server with this publisher, is at the other with the next.
        first = ways.PUBLISHERS.index(name)
        heard = chain(
            real.subscribers(real.IN_PAGES, pages, places, CHANNEL, bell, first),
            real.subscribers(real.ON_NODE, node, places, CHANNEL, bell, first),
            ways.subscribers(places, CHANNEL, bell, first),
        )
        if name in real.PUBLISHERS:
            return list(heard), [real.RealPublisher(name, real.PUBLISHERS[name], node, places[0], CHANNEL)]
        return list(heard), [ways.publisher(name, servers, places[0], CHANNEL)]

    play(store, tmp_path, record_property, MANY, LIMIT, cast)


def _need(*more: str) -> None:
    """Install the clients, or skip."""
    for folder in (real.SOCKETIO, real.SOCKJS):
        need_clients(folder, *more)
