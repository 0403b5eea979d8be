"""A crowd of held polls in a real server: one publish releases them all, and each gets the whole message exactly once."""

from __future__ import annotations

import asyncio
import resource
from pathlib import Path

import pytest

from tests.support.hosts import Client, get, request
from tests.support.process import Daemon

CONFIGURATION = """
port: 0
address: 127.0.0.1
locations:
  - {type: publisher, prefix: /pub/}
  - {type: subscriber, prefix: /sub/}
"""
LIMIT = 120.0
AT_ONCE = 100
"""Connections that are opened at a time: a listener's backlog has an end."""

BODY = bytes(n * 7 % 251 for n in range(3000))


@pytest.mark.parametrize("crowd", [1_000, pytest.param(10_000, marks=pytest.mark.full)])
def test_one_publish_releases_all(tmp_path: Path, crowd: int) -> None:
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    if most != resource.RLIM_INFINITY and most < crowd + 500:
        pytest.skip(f"needs {crowd + 500} file descriptors: raise ulimit -Hn")
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    configuration = tmp_path / "crowd.yaml"
    configuration.write_text(CONFIGURATION)
    try:
        with Daemon("--config", configuration) as daemon:
            asyncio.run(released(daemon.port, crowd))
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, before)


async def released(port: int, crowd: int) -> None:
    async def connect() -> Client:
        return Client(*await asyncio.open_connection("127.0.0.1", port))

    async def hold() -> Client:
        async with gate:
            client = await connect()
            await client.send(get(b"/sub/news"))
            return client

    async def is_served(client: Client) -> None:
        async with gate:
            answer = await client.answer()
            assert (answer.status, answer.body, answer.headers[b"content-type"]) == (200, BODY, b"text/x-crowd")
            # A second copy would stand before this.
            assert (await client.ask(get(b"/sub/absent"))).status == 404
            client.leave()

    gate = asyncio.Semaphore(AT_ONCE)
    async with asyncio.timeout(LIMIT):
        publisher = await connect()
        await publisher.ask(request(b"PUT", b"/pub/news", b"Content-Length: 0"))
        polls = await asyncio.gather(*[hold() for _ in range(crowd)])
        while b"active subscribers: %d\r\n" % crowd not in (await publisher.ask(get(b"/pub/news"))).body:
            assert not any(poll.reader.at_eof() for poll in polls)
        receipt = await publisher.ask(request(b"POST", b"/pub/news", b"Content-Type: text/x-crowd", body=BODY))
        assert (receipt.status, b"active subscribers: %d\r\n" % crowd in receipt.body) == (201, True)
        await asyncio.gather(*[is_served(poll) for poll in polls])
        publisher.leave()
