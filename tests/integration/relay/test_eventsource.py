"""Event streams of the relay: messages, ids, what is told, and how they end (DESIGN section 7)."""

from __future__ import annotations

import base64
import gc
import json

import pytest

from hbpush.core import subscription
from hbpush.core.message import ChannelRef, Draft
from hbpush.core.subscription import CloseReason
from hbpush.errors import StoreUnavailable
from hbpush.relay.eventsource import EventStream
from hbpush.relay.leg import Leg
from tests.integration.relay.conftest import Site, late_store
from tests.support.clock import START
from tests.support.eventstream import Event, Source
from tests.support.hosts import KINDS, get
from tests.support.late_store import LateStore
from tests.support.relay_streams import source

SECOND = int(START)
NEWS = ChannelRef("default", "", "news")
PUBLISHER = {"type": "publisher", "prefix": "/pub/"}


def place(prefix: str = "/es/", **options: object) -> dict[str, object]:
    return {"type": "subscriber", "prefix": prefix, "polling": "eventsource", **options}


async def test_messages(site: Site) -> None:
    await site.serve(PUBLISHER, place())
    await site.post("/pub/news", b"kept", "Content-Type: text/plain")
    stream = await source(site, "/es/news")
    assert stream.headers[b"content-type"] == b"text/event-stream"
    assert stream.headers[b"cache-control"] == b"no-cache"
    assert stream.headers[b"x-accel-buffering"] == b"no"
    assert stream.headers[b"transfer-encoding"] == b"chunked"
    assert await stream.event() == Event("kept", id=f"{SECOND}:0")
    posted = await site.post("/pub/news", b"a\r\nb\rc\n", "X-Relay-Event: tick")
    assert (posted.status, b"active subscribers: 1" in posted.body) == (201, True)
    assert await stream.event() == Event("a\nb\nc\n", "tick", f"{SECOND}:1")
    await site.post("/pub/news", b"\xff\x00")
    await site.post("/pub/news", b"\xff\x00", "X-Relay-Event: tick")
    for name in ("base64", "tick;base64"):
        found = await stream.event()
        assert (base64.b64decode(found.data), found.name) == (b"\xff\x00", name)
    await site.post("/pub/news", b"")
    assert await stream.event() == Event("", id=f"{SECOND}:4")
    assert stream.parser.retry == 3000


async def test_messages_of_one_tick_are_one_write(site: Site) -> None:
    await site.serve(PUBLISHER, place())
    await site.ask("PUT", "/pub/news")
    stream = await source(site, "/es/news")
    for number in range(3):
        site.hub.publish(NEWS, Draft(b"%d" % number))
    assert [event.data for event in stream.parser.feed(await stream.client.chunk())] == ["0", "1", "2"]


@pytest.mark.parametrize(
    ("path", "lines"),
    [
        ("/es/news", ["Last-Event-ID: {}:1"]),
        ("/es/news?last_event_id={}:1", []),
        ("/es/news?since={}-1", []),
        # A browser that comes back sends the query of its first request again.
        ("/es/news?last_event_id={}:0", ["Last-Event-ID: {}:1"]),
        ("/es/news?last_event_id={}:1", ["Last-Event-ID: "]),
    ],
)
async def test_resumes(site: Site, path: str, lines: list[str]) -> None:
    await site.serve(PUBLISHER, place())
    for body in (b"0", b"1", b"2"):
        await site.post("/pub/news", body)
    stream = await source(site, path.format(SECOND), *[line.format(SECOND) for line in lines])
    assert await stream.event() == Event("2", id=f"{SECOND}:2")
    await site.post("/pub/news", b"3")
    assert await stream.event() == Event("3", id=f"{SECOND}:3")


async def test_a_long_history_comes_whole_and_in_order(site: Site) -> None:
    await site.serve(PUBLISHER, place())
    for number in range(450):
        site.hub.publish(NEWS, Draft(b"%d" % number))
    stream = await source(site, "/es/news")
    assert [(await stream.event()).data for _ in range(450)] == [str(number) for number in range(450)]


