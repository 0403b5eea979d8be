"""A listener on servers that let it in and do not serve it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from hbpush.core.clock import LoopClock
from hbpush.stores.redis_listener import Listener
from hbpush.stores.redis_place import LAST_WAIT
from hbpush.stores.redis_settings import RedisServerSettings
from tests.conftest import ExpectedLogs
from tests.integration.stores.conftest import House, until
from tests.support.redis_server import HOST, RedisServer


class Hearer:
    """What a listener tells, in its order."""

    def __init__(self) -> None:
        self.told: list[str] = []

    def subscribed(self) -> None:
        self.told.append("subscribed")

    def heard(self, payload: bytes) -> None:
        self.told.append(payload.decode())

    def deaf(self) -> None:
        self.told.append("deaf")


@asynccontextmanager
async def listening(hearer: Hearer, **settings: Any) -> AsyncIterator[Listener]:
    """A listener that has tried once."""
    loop = asyncio.get_running_loop()
    listener = Listener("feed", RedisServerSettings(host=HOST, **settings), b"c", hearer, LoopClock(loop))
    await listener.start()
    try:
        yield listener
    finally:
        await listener.stop()


@pytest.mark.alone
async def test_who_is_sent_away_at_once_does_not_come_as_fast_as_that(
    house: House, server: RedisServer, expected_logs: ExpectedLogs
) -> None:
    expected_logs("cannot be reached")
    loop = asyncio.get_running_loop()
    hearer = Hearer()
    async with listening(hearer, port=server.port):
        end = loop.time() + 3
        while loop.time() < end:
            server.cli("CLIENT", "KILL", "TYPE", "pubsub")
            await asyncio.sleep(0.005)
        assert 3 <= hearer.told.count("subscribed") <= 12
        await until(lambda: hearer.told[-1] == "subscribed", "it is heard again")
        assert hearer.told == ["subscribed", "deaf"] * (len(hearer.told) // 2) + ["subscribed"]
        # One that has served for a while is asked at once.
        times = len(hearer.told)
        await asyncio.sleep(LAST_WAIT + 0.1)
        lost = loop.time()
        server.cli("CLIENT", "KILL", "TYPE", "pubsub")
        await until(lambda: len(hearer.told) == times + 2, "it is heard again")
        assert loop.time() - lost < LAST_WAIT / 2


async def test_who_may_not_ask_whether_the_server_is_there_is_told_why(house: House, expected_logs: ExpectedLogs) -> None:
    expected_logs("NOPERM.*'ping'")
    with RedisServer(users=["feed on >secret allchannels -@all +subscribe"]) as server:
        async with listening(Hearer(), port=server.port, username="feed", password="secret") as listener:
            await until(lambda: "NOPERM" in listener.trouble, "the reason is told")
            await until(lambda: any("'ping'" in text for text in expected_logs.texts()), "the log has it, too")
