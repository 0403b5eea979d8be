"""WebSockets of the relay: frames, the subprotocol, who may open one and publish, and how they end (DESIGN section 7)."""

from __future__ import annotations

import gc
import json

import pytest

from hbpush.core.message import ChannelRef
from hbpush.core.subscription import CloseReason
from hbpush.errors import StoreUnavailable
from hbpush.relay.websocket import SocketStream
from tests.integration.relay.conftest import Site, late_store
from tests.support.clock import START
from tests.support.late_store import LateStore
from tests.support.relay_streams import JSON, refused, socket
from tests.support.websocket import BINARY, CLOSE, PING, PONG, TEXT, close_payload

SECOND = int(START)
NEWS = ChannelRef("default", "", "news")
PUBLISHER = {"type": "publisher", "prefix": "/pub/"}


def place(prefix: str = "/ws/", **options: object) -> dict[str, object]:
    return {"type": "subscriber", "prefix": prefix, "polling": "websocket", **options}


async def test_plain(site: Site) -> None:
    await site.serve(PUBLISHER, place())
    await site.post("/pub/news", b"kept")
    peer = await socket(site, "/ws/news")
    assert b"sec-websocket-protocol" not in peer.head.lower()
    assert await peer.read_frame() == (TEXT, b"kept")
    posted = await site.post("/pub/news", "h\u00e9 \U0001f600".encode())
    assert (posted.status, b"active subscribers: 1" in posted.body) == (201, True)
    assert await peer.read_frame() == (TEXT, "h\u00e9 \U0001f600".encode())
    await site.post("/pub/news", b"\xff\x00")
    assert await peer.read_frame() == (BINARY, b"\xff\x00")
    await site.post("/pub/news", b"")
    assert await peer.read_frame() == (TEXT, b"")


async def test_json(site: Site) -> None:
    await site.serve(PUBLISHER, place())
    await site.post("/pub/news", b'{"n": 1.50}', "Content-Type: application/json", "X-Relay-Event: tick")
    peer = await socket(site, "/ws/news", f"other, {JSON}")
    assert b"Sec-WebSocket-Protocol: hbpush.json\r\n" in peer.head
    expected = {"channel": "news", "id": f"{SECOND}:0", "type": "application/json", "data": {"n": 1.5}, "event": "tick"}
    assert await peer.said() == expected
    await site.post("/pub/news", b"\xff")
    assert await peer.said() == {"channel": "news", "id": f"{SECOND}:1", "type": None, "data": "/w==", "encoding": "base64"}


@pytest.mark.parametrize("query", ["last_event_id={}:1", "since={}:1", "since={}-1"])
async def test_resumes(site: Site, query: str) -> None:
    await site.serve(PUBLISHER, place())
    for body in (b"0", b"1", b"2"):
        await site.post("/pub/news", body)
    peer = await socket(site, f"/ws/news?{query.format(SECOND)}", JSON)
    assert (await peer.said())["id"] == f"{SECOND}:2"


async def test_what_is_no_upgrade(site: Site) -> None:
    await site.serve(PUBLISHER, place(), place("/make/", create_on_get=True))
    plain = await site.ask("GET", "/ws/news")
    assert (plain.status, plain.headers[b"upgrade"]) == (426, b"websocket")
    assert (await site.ask("GET", "/make/news")).status == 426
    assert (await site.ask("GET", "/pub/news")).status == 404
    assert (await site.ask("OPTIONS", "/ws/news")).status == 200
    assert (await site.ask("POST", "/ws/news")).status == 405
    assert await refused(site, "/ws/news", sec_websocket_version=b"8") == 426


async def test_absent_channel(site: Site) -> None:
    await site.serve(PUBLISHER, place(), place("/make/", create_on_get=True))
    assert await refused(site, "/ws/news") == 404
    assert await refused(site, "/ws/news?since=x") == 400
    peer = await socket(site, "/make/news")
    await site.post("/pub/news", b"x")
    assert await peer.read_frame() == (TEXT, b"x")


@pytest.mark.parametrize(
    ("allow_origin", "origin", "admitted"),
    [
        ("", None, True),
        ("", b"http://localhost", True),
        ("", b"https://LOCALHOST", True),
        ("", b"http://localhost:81", False),
        ("", b"http://example.com", False),
        ("", b"null", False),
        ("*", b"http://example.com", True),
        ("http://example.com", b"http://example.com", True),
        ("http://example.com", b"https://example.com", False),
    ],
)
async def test_origins(site: Site, allow_origin: str, origin: bytes | None, admitted: bool) -> None:
    await site.serve(PUBLISHER, place(allow_origin=allow_origin))
    await site.ask("PUT", "/pub/news")
    if admitted:
        await socket(site, "/ws/news", origin=origin)
    else:
        assert await refused(site, "/ws/news", origin=origin) == 403
        assert site.host.counters.counts["bad_origin"] == 1


