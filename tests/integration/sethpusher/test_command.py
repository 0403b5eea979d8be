"""The command ``seth-pusher`` and `AppRunner`, as processes (SethPusher specification 1, 2, 11)."""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from contextlib import ExitStack, suppress
from pathlib import Path

import pytest

from tests.support.process import PATIENCE, ROOT, environment
from tests.support.redis_server import HOST, RedisServer
from tests.support.seth_process import SETH_PUSHER, SethProcess

MODULE = """
from sethpusher.applications import SethPusherInMemoryApplication

class Mine(SethPusherInMemoryApplication):
    redis_seen = None

not_an_application = 5

class Odd(SethPusherInMemoryApplication):
    def __init__(self, **kwargs):
        super().__init__(**kwargs, sockjs_settings=5)

class Failing(SethPusherInMemoryApplication):
    def get_router(self, prefix="", **kwargs):
        raise RuntimeError("no router")
"""

SEED = """
from tornado.options import parse_command_line

from sethpusher.default_server import AppRunner
from sethpusher.applications import SethPusherInMemoryApplication
from sethpusher.authenticators import ApiKeyAuthenticationPolicy
from sethpusher.persistors import ExternalApiPersistencePolicy

class MyPersistence(ExternalApiPersistencePolicy):
    api_url = 'http://www.my_super_api.com'

    def persist(self, data, **kwargs):
        print(data)
        print(kwargs)
        print("KABOOM !", flush=True)

class MyAuth(ApiKeyAuthenticationPolicy):
    key_name = u'batman'
    key_secret_value = u'bruce_wayne'

class MyVeryOwnApp(SethPusherInMemoryApplication):

    def get_authentication_policy(self, **kwargs):
        return MyAuth()

    def get_persistence_policy(self, **kwargs):
        return MyPersistence()

if __name__ == "__main__":
    parse_command_line()
    runner = AppRunner(port=6666, debug=True)
    runner.start(app=MyVeryOwnApp)
"""
"""The program of the documentation, in Python 3."""


def failed(*arguments: str, cwd: Path = ROOT) -> str:
    """What the command says that cannot start: one line."""
    ended = subprocess.run(
        [*SETH_PUSHER, *arguments],
        cwd=cwd,
        env=environment({"PYTHONPATH": os.fspath(ROOT)}),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )
    assert ended.returncode == 1, ended
    lines = [line for line in ended.stderr.splitlines() if not line.startswith("[I ")]
    assert len(lines) == 1, ended.stderr
    assert lines[0].startswith("seth-pusher: ")
    return lines[0].removeprefix("seth-pusher: ")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "mine.py").write_text(MODULE, encoding="utf-8")
    return tmp_path


REFUSALS = {
    "--app=Foo": "--app: Problem loading application from path 'Foo': must be a module and a class, such as my_app.MyVeryOwnApp",
    "--max-body=x": "--max-body is 'x'; must be a whole number",
    "--max-body=0": "max_body 0 is too small; must be a whole number at least 1024",
    "--app=.": "--app: Problem loading application from path '.': must be a module and a class, such as my_app.MyVeryOwnApp",
    "--app=mine..Mine": "--app: Problem loading application from path 'mine..Mine': must be a module and a class, such as",
    "--app=sethpusher.applications.DefaultSethApplication": (
        "DefaultSethApplication has no get_subscriber; derive from a mixin beside DefaultSethApplication, such as InMemoryPubSubMixin"
    ),
    "--app=mine.Odd": "sockjs_settings: is 5; must be a mapping",
    "--app=nowhere.Foo": "--app: Problem loading application from path 'nowhere.Foo': No module named 'nowhere'",
    "--app=mine.Foo": "--app: Problem loading application from path 'mine.Foo': module mine has no Foo",
    "--app=mine.not_an_application": ("--app: Problem loading application from path 'mine.not_an_application': is no application class"),
    "--app=mine.Failing": "ended by a fault: RuntimeError: no router",
    "--prot=1": "--prot is no option; did you mean '--port'? seth-pusher --help lists them",
    "surplus": "'surplus' is no option; seth-pusher --help lists them",
    "--logging=loud": "--logging is 'loud'; must be one of debug, info, warning, error, none",
    "--port=abc": "--port is 'abc'; must be a whole number",
    "--port=": "--port is ''; must be a whole number",
    "--redis_port=x": "--redis_port is 'x'; must be a whole number",
    "--redis-db=x": "--redis-db is 'x'; must be a whole number",
    "--port=70000": "port 70000 is none; must be a whole number from 0 to 65535",
    "--host=no.such.host.invalid": "address 'no.such.host.invalid' is none of this machine's; choose another with --host",
}

DRIVER = """
import sys
from sethpusher.default_server import main
for option in sys.argv[1:]:
    status = main(["--app=", "--logging=none", "--port=0", "--host=127.0.0.1", "--max-body=10000", option])
    print(option, status, file=sys.stderr, flush=True)
"""
"""Runs the command again and again, so that only one process is needed."""


