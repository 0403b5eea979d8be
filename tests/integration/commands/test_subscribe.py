"""``hbpushd subscribe`` on a real server: every way to listen, and what a person does to it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading

import pytest

from tests.integration.commands.conftest import Command
from tests.support.plain_http import ask, wait_until_held
from tests.support.process import HBPUSHD, PATIENCE, ROOT, Daemon, environment

WAYS = ["subscriber", "long", "now", "eventsource", "websocket"]


def start(server: Daemon, *arguments: str) -> subprocess.Popen[bytes]:
    """The command as a process of its own."""
    return subprocess.Popen(
        [*HBPUSHD, "subscribe", *arguments, "--server", f"http://127.0.0.1:{server.port}"],
        cwd=ROOT,
        env=environment(),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )


def publish(server: Daemon, channel: str, *bodies: bytes, headers: dict[str, str] | None = None) -> None:
    for body in bodies:
        assert ask(server.port, "POST", f"/publisher/{channel}", body, headers or {}).status in (201, 202)


@pytest.mark.parametrize("way", WAYS)
def test_whatever_the_server_offers_is_followed(command: Command, server: Daemon, way: str) -> None:
    publish(server, way, b"one", b"\xff\n", "drei ☃\n".encode(), headers={"X-Relay-Event": "tick"})
    told = command("subscribe", way, "--subscriber", way, "--json", "--count", "3")
    assert (told.status, told.err) == (0, "")
    got = [json.loads(line) for line in told.lines]
    assert [(one["channel"], one["data"], one["event"]) for one in got] == [
        (way, "one", "tick"),
        (way, "/wo=", "tick"),
        (way, "drei ☃\n", "tick"),
    ]
    assert got[1]["encoding"] == "base64"
    later = command("subscribe", way, "--subscriber", way, "--since", got[0]["id"], "--raw", "--count", "2")
    assert later.out.encode("latin-1") == b"\xff\ndrei \xe2\x98\x83\n"
    text = command("subscribe", way, "--subscriber", way, "--count", "3").out.encode("latin-1").decode().splitlines()
    assert text == [
        f"{got[0]['id']} {way} [tick] one",
        f"{got[1]['id']} {way} [tick] base64 /wo=",
        f"{got[2]['id']} {way} [tick] drei ☃\\n",
    ]


@pytest.mark.parametrize(
    ("asked", "way"),
    [("websocket", "eventsource"), ("eventsource", "now"), ("websocket", "now"), ("long", "eventsource"), ("long", "websocket")],
)
def test_a_way_that_is_not_offered_is_refused(command: Command, server: Daemon, asked: str, way: str) -> None:
    publish(server, way, b"x")
    told = command("subscribe", way, "--subscriber", way, "--polling", asked)
    assert (told.status, told.out, told.err.count("\n")) == (3, "", 1)


def test_of_what_is_offered_the_best_is_taken_unless_asked(command: Command, server: Daemon) -> None:
    publish(server, "best", b"{}", headers={"Content-Type": "application/json"})
    for asked, media in (
        ("auto", "application/json"),
        ("websocket", "application/json"),
        ("eventsource", None),
        ("long", "application/json"),
    ):
        told = command("subscribe", "best", "--polling", asked, "--json", "--count", "1")
        # Event streams cannot tell the type.
        assert json.loads(told.out)["type"] == media


def test_refusals_are_one_line(command: Command, server: Daemon) -> None:
    told = command("subscribe", "absent", "--subscriber", "websocket")
    assert (told.status, told.out) == (3, "")
    assert told.err == "hbpushd subscribe: 'absent': there is no such channel, or no location with this URL (404)\n"
    publish(server, "taken", b"x")
    told = command("subscribe", "taken", "--subscriber", "publisher")
    assert (told.status, told.err) == (3, "hbpushd subscribe: 'taken': what answers is no subscriber location: its answer has no id\n")
    first = start(server, "taken", "--subscriber", "first", "--since", "newest")
    try:
        wait_until_held(server.port, "/publisher/taken")
        told = command("subscribe", "taken", "--subscriber", "first")
        assert (told.status, told.err) == (3, "hbpushd subscribe: 'taken': another subscriber has taken the place (409)\n")
        # The channel goes, and with it the reason to come back.
        ask(server.port, "DELETE", "/publisher/taken")
        out, err = first.communicate(timeout=PATIENCE)
    finally:
        first.kill()
    assert (first.returncode, out, err) == (3, b"", b"hbpushd subscribe: 'taken': the channel was deleted (4500)\n")


def test_times_and_counts(command: Command, server: Daemon) -> None:
    publish(server, "times", b"a", b"b")
    told = command("subscribe", "times", "--count", "3", "--timeout", "0.3")
    assert (told.status, len(told.lines)) == (5, 2)
    assert command("subscribe", "times", "--timeout", "0.2").status == 0
    assert command("subscribe", "times", "--since", "newest", "--timeout", "0.2").out == ""
    assert command("subscribe", "times", "--since", "oldest", "--count", "2").err == ""


def test_what_was_dropped_is_told(command: Command, server: Daemon) -> None:
    publish(server, "dropped", b"a")
    for way in WAYS[1:]:
        told = command("subscribe", "dropped", "--subscriber", way, "--since", "1:0", "--count", "1")
        assert (told.status, len(told.lines)) == (0, 1)
        assert told.err == "hbpushd subscribe: 'dropped': messages were missed\n"


@pytest.mark.parametrize("way", WAYS)
def test_what_utf_8_cannot_carry_is_followed(command: Command, server: Daemon, way: str) -> None:
    channel = f"poison-{way}-\udcff"
    body = rb'{"a":"\ud800"}'
    publish(server, f"poison-{way}-%FF", body, b"after", headers={"X-Relay-Event": "\xff", "Content-Type": "application/json"})
    told = command("subscribe", channel, "--subscriber", way, "--since", "oldest", "--json", "--count", "2")
    assert (told.status, told.err) == (0, "")
    first, second = map(json.loads, told.lines)
    assert (first["channel"], second["data"]) == (channel, "after")
    # An event stream is in UTF-8, and does not tell that it is JSON.
    assert first.get("event") == (None if way == "eventsource" else "\udcff")
    assert first["data"] in (body.decode(), {"a": "\ud800"})


def test_several_channels(command: Command, server: Daemon) -> None:
    publish(server, "several1", b"a", b"b")
    publish(server, "several2", b"c")
    told = command("subscribe", "several1", "several2", "--count", "3", "--json")
    assert sorted((one["channel"], one["data"]) for one in map(json.loads, told.lines)) == [
        ("several1", "a"),
        ("several1", "b"),
        ("several2", "c"),
    ]
    url = f"http://127.0.0.1:{server.port}/subscriber/several1,several2"
    for way in ("websocket", "eventsource"):
        together = command("subscribe", url, "--polling", way, "--count", "3", "--json")
        assert sorted(map(json.loads, together.lines), key=str) == sorted(
            [one | ({} if way == "websocket" else {"type": None}) for one in map(json.loads, told.lines)], key=str
        )
    for way in ("websocket", "eventsource"):
        assert len(command("subscribe", url, "--polling", way, "--since", "oldest", "--count", "3").lines) == 3
        since_newest = command("subscribe", url, "--polling", way, "--since", "newest", "--timeout", "0.2")
        assert (since_newest.status, since_newest.out, since_newest.err) == (0, "", "")
    one_missing = command("subscribe", "several1", "absent", "--subscriber", "long", "--timeout", "0.3")
    assert (one_missing.status, len(one_missing.lines)) == (3, 2)
    assert "'absent': there is no such channel" in one_missing.err


def test_a_channel_that_is_not_there_yet_is_waited_for(command: Command, server: Daemon) -> None:
    later = threading.Timer(0.2, publish, (server, "later", b"x"))
    later.start()
    told = command("subscribe", "later", "--subscriber", "websocket", "--wait", "--count", "1")
    later.join()
    assert (told.status, len(told.lines), told.err) == (0, 1, "")


def test_ctrl_c_ends_it_quietly(server: Daemon) -> None:
    assert ask(server.port, "PUT", "/publisher/interrupted").status == 200
    with start(server, "interrupted", "--raw") as following:
        try:
            wait_until_held(server.port, "/publisher/interrupted")
            publish(server, "interrupted", b"at once")
            assert following.stdout is not None
            # What comes is there at once, whoever reads it.
            assert following.stdout.read(7) == b"at once"
            following.send_signal(signal.SIGINT)
            assert following.communicate(timeout=PATIENCE) == (b"", b"")
        finally:
            following.kill()
    assert following.returncode == 130


def test_a_reader_that_goes_ends_it_before_there_is_something_to_write(server: Daemon) -> None:
    assert ask(server.port, "PUT", "/publisher/abandoned").status == 200
    with start(server, "abandoned") as following:
        try:
            wait_until_held(server.port, "/publisher/abandoned")
            assert following.stdout is not None
            assert following.stderr is not None
            following.stdout.close()
            assert following.wait(PATIENCE) == 1
            assert following.stderr.read() == b""
        finally:
            following.kill()


def test_a_reader_that_has_gone_ends_it_quietly(command: Command, server: Daemon, monkeypatch: pytest.MonkeyPatch) -> None:
    publish(server, "piped", b"x")
    reading, writing = os.pipe()
    os.close(reading)
    with open(writing, "w", encoding="utf-8") as output:
        monkeypatch.setattr(sys, "stdout", output)
        told = command("subscribe", "piped")
    assert (told.status, told.err) == (1, "")
