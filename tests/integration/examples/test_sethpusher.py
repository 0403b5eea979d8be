"""The examples of SethPusher, each started by its command and driven over its socket."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.hosts import Host, Kind
from tests.support.process import PATIENCE, ROOT, environment
from tests.support.seth_process import SethProcess
from tests.support.sethpusher_clients import TRANSPORTS, RawWebSocketClient, SockJSClient

EXAMPLES = ROOT / "examples" / "sethpusher"
BROWSERS = ("chromium", "chromium-browser", "google-chrome")


def started(name: str, *options: str) -> SethProcess:
    return SethProcess("--port=0", *options, program=(sys.executable, str(EXAMPLES / f"{name}.py")))


def test_my_app() -> None:
    with started("my_app", "--logging=debug") as process:
        denied = '{"status": 401, "message": "Invalid Auth credentials provided"}\n'
        assert process.ask("GET", "/debug/?batman=bruce_wayne")[0] == 200
        assert process.ask("GET", "/debug/") == (401, denied)
        assert process.ask("GET", "/debug/?batman=joker") == (401, denied)
        assert process.ask("POST", "/api/channels/news/?batman=bruce_wayne", '{"my": "data"}') == (200, '{"status": 200}\n')
        process.wait_for("KABOOM !")
        assert [line for line in process.lines if line.startswith("{")] == ["{'my': 'data'}", "{'channel': 'news'}"]


@pytest.mark.parametrize("kind", TRANSPORTS, ids=lambda kind: kind.__name__)
def test_chat(kind: type[SockJSClient]) -> None:
    with started("chat", "--client=false") as process:
        host = Host(Kind("native"), None)
        host.port = process.port

        async def scenario() -> None:
            clients = [kind(host), RawWebSocketClient(host)]
            for number, client in enumerate(clients):
                await client.open()
                await client.say({"type": "connect", "subscriber_id": f"guest{number}"})
                await client.say({"type": "subscribe", "channel": "lobby"})
                while (await client.hear())["message"]["type"] != "subscribed":
                    pass
            assert process.ask("POST", "/api/channels/lobby/", '{"text": "hello", "sender_id": "guest0"}')[0] == 200
            assert process.ask("POST", "/api/users/guest0/", '{"text": "psst", "sender_id": "guest1"}')[0] == 200
            for client in clients:
                while "text" not in (message := await client.hear())["message"]:
                    pass
                assert (message["message"]["text"], message["sender_id"]) == ("hello", "guest0")
            assert await clients[0].hear() == {
                "message": {"text": "psst", "sender_id": "guest1"},
                "target_id": "guest0",
                "sender_id": "guest1",
            }

        host.run(scenario())
        status, page = process.ask("GET", "/")
        assert status == 200
        assert '<script src="/client/sockjs.min.js"></script>' in page
        assert "sockjs.min.js" in process.ask("GET", "/connect/iframe.html")[1]


@pytest.mark.alone
@pytest.mark.skipif(shutil.which("npm") is None, reason="installs the browser's client: apt-get install npm")
@pytest.mark.parametrize("transport", ["websocket", pytest.param("xhr-polling", marks=pytest.mark.full)])
def test_chat_in_a_browser(transport: str, tmp_path: Path) -> None:
    browser = next((found for name in BROWSERS if (found := shutil.which(name))), None)
    if browser is None:
        pytest.skip("drives a browser: apt-get install chromium")
    with started("chat") as process:
        assert "sockjs" in process.ask("GET", "/client/sockjs.min.js")[1].lower()
        host = Host(Kind("native"), None)
        host.port = process.port

        async def scenario() -> None:
            watcher = RawWebSocketClient(host)
            # A browser takes its time to begin.
            watcher.patience = PATIENCE
            await watcher.open()
            await watcher.say({"type": "connect", "subscriber_id": "watcher"})
            await watcher.say({"type": "subscribe", "channel": "lobby"})
            url = f"http://127.0.0.1:{process.port}/?name={transport}&transports={transport}"
            command = [
                browser,
                "--headless",
                "--no-sandbox",
                "--disable-gpu",
                "--remote-debugging-port=0",
                f"--user-data-dir={tmp_path / transport}",
            ]
            quiet = asyncio.subprocess.DEVNULL
            visitor = await asyncio.create_subprocess_exec(*command, url, stdout=quiet, stderr=quiet)
            try:
                for told in (f"User: {transport} connected.", f"User: {transport} subscribed to lobby"):
                    while (await watcher.hear())["message"].get("body") != told:
                        pass
            finally:
                visitor.terminate()
                await asyncio.wait_for(visitor.wait(), PATIENCE)
            while (await watcher.hear())["message"].get("body") != f"User: {transport} disconnected.":
                pass

        host.run(scenario())


def test_a_port_that_is_taken() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        command = [sys.executable, str(EXAMPLES / "chat.py"), f"--port={taken.getsockname()[1]}", "--client=false", "--logging=none"]
        env = environment({"PYTHONPATH": os.fspath(ROOT)})
        ran = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE, check=False, env=env)
    assert ran.returncode == 1
    assert ran.stderr.startswith("port ")
    assert len(ran.stderr.splitlines()) == 1


def test_every_example_is_tried() -> None:
    assert {file.stem for file in EXAMPLES.glob("*.py")} == {"my_app", "chat"}
    assert json.dumps(sorted(file.name for file in (EXAMPLES / "pages").iterdir())) == '["chat.html"]'
