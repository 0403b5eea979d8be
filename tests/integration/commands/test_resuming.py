"""Subscriptions that outlive their server: nothing lost and nothing doubled with Redis, a gap that is told with a memory store."""

from __future__ import annotations

import asyncio
import json
import threading
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

import pytest

from hbpush.relay.commands import connection, events
from hbpush.relay.commands.arguments import Place
from hbpush.relay.commands.endings import Refused, Unreachable
from hbpush.relay.commands.following import LONGEST_PAUSE, Following, Kind, Pauses, Wishes
from hbpush.relay.commands.frames import accept
from hbpush.relay.commands.received import Received
from tests.integration.commands.test_subscribe import publish, start
from tests.support.plain_http import ask, wait_until_held
from tests.support.ports import free_port
from tests.support.process import PATIENCE, Daemon
from tests.support.redis_server import RedisServer, missing

CONFIGURATION = """
port: {port}
address: 127.0.0.1
store: {store}
locations:
  - {{type: subscriber, prefix: /subscriber/, polling: auto, create_on_get: true}}
  - {{type: publisher, prefix: /publisher/}}
"""


class Enough(Exception):
    """All that was waited for has come."""


class Follower(threading.Thread):
    """A subscription in this process, until so many messages have come: what they say, and what is told of it."""

    def __init__(self, port: int, kind: Kind, count: int) -> None:
        super().__init__(daemon=True)
        self.heard: list[str] = []
        self.told: list[str] = []
        self._place = Place(("news",), "127.0.0.1", port, "/subscriber/news", None)
        self._kind: Kind = kind
        self._count = count
        self.start()

    def run(self) -> None:
        with suppress(Enough):
            asyncio.run(Following(self._place, Wishes(self._kind), self._hear, self.told.append).run())

    def done(self) -> list[str]:
        """Wait for the last message; return what all say."""
        self.join(PATIENCE)
        assert not self.is_alive(), self.heard
        return self.heard

    def _hear(self, message: Received) -> None:
        self.heard.append(message.body.decode())
        if len(self.heard) == self._count:
            raise Enough


def numbers(first: int, last: int) -> list[bytes]:
    return [b"%d" % number for number in range(first, last)]


@pytest.mark.skipif(missing() is not None, reason=missing() or "")
def test_with_redis_nothing_is_lost_and_nothing_doubled(tmp_path: Path) -> None:
    """The server of the subscribers goes while another one goes on publishing."""
    with RedisServer() as redis:
        for name in ("its", "other"):
            text = CONFIGURATION.format(port=free_port(), store=f"{{type: redis, host: 127.0.0.1, port: {redis.port}}}")
            (tmp_path / name).write_text(text, encoding="utf-8")
        with Daemon("-c", tmp_path / "other") as other:
            with Daemon("-c", tmp_path / "its") as server:
                assert ask(server.port, "PUT", "/publisher/news").status == 200
                command = start(server, "news", "--json", "--count", "60")
                followers = [Follower(server.port, "eventsource", 60), Follower(server.port, "long", 60)]
                wait_until_held(other.port, "/publisher/news", 3)
                publish(server, "news", *numbers(0, 20))
            publish(other, "news", *numbers(20, 40))
            try:
                with Daemon("-c", tmp_path / "its"):
                    publish(other, "news", *numbers(40, 60))
                    out, err = command.communicate(timeout=PATIENCE)
                    heard = [follower.done() for follower in followers]
            finally:
                command.kill()
    wanted = [number.decode() for number in numbers(0, 60)]
    assert (command.returncode, [json.loads(line)["data"] for line in out.splitlines()]) == (0, wanted)
    assert heard == [wanted, wanted]
    told = [err.decode(), *("\n".join(follower.told) for follower in followers)]
    # A poll may find the server back before it has missed it.
    assert ["the connection is lost" in each for each in told[:2]] == [True, True]
    assert not [each for each in told if "missed" in each]


def test_with_a_memory_store_the_gap_is_told(tmp_path: Path) -> None:
    configuration = tmp_path / "hbpush.yaml"
    configuration.write_text(CONFIGURATION.format(port=free_port(), store="{type: memory}"), encoding="utf-8")
    with Daemon("-c", configuration) as server:
        publish(server, "news", b"a", b"b")
        follower = Follower(server.port, "auto", 4)
        wait_until_held(server.port, "/publisher/news")
    with Daemon("-c", configuration) as server:
        # The channel is there again as soon as somebody follows it.
        assert ask(server.port, "PUT", "/publisher/news").status == 200
        wait_until_held(server.port, "/publisher/news")
        publish(server, "news", b"c", b"d")
        assert follower.done() == ["a", "b", "c", "d"]
    assert follower.told == [
        "'news': the connection is lost (the server goes (1012)); it is made again",
        "'news': connected again",
        "'news': messages were missed",
    ]


class Hold(NamedTuple):
    """An answer that begins with a head, if it has one, and then nothing."""

    head: bytes = b""


