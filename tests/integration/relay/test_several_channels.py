"""Streams of several channels: which, where they stand, and that nothing is lost or doubled when they come back (DESIGN section 3)."""

from __future__ import annotations

import json

from hbpush.core.message import ChannelRef
from tests.integration.relay.conftest import Site
from tests.support.clock import START
from tests.support.eventstream import Event
from tests.support.relay_streams import JSON, refused, socket, source
from tests.support.websocket import TEXT

SECOND = int(START)
PUBLISHER = {"type": "publisher", "prefix": "/pub/"}
STREAM = "Accept: text/event-stream"


def place(prefix: str = "/sub/", **options: object) -> dict[str, object]:
    return {"type": "subscriber", "prefix": prefix, "polling": "auto", "multiple": True, **options}


def ref(name: str) -> ChannelRef:
    return ChannelRef("default", "", name)


async def test_event_stream(site: Site) -> None:
    await site.serve(PUBLISHER, place())
    await site.post("/pub/b", b"kept")
    await site.ask("PUT", "/pub/a")
    await site.ask("PUT", "/pub/c")
    stream = await source(site, "/sub/a,b?channel=c&channel=a", STREAM)
    assert await stream.event() == Event("kept", id=f"-,[{SECOND}:0],-")
    await site.post("/pub/a", b"1")
    assert await stream.event() == Event("1", id=f"[{SECOND}:0],{SECOND}:0,-")
    await site.post("/pub/c", b"2")
    assert await stream.event() == Event("2", id=f"{SECOND}:0,{SECOND}:0,[{SECOND}:0]")


async def test_websocket(site: Site) -> None:
    await site.serve(PUBLISHER, place(publish=True))
    for name in ("a", "b"):
        await site.ask("PUT", f"/pub/{name}")
    peer, plain = await socket(site, "/sub/?channel=a&channel=b", JSON), await socket(site, "/sub/a,b")
    await site.post("/pub/b", b"1")
    expected = {"channel": "b", "id": f"{SECOND}:0", "type": None, "data": "1", "resume": f"-,[{SECOND}:0]"}
    assert await peer.said() == expected
    assert await plain.read_frame() == (TEXT, b"1")
    peer.say({"publish": "2"})
    assert await peer.said() == {"error": "name the channel: there are several"}
    for other in ("", "c"):
        peer.say({"publish": "2", "channel": other})
        assert await peer.said() == {"error": "this is not a stream of that channel"}
    peer.say({"publish": "2", "channel": "a"})
    said = [await peer.said(), await peer.said()]
    assert {"published": f"{SECOND}:0", "channel": "a"} in said
    assert await plain.read_frame() == (TEXT, b"2")
    plain.send(TEXT, b"3")
    assert (await plain.closes())[0] == 1008


async def test_resumes(site: Site) -> None:
    """Whatever was heard last, one goes on with what follows it, on each channel."""
    await site.serve(PUBLISHER, place())
    heard = []
    for number in range(12):
        await site.post(f"/pub/{'abc'[number % 3]}", b"%d" % number)
    stream = await source(site, "/sub/a,b,c", STREAM)
    for _ in range(12):
        heard.append(await stream.event())
    assert sorted(int(event.data) for event in heard) == list(range(12))
    for at in range(12):
        resumed = await source(site, "/sub/a,b,c", STREAM, f"Last-Event-ID: {heard[at].id}")
        rest = [(await resumed.event()).data for _ in range(11 - at)]
        assert sorted(rest + [event.data for event in heard[: at + 1]], key=int) == [str(number) for number in range(12)]
        resumed.client.leave()


async def test_ids_that_do_not_fit(site: Site) -> None:
    await site.serve(PUBLISHER, place(max_channels=3))
    for path in ("/sub/a,b?since=5:0", "/sub/a,b?since=5:0,6:0,7:0", "/sub/a?since=5:0,6:0"):
        assert (await site.ask("GET", path, STREAM)).status == 400
    assert (await site.ask("GET", "/sub/a,b,c,d", STREAM)).status == 403
    assert (await site.ask("GET", "/sub/a,,b", STREAM)).status == 404
    assert (await site.ask("GET", "/sub/", STREAM)).status == 404


async def test_absent_channel(site: Site) -> None:
    await site.serve(PUBLISHER, place(), place("/make/", create_on_get=True))
    await site.post("/pub/a", b"x")
    assert (await site.ask("GET", "/sub/a,b", STREAM)).status == 404
    assert await refused(site, "/sub/b,a") == 404
    assert not site.hub.listening(ref("a"))
    stream = await source(site, "/make/a,b", STREAM)
    assert (await stream.event()).data == "x"
    await site.post("/pub/b", b"y")
    assert (await stream.event()).data == "y"


async def test_newest(site: Site) -> None:
    await site.serve(PUBLISHER, place(first_message="newest"))
    for name in ("a", "b"):
        await site.post(f"/pub/{name}", b"old")
    stream = await source(site, "/sub/a,b", STREAM)
    assert stream.parser.last_id == f"{SECOND}:0,{SECOND}:0"
    await site.post("/pub/b", b"new")
    assert await stream.event() == Event("new", id=f"{SECOND}:0,[{SECOND}:1]")


async def test_deletion_of_one_and_of_the_last(site: Site) -> None:
    await site.serve(PUBLISHER, place())
    for name in ("a", "b"):
        await site.ask("PUT", f"/pub/{name}")
    stream, peer = await source(site, "/sub/a,b", STREAM), await socket(site, "/sub/a,b", JSON)
    await site.ask("DELETE", "/pub/a")
    told = await stream.event()
    assert (told.name, json.loads(told.data)) == ("deleted", {"channel": "a"})
    assert await peer.said() == {"deleted": True, "channel": "a"}
    await site.post("/pub/b", b"x")
    assert await stream.event() == Event("x", id=f"-,[{SECOND}:0]")
    assert (await peer.said())["resume"] == f"-,[{SECOND}:0]"
    await site.ask("DELETE", "/pub/b")
    assert (await stream.event()).name == "deleted"
    assert await stream.ends()
    assert (await peer.closes())[0] == 4500


async def test_a_gap_names_its_channel(site: Site) -> None:
    await site.serve(PUBLISHER, place(), max_messages=1)
    for _ in range(3):
        await site.post("/pub/b", b"x")
    await site.post("/pub/a", b"y")
    stream, peer = [await make(site, f"/sub/a,b?since=-,{SECOND}:0", what) for make, what in ((source, STREAM), (socket, JSON))]
    told = await stream.event()
    assert (told.name, json.loads(told.data)) == ("gap", {"channel": "b"})
    assert {(await stream.event()).data for _ in range(2)} == {"x", "y"}
    assert await peer.said() == {"gap": True, "channel": "b"}


async def test_the_bytes_of_a_message_are_made_once(site: Site) -> None:
    """Fifty subscribers that stand alike share one encoding, and still do after ten messages."""
    await site.serve(PUBLISHER, place())
    for name in ("a", "b"):
        await site.ask("PUT", f"/pub/{name}")
    streams = [await source(site, "/sub/a,b", STREAM) for _ in range(50)]
    for number in range(10):
        await site.post(f"/pub/{'ab'[number % 2]}", b"%d" % number)
        heard = {await stream.event() for stream in streams}
        assert len(heard) == 1
    legs = site.hub.subscribers(ref("a"))
    assert len(legs) == 50
    assert len({id(leg.stream.standing) for leg in legs}) == 1  # type: ignore[attr-defined]