async def test_ids_that_cannot_be_read(site: Site) -> None:
    await site.serve(PUBLISHER, place(create_on_get=True))
    for path, lines in (("/es/a?last_event_id=x", []), ("/es/a", ["Last-Event-ID: 5"]), ("/es/a?since=1:2,3:4", [])):
        answer = await site.ask("GET", path, *lines)
        assert (answer.status, answer.body.count(b"\n")) == (400, 1)
    assert (await site.ask("GET", "/pub/a")).status == 404


async def test_absent_channel(site: Site) -> None:
    await site.serve(PUBLISHER, place(), place("/make/", create_on_get=True))
    assert (await site.ask("GET", "/es/news")).status == 404
    gone = await site.ask("GET", "/es/news", f"Last-Event-ID: {SECOND - 1000}:7")
    assert (gone.status, gone.headers[b"x-relay-missed"]) == (404, b"1")
    stream = await source(site, "/make/news")
    assert (await site.ask("GET", "/pub/news")).status == 200
    await site.post("/pub/news", b"x")
    assert (await stream.event()).data == "x"


async def test_newest_begins_with_an_id(site: Site) -> None:
    """Who comes back before anything was published since must not pass over what is published meanwhile."""
    await site.serve(PUBLISHER, place(first_message="newest"), place("/make/", first_message="newest", create_on_get=True))
    await site.post("/pub/news", b"old")
    stream = await source(site, "/es/news")
    assert stream.parser.last_id == f"{SECOND}:0"
    stream.client.leave()
    await site.post("/pub/news", b"meanwhile")
    again = await source(site, "/es/news", f"Last-Event-ID: {stream.parser.last_id}")
    assert (await again.event()).data == "meanwhile"
    fresh = await source(site, "/make/fresh")
    assert fresh.parser.last_id
    fresh.client.leave()
    await site.post("/pub/fresh", b"first")
    again = await source(site, "/es/fresh", f"Last-Event-ID: {fresh.parser.last_id}")
    assert await again.event() == Event("first", id=f"{SECOND}:0")


@pytest.mark.parametrize("first", [1, 3, "oldest"])
async def test_an_empty_channel_begins_with_an_id(site: Site, first: int | str) -> None:
    await site.serve(PUBLISHER, place(first_message=first, create_on_get=True), max_messages=3)
    stream = await source(site, "/es/news")
    assert stream.parser.last_id
    stream.client.leave()
    for number in range(3):
        await site.post("/pub/news", b"%d" % number)
    again = await source(site, "/es/news", f"Last-Event-ID: {stream.parser.last_id}")
    assert [(await again.event()).data for _ in range(3)] == ["0", "1", "2"]
    await site.post("/pub/news", b"3")
    late = await source(site, "/es/news", f"Last-Event-ID: {stream.parser.last_id}")
    assert (await late.event()).name == "gap"


async def test_the_last_n_of_several_channels(site: Site) -> None:
    """A channel without messages has a place as well, and one whose messages have not come yet is not begun anew."""
    await site.serve(PUBLISHER, place(first_message=1, multiple=True))
    await site.ask("PUT", "/pub/a")
    for body in (b"0", b"1"):
        await site.post("/pub/b", body)
    stream = await source(site, "/es/a,b")
    assert stream.parser.last_id == f"{SECOND}:-1,{SECOND}:0"
    assert await stream.event() == Event("1", id=f"{SECOND}:-1,[{SECOND}:1]")
    for name in ("a", "b"):
        for body in (b"2", b"3"):
            await site.post(f"/pub/{name}", body)
    again = await source(site, "/es/a,b", f"Last-Event-ID: {SECOND}:-1,{SECOND}:0")
    assert sorted([(await again.event()).data for _ in range(5)]) == ["1", "2", "2", "3", "3"]


