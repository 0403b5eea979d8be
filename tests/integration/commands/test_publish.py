"""``hbpushd publish`` and ``hbpushd channels`` on a real server."""

from __future__ import annotations

import json
import re
import shutil
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.integration.commands.conftest import Command
from tests.support.certificate import Certificate
from tests.support.plain_http import ask
from tests.support.process import PATIENCE, Daemon

ID = re.compile(r"\d+:\d+")


@contextmanager
def answering(*answers: bytes) -> Iterator[tuple[str, list[bytes]]]:
    """A server of ready answers, one for each connection: its URL, and what it was asked."""
    asked: list[bytes] = []
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(PATIENCE)

        def serve() -> None:
            for answer in answers:
                connection, _ = listener.accept()
                with connection:
                    asked.append(connection.recv(65536))
                    connection.sendall(answer)

        thread = threading.Thread(target=serve)
        thread.start()
        yield f"http://127.0.0.1:{listener.getsockname()[1]}", asked
        thread.join(PATIENCE)


def test_an_argument(command: Command, server: Daemon) -> None:
    told = command("publish", "argument", "ünï", "--event", "tick")
    assert told.status == 0
    assert re.fullmatch(r"\d+:\d+ stored, subscribers: 0\n", told.out)
    answer = ask(server.port, "GET", "/long/argument")
    assert (answer.body, answer.headers["content-type"], answer.headers["x-relay-event"]) == ("ünï".encode(), "text/plain", "tick")


def test_json_tells_the_id_and_who_is_there(command: Command) -> None:
    told = command("publish", "json", '{"a": 1}', "--type", "application/json", "--json")
    said = json.loads(told.out)
    assert ID.fullmatch(said.pop("id"))
    assert said == {"channel": "json", "delivered": False, "subscribers": 0, "messages": 1}


def test_standard_input_whole(command: Command, server: Daemon) -> None:
    assert command("publish", "whole", "-", stdin=b"a\nb\xff\n").status == 0
    answer = ask(server.port, "GET", "/long/whole")
    assert (answer.body, answer.headers["content-type"]) == (b"a\nb\xff\n", "application/octet-stream")


def test_lines_of_a_file_with_an_empty_one(command: Command, tmp_path: Path) -> None:
    (tmp_path / "lines").write_bytes(b"a\r\n\nc")
    told = command("publish", "lines", "--lines", "--file", tmp_path / "lines")
    assert (told.status, len(told.lines)) == (0, 3)
    got = command("subscribe", "lines", "--json", "--count", "3")
    assert [json.loads(line)["data"] for line in got.lines] == ["a", "", "c"]


def test_what_is_too_large_names_its_line_and_is_not_sent(command: Command) -> None:
    told = command("publish", "large", "-", "--lines", "--max-bytes", "3", stdin=b"abc\nabcd\nx\n")
    assert (told.status, len(told.lines)) == (3, 1)
    assert told.err == "hbpushd publish: a message is larger than 3 bytes; see --max-bytes\n"


def test_a_file_that_is_not_there(command: Command) -> None:
    told = command("publish", "x", "--file", "/absent/file")
    assert (told.status, told.err) == (3, "hbpushd publish: '/absent/file' cannot be read: No such file or directory\n")


