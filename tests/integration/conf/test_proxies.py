"""``conf/nginx.conf`` and ``conf/haproxy.cfg`` in front of ``conf/hbpushd.yaml``: Debian's programs, and everything that clients do."""

from __future__ import annotations

import asyncio
import json
import signal
import socket
from collections.abc import Awaitable, Callable, Coroutine, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from hbpush.core.message import HEADER_BYTES
from tests.conformance.socketio06.playing import play_together
from tests.integration.conf.configured import HOST, hbpushd_yaml
from tests.integration.conf.proxies import PROXIES, Proxy
from tests.support.eventstream import Source
from tests.support.everybody import Everybody
from tests.support.hosts import Answer, Client, get, request
from tests.support.packages import needs
from tests.support.plain_http import Asked, ask, wait_until_held
from tests.support.ports import free_port
from tests.support.process import PATIENCE, Daemon
from tests.support.websocket import BINARY, CLOSE, PING, PONG, TEXT, Peer
from tests.support.websocket import request as upgrade

pytestmark = [needs("nginx", "haproxy", "curl")]

PER_ADDRESS = 30
"""More than everybody holds at once."""
BEAT = 0.1
MAX_BODY = 10 * 1024 * 1024
SILENCE = 65.0
"""Seconds. Proxies by themselves take less for the end."""


@pytest.fixture(scope="module")
def hbpushd(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Daemon]:
    file = hbpushd_yaml(
        tmp_path_factory.mktemp("hbpushd"), free_port(), auto=f"    heartbeat_interval: {BEAT}\n", max_held_per_address=f"{PER_ADDRESS}"
    )
    with Daemon("-c", file, "--port=0", expected=("cannot be reached",)) as daemon:
        yield daemon


@pytest.fixture(scope="module", params=PROXIES)
def proxy(request: pytest.FixtureRequest, hbpushd: Daemon, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Proxy]:
    folder = tmp_path_factory.mktemp(request.param)
    with Proxy(request.param, folder, hbpushd.port, expected=("too large body",)) as running:
        yield running


def run(scenario: Coroutine[Any, Any, None]) -> None:
    asyncio.run(asyncio.wait_for(scenario, PATIENCE))


async def connect(port: int, address: str = HOST) -> Client:
    """A connection from an address of this machine."""
    return Client(*await asyncio.open_connection(HOST, port, local_addr=(address, 0)))


def held(hbpushd: Daemon, channel: str, subscribers: int) -> None:
    """Wait until hbpushd itself says that so many listen or wait."""
    wait_until_held(hbpushd.port, f"/publisher/{channel}", subscribers)


def test_everybody_hears_everybody(proxy: Proxy) -> None:
    async def scenario() -> None:
        async with Everybody(proxy.port, f"news-{proxy.kind}") as everybody:
            await everybody.join()
            for name, publish in everybody.mouths.items():
                await everybody.all_hear(publish, {"by": name} if name == "rest" else f"from {name} \U0001f600")

    run(scenario())


def test_a_poll_is_held_until_its_message_or_its_client_goes(proxy: Proxy, hbpushd: Daemon) -> None:
    for path in ("/subscriber/held", "/tyron/held/"):
        ask(proxy.port, "PUT", "/publisher/held")
        poll = Asked(proxy.port, "GET", path)
        held(hbpushd, "held", 1)
        assert ask(proxy.port, "POST", "/publisher/held", b"now").status == 201
        assert (answer := poll.answer()).body == b"now"
        assert answer.headers.get("connection", "keep-alive") == "keep-alive"
        ask(proxy.port, "DELETE", "/publisher/held")

        ask(proxy.port, "PUT", "/publisher/held")
        leaving = Asked(proxy.port, "GET", path)
        held(hbpushd, "held", 1)
        leaving.connection.close()
        held(hbpushd, "held", 0)
        ask(proxy.port, "DELETE", "/publisher/held")


def test_the_longest_that_goes_before_a_body_comes_through(proxy: Proxy) -> None:
    longest = {"Content-Type": "text/plain; a=" + "t" * (HEADER_BYTES - 14), "X-Relay-Event": "e" * HEADER_BYTES}
    channel = f"long-{proxy.kind}"
    assert ask(proxy.port, "POST", f"/publisher/{channel}", b"x", longest).status == 202
    answer = ask(proxy.port, "GET", f"/subscriber/{channel}")
    assert (answer.status, answer.body) == (200, b"x")
    assert {name: answer.headers[name.lower()] for name in longest} == longest


def test_events_come_one_by_one_with_heartbeats_between(proxy: Proxy, hbpushd: Daemon) -> None:
    async def scenario() -> None:
        client = await connect(proxy.port)
        await client.send(get(b"/subscriber/events", b"Accept: text/event-stream"))
        source = await Source.read_head(client)
        assert (source.status, source.headers[b"content-type"]) == (200, b"text/event-stream")
        for number in range(2):
            await asyncio.to_thread(ask, proxy.port, "POST", "/publisher/events", b"%d" % number)
            assert (await source.event()).data == f"{number}"
            await source.comment()
        client.leave()
        await asyncio.to_thread(held, hbpushd, "events", 0)

    run(scenario())


