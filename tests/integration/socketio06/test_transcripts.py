"""What browsers and test programs were recorded to send is sent again; what they hear is what they heard then, of more servers' faults."""

from __future__ import annotations

import asyncio
import json
import re
from typing import Any, NamedTuple

import pytest

from socketio_compat.v06 import codec
from tests.support.hosts import Answer, Client
from tests.support.socketio06 import Site
from tests.unit.socketio_compat.vectors import VECTORS

NODE = VECTORS["transcripts"]["node-0.6.18"]
TORNADIO = VECTORS["transcripts"]["tornadio-0.0.5"]
BROWSERS = VECTORS["real_client_traffic"]
TURNS = 300
"""Turns of the loop after which a poll that has no answer is one that waits."""


class Recording(NamedTuple):
    """Requests in their order, each with its connection, the session id that was theirs, and the bodies that were heard, id first."""

    requests: list[tuple[Any, bytes]]
    sid: str
    heard: list[str]


def of_browser(name: str) -> Recording:
    entries = BROWSERS[name]
    answers = [text.partition("\r\n\r\n")[2] for _, _, way, text in entries if way == "<"]
    heard = [body for answer in answers for body in bodies(answer)]
    return Recording([(number, text.encode()) for _, number, way, text in entries if way == ">"], heard[0], heard)


def of_node(name: str, end: str) -> Recording:
    """A transcript of Node's server up to a step that it did not take as it should have; every request had a connection of its own."""
    entries = NODE[name]
    entries = entries[: next((index for index, entry in enumerate(entries) if entry[1] == end), len(entries))]
    requests = [(index, entry[3].encode()) for index, entry in enumerate(entries) if entry[2] == ">"]
    heard = [body for entry in entries if entry[2] == "<" for body in bodies(entry[3].partition("\n\n")[2])]
    return Recording(requests, "<sid1>", heard)


def bodies(answer: str) -> list[str]:
    """The bodies in the body of an answer; what stands there for a session id has another length."""
    script = re.fullmatch(r"io\.JSONP\[[0-9]\]\._\((.*)\);", answer, re.DOTALL)
    text = json.loads(script[1]) if script else answer
    if text in ("", "ok", "2\r\nok\r\n0\r\n\r\n"):
        return []
    if text.endswith("<sid1>"):
        return ["<sid1>"]
    found, fault = codec.decode_stream(text)
    assert fault is None, answer
    return found


def meant(body: str) -> list[Any]:
    """What a body of Node's means, said as our server says it: Python's lists are several messages."""
    if body == "a,[object Object]":
        return [("~m~", "a"), ("~j~", {"b": 1})]
    return [tuple(codec.read(body))]


class Replay:
    """Sends a recording, and gathers what is heard."""

    def __init__(self, site: Site) -> None:
        self.site = site
        self.clients: dict[Any, Client] = {}
        self.awaited: dict[Any, asyncio.Task[Answer]] = {}
        self.heard: list[str] = []

    async def run(self, recording: Recording) -> None:
        for number, request in recording.requests:
            # Node's server needed more polls for as many messages: one that waits still would be displaced by the next.
            for other in list(self.awaited) if request.startswith(b"GET") else [number]:
                await self.finish(other)
            if self.heard:
                request = request.replace(recording.sid.encode(), self.heard[0].encode())
            if number not in self.clients:
                self.clients[number] = await self.site.host.connect()
            client = self.clients[number]
            await client.send(request)
            self.awaited[number] = asyncio.ensure_future(client.answer())
            await self.turn(self.awaited[number])
        for number in list(self.awaited):
            await self.finish(number)

    async def turn(self, task: asyncio.Task[Answer]) -> None:
        for _ in range(TURNS):
            if task.done():
                self.gather()
                return
            await asyncio.sleep(0)

    async def finish(self, number: Any) -> None:
        """Read what a connection waits for, if it does: its poll in the end by its time-out."""
        task = self.awaited.get(number)
        if task is None:
            return
        if not task.done():
            self.site.clock.advance(21)
        await task
        self.gather()

    def gather(self) -> None:
        for number, task in list(self.awaited.items()):
            if task.done():
                del self.awaited[number]
                answer = task.result()
                assert answer.status == 200, answer
                self.heard += bodies(answer.body.decode())


@pytest.mark.parametrize(
    "recording",
    [
        pytest.param(of_browser("chr063-jsonp"), id="browser-jsonp"),
        pytest.param(of_browser("chr063-xhr-x"), id="browser-xhr"),
        pytest.param(of_node("xhr_polling", "options"), id="node-xhr"),
        pytest.param(of_node("jsonp", "end"), id="node-jsonp"),
    ],
)
async def test_recorded_polls(site: Site, recording: Recording) -> None:
    await site.echo()
    replay = Replay(site)
    await replay.run(recording)
    sid, *heard = replay.heard
    assert site.server.registry.get(sid) is not None
    _, *recorded = recording.heard
    assert len(recorded) > 0
    assert [value for body in heard for value in meant(body)] == [value for body in recorded for value in meant(body)]


async def test_recorded_frames(site: Site) -> None:
    """As TornadIO answered on a WebSocket, but for its wrong lengths, which lost what followed any that is not ASCII."""
    await site.echo()
    socket = await site.websocket()
    entries = [entry for entry in TORNADIO["websocket"] if entry[2] in (">f", "<f")]
    sent = [entry[3] for entry in entries if entry[2] == ">f" and "~h~" not in entry[3]]
    assert len(sent) > 5
    said: list[Any] = []
    for text in sent:
        socket.send(1, text.encode())
        said += [value for body in codec.decode_stream(text)[0] for value in ANSWERS.get(body, [tuple(codec.read(body))])]
    heard: list[Any] = []
    while len(heard) < len(said):
        heard += [tuple(codec.read(body)) for body in await socket.heard()]
    assert heard == said
    await socket.quiet()


ANSWERS = {
    "multi": [("~m~", "m1"), ("~j~", {"n": 2}), ("~m~", "m3")],
    "list": [("~m~", "a"), ("~j~", {"b": 1})],
}
