"""``conf/hbpushd.yaml``: every protocol on one port, one channel for all of them, with Redis and without."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

from tests.integration.conf.configured import hbpushd_yaml
from tests.support.everybody import Everybody
from tests.support.hosts import get
from tests.support.packages import needs
from tests.support.process import PATIENCE, Daemon
from tests.support.redis_server import RedisServer


@needs("curl", "redis-server")
def test_one_channel_for_everybody_and_a_redis_that_comes_later(tmp_path: Path) -> None:
    with RedisServer() as redis:
        redis.kill()
        configuration = hbpushd_yaml(tmp_path, redis=redis.port)
        with Daemon("-c", configuration, "--port=0", expected=("cannot be reached",)) as daemon:
            asyncio.run(asyncio.wait_for(converse(daemon, redis), PATIENCE))
    assert len([line for line in daemon.lines if "Redis at" in line]) == 2, daemon.lines


async def converse(daemon: Daemon, redis: RedisServer) -> None:
    async with Everybody(daemon.port) as everybody:
        health = get(b"/tyron/health/")
        told = await everybody.ask(health)
        assert (told.status, b"cannot be reached" in told.body) == (503, True)
        await everybody.join()
        for name, publish in everybody.mouths.items():
            await everybody.all_hear(publish, {"by": name} if name == "rest" else f"from {name} \U0001f600")

        await asyncio.to_thread(redis.start)
        await asyncio.to_thread(daemon.wait_for, "is back after")
        assert (await everybody.ask(health)).body == b"OK"

        async def by_redis(value: str) -> None:
            await asyncio.to_thread(redis.cli, "PUBLISH", "tyron_pubsub", json.dumps({"channel": everybody.channel, "data": value}))

        await everybody.all_hear(by_redis, "from Redis")