async def test_a_gap_in_json(site: Site) -> None:
    await site.serve(PUBLISHER, place(), max_messages=1)
    for body in (b"0", b"1", b"2"):
        await site.post("/pub/news", body)
    peer = await socket(site, f"/ws/news?since={SECOND}:0", JSON)
    assert await peer.said() == {"gap": True, "channel": "news"}
    assert (await peer.said())["data"] == "2"
    site.hub.gap(NEWS)
    assert await peer.said() == {"gap": True, "channel": "news"}


async def test_a_gap_without_a_subprotocol(site: Site) -> None:
    await site.serve(PUBLISHER, place(), max_messages=1)
    for body in (b"0", b"1", b"2"):
        await site.post("/pub/news", body)
    whole, peer = await socket(site, f"/ws/news?since={SECOND}:1"), await socket(site, f"/ws/news?since={SECOND}:0")
    assert b"x-relay-missed" not in whole.head.lower()
    assert b"\r\nx-relay-missed: 1\r\n" in peer.head.lower()
    assert await peer.read_frame() == (TEXT, b"2")
    site.hub.gap(NEWS)
    assert await peer.closes() == (4001, "messages were missed")


async def test_deletion(site: Site) -> None:
    await site.serve(PUBLISHER, place())
    await site.ask("PUT", "/pub/news")
    peers = [await socket(site, "/ws/news", subprotocol) for subprotocol in (None, JSON)]
    assert b"active subscribers: 2" in (await site.ask("DELETE", "/pub/news")).body
    for peer in peers:
        assert await peer.closes() == (4500, "the channel was deleted")
        peer.send(CLOSE, close_payload(4500))
        assert await peer.is_over()


async def test_shutdown(site: Site) -> None:
    await site.serve(PUBLISHER, place(), place("/other/"))
    await site.ask("PUT", "/pub/news")
    leaving, staying = await socket(site, "/ws/news"), await socket(site, "/other/news")
    site.hub.release(CloseReason.SHUTDOWN, site.locations[1])
    assert (await leaving.closes())[0] == 1012
    await site.post("/pub/news", b"x")
    assert await staying.read_frame() == (TEXT, b"x")


async def test_pings(site: Site) -> None:
    await site.serve(PUBLISHER, place(heartbeat_interval=10, ping_timeout=5), place("/quiet/", heartbeat_interval=0))
    await site.ask("PUT", "/pub/news")
    await socket(site, "/quiet/news")
    peer = await socket(site, "/ws/news")
    site.clock.advance(11)
    assert await peer.read_frame() == (PING, b"")
    peer.send(PONG)
    await site.host.others_are_served(b"/pub/news")
    site.clock.advance(6)
    site.clock.advance(6)
    assert await peer.read_frame() == (PING, b"")
    site.clock.advance(7)
    assert await peer.is_over()
    await site.until(lambda: site.hub.listening(NEWS) == 1)


async def test_publishing_without_a_subprotocol(site: Site) -> None:
    await site.serve(PUBLISHER, place(publish=True))
    await site.ask("PUT", "/pub/news")
    peer, other = await socket(site, "/ws/news"), await socket(site, "/ws/news", JSON)
    peer.send(TEXT, "h\u00e9".encode())
    assert await peer.read_frame() == (TEXT, "h\u00e9".encode())
    assert await other.said() == {"channel": "news", "id": f"{SECOND}:0", "type": "text/plain", "data": "h\u00e9"}
    peer.send(BINARY, b"abc")
    assert (await other.said())["type"] == "application/octet-stream"


async def test_publishing_json(site: Site) -> None:
    await site.serve(PUBLISHER, place(publish=True))
    await site.ask("PUT", "/pub/news")
    peer, other = await socket(site, "/ws/news", JSON), await socket(site, "/ws/news", JSON)
    peer.say({"publish": {"n": [1]}, "event": "tick"})
    expected = {"channel": "news", "id": f"{SECOND}:0", "type": "application/json", "data": {"n": [1]}, "event": "tick"}
    assert await other.said() == expected
    said = [await peer.said(), await peer.said()]
    assert {"published": f"{SECOND}:0", "channel": "news"} in said
    assert expected in said
    for wrong in ({"publish": 1, "channel": "other"}, {"say": 1}, [1]):
        peer.say(wrong)
        assert list(await peer.said()) == ["error"]
    for what in ("event", "type"):
        peer.say({"publish": 1, what: "\u00fc" * 513})
        assert (await peer.said())["error"].endswith("has at most 1024 bytes")
    peer.send(BINARY, b"{}")
    assert (await peer.closes())[0] == 1003


