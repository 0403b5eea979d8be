"""Several processes on one Redis server: channels and users cross over, and nothing is left of one that dies (specification 8, 11)."""

from __future__ import annotations

import asyncio
import json
import signal
from collections.abc import Callable, Coroutine
from typing import Any

from tests.support.hosts import Host, Kind
from tests.support.redis_server import HOST, RedisServer
from tests.support.seth_process import SethProcess
from tests.support.sethpusher_clients import RawWebSocketClient, SockJSClient, WebSocketClient

APP = "--app=sethpusher.applications.SethPusherOnRedisApplication"


def started(server: RedisServer, *expected: str) -> SethProcess:
    return SethProcess("--port=0", "--debug=true", APP, f"--redis-host={HOST}", f"--redis-port={server.port}", expected=expected)


def play(*processes: SethProcess, scenario: Callable[..., Coroutine[Any, Any, None]]) -> None:
    """Run a scenario, which gets a host for each process."""
    host = Host(Kind("native"), None)
    hosts = []
    for process in processes:
        place = Host(Kind("native"), None)
        place.port = process.port
        hosts.append(place)

    async def run() -> None:
        try:
            await scenario(*hosts)
        finally:
            for place in hosts:
                for client in place._clients:
                    client.leave()

    host.run(run())


async def connected(host: Host, name: str, *channels: str) -> SockJSClient:
    """A socket that has joined everything: it has heard its own notices, the last of them by way of Redis."""
    client = WebSocketClient(host)
    await client.open()
    await client.say({"type": "connect", "subscriber_id": name})
    for channel in channels:
        await client.say({"type": "subscribe", "channel": channel})
        while (await client.hear())["message"].get("type") != "subscribe":
            pass
    return client


async def heard(client: SockJSClient, key: str) -> Any:
    """The next message with a key, notices passed over."""
    while True:
        message = await client.hear()
        if key in message["message"]:
            return message


def post(process: SethProcess, place: str, name: str, message: Any) -> tuple[int, str]:
    return process.ask("POST", f"/api/{place}/{name}/", json.dumps(message))


def test_channels_and_users_cross_over(redis_server: RedisServer) -> None:
    with started(redis_server) as first, started(redis_server) as second:

        async def scenario(here: Host, there: Host) -> None:
            phone, desk = await connected(here, "bob", "news"), await connected(there, "bob", "news")
            raw = RawWebSocketClient(there)
            await raw.open()
            await raw.say({"type": "subscribe", "channel": "news"})
            await raw.hear()
            assert post(first, "channels", "news", {"x": 1, "sender_id": "zed"}) == (200, '{"status": 200}\n')
            for client in (phone, desk, raw):
                assert await heard(client, "x") == {"message": {"x": 1, "sender_id": "zed"}, "sender_id": "zed"}
            for number, process in enumerate((first, second)):
                assert post(process, "users", "bob", {"y": number})[0] == 200
                for client in (phone, desk):
                    assert await heard(client, "y") == {"message": {"y": number}, "target_id": "bob", "sender_id": None}
            alice = await connected(there, "alice", "mine")
            assert (await heard(phone, "type"))["message"]["body"] in ("User: bob connected.", "User: alice connected.")
            alice.leave()
            while (await phone.hear())["message"].get("body") != "User: alice disconnected.":
                pass

        play(first, second, scenario=scenario)


def test_one_that_is_killed_leaves_no_ghosts_and_harms_nobody(redis_server: RedisServer) -> None:
    with started(redis_server) as first, started(redis_server) as second:

        async def scenario(here: Host, there: Host) -> None:
            bob = await connected(here, "bob", "killed")
            await connected(there, "eve", "killed")
            second.signal(signal.SIGKILL)
            await asyncio.to_thread(second.wait)
            assert post(first, "channels", "killed", {"x": 1})[0] == 200
            assert (await heard(bob, "x"))["message"] == {"x": 1}
            assert post(first, "users", "eve", {"x": 1})[0] == 200
            page = json.loads(first.ask("GET", "/debug/")[1])
            assert page["subscribers"] == {"all": ["bob"], "killed": ["bob"]}

        play(first, second, scenario=scenario)


def test_a_socket_that_never_connects_harms_nobody(redis_server: RedisServer) -> None:
    with started(redis_server) as process:

        async def scenario(host: Host) -> None:
            bob = await connected(host, "bob", "calm")
            stranger = WebSocketClient(host)
            await stranger.open()
            await stranger.say({"type": "unsubscribe", "channel": "calm"})
            await stranger.say({"type": "subscribe", "channel": 5})
            stranger.leave()
            alice = await connected(host, "alice", "calm")
            assert post(process, "channels", "all", {"x": 1})[0] == 200
            assert post(process, "channels", "calm", {"y": 1})[0] == 200
            for client in (bob, alice):
                first, second = [await client.hear() for _ in range(2)] if client is alice else [await heard(bob, k) for k in "xy"]
                assert {"x", "y"} == set(first["message"]) | set(second["message"])

        play(process, scenario=scenario)


def test_redis_goes_and_comes_back() -> None:
    with RedisServer() as server, started(server, "cannot be reached", "a notice was lost") as process:

        async def scenario(host: Host) -> None:
            bob = await connected(host, "bob", "news")
            server.kill()
            await asyncio.to_thread(process.wait_for, "cannot be reached")
            for place in ("channels", "users"):
                status, body = post(process, place, "bob", {"x": 1})
                assert (status, json.loads(body)["status"]) == (503, 503)
            late = WebSocketClient(host)
            await late.open()
            await late.say({"type": "connect", "subscriber_id": "late"})
            await late.say({"type": "subscribe", "channel": "news"})
            server.start()
            # The subscription that could not be made is made now: then its notice comes.
            while (await late.hear())["message"].get("type") != "subscribe":
                pass
            assert post(process, "channels", "news", {"x": 2})[0] == 200
            assert post(process, "users", "late", {"x": 3})[0] == 200
            assert (await heard(bob, "x"))["message"] == {"x": 2}
            assert [(await heard(late, "x"))["message"]["x"] for _ in range(2)] in ([2, 3], [3, 2])

        play(process, scenario=scenario)