def test_other_streams_are_not_kept_for_more_to_come_either(proxy: Proxy) -> None:
    async def begin(wire: bytes) -> tuple[Client, Callable[[str], Awaitable[None]]]:
        """A stream, and what waits until it has brought a text."""
        client = await connect(proxy.port)
        await client.send(wire)
        status, headers = await client.head()
        assert (status, headers[b"transfer-encoding"]) == (200, b"chunked")
        received = [b""]

        async def brought(text: str) -> None:
            while text.encode() not in received[0]:
                received[0] += await client.chunk()

        return client, brought

    async def scenario() -> None:
        async with Everybody(proxy.port) as others:
            place = f"/sethpusher/connect/000/streams-{proxy.kind}/"
            sockjs, on_sockjs = await begin(request(b"POST", f"{place}xhr_streaming".encode(), b"Content-Length: 0"))
            await on_sockjs("o\n")
            await others.post(f"{place}xhr_send", json.dumps([json.dumps({"type": "subscribe", "channel": "streams"})]).encode())
            await on_sockjs("subscribed to streams")

            place = f"/socket.io/1/htmlfile/{await others.shake_hands()}"
            htmlfile, on_htmlfile = await begin(get(place.encode()))
            await on_htmlfile("1::")
            await others.post(place, b"1::/streams")
            await on_htmlfile("streams")

            await others.post("/publisher/streams", f"by {proxy.kind}".encode())
            for heard in (on_sockjs, on_htmlfile):
                await heard(f"by {proxy.kind}")
            sockjs.leave()
            htmlfile.leave()

    run(scenario())


def test_a_websocket_talks_both_ways_and_is_told_why_it_ends(proxy: Proxy, hbpushd: Daemon) -> None:
    async def scenario() -> None:
        client = await connect(proxy.port)
        peer = Peer(client.reader, client.writer)

        async def heard() -> tuple[int, bytes]:
            while (frame := await peer.read_frame())[0] == PING:
                peer.send(PONG, frame[1])
            return frame

        await peer.shake_hands(path=b"/subscriber/socket")
        assert await peer.read_frame() == (PING, b"")
        peer.send(PING, b"beat")
        assert await heard() == (PONG, b"beat")
        for opcode, payload in ((TEXT, "\U0001f600".encode()), (BINARY, bytes(range(256)) * 1000)):
            peer.send(opcode, payload)
            assert await heard() == (opcode, payload)
        await asyncio.to_thread(ask, proxy.port, "DELETE", "/publisher/socket")
        opcode, payload = await heard()
        assert (opcode, int.from_bytes(payload[:2], "big")) == (CLOSE, 4500)
        client.leave()

        client = await connect(proxy.port)
        await Peer(client.reader, client.writer).shake_hands(path=b"/subscriber/socket")
        await asyncio.to_thread(held, hbpushd, "socket", 1)
        client.leave()
        await asyncio.to_thread(held, hbpushd, "socket", 0)

    run(scenario())


def test_pages_of_the_proxys_own_site_may_open_websockets(proxy: Proxy) -> None:
    async def status(origin: str) -> int:
        client = await connect(proxy.port)
        await client.send(upgrade(path=b"/subscriber/origin", host=f"{HOST}:{proxy.port}".encode(), origin=origin.encode()))
        answered, _ = await client.head()
        client.leave()
        return answered

    async def scenario() -> None:
        assert await status(f"http://{HOST}:{proxy.port}") == 101
        assert await status("http://page.example") == 403

    run(scenario())


@pytest.mark.skipif(not hasattr(socket, "SO_PEERCRED"), reason="needs Linux, where all of 127.0.0.0/8 is this machine")
def test_clients_are_counted_by_their_own_addresses(proxy: Proxy, hbpushd: Daemon) -> None:
    async def poll(address: str, *lines: bytes) -> Client:
        client = await connect(proxy.port, address)
        await client.send(get(b"/subscriber/addresses", *lines))
        return client

    async def refused(*lines: bytes) -> Answer:
        client = await poll("127.0.0.2", *lines)
        answer = await client.answer()
        client.leave()
        return answer

    async def scenario() -> None:
        crowd = [await poll("127.0.0.2") for _ in range(PER_ADDRESS)]
        await asyncio.to_thread(held, hbpushd, "addresses", PER_ADDRESS)
        for lines in ((), (b"X-Forwarded-For: 127.0.0.9",), (b"X-Forwarded-For: 192.0.2.1, 192.0.2.2",)):
            assert (await refused(*lines)).status == 503
        crowd.append(await poll("127.0.0.3"))
        await asyncio.to_thread(held, hbpushd, "addresses", PER_ADDRESS + 1)
        for client in crowd:
            client.leave()
        await asyncio.to_thread(held, hbpushd, "addresses", 0)

    run(scenario())