async def test_last_n(site: Site) -> None:
    await site.serve(PUBLISHER, place(first_message=2))
    for body in (b"0", b"1", b"2"):
        await site.post("/pub/news", body)
    stream = await source(site, "/es/news")
    assert [(await stream.event()).data for _ in range(2)] == ["1", "2"]


async def test_a_gap_is_told(site: Site) -> None:
    await site.serve(PUBLISHER, place(create_on_get=True), max_messages=2)
    for body in (b"0", b"1", b"2", b"3"):
        await site.post("/pub/news", body)
    stream = await source(site, "/es/news", f"Last-Event-ID: {SECOND}:0")
    told = await stream.event()
    assert (told.name, json.loads(told.data), told.id) == ("gap", {"channel": "news"}, "")
    assert [await stream.event() for _ in range(2)] == [Event("2", id=f"{SECOND}:2"), Event("3", id=f"{SECOND}:3")]
    site.hub.gap(NEWS)
    told = await stream.event()
    assert (told.name, told.id) == ("gap", f"{SECOND}:3")
    # What a memory store had before the server's last start.
    stream = await source(site, "/es/other", f"Last-Event-ID: {SECOND - 1000}:7")
    assert (await stream.event()).name == "gap"
    await site.post("/pub/other", b"x")
    assert (await stream.event()).data == "x"


async def test_deletion(site: Site) -> None:
    await site.serve(PUBLISHER, place())
    await site.post("/pub/news", b"x")
    stream = await source(site, "/es/news")
    await stream.event()
    assert b"active subscribers: 1" in (await site.ask("DELETE", "/pub/news")).body
    told = await stream.event()
    assert (told.name, json.loads(told.data)) == ("deleted", {"channel": "news"})
    assert await stream.ends()
    # The same connection goes on.
    assert (await stream.client.ask(get(b"/pub/news"))).status == 404


async def test_shutdown(site: Site) -> None:
    await site.serve(PUBLISHER, place(), place("/other/"))
    await site.ask("PUT", "/pub/news")
    leaving, staying = await source(site, "/es/news"), await source(site, "/other/news")
    site.hub.release(CloseReason.SHUTDOWN, site.locations[1])
    assert await leaving.ends()
    await site.post("/pub/news", b"x")
    assert (await staying.event()).data == "x"


async def test_heartbeats(site: Site) -> None:
    await site.serve(PUBLISHER, place(heartbeat_interval=10), place("/quiet/", heartbeat_interval=0, retry=0))
    await site.ask("PUT", "/pub/news")
    waiting = site.clock.waiting()
    quiet = await source(site, "/quiet/news")
    assert site.clock.waiting() == waiting
    assert quiet.parser.retry is None
    stream = await source(site, "/es/news")
    for _ in range(3):
        site.clock.advance(11)
        await stream.comment()
    stream.client.leave()
    await site.until(lambda: site.hub.listening(NEWS) == 1)
    assert not any(site.wheel._buckets.values()) or site.clock.advance(11) is None
    await site.post("/pub/news", b"x")
    assert (await quiet.event()).data == "x"
    assert quiet.parser.comments == 0


async def test_http_1_0(site: Site) -> None:
    await site.serve(PUBLISHER, place())
    await site.post("/pub/news", b"kept")
    old, new = await source(site, "/es/news", version=b"1.0"), await source(site, "/es/news")
    assert b"transfer-encoding" not in old.headers
    await site.post("/pub/news", b"live")
    expected = [Event("kept", id=f"{SECOND}:0"), Event("live", id=f"{SECOND}:1")]
    for stream in (old, new):
        assert [await stream.event() for _ in range(2)] == expected
    await site.ask("DELETE", "/pub/news")
    assert (await old.event()).name == "deleted"
    assert await old.ends()


