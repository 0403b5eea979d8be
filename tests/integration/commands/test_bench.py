"""``hbpushd bench`` on a real server, and what it finds where something is wrong."""

from __future__ import annotations

import asyncio
import json
import re
import resource

import pytest

from hbpush.relay.commands import bench
from hbpush.relay.commands.arguments import Place
from hbpush.relay.commands.crowd import Crowd, EventReader, Marks, Member, Poller, SocketReader
from hbpush.web.eventstream import event
from hbpush.web.websocket import frame
from tests.integration.commands.conftest import Command
from tests.support.plain_http import ask
from tests.support.process import Daemon

PLACE = Place(("x",), "127.0.0.1", 1, "/x", None)


@pytest.mark.parametrize("way", ["websocket", "eventsource", "long"])
def test_all_that_is_published_is_counted(command: Command, server: Daemon, way: str) -> None:
    told = command("bench", "--polling", way, "--subscribers", "20", "--in-flight", "2", "--duration", "0.2", "--json")
    found = json.loads(told.out)
    assert (told.status, told.err) == (0, "")
    assert found["published"] > 0
    assert found["delivered"] == 20 * found["published"]
    assert (found["lost"], found["doubled"], found["disordered"], found["refused"]) == (0, 0, 0, 0)
    assert found["seconds"] >= found["publishing_seconds"] >= 0.2
    assert 0 < found["latency"]["p50"] <= found["latency"]["p99"] <= found["latency"]["max"] < found["seconds"] + 1
    assert sum(count for _, _, count in found["histogram"]) == found["delivered"]


def test_a_rate_is_kept_on_a_channel_that_is_there(command: Command, server: Daemon) -> None:
    ask(server.port, "POST", "/publisher/measured", b"something else, with a < in it")
    told = command("bench", "measured", "--subscribers", "3", "--rate", "100", "--duration", "0.3", "--size", "1000", "--json")
    assert (told.status, told.err) == (0, "")
    found = json.loads(told.out)
    # What could not leave in time, on a machine that has other things to do, is told.
    assert found["published"] + found["unsent"] == 30
    assert (found["delivered"], found["lost"]) == (3 * found["published"], 0)
    assert found["lateness"]["p50"] <= found["latency"]["max"]
    # The channel is not its own, so it stays.
    assert ask(server.port, "GET", "/publisher/measured").status == 200


def test_progress_is_for_terminals(command: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bench.sys.stderr, "isatty", lambda: True)
    monkeypatch.setattr(bench, "GLANCE", 0.02)
    told = command("bench", "--subscribers", "2", "--duration", "0.2")
    shown = told.err.split("\r\x1b[K")
    assert shown[1] == "0 of 2 subscribers"
    assert any(re.fullmatch(r"[0-9,]+ published, [0-9,]+ delivered", one) for one in shown)
    # It leaves nothing on the line of the results.
    assert shown[-1] == ""


def test_its_own_channel_goes(command: Command, server: Daemon, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("secrets.token_hex", lambda _: "0123abcd")
    assert command("bench", "--subscribers", "1", "--duration", "0.1").status == 0
    assert ask(server.port, "GET", "/publisher/bench-0123abcd").status == 404


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        (["--subscriber", "eventsource"], "after 0 subscribers: a subscriber: no WebSocket, but 200"),
        (["absent", "--subscriber", "websocket"], "after 0 subscribers: a subscriber: there is no such channel, or"),
        (["--subscriber", "first"], " subscribers: a subscriber: another subscriber has taken the place (409)"),
        (["--subscriber", "alone", "--polling", "long"], "hbpushd bench: a subscriber: another subscriber has taken the place (409)"),
        (["--publisher", "secret"], "this location needs a key: Authorization: Bearer, or X-Api-Key (401)"),
    ],
)
def test_refusals_are_one_line(command: Command, arguments: list[str], line: str) -> None:
    told = command("bench", "--subscribers", "2", "--duration", "0.1", *arguments)
    assert (told.status, told.out, told.err.count("\n")) == (3, "", 1)
    assert line in told.err


