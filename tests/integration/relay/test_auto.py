"""``polling: auto``: one URL for all, and the request decides."""

from __future__ import annotations

import json

import pytest

from hbpush.core.message import ChannelRef
from hbpush.relay.rules import http_date
from tests.integration.relay.conftest import Site
from tests.support.clock import START
from tests.support.hosts import get
from tests.support.relay_streams import JSON, refused, socket, source
from tests.support.websocket import TEXT

SECOND = int(START)
NEWS = ChannelRef("default", "", "news")
PUBLISHER = {"type": "publisher", "prefix": "/pub/"}


def place(prefix: str = "/sub/", **options: object) -> dict[str, object]:
    return {"type": "subscriber", "prefix": prefix, "polling": "auto", **options}


async def test_all_of_them_get_the_same(site: Site) -> None:
    await site.serve(PUBLISHER, place())
    await site.ask("PUT", "/pub/news")
    polls = [await site.hold("/sub/news", *lines) for lines in ([], ["Accept: */*"], ["Accept: text/html"])]
    streams = [
        await source(site, "/sub/news", f"Accept: {accept}") for accept in ("text/event-stream", "text/html, Text/Event-Stream;q=0.5")
    ]
    plain, spoken = await socket(site, "/sub/news"), await socket(site, "/sub/news", JSON)
    posted = await site.post("/pub/news", b"x", "Accept: application/json")
    assert (posted.status, json.loads(posted.body)["subscribers"]) == (201, 7)
    for poll in polls:
        answer = await poll.answer()
        assert (answer.body, answer.headers[b"etag"]) == (b"x", b"0")
    for stream in streams:
        assert (await stream.event()).id == f"{SECOND}:0"
    assert await plain.read_frame() == (TEXT, b"x")
    assert (await spoken.said())["id"] == f"{SECOND}:0"


async def test_absent_channel(site: Site) -> None:
    await site.serve(PUBLISHER, place())
    assert (await site.ask("GET", "/sub/news")).status == 404
    assert (await site.ask("GET", "/sub/news", "Accept: text/event-stream")).status == 404
    assert await refused(site, "/sub/news") == 404


async def test_a_long_poll_is_of_one_channel(site: Site) -> None:
    await site.serve(PUBLISHER, place(multiple=True))
    await site.post("/pub/news", b"x")
    assert (await site.ask("GET", "/sub/news")).body == b"x"
    assert (await site.ask("GET", "/sub/?channel=news")).body == b"x"
    assert (await site.ask("GET", "/sub/news,sport")).status == 400
    assert (await site.ask("GET", "/sub/")).status == 404


async def test_concurrency_rules_over_all_kinds(site: Site) -> None:
    """Who comes last displaces every subscriber of the relay, however it is served."""
    await site.serve(PUBLISHER, place("/all/"), place("/last/", concurrency="last"), place("/first/", concurrency="first"))
    await site.ask("PUT", "/pub/news")
    poll, stream = await site.hold("/all/news"), await source(site, "/all/news", "Accept: text/event-stream")
    peer = await socket(site, "/all/news")
    newest = await source(site, "/last/news", "Accept: text/event-stream")
    assert (await poll.answer()).status == 409
    assert (await stream.event()).name == "displaced"
    assert await stream.ends()
    assert await peer.closes() == (4501, "another subscriber has taken its place")
    for path, lines in (("/first/news", []), ("/first/news", ["Accept: text/event-stream"])):
        assert (await site.ask("GET", path, *lines)).status == 409
    assert await refused(site, "/first/news") == 409
    await site.post("/pub/news", b"x")
    assert (await newest.event()).data == "x"
    newest_peer = await socket(site, "/last/news")
    assert (await newest.event()).name == "displaced"
    assert await newest.ends()
    assert await newest_peer.read_frame() == (TEXT, b"x")
    await newest_peer.leave()
    await site.until(lambda: not site.hub.listening(NEWS))
    only = await source(site, "/first/news", "Accept: text/event-stream")
    assert (await only.event()).data == "x"
    # Unlike a poll, a stream is there to stay: what is kept already is for the first one only, too.
    assert (await site.ask("GET", "/first/news", "Accept: text/event-stream")).status == 409


@pytest.mark.parametrize("kept", [False, True])
async def test_max_subscribers(site: Site, kept: bool) -> None:
    await site.serve(PUBLISHER, place(max_subscribers=3))
    await site.ask("PUT", "/pub/news")
    if kept:
        await site.post("/pub/news", b"kept")
    stream, peer = await source(site, "/sub/news", "Accept: text/event-stream"), await socket(site, "/sub/news")
    since = [f"If-Modified-Since: {http_date(SECOND).decode()}", "If-None-Match: 0"] if kept else []
    poll = await site.hold("/sub/news", *since)
    assert await refused(site, "/sub/news") == 403
    assert (await site.ask("GET", "/sub/news", "Accept: text/event-stream")).status == 403
    assert site.host.counters.counts["max_subscribers"] == 2
    await site.post("/pub/news", b"x")
    assert (await poll.answer()).body == b"x"
    bodies = ["kept", "x"] if kept else ["x"]
    assert [(await stream.event()).data for _ in bodies] == bodies
    assert [(await peer.read_frame())[1].decode() for _ in bodies] == bodies
    stream.client.leave()
    await site.until(lambda: site.hub.listening(NEWS) == 1)
    await source(site, "/sub/news", "Accept: text/event-stream")


async def test_the_same_connection_goes_on_after_a_refusal(site: Site) -> None:
    await site.serve(PUBLISHER, place(max_subscribers=1))
    await site.ask("PUT", "/pub/news")
    await source(site, "/sub/news", "Accept: text/event-stream")
    client = await site.host.connect()
    assert (await client.ask(get(b"/sub/news", b"Accept: text/event-stream"))).status == 403
    assert (await client.ask(get(b"/pub/news"))).status == 200


async def test_an_id_that_one_kind_is_given_is_taken_by_all(site: Site) -> None:
    """Be it the place of a channel on which nothing was published yet, or what a stream of several channels has for the id of one."""
    fresh = {"first_message": "newest", "create_on_get": True}
    await site.serve(PUBLISHER, place(**fresh), {"type": "subscriber", "prefix": "/interval/", "polling": "interval", **fresh})
    stream = await source(site, "/sub/news", "Accept: text/event-stream")
    given = stream.parser.last_id
    assert given == f"{SECOND}:-1"
    poll = await site.hold(f"/sub/news?since={given}")
    nothing = await site.ask("GET", f"/interval/news?last_event_id={given}")
    assert (nothing.status, nothing.headers[b"last-modified"]) == (304, http_date(SECOND))
    await site.post("/pub/news", b"x")
    assert ((await poll.answer()).body, (await stream.event()).data) == (b"x", "x")
    for asked in (f"since={given}", f"last_event_id=[{given}]", f"since={SECOND}--1"):
        assert (await site.ask("GET", f"/interval/news?{asked}")).body == b"x"
        assert (await site.ask("GET", f"/sub/news?{asked}")).body == b"x"