class Server:
    """Answers its connections, one after the other, with ready bytes, and remembers what it was asked."""

    def __init__(self, *answers: bytes | Hold) -> None:
        self._answers = list(answers)
        self.asked: list[bytes] = []
        self._serving: set[asyncio.Task[None]] = set()

    async def follow(self, wishes: Wishes) -> tuple[list[Received], list[str], list[float], Exception]:
        """Follow it to the end: messages, what was told, pauses, and how it ended."""
        server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        place = Place(("news",), "127.0.0.1", server.sockets[0].getsockname()[1], "/news", None)
        messages: list[Received] = []
        told: list[str] = []
        pauses: list[float] = []

        async def sleep(seconds: float) -> None:
            pauses.append(seconds)

        try:
            async with asyncio.timeout(PATIENCE):
                await Following(place, wishes, messages.append, told.append, sleep).run()
        except (Refused, Unreachable) as error:
            return messages, told, pauses, error
        finally:
            server.close()
            await asyncio.gather(*self._serving)
        raise AssertionError("it follows for ever")

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._serving.add(task)
        request = await reader.readuntil(b"\r\n\r\n")
        self.asked.append(request)
        answer = self._answers.pop(0)
        if isinstance(answer, Hold):
            key = request.partition(b"Sec-WebSocket-Key: ")[2].partition(b"\r\n")[0].decode()
            writer.write(answer.head.replace(b"ACCEPT", accept(key).encode()))
            # All that it says until it leaves.
            with suppress(ConnectionError):
                self.asked[-1] += await reader.read()
        else:
            writer.write(answer)
            await writer.drain()
        writer.close()
        with suppress(ConnectionError):
            await writer.wait_closed()


STREAM = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n"
GONE = b"HTTP/1.1 410 Gone\r\nContent-Length: 0\r\n\r\n"


def test_retry_after_is_kept_and_pauses_grow() -> None:
    away = b"HTTP/1.1 503 No\r\nRetry-After: %d\r\nContent-Length: 0\r\n\r\n"
    server = Server(STREAM + b"id: 5:1\ndata: x\n\n", away % 7, away % 0, STREAM + b"id: 5:2\ndata: y\n\n", GONE)
    messages, told, pauses, error = asyncio.run(server.follow(Wishes()))
    assert [(message.id, message.body) for message in messages] == [("5:1", b"x"), ("5:2", b"y")]
    assert isinstance(error, Refused)
    assert str(error) == "'news': the channel was deleted (410)"
    assert [line.partition(" (")[0] for line in told] == [
        "'news': the connection is lost",
        "'news': connected again",
        "'news': the connection is lost",
    ]
    assert 0.25 <= pauses[0] <= 0.5
    assert 7.5 <= pauses[1] <= 8
    assert 1 <= pauses[2] <= 2
    assert 0.25 <= pauses[3] <= 0.5
    assert [b"last_event_id=" in asked for asked in server.asked] == [False, True, True, True, True]
    assert b"GET /news?last_event_id=5:2 HTTP/1.1\r\n" in server.asked[4]


def test_an_event_that_is_cut_off_is_asked_for_again() -> None:
    server = Server(STREAM + b"id: 5:1\ndata: x\n\nid: 5:2\ndata: the begin", STREAM + b"id: 5:2\ndata: the beginning\n\n", GONE)
    messages, _, _, _ = asyncio.run(server.follow(Wishes()))
    assert [(message.id, message.body) for message in messages] == [("5:1", b"x"), ("5:2", b"the beginning")]
    assert b"last_event_id=5:1 " in server.asked[1]


def test_what_cannot_be_read_is_told_and_passed_over() -> None:
    async def once() -> None:
        frames = [b'{"channel":"news","id":"5:1","data":1}', b"{", b'{"channel":"news","id":"5:3","data":3}']
        socket = b"".join([b"\x81%c%b" % (len(frame), frame) for frame in frames]) + b"\x88\x02\x11\x94"
        stream = b"event: gap\ndata: {\n\nid: \xff\ndata: \xfe\n\n"
        server = Server(STREAM + stream, Hold(SOCKET + socket))
        messages, told, _, _ = await server.follow(Wishes())
        assert [message.body for message in messages] == [b"\xfe", b"1", b"3"]
        assert told[0] == "'news': the server has sent an event that is none of its own; it is passed over"
        assert told[-1] == "'news': the server has sent a frame that is no message; it is passed over"
        assert b"last_event_id=%FF " in server.asked[1]

    asyncio.run(once())


SOCKET = (
    b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    b"Sec-WebSocket-Accept: ACCEPT\r\nSec-WebSocket-Protocol: hbpush.json\r\n\r\n"
)


