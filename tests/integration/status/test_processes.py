"""Status and health of real servers: which worker answers, and what is said while a server goes or a store is away."""

from __future__ import annotations

import json
import signal
import socket
from pathlib import Path

import pytest

from tests.support.plain_http import PATIENCE, ask
from tests.support.process import Daemon
from tests.support.redis_server import RedisServer, missing
from tests.support.redis_wire import until

PAGES = [{"type": "status"}, {"type": "health"}]


def configured(folder: Path, **more: object) -> Path:
    path = folder / "hbpushd.json"
    path.write_text(json.dumps({"port": 0, "address": "127.0.0.1", "locations": PAGES, **more}), encoding="utf-8")
    return path


def test_a_page_is_of_the_worker_that_answers(tmp_path: Path) -> None:
    with Daemon("-c", configured(tmp_path, workers=2)) as daemon:
        seen: dict[int, dict[str, object]] = {}

        def both() -> bool:
            server = json.loads(ask(daemon.port, "GET", "/status").body)["server"]
            seen[server["worker"]] = server
            return len(seen) == 2

        until(both, "both have answered")
        assert sorted(seen) == [1, 2]
        assert [server["workers"] for server in seen.values()] == [2, 2]
        assert len({server["pid"] for server in seen.values()} - {daemon.process.pid}) == 2
        assert seen[1]["connections"] == 1
        assert b'worker="' in ask(daemon.port, "GET", "/status/metrics").body


def test_who_asks_while_the_server_goes_is_told(tmp_path: Path) -> None:
    with Daemon("-c", configured(tmp_path)) as daemon, socket.create_connection(("127.0.0.1", daemon.port), PATIENCE) as asking:
        asking.sendall(b"GET /health/ready HTTP/1.1\r\nHost: a\r\n")
        assert ask(daemon.port, "GET", "/health/ready").status == 200
        daemon.signal(signal.SIGTERM)
        daemon.wait_for("SIGTERM: stopping")
        asking.sendall(b"\r\n")
        heard = b""
        while piece := asking.recv(4096):
            heard += piece
        assert heard.startswith(b"HTTP/1.1 503 ")
        assert b'"server":"is shutting down"' in heard
        assert daemon.wait() == 0


@pytest.mark.skipif(missing() is not None, reason=missing() or "")
def test_a_server_is_ready_while_its_store_is_there(tmp_path: Path) -> None:
    with RedisServer() as redis:
        store = {"type": "redis", "host": "127.0.0.1", "port": redis.port}
        with Daemon("-c", configured(tmp_path, store=store), expected=("cannot be reached",)) as daemon:
            until(lambda: ask(daemon.port, "GET", "/health/ready").status == 200, "it is ready")
            told = json.loads(ask(daemon.port, "GET", "/status").body)["stores"]["default"]
            assert (told["type"], told["watched_channels"], told["bounds"]["pending_bytes"]) == ("redis", 0, 64 * 1024 * 1024)
            redis.kill()
            until(lambda: ask(daemon.port, "GET", "/health/ready").status == 503, "it is not")
            assert "cannot be reached" in json.loads(ask(daemon.port, "GET", "/health/ready").body)["troubles"]["store default"]
            assert ask(daemon.port, "GET", "/health/live").status == 200
            redis.start()
            until(lambda: ask(daemon.port, "GET", "/health/ready").status == 200, "it is again")
