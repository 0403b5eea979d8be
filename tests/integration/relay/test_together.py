"""Streams of one channel that are written to together: nobody misses, doubles or reorders anything for what another one does meanwhile."""

from __future__ import annotations

from collections.abc import Callable
from typing import cast

import pytest

from hbpush.core.message import NEWEST, ChannelRef
from hbpush.core.subscription import CloseReason
from hbpush.relay import leg
from hbpush.relay.websocket import SocketStream
from hbpush.web.websocket import frame
from hbpush.web.write_each import write_each, write_each_in_python
from tests.conftest import ExpectedLogs
from tests.integration.relay.conftest import Site, late_store
from tests.support.hosts import request
from tests.support.late_store import LateStore
from tests.support.listener import Listener
from tests.support.relay_streams import JSON, socket, source
from tests.support.websocket import CLOSE, TEXT, close_payload

NEWS = ChannelRef("default", "", "news")
PUBLISHER = {"type": "publisher", "prefix": "/pub/"}
PLACE = {"type": "subscriber", "prefix": "/sub/", "polling": "auto", "first_message": "newest", "outbox_bytes": 16 * 1024 * 1024}
STREAM = "Accept: text/event-stream"


@pytest.fixture(params=[write_each, write_each_in_python], ids=["chosen", "python"], autouse=True)
def form(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(leg, "write_each", request.param)


async def serve(site: Site) -> None:
    await site.serve(PUBLISHER, PLACE)
    await site.ask("PUT", "/pub/news")


def call_between(site: Site, call: Callable[[], object]) -> Listener:
    """Something that is done while a message is delivered, between those who have come before and those who come later."""
    between = Listener()
    site.hub.subscribe(NEWS, between, NEWEST)
    between.on_deliver = call
    return between


def latest(site: Site) -> leg.Leg:
    found = site.hub.subscribers(NEWS)[-1]
    assert isinstance(found, leg.Leg)
    return found


def is_gathered(stream: leg.Leg) -> bool:
    """Those that write through TLS, or through Tornado, write by themselves, and at once."""
    assert stream.out is not None
    return stream.out.descriptor >= 0


async def test_everybody_hears_everything_in_order(site: Site) -> None:
    await serve(site)
    sockets = [await socket(site, "/sub/news") for _ in range(3)]
    said = [await socket(site, "/sub/news", JSON) for _ in range(2)]
    streams = [await source(site, "/sub/news", STREAM) for _ in range(2)]
    old = await source(site, "/sub/news", STREAM, version=b"1.0")
    # What one write to these does not take has to wait for its transport, and what comes next behind it.
    stalled = [sockets[1].writer.transport, streams[1].client.writer.transport]
    for transport in stalled:
        transport.pause_reading()
    waiting = [each for each in site.hub.subscribers(NEWS) if isinstance(each, leg.Leg)]
    waiting = [waiting[1], waiting[6]]

    async def publish() -> bytes:
        body = b"%d %b" % (len(bodies), b"x" * (200_000 if len(bodies) % 3 else 10))
        bodies.append(body)
        await site.post("/pub/news", body)
        assert await sockets[0].read_frame() == await sockets[2].read_frame() == (TEXT, body)
        for each in said:
            assert (await each.said())["data"] == body.decode()
        for stream in (streams[0], old):
            assert (await stream.event()).data == body.decode()
        return body

    bodies: list[bytes] = []
    while not all(each.stream.waiting for each in waiting):
        assert len(bodies) < 300, "nothing has to wait"
        await publish()
    for _ in range(5):
        await publish()
    for transport in stalled:
        transport.resume_reading()
    for body in bodies:
        assert await sockets[1].read_frame() == (TEXT, body)
        assert (await streams[1].event()).data == body.decode()
    # All of them are written to together again.
    assert not any(each.stream.waiting for each in waiting)
    body = await publish()
    assert await sockets[1].read_frame() == (TEXT, body)
    assert (await streams[1].event()).data == body.decode()
    assert not site.host.counters.counts["slow"]


async def test_one_that_is_dropped_meanwhile_hears_what_was_delivered_to_it(site: Site) -> None:
    await serve(site)
    first = await socket(site, "/sub/news")
    leaving = latest(site)
    call_between(site, lambda: site.hub.close(NEWS, leaving, CloseReason.DISPLACED))
    last = await socket(site, "/sub/news")
    await site.post("/pub/news", b"a")
    assert await last.read_frame() == (TEXT, b"a")
    assert await first.read_frame() == (TEXT, b"a")
    assert (await first.closes())[0] == 4501
    await site.post("/pub/news", b"b")
    assert await last.read_frame() == (TEXT, b"b")
    assert site.hub.listening(NEWS) == 2


async def test_nothing_is_written_to_one_that_has_ended_meanwhile(site: Site) -> None:
    """Its descriptor may soon be another's."""
    await serve(site)
    first = await socket(site, "/sub/news")
    ending = latest(site)
    call_between(site, lambda: cast("SocketStream", ending.stream).socket.close(1000, "enough"))
    last = await socket(site, "/sub/news")
    alone = not is_gathered(ending)
    await site.post("/pub/news", b"a")
    assert await last.read_frame() == (TEXT, b"a")
    assert not alone or await first.read_frame() == (TEXT, b"a")
    assert await first.closes() == (1000, "enough")
    first.send(CLOSE, close_payload(1000))
    assert await first.is_over()


async def test_what_begins_to_wait_meanwhile_goes_behind_what_waits(site: Site) -> None:
    await serve(site)
    peer = await socket(site, "/sub/news")
    filling = latest(site)
    filler = frame(b"x" * 12_000_000, True)
    call_between(site, lambda: cast("SocketStream", filling.stream).socket.write(filler))
    expected = [b"x" * 12_000_000, b"a"] if is_gathered(filling) else [b"a", b"x" * 12_000_000]
    await site.post("/pub/news", b"a")
    assert [(await peer.read_frame())[1] for _ in expected] == expected


async def test_one_that_leaves_before_it_is_let_in(site: Site) -> None:
    """What is on its way to it is for nobody."""
    await site.serve(PUBLISHER, {**PLACE, "max_subscribers": 2}, make_store=late_store)
    store = site.store
    assert isinstance(store, LateStore)
    store.late = {"claim"}
    await site.ask("PUT", "/pub/news")
    between = call_between(site, lambda: None)
    client = await site.host.connect()
    await client.send(request(b"GET", b"/sub/news", STREAM.encode()))
    await site.until(lambda: "claim" in store.asked)
    undecided = latest(site)
    between.on_deliver = undecided.stream.leave
    await site.post("/pub/news", b"a")
    assert between.told[-1] == [b"a"]
    assert site.hub.listening(NEWS) == 1


async def test_deletion_comes_behind_what_was_gathered(site: Site) -> None:
    await serve(site)
    before = await socket(site, "/sub/news")
    between = call_between(site, lambda: site.hub.delete(NEWS))
    after = await socket(site, "/sub/news")
    await site.post("/pub/news", b"a")
    for peer in (before, after):
        assert await peer.read_frame() == (TEXT, b"a")
        opcode, payload = await peer.read_frame()
        assert (opcode, int.from_bytes(payload[:2], "big")) == (CLOSE, 4500)
    assert between.told == ["joined", [b"a"], CloseReason.DELETED]


async def test_a_fault_of_one_is_its_own(site: Site, expected_logs: ExpectedLogs) -> None:
    expected_logs("a subscriber of channel 'news' failed and is dropped")
    await serve(site)
    peers = [await socket(site, "/sub/news") for _ in range(3)]
    faulty = site.hub.subscribers(NEWS)[1]
    assert isinstance(faulty, leg.Leg)

    class Broken:
        def write(self, wire: bytes) -> None:
            raise ZeroDivisionError

    faulty.out = cast("leg.Outlet", Broken())
    await site.post("/pub/news", b"a")
    assert await peers[0].read_frame() == await peers[2].read_frame() == (TEXT, b"a")
    assert (await peers[1].closes())[0] == 1013
    assert len(expected_logs.texts()) == 1
    assert site.hub.listening(NEWS) == 2
