"""What the original did in memory, replayed on both applications over every transport, without its defects (specification 11)."""

from __future__ import annotations

import json
from typing import Any

import pytest

from sethpusher.applications import SethPusherInMemoryApplication, SethPusherOnRedisApplication
from tests.support.hosts import Answer
from tests.support.redis_server import RedisServer
from tests.support.sethpusher import SethSite, on_redis
from tests.support.sethpusher_clients import TRANSPORTS, RawWebSocketClient, SockJSClient
from tests.unit.sethpusher.vectors import VECTORS

STEPS: list[dict[str, Any]] = VECTORS["sethpusher_memory"]

ANSWERS = {
    ("POST", "/api/channels/news"): (200, {"status": 200}),
    ("GET", "/api/channels/news/"): (405, {"status": 405, "message": "Method Not Allowed"}),
}
"""Where the answer is another one than the original's: the last slash may be missing, and errors are JSON."""
NO_OBJECT = (400, {"status": 400, "message": "Request body must be a JSON object."})


def check_page(answer: Answer, expected: dict[str, Any]) -> None:
    """A debug page: the same members of the same channels; channels that nobody is in are not shown, unless they were asked for."""
    page = json.loads(answer.body)
    wanted = {name: sorted(users, key=str) for name, users in expected["subscribers"].items()}
    shown = {name: sorted(users, key=str) for name, users in page["subscribers"].items()}
    assert {name: users for name, users in shown.items() if users} == {name: users for name, users in wanted.items() if users}
    assert page["subscriber_count"] == expected["subscriber_count"]


class Replay:
    """Three clients: two on a transport, ``raw`` on a raw WebSocket."""

    def __init__(self, site: SethSite, kind: type[SockJSClient]) -> None:
        self.site = site
        self.kind = kind
        self.clients: dict[str, SockJSClient] = {}
        self.connected: set[str] = set()

    async def play(self) -> None:
        for number, step in enumerate(STEPS):
            await self.act(step)
            for name, expected in step["received"].items():
                await self.hear(name, [message for message in expected if message and "frame" not in message], step)
            await self.hear_nothing_else(number)

    async def act(self, step: dict[str, Any]) -> None:
        if "open" in step:
            for name in step["open"]:
                self.clients[name] = client = (RawWebSocketClient if name == "raw" else self.kind)(self.site.host)
                await client.open()
        elif "http" in step:
            await self.ask(*step["http"], step)
        elif "closes" in step:
            self.clients.pop(step["closes"]).leave()
            self.connected.discard(step["closes"])
        else:
            await self.say(step["client"], step["sends"])

    async def say(self, name: str, sent: dict[str, Any]) -> None:
        application = self.site.application
        before = application.router.server.received
        await self.clients[name].say_text(sent["raw"] if "raw" in sent else json.dumps(sent))
        await self.site.until(lambda: application.router.server.received > before)
        if sent.get("type") == "connect":
            self.connected.add(name)
            await self.site.until(lambda: name in application.get_subscribers("all")["all"] and self.site.heard())

    async def ask(self, method: str, path: str, body: str | None, step: dict[str, Any]) -> None:
        answer = await self.site.ask(method, path, body=(body or "").encode())
        if path.startswith("/debug/"):
            check_page(answer, json.loads(step["body"]))
            return
        expected = ANSWERS.get((method, path)) or (NO_OBJECT if body == "[1]" else (step["status"], json.loads(step["body"])))
        assert (answer.status, json.loads(answer.body)) == expected

    async def hear(self, name: str, expected: list[Any], step: dict[str, Any]) -> None:
        if step.get("http", [None, None])[:2] == ["POST", "/api/channels/news"]:
            expected = [{"message": {}, "sender_id": None}] if name != "raw" else []
        for message in expected if name in self.clients else ():
            assert await self.clients[name].hear() == message, step

    async def hear_nothing_else(self, number: int) -> None:
        """A mark is the next thing that everybody hears who has connected."""
        self.site.application.crowd.tell("all", f'"mark {number}"')
        for name in self.connected:
            assert await self.clients[name].hear() == f"mark {number}"


@pytest.mark.parametrize("kind", TRANSPORTS, ids=lambda kind: kind.__name__)
async def test_in_memory(site: SethSite, kind: type[SockJSClient]) -> None:
    await site.mount(SethPusherInMemoryApplication, debug=True)
    await Replay(site, kind).play()


@pytest.mark.parametrize("kind", TRANSPORTS, ids=lambda kind: kind.__name__)
async def test_on_redis(site: SethSite, kind: type[SockJSClient], redis_server: RedisServer) -> None:
    await site.mount(SethPusherOnRedisApplication, debug=True, **on_redis(redis_server))
    await Replay(site, kind).play()
