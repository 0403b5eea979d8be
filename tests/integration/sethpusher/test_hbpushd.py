"""The location as a part of a real ``hbpushd`` (SethPusher specification 12)."""

from __future__ import annotations

import http.client
import signal
import socket
from pathlib import Path

from sethpusher.location import SethPusherLocation
from sethpusher.settings import SethPusherSettings
from tests.support.process import PATIENCE, Daemon, run

CONFIGURATION = """
port: 0
address: 127.0.0.1
locations:
  - {type: sethpusher, prefix: /seth/}
  - {type: publisher, prefix: /pub/}
  - {type: subscriber, prefix: /sub/, create_on_get: true}
"""


def ask(port: int, method: str, path: str, body: str | None = None) -> tuple[int, str]:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=PATIENCE)
    try:
        connection.request(method, path, body)
        answer = connection.getresponse()
        return answer.status, answer.read().decode()
    finally:
        connection.close()


def test_it_serves_and_tells_its_clients_when_it_goes(tmp_path: Path) -> None:
    file = tmp_path / "hbpushd.yaml"
    file.write_text(CONFIGURATION, encoding="utf-8")
    with Daemon("-c", file) as daemon:
        with socket.create_connection(("127.0.0.1", daemon.port), PATIENCE) as stream:
            stream.sendall(b"GET /seth/connect/000/abc/eventsource HTTP/1.0\r\nHost: a\r\n\r\n")
            heard = b""

            def hear(text: bytes) -> None:
                nonlocal heard
                while text not in heard:
                    piece = stream.recv(4096)
                    assert piece, heard
                    heard += piece

            hear(b"data: o\r\n")
            said = '["{\\"type\\": \\"subscribe\\", \\"channel\\": \\"news\\"}"]'
            assert ask(daemon.port, "POST", "/seth/connect/000/abc/xhr_send", said)[0] == 204
            hear(b"subscribed to news")
            assert ask(daemon.port, "POST", "/pub/news", '{"by": "relay"}')[0] == 201
            hear(b"relay")
            assert ask(daemon.port, "POST", "/seth/api/channels/news/", '{"by": "rest"}') == (200, '{"status": 200}\n')
            hear(b"rest")
            assert ask(daemon.port, "GET", "/sub/news") == (200, '{"by": "relay"}')
            daemon.signal(signal.SIGTERM)
            hear(b'data: c[3000,"Go away!"]\r\n\r\n')
        assert daemon.wait() == 0


def test_several_workers_are_refused(tmp_path: Path) -> None:
    file = tmp_path / "hbpushd.yaml"
    file.write_text(CONFIGURATION + "store: {type: redis}\nworkers: 2\n", encoding="utf-8")
    refused = run("-c", file, "--check")
    assert refused.returncode == 1
    assert "its sockets have sessions that live in one process" in refused.stderr


def test_a_publisher_without_a_key_is_told_to_the_operator() -> None:
    for options, loopback, lines in (({}, False, 1), ({}, True, 0), ({"key": "a"}, False, 0), ({"publish": False}, False, 0)):
        assert len(SethPusherLocation.warnings(SethPusherSettings(**options), loopback)) == lines


def test_its_options_are_listed() -> None:
    listed = run("--options").stdout
    place = listed[listed.index("Location of type sethpusher") :]
    for option in ("prefix: text (default '/')", "publish: true or false (default true)", "send_errors:", "sockjs_url:", "key:"):
        assert option in place
