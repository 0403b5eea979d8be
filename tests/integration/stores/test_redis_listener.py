"""A listener on servers that let it in and do not serve it."""

from __future__ import annotations

import asyncio

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


async def test_who_is_sent_away_at_once_does_not_come_as_fast_as_that(
    house: House, server: RedisServer, expected_logs: ExpectedLogs
) -> None:
    expected_logs("cannot be reached")
    hearer = Hearer()
    listener = Listener("feed", RedisServerSettings(host=HOST, port=server.port), b"c", hearer, LoopClock(asyncio.get_running_loop()))
    await listener.start()
    end = asyncio.get_running_loop().time() + 3
    while asyncio.get_running_loop().time() < end:
        server.cli("CLIENT", "KILL", "TYPE", "pubsub")
        await asyncio.sleep(0.005)
    assert 3 <= hearer.told.count("subscribed") <= 12
    await until(lambda: hearer.told[-1] == "subscribed", "it is heard again")
    assert hearer.told[::2] == ["subscribed"] * len(hearer.told[::2])
    assert hearer.told[1::2] == ["deaf"] * len(hearer.told[1::2])
    # One that has served for a while is asked at once.
    times = len(hearer.told)
    await asyncio.sleep(LAST_WAIT + 0.1)
    lost = asyncio.get_running_loop().time()
    server.cli("CLIENT", "KILL", "TYPE", "pubsub")
    await until(lambda: len(hearer.told) == times + 2, "it is heard again")
    assert asyncio.get_running_loop().time() - lost < LAST_WAIT / 2
    await listener.stop()


async def test_who_may_not_ask_whether_the_server_is_there_is_told_why(house: House, expected_logs: ExpectedLogs) -> None:
    with RedisServer(users=["feed on >secret allchannels -@all +subscribe"]) as server:
        expected_logs("NOPERM.*'ping'")
        settings = RedisServerSettings(host=HOST, port=server.port, username="feed", password="secret")
        listener = Listener("feed", settings, b"c", Hearer(), LoopClock(asyncio.get_running_loop()))
        await listener.start()
        await until(lambda: "NOPERM" in listener.trouble, "the reason is told")
        await listener.stop()
