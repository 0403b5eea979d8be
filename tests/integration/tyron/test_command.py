"""``tornado_tyron`` and ``hbpushd`` as processes: the seed's example, a start without Redis, the end, and supervisord."""

from __future__ import annotations

import configparser
import os
import re
import resource
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.integration.tyron.conftest import Redis
from tests.support.plain_http import Asked, ask
from tests.support.ports import free_port
from tests.support.process import PATIENCE, ROOT, TYRON, Daemon
from tests.support.redis_server import HOST, RedisServer

MINFDS = 20000


def tyron(redis: RedisServer, *arguments: str, expected: tuple[str, ...] = ()) -> Daemon:
    place = ("--redis_hostname=127.0.0.1", f"--redis_port={redis.port}")
    return Daemon("--webserver_address=127.0.0.1", "--webserver_port=0", *place, *arguments, program=TYRON, expected=expected)


def feed_until_answered(asked: Asked, redis: RedisServer, channel: str, payload: str) -> None:
    """Send to the feed until ``asked`` is answered."""

    def publish() -> None:
        assert redis.cli("PUBLISH", channel, payload) == 1

    publish_until_answered(asked, publish)


def publish_until_answered(asked: Asked, publish: Callable[[], None]) -> None:
    """Publish until somebody gets it: nothing tells from outside whether a request has begun to wait."""
    end = time.monotonic() + PATIENCE
    asked.socket().settimeout(0.05)
    while time.monotonic() < end:
        publish()
        try:
            asked.socket().recv(1, socket.MSG_PEEK)
        except TimeoutError:
            continue
        asked.socket().settimeout(PATIENCE)
        return
    raise AssertionError("nothing came")


@pytest.mark.parametrize("channel", ["tyron", None])
@pytest.mark.parametrize("method", ["POST", "GET"])
def test_the_seeds_example(redis_server: RedisServer, channel: str | None, method: str) -> None:
    arguments = [] if channel is None else [f"--pubsub_channel={channel}"]
    with tyron(redis_server, *arguments) as daemon:
        assert re.search(r"^tornado_tyron \S+: listening on http://127\.0\.0\.1:\d+ \(1 location, \d+ file descriptors\)$", daemon.lines[0])
        asked = Asked(daemon.port, method, "/hiphop/")
        seeds = '{"data": "this is a message", "channel": "hiphop"}'
        feed_until_answered(asked, redis_server, channel or "tyron_pubsub", seeds)
        answer = asked.answer()
        assert (answer.status, answer.body, answer.headers["content-type"]) == (200, b"this is a message", "text/plain; charset=utf-8")


def test_without_redis_it_starts_and_says_so_once() -> None:
    with RedisServer() as redis:
        redis.kill()
        with tyron(redis, expected=("cannot be reached",)) as daemon:
            assert ask(daemon.port, "GET", "/health/").status == 503
            asked = Asked(daemon.port, "GET", "/hiphop/")
            redis.start()
            daemon.wait_for("is back after")
            assert ask(daemon.port, "GET", "/health/").body == b"OK"
            feed_until_answered(asked, redis, "tyron_pubsub", '{"data": "x", "channel": "hiphop"}')
            assert asked.answer().body == b"x"
            away, back = [line for line in daemon.lines if " feed tyron_pubsub: " in line]
            assert " WARNING " in away
            assert re.search(rf" INFO feed tyron_pubsub: Redis at {HOST}:{redis.port} is back after \S+ seconds$", back)


def test_at_the_end_those_who_wait_are_answered(redis_server: RedisServer) -> None:
    with tyron(redis_server) as daemon:
        asked = Asked(daemon.port, "GET", "/hiphop/")
        other = Asked(daemon.port, "GET", "/jazz/")
        feed_until_answered(other, redis_server, "tyron_pubsub", '{"data": "x", "channel": "jazz"}')
        assert other.answer().body == b"x"
        daemon.signal(signal.SIGTERM)
        answer = asked.answer()
        assert (answer.status, answer.body, answer.headers["x-tyron-timeout"]) == (200, b"", "1")
        assert answer.headers["connection"] == "close"
        assert daemon.wait() == 0


def test_a_reload_changes_nothing(redis_server: RedisServer) -> None:
    with tyron(redis_server) as daemon:
        asked = Asked(daemon.port, "GET", "/hiphop/")
        daemon.signal(signal.SIGHUP)
        daemon.wait_for("configuration read again: 1 stores kept; 1 locations kept, 0 new, 0 released")
        feed_until_answered(asked, redis_server, "tyron_pubsub", '{"data": "x", "channel": "hiphop"}')
        assert asked.answer().body == b"x"


