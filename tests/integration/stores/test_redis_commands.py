"""Single commands of those who keep no store (`hbpush.stores.redis_listener.Commands`)."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

import pytest

from hbpush.errors import StoreUnavailable
from hbpush.stores.redis_listener import Commands
from hbpush.stores.redis_place import Place
from hbpush.stores.redis_settings import RedisServerSettings
from tests.support.redis_server import HOST, RedisServer


def play(server: RedisServer, scenario: Callable[[Commands], Coroutine[Any, Any, None]]) -> None:
    async def run() -> None:
        commands = Commands(Place(RedisServerSettings(host=HOST, port=server.port)))
        try:
            await scenario(commands)
        finally:
            await commands.stop()

    asyncio.run(run())


def test_lists_keep_the_newest() -> None:
    async def scenario(commands: Commands) -> None:
        await asyncio.gather(*(commands.append(b"log", b"%d" % number, 3) for number in range(5)))

    with RedisServer() as server:
        play(server, scenario)
        assert server.cli("LRANGE", "log", 0, -1) == [b"2", b"3", b"4"]


def test_what_is_no_list_is_refused() -> None:
    async def scenario(commands: Commands) -> None:
        with pytest.raises(StoreUnavailable, match="WRONGTYPE"):
            await commands.append(b"text", b"x", 3)
        assert await commands.text(b"text") == b"kept"

    with RedisServer() as server:
        server.cli("SET", "text", "kept")
        play(server, scenario)


def test_a_server_that_is_away() -> None:
    async def scenario(commands: Commands) -> None:
        with pytest.raises(StoreUnavailable, match="cannot be reached"):
            await commands.append(b"log", b"x", 3)

    with RedisServer() as server:
        server.kill()
        play(server, scenario)