def test_a_body_may_be_as_large_as_hbpushd_takes_and_no_larger(proxy: Proxy) -> None:
    assert ask(proxy.port, "POST", "/publisher/large", bytes(MAX_BODY)).status == 202
    assert ask(proxy.port, "GET", "/subscriber/large").body == bytes(MAX_BODY)

    async def scenario() -> None:
        client = await connect(proxy.port)
        await client.send(b"POST /publisher/large HTTP/1.1\r\nHost: a\r\nContent-Length: %d\r\n\r\n" % (MAX_BODY + 1))
        assert (await client.answer()).status == 413
        client.leave()

    run(scenario())


def test_connections_to_hbpushd_are_kept_and_so_are_those_of_clients(proxy: Proxy) -> None:
    async def scenario() -> None:
        client = await connect(proxy.port)
        for number in range(20):
            answer = await client.ask(request(b"POST", b"/publisher/kept", body=b"%d" % number))
            assert answer.status == 202, answer
        client.leave()

    run(scenario())


@pytest.mark.parametrize("kind", PROXIES)
def test_hbpushd_is_told_the_truth_and_nothing_twice(kind: str, tmp_path: Path) -> None:
    lies = {"X-Forwarded-For": "192.0.2.1", "X-Forwarded-Proto": "https", "Connection": "keep-alive, Upgrade", "Upgrade": "h2c"}
    with socket.create_server((HOST, 0)) as upstream:
        upstream.settimeout(PATIENCE)
        with Proxy(kind, tmp_path, upstream.getsockname()[1], expected=("prematurely closed",)) as proxy:
            asked = Asked(proxy.port, "POST", "/publisher/news", b"once", {"Host": "push.example:8090", **lies})
            connection, _ = upstream.accept()
            with connection:
                received = b""
                while not received.endswith(b"once"):
                    received += connection.recv(65536)
            # It has been sent, and was not answered: nobody knows whether it was published.
            assert asked.answer().status == 502
            upstream.settimeout(0)
            with pytest.raises(BlockingIOError):
                upstream.accept()
    head = received.lower().split(b"\r\n")
    assert {b"host: push.example:8090", b"x-forwarded-for: 127.0.0.1", b"x-forwarded-proto: http"} <= set(head)
    assert not [line for line in head if b"192.0.2.1" in line or b"https" in line]


@pytest.mark.parametrize(
    "clients",
    [
        [("0.9.17", "websocket"), ("0.9.17", "xhr-polling")],
        pytest.param(
            [(version, transport) for version in ("0.6.3", "0.7.11", "0.8.7") for transport in ("websocket", "xhr-polling")],
            marks=pytest.mark.full,
        ),
    ],
    ids=["0.9", "older"],
)
def test_real_clients_of_socket_io(proxy: Proxy, clients: list[tuple[str, str]]) -> None:
    play_together(f"http://{HOST}:{proxy.port}", f"real.{proxy.kind}.{clients[0][0]}", clients)


def test_a_hbpushd_that_goes_releases_and_one_that_comes_serves_at_once(tmp_path_factory: pytest.TempPathFactory) -> None:
    port = free_port()
    file = hbpushd_yaml(tmp_path_factory.mktemp("hbpushd"), free_port())
    with ExitStack() as stack:
        proxies = [
            stack.enter_context(Proxy(kind, tmp_path_factory.mktemp(kind), port, expected=("connect() failed",))) for kind in PROXIES
        ]
        # haproxy would try for three seconds.
        assert ask(proxies[0].port, "PUT", "/publisher/back").status == 502
        with Daemon("-c", file, f"--port={port}", expected=("cannot be reached",)) as daemon:
            assert [ask(proxy.port, "PUT", "/publisher/back").status for proxy in proxies] == [200, 200]
            polls = [Asked(proxy.port, "GET", "/subscriber/back") for proxy in proxies]
            wait_until_held(port, "/publisher/back", len(polls))
            daemon.signal(signal.SIGTERM)
            assert [poll.answer().status for poll in polls] == [304, 304]
            assert daemon.wait() == 0


@pytest.mark.full
def test_who_waits_in_silence_is_kept(hbpushd: Daemon, tmp_path_factory: pytest.TempPathFactory) -> None:
    with ExitStack() as stack:
        waiting = []
        for kind in PROXIES:
            proxy = stack.enter_context(Proxy(kind, tmp_path_factory.mktemp(kind), hbpushd.port))
            waiting += [Asked(proxy.port, "GET", path) for path in ("/subscriber/silence", "/tyron/silence/")]
        held(hbpushd, "silence", len(waiting))
        waiting[0].socket().settimeout(SILENCE)
        with pytest.raises(TimeoutError):
            waiting[0].socket().recv(1)
        waiting[0].socket().settimeout(PATIENCE)
        assert ask(hbpushd.port, "POST", "/publisher/silence", b"at last").status == 201
        assert [poll.answer().body for poll in waiting] == [b"at last"] * len(waiting)