def test_a_key_by_option_and_by_variable(command: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    refused = command("publish", "x", "y", "--publisher", "secret")
    assert (refused.status, refused.out) == (3, "")
    assert refused.err == "hbpushd publish: 'x': this location needs a key: Authorization: Bearer, or X-Api-Key (401)\n"
    assert command("publish", "x", "y", "--publisher", "secret", "--key", "sesame").status == 0
    monkeypatch.setenv("HBPUSH_KEY", "sesame")
    assert command("publish", "x", "y", "--publisher", "secret").status == 0
    assert command("channels", "x", "--publisher", "secret").status == 0


def test_no_server(command: Command) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        for name, more in (("publish", ["y"]), ("channels", [])):
            told = command(name, "x", *more, "--server", f"http://127.0.0.1:{port}", "--timeout", "0.05")
            assert told.status == 4
            assert told.err.startswith(f"hbpushd {name}: 127.0.0.1:{port} has not answered in 0.05 seconds")
            assert told.err.count("\n") == 1
    for name, more in (("publish", ["y"]), ("subscribe", []), ("channels", []), ("bench", [])):
        told = command(name, "x", *more, "--server", f"http://127.0.0.1:{port}")
        assert (told.status, told.out) == (4, "")
        assert told.err == f"hbpushd {name}: 127.0.0.1:{port} cannot be reached: Connection refused\n"


@pytest.mark.parametrize(
    ("answer", "status", "line"),
    [
        (b"", 4, "has ended the connection without an answer: it is not known whether the message was published"),
        (b"SSH-2.0-x\r\n\r\n", 4, "what answers does not speak HTTP: it is not known whether the message was published"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nOK", 3, "has answered with no channel information: is this a publisher location?"),
        (b"HTTP/1.1 302 Found\r\nLocation: http://b/\r\nContent-Length: 0\r\n\r\n", 3, "'x': it is at http://b/ (302)"),
        (
            b"HTTP/1.1 503 No\r\nRetry-After: 9\r\nContent-Type: text/plain\r\nContent-Length: 5\r\n\r\naway\n",
            4,
            "'x': away (503)",
        ),
        (b"HTTP/1.1 201 OK\r\nContent-Length: 9\r\n\r\n{", 4, "has ended the connection within its answer: it is not known"),
    ],
)
def test_answers_that_are_none(command: Command, answer: bytes, status: int, line: str) -> None:
    with answering(answer) as (url, _):
        told = command("publish", "x", "y", "--server", url)
    assert (told.status, told.out) == (status, "")
    assert line in told.err
    assert told.err.count("\n") == 1


@pytest.mark.skipif(shutil.which("openssl") is None, reason="needs: sudo apt-get install openssl")
def test_tls(command: Command, tmp_path: Path) -> None:
    made = Certificate.make(tmp_path)
    configuration = tmp_path / "hbpush.yaml"
    configuration.write_text(f"port: 0\naddress: 127.0.0.1\ntls: {{certificate: {made.certificate}, key: {made.key}}}\n", encoding="utf-8")
    with Daemon("-c", configuration) as secure:
        url = f"https://127.0.0.1:{secure.port}"
        distrusted = command("publish", "x", "y", "--server", url)
        assert (distrusted.status, distrusted.err.count("\n")) == (4, 1)
        assert "is not trusted: self-signed certificate; see --cafile and --insecure" in distrusted.err
        assert command("publish", "x", "1", "--server", url, "--cafile", made.certificate).status == 0
        assert command("publish", "x", "2", "--server", url, "--insecure").status == 0
        told = command("subscribe", "x", "--server", url, "--insecure", "--count", "2", "--raw")
        assert (told.status, told.out) == (0, "12")
        plain = command("publish", "x", "y", "--server", f"http://127.0.0.1:{secure.port}")
        assert (plain.status, plain.err.count("\n")) == (4, 1)


def test_channels_by_name(command: Command, server: Daemon) -> None:
    command("publish", "listed", "x")
    told = command("channels", "listed", "absent")
    assert told.status == 3
    assert told.err == "hbpushd channels: there is no channel 'absent'\n"
    assert told.lines[0].split("  ")[0] == "channel"
    assert re.fullmatch(r"listed +1 +0 +\d+:\d+ +never", told.lines[1])
    assert re.fullmatch(r"absent +- +- +- +-", told.lines[2])
    alone = command("channels", f"http://127.0.0.1:{server.port}/publisher/listed", "--json")
    said = json.loads(alone.out)
    assert ID.fullmatch(said.pop("last_message_id"))
    assert said == {"channel": "listed", "exists": True, "messages": 1, "subscribers": 0, "requested": -1}


def test_channels_are_watched_until_the_server_goes(command: Command) -> None:
    said = b'{"messages": 1, "requested": 5, "subscribers": 2, "last_message_id": "1:0" }'
    wire = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%b" % (len(said), said)
    with answering(wire, wire) as (url, _):
        told = command("channels", "news", "--server", url, "--watch", "0.1", "--timeout", "0.2")
    table = "channel  messages  subscribers  last id  last asked\nnews     1         2            1:0      5 sec. ago\n"
    assert (told.status, told.out) == (4, f"{table}\n{table}")
    assert told.err.count("\n") == 1


def test_a_list_of_all_takes_a_console(command: Command) -> None:
    told = command("channels")
    assert told.status == 3
    assert told.err == ("hbpushd channels: there is no console at /console/sample: name the channels, or say with --console where it is\n")


def test_the_list_of_a_console(command: Command) -> None:
    said = (
        b'{"number":7,"listened":3,"protocols":{"websocket":2},"channels":['
        b'{"store":"default","id":"news","rate":1.25,"subscribers":{"websocket":2,"long":1}},{"store":"s","id":"a\\n","rate":0,"subscribers":{}}]}'
    )
    wire = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%b" % (len(said), said)
    with answering(wire, wire) as (url, asked):
        told = command("channels", "--server", url, "--console", "/behind/", "--key", "sesame")
        assert told.status == 0
        assert told.lines == [
            "channel  store    messages a second  subscribers",
            "news     default  1.25               3 (2 websocket, 1 long)",
            "a\\n      s        0                  0",
        ]
        assert told.err == "hbpushd channels: these are the busiest channels; somebody listens to 1 more\n"
        listed = [json.loads(line) for line in command("channels", "--server", url, "--json").lines]
    assert listed[0] == {"channel": "news", "store": "default", "rate": 1.25, "subscribers": {"websocket": 2, "long": 1}}
    assert asked[0].startswith(b"GET /behind/console/sample HTTP/1.1\r\n")
    assert b"\r\nAuthorization: Bearer sesame\r\n" in asked[0]
    assert asked[1].startswith(b"GET /console/sample HTTP/1.1\r\n")