async def test_methods(site: Site) -> None:
    await site.serve(PUBLISHER, place())
    await site.ask("PUT", "/pub/news")
    for method in ("HEAD", "POST", "PUT", "DELETE", "PATCH"):
        answer = await site.ask(method, "/es/news")
        assert (answer.status, answer.headers[b"allow"]) == (405, b"GET, OPTIONS")
    assert (await site.ask("OPTIONS", "/es/news")).status == 200


async def test_cors(site: Site) -> None:
    await site.serve(PUBLISHER, place(allow_origin="https://example.com"))
    await site.ask("PUT", "/pub/news")
    stream = await source(site, "/es/news", "Origin: https://example.com")
    assert stream.headers[b"access-control-allow-origin"] == b"https://example.com"
    other = await source(site, "/es/news", "Origin: https://other.example")
    assert b"access-control-allow-origin" not in other.headers
    preflight = await site.ask("OPTIONS", "/es/news", "Origin: https://example.com")
    assert b"Last-Event-ID" in preflight.headers[b"access-control-allow-headers"]
    absent = await site.ask("GET", "/es/absent", "Origin: https://example.com")
    assert (absent.status, absent.headers[b"access-control-allow-origin"]) == (404, b"https://example.com")


async def test_ten_get_the_same_id(site: Site) -> None:
    await site.serve(PUBLISHER, place())
    await site.ask("PUT", "/pub/news")
    streams = [await source(site, "/es/news") for _ in range(10)]
    posted = await site.post("/pub/news", b"x", "Accept: application/json")
    last = json.loads(posted.body)["last_message_id"]
    assert [await stream.event() for stream in streams] == [Event("x", id=last)] * 10


async def test_a_slow_reader_is_cut_and_resumes(site: Site) -> None:
    await site.serve(PUBLISHER, place(outbox_bytes=256 * 1024))
    await site.ask("PUT", "/pub/news")
    slow, other = await source(site, "/es/news"), await source(site, "/es/news")
    slow.client.writer.transport.pause_reading()
    body = b"x" * 60_000
    sent = 0
    while not site.host.counters.counts["slow"]:
        await site.post("/pub/news", b"%d %b" % (sent, body))
        assert (await other.event()).data.partition(" ")[0] == str(sent)
        sent += 1
        assert sent < 2000, "the outbox has no bound"
    await site.until(lambda: site.hub.listening(NEWS) == 1)
    await site.post("/pub/news", b"end")
    assert (await other.event()).data == "end"
    resumed = await source(site, "/es/news", f"Last-Event-ID: {SECOND}:{sent - 3}")
    assert [(await resumed.event()).data.partition(" ")[0] for _ in range(3)] == [str(sent - 2), str(sent - 1), "end"]


async def fill(site: Site, stream: Source) -> Leg:
    """Stop reading, and publish until there is no room for more."""
    [leg] = site.hub.subscribers(NEWS)
    assert isinstance(leg, Leg)
    stream.client.writer.transport.pause_reading()
    for _ in range(1000):
        if not leg.stream.has_room():
            return leg
        site.hub.publish(NEWS, Draft(b"x" * 250_000))
        await site.host.others_are_served(b"/pub/news")
    raise AssertionError("the outbox has no bound")


async def test_who_stops_reading_is_cut_though_nothing_more_is_published(site: Site) -> None:
    await site.serve(PUBLISHER, place(heartbeat_interval=10, ping_timeout=15, outbox_bytes=1024 * 1024))
    await site.ask("PUT", "/pub/news")
    await fill(site, await source(site, "/es/news"))
    for _ in range(3):
        assert (site.hub.listening(NEWS), site.host.counters.counts["slow"]) == (1, 0)
        site.clock.advance(11)
    assert site.host.counters.counts["slow"] == 1
    await site.until(lambda: site.hub.listening(NEWS) == 0)