def test_what_cannot_be_started_is_one_line_and_status_1(folder: Path) -> None:
    command = [sys.executable, "-c", DRIVER, *REFUSALS]
    env = environment({"PYTHONPATH": os.fspath(ROOT)})
    ended = subprocess.run(command, cwd=folder, env=env, capture_output=True, text=True, timeout=PATIENCE, check=True)
    lines = iter(ended.stderr.splitlines())
    for option, told in REFUSALS.items():
        said = next(lines)
        assert said.startswith(f"seth-pusher: {told}"), said
        assert next(lines) == f"{option} 1"
    assert not list(lines)


def test_a_port_in_use() -> None:
    with socket.create_server((HOST, 0)) as taken:
        port = taken.getsockname()[1]
        assert failed(f"--port={port}") == f"port {port} of 127.0.0.1 is in use by another process; choose another with --port"


def test_help() -> None:
    ended = subprocess.run([*SETH_PUSHER, "--help"], cwd=ROOT, capture_output=True, text=True, timeout=PATIENCE, check=False)
    assert ended.returncode == 0
    for option in ("--debug", "--port", "--host", "--app", "--redis-host", "--redis-port", "--redis-db", "--redis-password", "--logging"):
        assert option in ended.stderr


def test_it_is_installed() -> None:
    assert shutil.which("seth-pusher", path=f"{sys.prefix}/bin")
    assert os.access(ROOT / "bin" / "seth-pusher", os.X_OK)


def test_it_serves_in_memory_and_ends_well() -> None:
    with SethProcess("--port=0") as process:
        process.wait_for("Application Class: SethPusherInMemoryApplication")
        assert process.ask("POST", "/api/channels/news/", '{"my": "data"}') == (200, '{"status": 200}\n')
        assert process.ask("GET", "/debug/") == (404, '{"status": 404, "message": "Not Found"}\n')
        assert process.ask("GET", "/connect/") == (200, "Welcome to SockJS!\n")
        process.signal(signal.SIGTERM)
        assert process.wait() == 0
        process.wait_for("Stopping Seth pusher server gracefully.")
        process.wait_for("Seth pusher server stopped.")


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_clients_are_told_and_it_is_gone_in_time(number: signal.Signals) -> None:
    with SethProcess("--port=0", "--debug=true") as process:
        with socket.create_connection((HOST, process.port), PATIENCE) as stream:
            stream.sendall(b"GET /connect/000/abc/eventsource HTTP/1.0\r\nHost: a\r\n\r\n")
            heard = b""
            while b"data: o\r\n" not in heard:
                heard += stream.recv(4096)
            begun = time.monotonic()
            process.signal(number)
            while piece := stream.recv(4096):
                heard += piece
        assert heard.endswith(b'data: c[3000,"Go away!"]\r\n\r\n')
        assert process.wait() == 0
        assert time.monotonic() - begun < 3


UPGRADE = (
    b"GET /connect/websocket HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
    b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
)


@pytest.mark.alone
def test_sockets_that_answer_nothing_do_not_keep_it() -> None:
    with SethProcess("--port=0") as process, ExitStack() as stack:
        port = process.port
        for _ in range(200):
            stream = stack.enter_context(socket.create_connection((HOST, port), PATIENCE))
            stream.sendall(UPGRADE)
            assert stream.recv(4096).startswith(b"HTTP/1.1 101 ")
        begun = time.monotonic()
        process.signal(signal.SIGTERM)
        assert process.wait() == 0
        assert time.monotonic() - begun < 3


def test_a_second_signal_ends_it_at_once() -> None:
    with SethProcess("--port=0") as process, socket.create_connection((HOST, process.port), PATIENCE) as stream:
        # A request that is never whole keeps the server waiting for its grace.
        stream.sendall(b"POST /api/channels/news/ HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\n{")
        process.ask("GET", "/connect/")
        process.signal(signal.SIGTERM)
        process.wait_for("Stopping Seth pusher server gracefully.")
        process.signal(signal.SIGTERM)
        assert process.wait() == 128 + signal.SIGTERM


@pytest.mark.parametrize("program", [SETH_PUSHER, (sys.executable, "my_app.py")], ids=["command", "program"])
def test_a_signal_after_the_end_changes_nothing(tmp_path: Path, program: tuple[str, ...]) -> None:
    (tmp_path / "my_app.py").write_text(SEED.replace("port=6666", "port=0"), encoding="utf-8")
    with SethProcess("--port=0" if program is SETH_PUSHER else "--logging=info", program=program, cwd=tmp_path) as process:
        process.ask("GET", "/connect/")
        process.signal(signal.SIGTERM)
        process.wait_for("Seth pusher server stopped.")
        with suppress(ProcessLookupError):
            process.signal(signal.SIGTERM)
        assert process.wait() == 0


LARGE = b"POST /api/users/bob/%b HTTP/1.1\r\nHost: a\r\nContent-Length: %d\r\n%b\r\n"