def test_the_limit_of_descriptors_is_looked_at_first(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(resource, "getrlimit", lambda _: (100, 100))
    with pytest.raises(SystemExit) as end:
        bench.main(["--subscribers", "100"])
    assert end.value.code == 2
    err = capsys.readouterr().err
    assert "101 connections take 141 file descriptors, and this process may have 100 (`ulimit -n`)" in err
    assert err.count("\n") == 1


class Carrier(asyncio.Transport):
    """Takes what a subscriber sends."""

    def __init__(self) -> None:
        super().__init__()
        self.written: list[bytes] = []

    def write(self, data: object) -> None:
        assert isinstance(data, bytes)
        self.written.append(data)

    def abort(self) -> None:
        self.written.append(b"aborted")


def begun(kind: type[Member], crowd: Crowd, head: bytes) -> tuple[Member, Carrier]:
    member, carrier = kind(crowd, PLACE), Carrier()
    member.connection_made(carrier)
    member.data_received(head)
    return member, carrier


def test_what_is_lost_doubled_and_out_of_order_is_found() -> None:
    crowd = Crowd(Marks(100))
    head = b"HTTP/1.1 101 Switching Protocols\r\n\r\n"
    whole, _ = begun(SocketReader, crowd, head)
    other, _ = begun(SocketReader, crowd, head)
    frames = {number: frame(crowd.marks.body(number, 0), True) for number in range(6)}
    # Publishers race: the order is that of whoever is first.
    whole.data_received(b"".join(frames[number] for number in (1, 0, 2, 3)))
    other.data_received(b"".join(frames[number] for number in (1, 2, 0, 2)))
    assert (crowd.delivered, crowd.doubled, crowd.disordered) == (7, 1, 1)
    # 3 has not come to one of them, 4 to nobody, 5 was refused.
    assert crowd.missing(6, {5}) == (1 + 2, 0)
    assert crowd.latency.count == 7


def test_marks_are_found_however_they_are_cut() -> None:
    crowd = Crowd(Marks(64))
    events = b"".join(event(crowd.marks.body(number, 0), b"1:%d" % number) for number in range(9))
    wire = b"".join(b"%x\r\n%b\r\n" % (len(events[at : at + 50]), events[at : at + 50]) for at in range(0, len(events), 50))
    for step in (1, 7, 64, 1000):
        member, _ = begun(EventReader, crowd, b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n")
        for at in range(0, len(wire), step):
            member.data_received(wire[at : at + step])
    assert (crowd.delivered, crowd.doubled, crowd.disordered, crowd.missing(9, set())) == (36, 0, 0, (0, 0))


def test_a_poll_is_asked_again_with_what_it_was_answered() -> None:
    crowd = Crowd(Marks(64))
    poller, carrier = Poller(crowd, PLACE), Carrier()
    poller.connection_made(carrier)
    body = crowd.marks.body(0, 0)
    wire = b"HTTP/1.1 200 OK\r\nLast-Modified: Mon, 07 Jun 2010 16:21:50 GMT\r\nEtag: 3\r\nContent-Length: %d\r\n\r\n%b" % (len(body), body)
    poller.data_received(wire[:30])
    poller.data_received(wire[30:-1])
    assert (crowd.delivered, len(carrier.written)) == (0, 1)
    poller.data_received(wire[-1:])
    assert crowd.delivered == 1
    assert b"\r\nIf-Modified-Since: Mon, 07 Jun 2010 16:21:50 GMT\r\nIf-None-Match: 3\r\n\r\n" in carrier.written[1]


def test_pings_are_answered_and_an_end_is_trouble() -> None:
    crowd = Crowd(Marks(64))
    member, carrier = begun(SocketReader, crowd, b"HTTP/1.1 101 Switching Protocols\r\n\r\n\x89\x01p")
    assert carrier.written[1][:2] == b"\x8a\x81"
    member.data_received(b"\x88\x06\x0f\xa0slow")
    assert str(crowd.trouble) == "a subscriber: its WebSocket was closed: 4000 slow"
    assert carrier.written[2:] == [b"aborted"]


def test_what_the_server_says_it_has_dropped_is_not_lost() -> None:
    crowd = Crowd(Marks(64))
    polls = [Poller(crowd, PLACE), Poller(crowd, PLACE)]
    for poll in polls:
        poll.connection_made(Carrier())

    def answer(poll: Poller, number: int, missed: bytes = b"") -> None:
        body = crowd.marks.body(number, 0)
        poll.data_received(b"HTTP/1.1 200 OK\r\n%bContent-Length: %d\r\n\r\n%b" % (missed, len(body), body))

    answer(polls[0], 0)
    answer(polls[0], 10, b"X-Relay-Missed: 1\r\n")
    for number in (*range(5), *range(6, 12)):
        answer(polls[1], number)
    # 1 to 9 of the one were dropped, 11 is lost; 5 of the other is lost, for nobody has told of it.
    assert (crowd.missing(12, set()), crowd.doubled, crowd.disordered) == ((2, 9), 0, 0)