@pytest.mark.parametrize("kind", ["websocket", "eventsource", "long"])
def test_what_is_too_large_is_not_asked_for_again(kind: Kind, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(events, "LARGEST_MESSAGE", 500)
    monkeypatch.setattr(connection, "LARGEST_MESSAGE", 500)
    poll = b"HTTP/1.1 200 OK\r\nLast-Modified: Mon, 07 Jun 2010 16:21:50 GMT\r\nEtag: 3\r\nContent-Length: 600\r\n\r\n"
    answers: dict[Kind, bytes | Hold] = {
        "websocket": Hold(SOCKET + b"\x81\x7f" + (2**26).to_bytes(8, "big")),
        "eventsource": STREAM + b"id: 5:1\ndata: " + b"x" * 600,
        "long": poll + b"x" * 600,
    }

    async def once() -> tuple[list[str], Exception]:
        _, told, _, error = await Server(answers[kind]).follow(Wishes(kind))
        return told, error

    told, error = asyncio.run(once())
    assert isinstance(error, Refused)
    assert "the server has sent a message of more than 33554432 bytes" in str(error)
    assert str(error).endswith("; try another --polling, by which it may be smaller") is (kind != "long")
    assert told == []


def test_who_is_displaced_does_not_come_back() -> None:
    server = Server(STREAM + b'event: displaced\ndata: {"channel":"news"}\n\n')
    _, told, _, error = asyncio.run(server.follow(Wishes("eventsource")))
    assert (type(error), str(error), told) == (Refused, "'news': another subscriber has taken the place", [])


def test_a_gap_is_told_once_and_left_behind() -> None:
    def nothing(lines: bytes) -> bytes:
        return b"HTTP/1.1 304 Not Modified\r\nX-Relay-Missed: 1\r\nConnection: close\r\n" + lines + b"\r\n"

    behind = nothing(b"Last-Modified: Mon, 07 Jun 2010 16:21:50 GMT\r\n")
    server = Server(nothing(b""), nothing(b""), behind, GONE)
    _, told, _, _ = asyncio.run(server.follow(Wishes("long", "5:0")))
    assert told == ["'news': messages were missed"]
    assert [b"last_event_id=5:0 " in asked for asked in server.asked] == [True, True, True, False]
    # An id without a tag is a date alone.
    assert b"\r\nIf-Modified-Since: Mon, 07 Jun 2010 16:21:50 GMT\r\n" in server.asked[3]
    assert b"If-None-Match" not in server.asked[3]


def test_a_silent_socket_is_pinged_and_then_lost() -> None:
    server = Server(Hold(SOCKET + b"\x89\x02hi"), GONE)
    _, told, pauses, error = asyncio.run(server.follow(Wishes(idle=0.2)))
    assert isinstance(error, Refused)
    assert told == ["'news': the connection is lost (nothing was heard in 0.1 seconds); it is made again"]
    assert len(pauses) == 1
    said = server.asked[0].partition(b"\r\n\r\n")[2]
    # A pong, then a ping.
    assert (said[:2], said[8:10]) == (b"\x8a\x82", b"\x89\x80")


@pytest.mark.parametrize(
    ("code", "status"), [(4000, Unreachable), (1012, Unreachable), (1013, Unreachable), (4500, Refused), (4501, Refused), (4999, Refused)]
)
def test_close_codes_tell_whether_to_come_back(code: int, status: type[Exception]) -> None:
    async def once() -> None:
        close = b"\x88\x05" + code.to_bytes(2, "big") + b"why"
        server = Server(Hold(SOCKET + close), GONE)
        _, told, _, error = await server.follow(Wishes())
        assert str(error) == (f"'news': why ({code})" if status is Refused else "'news': the channel was deleted (410)")
        assert len(told) == (0 if status is Refused else 1)

    asyncio.run(once())


def test_a_poll_that_is_held_too_long_is_asked_anew_without_a_word() -> None:
    message = b"HTTP/1.1 200 OK\r\nLast-Modified: Mon, 07 Jun 2010 16:21:50 GMT\r\nEtag: 3\r\nContent-Length: 1\r\n\r\nx"
    server = Server(Hold(), message, Hold(), GONE)
    messages, told, pauses, error = asyncio.run(server.follow(Wishes(idle=0.05)))
    assert [message.id for message in messages] == ["1275927710:3"]
    assert isinstance(error, Refused)
    assert told == []
    assert max(pauses) == 0
    # Once it is known to be a poll nothing else is asked for.
    assert [b"Upgrade" in asked for asked in server.asked] == [True, True, False, False]


def test_who_has_no_server_for_long_gives_up() -> None:
    away = b"HTTP/1.1 503 No\r\nContent-Length: 0\r\n\r\n"
    server = Server(STREAM, *[away] * 500)
    _, told, _, error = asyncio.run(server.follow(Wishes(give_up=0.05)))
    assert isinstance(error, Unreachable)
    assert "given up after" in str(error)
    assert len(told) == 1


def test_pauses_double_up_to_a_bound_and_differ_by_chance() -> None:
    least, most = Pauses(lambda: 0.0), Pauses(lambda: 1.0)
    assert [least.next() for _ in range(4)] == [0.25, 0.5, 1, 2]
    assert [most.next() for _ in range(9)][-3:] == [LONGEST_PAUSE] * 3
    most.begin_anew()
    assert most.next(3) == 3.5
