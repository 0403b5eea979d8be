"""The works with sessions measure, and notice servers that lose, double or change what they are given. How fast they are, is not asked."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.bench import build, node
from tests.bench.errors import BenchError
from tests.bench.processes import Cores
from tests.bench.runner import Outcome, Place, measure
from tests.bench.servers import Hbpush, Interpreter, Server
from tests.bench.session_servers import OnNode, SocketIo4, SockjsNode, StockHost
from tests.bench.session_works import SESSION_WORKS
from tests.bench.works import Sizes
from tests.support.packages import needs

pytestmark = needs("gcc", "libc6-dev")

TINY = Sizes(rounds=1, warm_ms=10, measured_ms=50, sessions=20, asking=5, idle_sessions=400)
PYTHON = Interpreter(sys.executable)
on_node = needs("nodejs", "npm")
TWICE = 'io.emit("message", "0000000001" + "x".repeat(89) + "^"); io.emit("message"'


def works_of(server: str) -> list[str]:
    """The works that a server does."""
    return [work.name for work in SESSION_WORKS if server in work.servers]


def run(name: str, server: Server) -> Outcome:
    work = next(work for work in SESSION_WORKS if work.name == name)
    return measure(work._replace(servers=(server.name,)), [server], TINY, Place(build.load_generator(), Cores(None, None)))


def has_figures(name: str, server: Server) -> None:
    outcome = run(name, server)
    assert outcome.failures == {}
    [cases] = outcome.values.values()
    assert len(cases) == (2 if name.endswith("fanout") else 1)
    assert all(value > 0 for values in cases.values() for value in values) or name.endswith("memory")
    assert server.name in outcome.text(server.name)


def pairs(*servers: Server) -> list[Any]:
    """Parameters server and work, for all that the servers do."""
    return [pytest.param(server, work, id=f"{server.name}-{work}") for server in servers for work in works_of(server.name)]


@pytest.mark.parametrize(("server", "work"), pairs(Hbpush(PYTHON), StockHost(PYTHON)))
def test_every_work_has_figures(server: Server, work: str) -> None:
    has_figures(work, server)


@on_node
@pytest.mark.parametrize(("server", "work"), pairs(SocketIo4(), SockjsNode()))
def test_every_work_has_figures_of_servers_on_node(server: Server, work: str) -> None:
    has_figures(work, server)


def spoil(folder: Path, server: OnNode, line: str, change: str) -> OnNode:
    """The server after one change, whichever of its files has the line."""
    text = "".join(Path(shutil.copy(file, folder)).read_text(encoding="utf-8") for file in node.HERE.glob("*.js"))
    assert line in text
    for file in folder.glob("*.js"):
        file.write_text(file.read_text(encoding="utf-8").replace(line, change), encoding="utf-8")
    return type(server)(folder / server.SCRIPT)


@on_node
@pytest.mark.parametrize(
    ("work", "line", "change", "why"),
    [
        ("ws-fanout", 'io.emit("message"', TWICE, "not each of the"),
        ("xhr-fanout", 'io.emit("message"', TWICE, "not each of the"),
        ("ws-fanout", ".toString()", ".toString().slice(1)", "another body"),
        ("xhr-fanout", "toString()", "toString().replace(/[0-9]/, 'a')", "a body without a number"),
        ("ws-fanout", 'io.emit("message"', 'io.disconnectSockets(true); io.emit("message"', "the server"),
        ("ws-fanout", "answer(response, 201, info(count(channel)))", "answer(response, 201, 'well done')", "without the channel's info"),
        ("roundtrip", "done(text)", "done(text.replace(/[1-9]/g, '0'))", "is answered: 43"),
        ("roundtrip", "done(text)", "done(text.slice(1))", "another body"),
        ("ws-memory", "done({ channel })", "socket.disconnect()", "the server says 41"),
        ("sockjs-ws-fanout", "connection.write(message)", "connection.write(message), connection.write(message)", "not each of the"),
        ("sockjs-xhr-streaming-fanout", "message: text", "message: text.slice(1)", "another body"),
        ("sockjs-xhr-fanout", "message: text", "message: text.replace(/[0-9]/, 'a')", "a body without a number"),
        ("sockjs-xhr-streaming-fanout", "connection.write(message)", "connection.close(3000)", "the server says c[3000"),
        ("sockjs-xhr-fanout", "connection.write(message)", "connection.close(3000)", "the server says c[3000"),
        ("sockjs-ws-memory", "subscriber_id: null, type", "subscriber_id: null", "the server says {"),
    ],
)  # fmt: skip
def test_wrong_answers_fail_a_run(tmp_path: Path, work: str, line: str, change: str, why: str) -> None:
    rival = SockjsNode() if work.startswith("sockjs") else SocketIo4()
    outcome = run(work, spoil(tmp_path, rival, line, change))
    assert outcome.values == {}
    assert why in outcome.failures[rival.name]


@on_node
def test_streams_that_end_are_asked_for_again(tmp_path: Path) -> None:
    outcome = run("sockjs-xhr-streaming-fanout", spoil(tmp_path, SockjsNode(), "heartbeat_delay: 60000", "response_limit: 300"))
    assert outcome.failures == {}


def test_without_node_it_says_how_to_get_one(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert SocketIo4().absent() == "sudo apt-get install nodejs npm"


@on_node
def test_without_packages_it_says_what_npm_said(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    npm = tmp_path / "npm"
    npm.write_text("#!/bin/sh\necho no such network >&2\nexit 1\n", encoding="utf-8")
    npm.chmod(0o755)
    monkeypatch.setattr(node, "FOLDER", tmp_path / "build")
    monkeypatch.setenv("PATH", f"{tmp_path}:{Path(shutil.which('node') or '').parent}:/usr/bin:/bin")
    with pytest.raises(BenchError, match=r"npm could not install .*: no such network"):
        node.modules()
    assert list((tmp_path / "build").iterdir()) == []