# With TLS, what waits goes to the system in one piece.
@pytest.mark.parametrize("site", [kind for kind in KINDS if not kind.tls], ids=lambda kind: kind.name, indirect=True)
async def test_who_reads_a_little_is_not_cut(site: Site) -> None:
    # The system takes some megabytes at a time.
    await site.serve(PUBLISHER, place(heartbeat_interval=10, ping_timeout=15, outbox_bytes=32 * 1024 * 1024))
    await site.ask("PUT", "/pub/news")
    stream = await source(site, "/es/news")
    leg = await fill(site, stream)
    site.clock.advance(22)
    before = leg.stream.waiting
    stream.client.writer.transport.resume_reading()
    while leg.stream.waiting >= before:
        await stream.event()
    stream.client.writer.transport.pause_reading()
    # What is published meanwhile may be more than what it has read.
    site.hub.publish(NEWS, Draft(b"x" * 250_000))
    await site.host.others_are_served(b"/pub/news")
    assert leg.stream.waiting
    site.clock.advance(22)
    assert site.host.counters.counts["slow"] == 0
    site.clock.advance(11)
    assert site.host.counters.counts["slow"] == 1


async def test_who_has_read_all_has_the_whole_time_anew(site: Site) -> None:
    await site.serve(PUBLISHER, place(heartbeat_interval=10, ping_timeout=15, outbox_bytes=1024 * 1024))
    await site.ask("PUT", "/pub/news")
    stream = await source(site, "/es/news")
    leg = await fill(site, stream)
    site.clock.advance(22)
    stream.client.writer.transport.resume_reading()
    while leg.stream.waiting:
        await stream.event()
    await fill(site, stream)
    site.clock.advance(22)
    assert (leg.stream.has_room(), site.host.counters.counts["slow"]) == (False, 0)
    site.clock.advance(11)
    assert site.host.counters.counts["slow"] == 1


async def test_a_slow_reader_of_history_is_not_cut(site: Site) -> None:
    """History comes at the reader's pace: what it has not asked for does not count against it."""
    await site.serve(PUBLISHER, place(outbox_bytes=256 * 1024))
    for number in range(1000):
        site.hub.publish(NEWS, Draft(b"%d %b" % (number, b"x" * 15_000)))
    stream = await source(site, "/es/news")
    stream.client.writer.transport.pause_reading()
    await site.host.others_are_served(b"/pub/news")
    stream.client.writer.transport.resume_reading()
    assert [(await stream.event()).data.partition(" ")[0] for _ in range(1000)] == [str(number) for number in range(1000)]
    assert not site.host.counters.counts["slow"]


async def before_a_large_page(site: Site, monkeypatch: pytest.MonkeyPatch) -> Source:
    """A stream that has not read its hundred messages of history, which are one page of 20 MB."""
    monkeypatch.setattr(subscription, "PAGE_BYTES", 2**26)
    await site.serve(PUBLISHER, place(outbox_bytes=256 * 1024), max_channel_bytes=2**26)
    for number in range(100):
        site.hub.publish(NEWS, Draft(b"%d %b" % (number, b"x" * 200_000)))
    stream = await source(site, "/es/news")
    stream.client.writer.transport.pause_reading()
    await site.host.others_are_served(b"/pub/news")
    return stream