@pytest.mark.parametrize("expect", [b"", b"Expect: 100-continue\r\n"])
def test_a_large_body_is_taken_only_from_who_has_the_key(tmp_path: Path, expect: bytes) -> None:
    source = SEED.replace("port=6666", "port=0, max_body=100_000")
    (tmp_path / "my_app.py").write_text(source, encoding="utf-8")
    with SethProcess("--logging=info", program=(sys.executable, "my_app.py"), cwd=tmp_path) as process:

        def answer(query: bytes, size: int) -> bytes:
            with socket.create_connection((HOST, process.port), PATIENCE) as stream:
                stream.sendall(LARGE % (query, size, expect))
                return stream.recv(4096)

        # None of them has sent its body.
        refused = answer(b"", 70_000)
        assert refused.startswith(b"HTTP/1.1 401 ")
        assert refused.endswith(b'\r\n\r\n{"status": 401, "message": "Invalid Auth credentials provided"}\n')
        too_much = answer(b"?batman=bruce_wayne", 100_001)
        assert too_much.startswith(b"HTTP/1.1 413 ")
        assert b"Content-Type: application/json; charset=UTF-8\r\n" in too_much
        assert too_much.endswith(b'{"status": 413, "message": "the body has more than 100000 bytes"}\n')
        if expect:
            assert answer(b"?batman=bruce_wayne", 70_000) == b"HTTP/1.1 100 Continue\r\n\r\n"
        body = json.dumps({"my": "x" * 80_000})
        assert process.ask("POST", "/api/users/bob/?batman=bruce_wayne", body)[0] == 200


def test_debug_pages_and_an_application_of_ones_own(folder: Path) -> None:
    with SethProcess("--port=0", "--host=127.0.0.1", "--debug=true", "--app=mine.Mine", cwd=folder) as process:
        process.wait_for("Application Class: Mine")
        status, body = process.ask("GET", "/debug/")
        assert (status, json.loads(body)["subscriber_count"]) == (200, 0)
        assert process.ask("GET", "/debug/channels/news/")[0] == 200
        assert "Traceback" not in process.ask("GET", "/nowhere")[1]


def test_on_redis(redis_server: RedisServer) -> None:
    redis = f"--redis-host={HOST}", f"--redis-port={redis_server.port}", "--redis-db=1"
    with SethProcess("--port=0", "--app=sethpusher.applications.SethPusherOnRedisApplication", *redis) as process:
        assert process.ask("POST", "/api/channels/on-redis/", '{"my": "data"}') == (200, '{"status": 200}\n')
    assert b"db1:" in bytes(redis_server.cli("INFO", "keyspace"))


def test_without_redis_publishing_is_refused() -> None:
    app = "--app=sethpusher.applications.SethPusherOnRedisApplication"
    with SethProcess("--port=0", app, "--redis_host=127.0.0.1", "--redis_port=1", expected=("cannot be reached",)) as process:
        for place in ("channels", "users"):
            status, body = process.ask("POST", f"/api/{place}/news/", "{}")
            assert (status, json.loads(body)["status"]) == (503, 503)


def test_the_program_of_the_documentation(tmp_path: Path) -> None:
    (tmp_path / "my_app.py").write_text(SEED.replace("port=6666", "port=0"), encoding="utf-8")
    program = (sys.executable, "my_app.py")
    with SethProcess("--logging=debug", program=program, cwd=tmp_path) as process:
        denied = '{"status": 401, "message": "Invalid Auth credentials provided"}\n'
        assert process.ask("GET", "/debug/?batman=bruce_wayne")[0] == 200
        assert process.ask("GET", "/debug/") == (401, denied)
        assert process.ask("GET", "/debug/?batman=robin") == (401, denied)
        assert process.ask("POST", "/api/channels/news/", '{"my": "data"}') == (401, denied)
        assert process.ask("POST", "/api/channels/news/?batman=bruce_wayne", '{"my": "data"}') == (200, '{"status": 200}\n')
        process.wait_for("KABOOM !")
        assert process.ask("POST", "/api/users/bob/?batman=bruce_wayne", '{"to": "bob"}')[0] == 200
        process.wait_for("KABOOM !", 2)
        said = [line for line in process.lines if line.startswith("{") or "KABOOM" in line]
    assert said == ["{'my': 'data'}", "{'channel': 'news'}", "KABOOM !", "{'to': 'bob'}", "{'user': 'bob'}", "KABOOM !"]


def test_a_program_whose_port_is_in_use(tmp_path: Path) -> None:
    with socket.create_server((HOST, 0)) as taken:
        (tmp_path / "my_app.py").write_text(SEED.replace("port=6666", f"port={taken.getsockname()[1]}"), encoding="utf-8")
        command = [sys.executable, "my_app.py", "--logging=none"]
        env = environment({"PYTHONPATH": os.fspath(ROOT)})
        ended = subprocess.run(command, cwd=tmp_path, env=env, capture_output=True, text=True, timeout=PATIENCE, check=False)
    assert (ended.returncode, len(ended.stderr.splitlines())) == (1, 1)
    assert "is in use by another process" in ended.stderr