async def test_publishing_is_off_unless_configured(site: Site) -> None:
    await site.serve(PUBLISHER, place())
    await site.ask("PUT", "/pub/news")
    peer = await socket(site, "/ws/news")
    peer.send(TEXT, b"x")
    assert await peer.closes() == (1008, "clients may not publish here")
    peer = await socket(site, "/ws/news", JSON)
    peer.say({"publish": "x"})
    assert await peer.said() == {"error": "clients may not publish here"}
    assert b"queued messages: 0" in (await site.ask("GET", "/pub/news")).body


async def test_what_cannot_be_published(site: Site) -> None:
    await site.serve(PUBLISHER, place(publish=True, max_message=4096), max_channel_bytes=2000)
    await site.ask("PUT", "/pub/news")
    peer = await socket(site, "/ws/news")
    peer.send(TEXT, b"x" * 3000)
    assert (await peer.closes())[0] == 1009
    peer = await socket(site, "/ws/news", JSON)
    peer.say({"publish": "x" * 3000})
    assert list(await peer.said()) == ["error"]
    peer.send(TEXT, b"x" * 5000)
    assert (await peer.closes())[0] == 1009


async def test_the_store_is_out_of_reach(site: Site) -> None:
    await site.serve(PUBLISHER, place(publish=True), make_store=late_store)
    store = site.store
    assert isinstance(store, LateStore)
    store.late = set()
    await site.ask("PUT", "/pub/news")
    peers = [await socket(site, "/ws/news", subprotocol) for subprotocol in (None, JSON)]
    store.refusal = StoreUnavailable("the store cannot be reached")
    peers[0].send(TEXT, b"x")
    assert await peers[0].closes() == (1013, "the store cannot be reached")
    peers[1].say({"publish": "x"})
    assert await peers[1].said() == {"error": "the store cannot be reached"}
    assert await refused(site, "/ws/news") == 503


async def test_ten_get_the_same_id(site: Site) -> None:
    await site.serve(PUBLISHER, place())
    await site.ask("PUT", "/pub/news")
    peers = [await socket(site, "/ws/news", JSON) for _ in range(10)]
    posted = await site.post("/pub/news", b"x", "Accept: application/json")
    last = json.loads(posted.body)["last_message_id"]
    assert [(await peer.said())["id"] for peer in peers] == [last] * 10


async def test_a_slow_reader_is_told_and_resumes(site: Site) -> None:
    await site.serve(PUBLISHER, place(outbox_bytes=256 * 1024))
    await site.ask("PUT", "/pub/news")
    slow, other = await socket(site, "/ws/news", JSON), await socket(site, "/ws/news", JSON)
    slow.writer.transport.pause_reading()
    sent = 0
    while not site.host.counters.counts["slow"]:
        await site.post("/pub/news", b"%d %b" % (sent, b"x" * 60_000))
        assert (await other.said())["id"] == f"{SECOND}:{sent}"
        sent += 1
        assert sent < 2000, "the outbox has no bound"
    await site.until(lambda: site.hub.listening(NEWS) == 1)
    await site.post("/pub/news", b"end")
    assert (await other.said())["data"] == "end"
    slow.writer.transport.resume_reading()
    last = ""
    while (frame := await slow.read_frame())[0] == TEXT:
        last = json.loads(frame[1])["id"]
    assert int.from_bytes(frame[1][:2], "big") == 4000
    resumed = await socket(site, f"/ws/news?since={last}", JSON)
    number = int(last.partition(":")[2])
    assert [(await resumed.said())["id"] for _ in range(number + 1, sent + 1)] == [f"{SECOND}:{tag}" for tag in range(number + 1, sent + 1)]


@pytest.mark.parametrize("leaves", [False, True])
async def test_nothing_is_left_of_a_socket(site: Site, leaves: bool) -> None:
    await site.serve(PUBLISHER, place())
    await site.ask("PUT", "/pub/news")
    gc.collect()
    gc.disable()
    try:
        peer = await socket(site, "/ws/news")
        assert len(streams_in_memory()) == 1
        if leaves:
            peer.vanish()
            await site.until(lambda: not site.hub.listening(NEWS))
        else:
            await site.ask("DELETE", "/pub/news")
            await peer.closes()
            peer.send(CLOSE, close_payload(4500))
            await peer.leave()
        await site.until(lambda: not streams_in_memory())
    finally:
        gc.enable()


def streams_in_memory() -> list[SocketStream]:
    return [held for held in gc.get_objects() if isinstance(held, SocketStream)]