async def test_a_page_of_history_does_not_count_against_its_reader(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    """It may be larger than the outbox and what the system takes in; what is published meanwhile waits behind it."""
    stream = await before_a_large_page(site, monkeypatch)
    for number in range(100, 110):
        assert (await site.post("/pub/news", b"%d " % number)).status == 201
    stream.client.writer.transport.resume_reading()
    assert [(await stream.event()).data.partition(" ")[0] for _ in range(110)] == [str(number) for number in range(110)]
    assert not site.host.counters.counts["slow"]
    await site.post("/pub/news", b"live")
    assert (await stream.event()).data == "live"


async def test_what_waits_behind_history_is_heard_before_the_channel_goes(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    stream = await before_a_large_page(site, monkeypatch)
    assert (await site.post("/pub/news", b"100 ")).status == 201
    site.hub.gap(NEWS)
    assert (await site.post("/pub/news", b"101 ")).status == 201
    assert (await site.ask("DELETE", "/pub/news")).status == 200
    stream.client.writer.transport.resume_reading()
    heard = [await stream.event() for _ in range(104)]
    assert [event.data.partition(" ")[0] for event in heard[:101]] == [str(number) for number in range(101)]
    assert [event.name for event in heard[101:]] == ["gap", heard[0].name, "deleted"]
    assert heard[102].data == "101 "


async def test_history_is_no_more_than_an_outbox_has_room_for(site: Site) -> None:
    await site.serve(PUBLISHER, place(), max_channel_bytes=2**26)
    for number in range(100):
        site.hub.publish(NEWS, Draft(b"%d %b" % (number, b"x" * 200_000)))
    stream = await source(site, "/es/news")
    stream.client.writer.transport.pause_reading()
    await site.host.others_are_served(b"/pub/news")
    # It reads history still: half an outbox waits for it, and two messages at most.
    [leg] = site.hub.subscribers(NEWS)
    assert isinstance(leg, Leg)
    assert leg.stream.waiting <= 512 * 1024 + 2 * 200_100
    stream.client.writer.transport.resume_reading()
    assert [(await stream.event()).data.partition(" ")[0] for _ in range(100)] == [str(number) for number in range(100)]
    assert not site.host.counters.counts["slow"]


async def test_what_comes_while_the_store_is_asked(site: Site) -> None:
    await site.serve(PUBLISHER, place(max_subscribers=1), make_store=late_store)
    store = site.store
    assert isinstance(store, LateStore)
    store.late = {"read_after", "claim"}
    await site.post("/pub/news", b"kept")
    client = await site.host.connect()
    await client.send(get(b"/es/news"))
    # Once for where it begins, and once for what follows.
    for _ in range(2):
        await site.until(store.waiting)
        store.answer()
    # History is read; what comes until the claim is decided is kept.
    await site.until(lambda: "claim" in store.asked)
    await site.post("/pub/news", b"live")
    for _ in range(5):
        while store.waiting():
            store.answer()
        await site.host.others_are_served(b"/pub/news")
    stream = await Source.read_head(client)
    assert [(await stream.event()).data for _ in range(2)] == ["kept", "live"]


async def test_the_store_is_out_of_reach(site: Site) -> None:
    await site.serve(PUBLISHER, place(max_subscribers=1), make_store=late_store)
    store = site.store
    assert isinstance(store, LateStore)
    store.late = set()
    await site.ask("PUT", "/pub/news")
    store.refusal = StoreUnavailable("the store cannot be reached")
    answer = await site.ask("GET", "/es/news")
    assert (answer.status, answer.headers[b"retry-after"]) == (503, b"1")
    assert not site.hub.listening(NEWS)


@pytest.mark.parametrize("leaves", [False, True])
async def test_nothing_is_left_of_a_stream(site: Site, leaves: bool) -> None:
    """There is no cycle: a stream is freed by its end, not by the garbage collector."""
    await site.serve(PUBLISHER, place())
    await site.ask("PUT", "/pub/news")
    gc.collect()
    gc.disable()
    try:
        stream = await source(site, "/es/news")
        assert len(streams_in_memory()) == 1
        if leaves:
            stream.client.leave()
            await site.until(lambda: not site.hub.listening(NEWS))
        else:
            await site.ask("DELETE", "/pub/news")
            await stream.event()
            assert await stream.ends()
        await site.until(lambda: not streams_in_memory())
    finally:
        gc.enable()


def streams_in_memory() -> list[EventStream]:
    return [held for held in gc.get_objects() if isinstance(held, EventStream)]