def test_a_location_of_hbpushd_shares_its_channels(redis_server: RedisServer, redis: Redis, tmp_path: Path) -> None:
    file = tmp_path / "hbpushd.yaml"
    file.write_text(
        f"""
port: 0
address: 127.0.0.1
store: {{type: redis, host: {HOST}, port: {redis_server.port}, key_prefix: {redis.channel}_}}
locations:
  - {{type: publisher, prefix: /pub/}}
  - {{type: subscriber, prefix: /sub/, create_on_get: true}}
  - type: tyron
    pubsub_channel: {redis.channel}
    buffer_seconds: 60
    redis: {{host: {HOST}, port: {redis_server.port}, database: 0, password: ''}}
""",
        encoding="utf-8",
    )
    with Daemon("-c", file, "--workers", "2") as daemon:
        assert ask(daemon.port, "GET", "/tyron/health/").body == b"OK"
        asked = Asked(daemon.port, "POST", "/tyron/hiphop/")
        # Each worker listens; one of them stores it, as soon as the two have agreed which.
        for number in range(100):
            assert redis.publish(f'{{"channel": "other{number}", "data": "one"}}') == 2
            if ask(daemon.port, "GET", f"/pub/other{number}").status == 200:
                break
        assert ask(daemon.port, "GET", f"/sub/other{number}").body == b"one"
        assert ask(daemon.port, "GET", f"/pub/other{number}").body.startswith(b"queued messages: 1\r\n")

        def post() -> None:
            # 202 too where a poll that has just come to the other worker hears it: not yet told of, it is not counted.
            assert ask(daemon.port, "POST", "/pub/hiphop", b"two").status in (201, 202)

        publish_until_answered(asked, post)
        assert asked.answer().body == b"two"


def test_under_supervisord(redis_server: RedisServer, redis: Redis, tmp_path: Path) -> None:
    supervisord = Path(sys.prefix, "bin", "supervisord")
    if not supervisord.exists():
        pytest.skip("needs: pip install supervisor")
    port = free_port()
    text = (ROOT / "conf" / "supervisord.conf").read_text(encoding="utf-8")
    shown = configparser.RawConfigParser(inline_comment_prefixes=(" ;",))
    shown.read_string(text)
    assert shown.getint("supervisord", "minfds") == MINFDS
    for here, there in {
        "--webserver_port=8080": f"--webserver_port={port}",
        "--redis_port=6379": f"--redis_port={redis_server.port}",
        "=tyron_pubsub": f"={redis.channel}",
        "/tmp/": f"{tmp_path}/",
    }.items():
        assert text.count(here) == 1, here
        text = text.replace(here, there)
    file = tmp_path / "supervisord.conf"
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    enough = MINFDS if hard == resource.RLIM_INFINITY else min(MINFDS, hard)
    file.write_text(text.replace(f"minfds = {MINFDS}", f"minfds = {enough}"), encoding="utf-8")
    path = f"{sys.prefix}/bin:{os.environ['PATH']}"
    # It says everything on stdout.
    command = ("sh", "-c", 'exec "$0" "$@" 1>&2', os.fspath(supervisord), "-c", os.fspath(file))
    daemon = Daemon(
        program=command,
        env={"PATH": path, "PYTHONWARNINGS": "ignore"},
        preexec=lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (256, hard)),
    )
    with daemon:
        descriptors = re.search(r"(\d+) file descriptors", daemon.wait_for("listening on"))
        assert descriptors is not None
        assert int(descriptors[1]) >= enough
        asked = Asked(port, "GET", "/hiphop/")
        feed_until_answered(asked, redis_server, redis.channel, '{"channel": "hiphop", "data": "x"}')
        assert asked.answer().body == b"x"
        daemon.wait_for("entered RUNNING state")
        daemon.signal(signal.SIGTERM)
        daemon.wait()
    assert any("stopped: tyron (exit status 0)" in line for line in daemon.lines), daemon.lines


def test_the_commands_are_installed() -> None:
    assert shutil.which("tornado_tyron", path=f"{sys.prefix}/bin")
    assert os.access(ROOT / "bin" / "tornado_tyron", os.X_OK)


def test_a_port_in_use_is_told_by_the_option_that_there_is(redis_server: RedisServer) -> None:
    with socket.create_server((HOST, 0)) as taken:
        port = taken.getsockname()[1]
        command = [*TYRON, f"--redis_port={redis_server.port}", "--webserver_address=127.0.0.1", f"--webserver_port={port}"]
        ended = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=PATIENCE, check=False)
    assert ended.returncode == 1
    told = f"tornado_tyron: port {port} of 127.0.0.1 is in use by another process; choose another with --webserver_port"
    assert ended.stderr.splitlines() == [told]
