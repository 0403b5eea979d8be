"""The examples of TornadIO, each started by its command and driven over its socket; with ``--full`` its page is used in Chromium, too."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

import pytest

from tests.conformance.driving.drivers import NODE, need_clients
from tests.conformance.socketio06.playing import LATER
from tests.support import examples
from tests.support.hosts import Host, Kind
from tests.support.socketio06 import Socket, streamed
from tests.support.tornadio import Program

ROOT = Path(__file__).parents[3]
EXAMPLES = ROOT / "examples" / "tornadio"
NAMES = ("chatroom", "ping", "transports")
PATIENCE = 60


def play(name: str, visit: Callable[[Program], Coroutine[Any, Any, None]], *options: str) -> None:
    """See `tests.support.examples.play`."""
    examples.play(EXAMPLES / f"{name}.py", Program(Host(Kind("native"), None)), visit, *options)


async def met(site: Program) -> Socket:
    """A WebSocket that has been asked for a name."""
    socket = await site.websocket(first=False)
    _, question = await socket.heard()
    assert json.loads(question.removeprefix("~j~")) == {"notice": "welcome; who are you?"}
    return socket


def test_chatroom() -> None:
    async def visit(site: Program) -> None:
        ann = await met(site)
        ann.say("Ann")
        assert await ann.next() == {"notice": "Ann has come"}
        answer = await site.ask("GET", "/socket.io/xhr-polling//1")
        sid, welcome = streamed(answer)
        assert json.loads(welcome.removeprefix("~j~")) == {"notice": "welcome; who are you?"}
        form = "Content-Type: application/x-www-form-urlencoded"
        path = f"/socket.io/xhr-polling/{sid}"
        assert (await site.ask("POST", f"{path}/send", form, body="data=~m~3~m~Боб".encode())).body == b"ok"
        assert await ann.next() == {"notice": "Боб has come"}
        ann.say("привет 😀")
        assert await ann.next() == {"from": "Ann", "text": "привет 😀"}
        heard = [json.loads(body.removeprefix("~j~")) for body in streamed(await site.ask("GET", f"{path}/2"))]
        assert {"from": "Ann", "text": "привет 😀"} in heard
        guest = await met(site)
        guest.say("Eve")
        assert await ann.next() == {"notice": "Eve has come"}
        await guest.leave()
        assert await ann.next() == {"notice": "Eve has left"}
        assert (await site.ask("GET", "/socket.io/jsonp-polling//1/0")).status == 403

    play("chatroom", visit)


def test_ping() -> None:
    async def visit(site: Program) -> None:
        socket = await site.websocket()
        answer = await socket.asked(client=7)
        assert (answer["client"], answer["ip"]) == (7, "127.0.0.1")
        assert answer["server"] > 1.7e9
        assert (await site.ask("GET", "/socket.io/xhr-polling//1")).status == 403

    play("ping", visit)


def test_transports() -> None:
    async def visit(site: Program) -> None:
        socket = await site.websocket()
        socket.say("поздрав 😀")
        assert await socket.heard() == ["поздрав 😀"]
        [sid] = streamed(await site.ask("GET", "/socket.io/xhr-polling//1"))
        assert (await site.post(sid, "by polling")).body == b"ok"
        assert streamed(await site.poll(sid)) == ["by polling"]
        assert (await site.ask("GET", "/socket.io/jsonp-polling//1/0")).body.startswith(b'io.JSONP[0]._("~m~32~m~')

    play("transports", visit, "--quiet")


def test_every_example_is_tried() -> None:
    assert {file.stem for file in EXAMPLES.glob("*.py")} - {"early"} == set(NAMES)
    assert all(f"test_{name}" in globals() for name in NAMES)


WRITTEN = {"chatroom": ["* Ann has come", "Ann: hello 😀"], "ping": ["you are 127.0.0.1"], "transports": ["Ann", "hello 😀"]}
"""What there is on the page of each when somebody has used it."""


@pytest.mark.full
@pytest.mark.parametrize("name", NAMES)
def test_page(name: str) -> None:
    need_clients(LATER, "chromium")
    command = [sys.executable, str(EXAMPLES / f"{name}.py"), "--port=0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, cwd=ROOT) as process:
        try:
            assert process.stdout is not None
            address = process.stdout.readline().strip()
            order = json.dumps({"executable": shutil.which("chromium"), "address": address, "name": name, "wanted": WRITTEN[name]})
            visitor = [*NODE, str(Path(__file__).with_name("visit_tornadio.js"))]
            ran = subprocess.run(visitor, input=order, capture_output=True, text=True, timeout=PATIENCE, check=False)
            assert ran.returncode == 0, ran.stderr
        finally:
            process.terminate()
            process.wait(PATIENCE)
