"""Held long polls: how they end, who may hold one, and that nothing of them is left (relay specification 1.3, 7.2, DESIGN 7)."""

from __future__ import annotations

import gc

import pytest

from hbpush.core.message import NEWEST, ChannelRef, Draft
from hbpush.core.subscription import CloseReason
from hbpush.errors import StoreUnavailable
from hbpush.relay.rules import http_date
from hbpush.relay.subscriber import Poll
from hbpush.stores.base import Receipt
from tests.integration.relay.conftest import Site, late_store
from tests.support.clock import START
from tests.support.hosts import get, request
from tests.support.late_store import LateStore

SECOND = int(START)
NEWS = ChannelRef("default", "", "news")
PUBLISHER = {"type": "publisher", "prefix": "/pub/"}


def subscriber(prefix: str = "/sub/", **options: object) -> dict[str, object]:
    return {"type": "subscriber", "prefix": prefix, "create_on_get": True, **options}


def since(second: int, tag: int) -> list[str]:
    return [f"If-Modified-Since: {http_date(second).decode()}", f"If-None-Match: {tag}"]


async def test_held_answer_is_like_a_stored_one(site: Site) -> None:
    await site.serve()
    await site.ask("PUT", "/pub/news")
    poll = await site.hold("/sub/news")
    assert (await site.post("/pub/news", b'{"n":1}', "Content-Type: application/json", "X-Relay-Event: e")).status == 201
    live, stored = await poll.answer(), await site.ask("GET", "/sub/news")
    assert live == stored
    assert (live.status, live.body, live.headers[b"content-type"]) == (200, b'{"n":1}', b"application/json")


async def test_future_id_gets_the_next_message(site: Site) -> None:
    await site.serve()
    await site.post("/pub/news", b"one")
    poll = await site.hold("/sub/news", *since(SECOND + 100_000, 3))
    assert (await site.post("/pub/news", b"two")).status == 201
    assert (await poll.answer()).body == b"two"


async def test_pipelined_request_waits_its_turn(site: Site) -> None:
    if site.host.kind.tornado:
        pytest.skip("the stock server reads no further while it answers")
    await site.serve()
    await site.ask("PUT", "/pub/news")
    poll = await site.hold("/sub/news")
    await poll.send(get(b"/sub/absent"))
    await site.post("/pub/news", b"one")
    assert (await poll.answer()).body == b"one"
    assert (await poll.answer()).status == 404


async def test_http_1_0(site: Site) -> None:
    await site.serve()
    await site.post("/pub/news", b"one")
    client = await site.host.connect()
    await client.send(request(b"GET", b"/sub/news", version=b"1.0"))
    wire = await client.rest()
    assert wire.startswith(b"HTTP/1.1 200 ")
    assert wire.endswith(b"\r\n\r\none")


@pytest.mark.parametrize("status", [304, 408, 200])
async def test_time_out(site: Site, status: int) -> None:
    await site.serve(PUBLISHER, subscriber(subscriber_timeout=30, timeout_status=status))
    await site.post("/pub/news", b"one")
    poll = await site.hold("/sub/news", *since(SECOND, 0))
    site.clock.advance(29.9)
    assert site.hub.listening(NEWS) == 1
    site.clock.advance(1.5)
    ended = await poll.answer()
    assert (ended.status, ended.body, ended.headers[b"last-modified"], ended.headers[b"etag"]) == (status, b"", http_date(SECOND), b"0")
    assert ended.headers[b"vary"] == b"If-None-Match, If-Modified-Since"
    assert (await site.post("/pub/news", b"two")).status == 202
    # The same connection goes on.
    assert (await poll.ask(get(b"/sub/news"))).body == b"one"


async def test_no_time_out_unless_configured(site: Site) -> None:
    await site.serve()
    await site.ask("PUT", "/pub/news")
    waiting = site.clock.waiting()
    await site.hold("/sub/news")
    assert site.clock.waiting() == waiting
    site.clock.advance(100_000)
    assert site.hub.listening(NEWS) == 1


async def test_time_out_of_the_newest_gives_an_id(site: Site) -> None:
    await site.serve(PUBLISHER, subscriber(subscriber_timeout=30, first_message="newest"))
    await site.post("/pub/news", b"one")
    poll = await site.hold("/sub/news")
    site.clock.advance(31)
    ended = await poll.answer()
    assert (ended.status, ended.headers[b"last-modified"], ended.headers[b"etag"]) == (304, http_date(SECOND), b"0")


async def test_time_out_of_the_last_n_gives_an_id(site: Site) -> None:
    await site.serve(PUBLISHER, subscriber(subscriber_timeout=30, first_message=1))
    poll = await site.hold("/sub/news")
    site.clock.advance(31)
    ended = await poll.answer()
    assert (ended.status, ended.headers[b"last-modified"]) == (304, http_date(SECOND))
    for body in (b"one", b"two"):
        await site.post("/pub/news", body)
    assert (await site.ask("GET", "/sub/news", f"If-Modified-Since: {http_date(SECOND).decode()}")).body == b"one"
    assert (await site.ask("GET", "/sub/news")).body == b"two"


async def test_time_out_never_breaks_the_promise_of_a_receipt(site: Site) -> None:
    """A message that claims a poll in the tick in which its time is over still reaches it."""
    await site.serve(PUBLISHER, subscriber(subscriber_timeout=30))
    polls = [await site.hold("/sub/news") for _ in range(3)]
    receipt = site.hub.publish(NEWS, Draft(b"in time", stored=False))
    site.clock.advance(31)
    assert isinstance(receipt, Receipt)
    assert receipt.takers == 3
    assert [(await poll.answer()).body for poll in polls] == [b"in time"] * 3


async def test_answered_poll_leaves_no_timer(site: Site) -> None:
    await site.serve(PUBLISHER, subscriber(subscriber_timeout=30))
    left, answered, deleted = [await site.hold(f"/sub/{name}") for name in ("left", "answered", "deleted")]
    left.leave()
    await site.until(lambda: not site.hub.listening(ChannelRef("default", "", "left")))
    await site.post("/pub/answered", b"x")
    await answered.answer()
    await site.ask("DELETE", "/pub/deleted")
    assert (await deleted.answer()).status == 410
    assert not any(site.wheel._buckets.values())


async def test_shutdown(site: Site) -> None:
    await site.serve(PUBLISHER, subscriber("/sub/"), subscriber("/other/"))
    await site.post("/pub/news", b"one")
    leaving = await site.hold("/sub/news", *since(SECOND, 0))
    staying = await site.hold("/other/news", *since(SECOND, 0))
    site.hub.release(CloseReason.SHUTDOWN, site.locations[1])
    ended = await leaving.answer()
    assert (ended.status, ended.headers[b"last-modified"], ended.headers[b"etag"]) == (304, http_date(SECOND), b"0")
    assert ended.headers[b"connection"].lower() == b"close"
    assert await leaving.is_over()
    await site.post("/pub/news", b"two")
    assert (await staying.answer()).body == b"two"


async def test_concurrency_first(site: Site) -> None:
    await site.serve(PUBLISHER, subscriber(concurrency="first"))
    oldest = await site.hold("/sub/news")
    for _ in range(2):
        newer = await site.ask("GET", "/sub/news")
        assert (newer.status, newer.body, newer.headers[b"content-length"]) == (409, b"", b"0")
    posted = await site.post("/pub/news", b"x")
    assert (posted.status, b"active subscribers: 1" in posted.body) == (201, True)
    assert (await oldest.answer()).body == b"x"
    # Only those who wait count: what is there already is for everybody.
    assert (await site.ask("GET", "/sub/news")).body == b"x"
    await site.hold("/sub/news", *since(SECOND, 0))
    assert (await site.ask("GET", "/sub/news")).body == b"x"


async def test_concurrency_last(site: Site) -> None:
    await site.serve(PUBLISHER, subscriber(concurrency="last"))
    older = await site.hold("/sub/news")
    elsewhere = await site.hold("/sub/other")
    newest = await site.host.connect()
    await newest.send(get(b"/sub/news"))
    displaced = await older.answer()
    assert (displaced.status, displaced.body, displaced.headers[b"content-length"]) == (409, b"", b"0")
    posted = await site.post("/pub/news", b"x")
    assert (posted.status, b"active subscribers: 1" in posted.body) == (201, True)
    assert (await newest.answer()).body == b"x"
    await site.post("/pub/other", b"y")
    assert (await elsewhere.answer()).body == b"y"


async def test_concurrency_is_that_of_the_request_that_arrives(site: Site) -> None:
    await site.serve(PUBLISHER, subscriber("/all/"), subscriber("/first/", concurrency="first"), subscriber("/last/", concurrency="last"))
    everybody = [await site.hold("/all/news") for _ in range(2)]
    assert (await site.ask("GET", "/first/news")).status == 409
    last = await site.host.connect()
    await last.send(get(b"/last/news"))
    assert [(await poll.answer()).status for poll in everybody] == [409, 409]
    more = await site.hold("/all/news")
    await site.post("/pub/news", b"x")
    assert [(await poll.answer()).body for poll in (last, more)] == [b"x", b"x"]


async def test_concurrency_spares_other_protocols(site: Site) -> None:
    await site.serve(PUBLISHER, subscriber("/last/", concurrency="last"), subscriber("/first/", concurrency="first"))
    other = Other()
    site.hub.subscribe(NEWS, other, NEWEST)
    poll = await site.hold("/first/news")
    assert (await site.ask("GET", "/first/news")).status == 409
    newest = await site.host.connect()
    await newest.send(get(b"/last/news"))
    assert (await poll.answer()).status == 409
    assert not other.ended
    site.hub.unsubscribe(NEWS, other)


class Other:
    """A subscriber of another protocol."""

    owner = None
    takes = None
    claim = None

    def __init__(self) -> None:
        self.ended = False

    def missed(self) -> None: ...

    def joined(self) -> None: ...

    def deliver(self, batch: object) -> None: ...

    def has_room(self) -> bool:
        return True

    def closed(self, reason: CloseReason) -> None:
        self.ended = True


async def test_max_subscribers(site: Site) -> None:
    await site.serve(PUBLISHER, subscriber(max_subscribers=2))
    polls = [await site.hold("/sub/news") for _ in range(2)]
    refused = await site.ask("GET", "/sub/news")
    assert (refused.status, refused.headers[b"content-type"], refused.body.count(b"\n")) == (403, b"text/plain", 1)
    assert site.host.counters.counts["max_subscribers"] == 1
    posted = await site.post("/pub/news", b"x")
    assert (posted.status, b"active subscribers: 2" in posted.body) == (201, True)
    assert [(await poll.answer()).body for poll in polls] == [b"x", b"x"]
    assert (await site.ask("GET", "/sub/news")).body == b"x"


async def test_max_subscribers_and_last(site: Site) -> None:
    await site.serve(PUBLISHER, subscriber(max_subscribers=1, concurrency="last"))
    older = await site.hold("/sub/news")
    newest = await site.host.connect()
    await newest.send(get(b"/sub/news"))
    assert (await older.answer()).status == 409
    await site.post("/pub/news", b"x")
    assert (await newest.answer()).body == b"x"


async def test_polls_that_have_not_read_history_displace_nobody(site: Site) -> None:
    await site.serve(PUBLISHER, subscriber(concurrency="first", create_on_get=False), make_store=late_store)
    store = site.store
    assert isinstance(store, LateStore)
    store.late = {"read_after"}
    await site.ask("PUT", "/pub/news")
    first, second = await site.host.connect(), await site.host.connect()
    for client in (first, second):
        await client.send(get(b"/sub/news"))
    await site.until(lambda: store.waiting() == 2)
    store.answer()
    store.answer()
    await site.until(lambda: site.hub.listening(NEWS) == 1)
    await site.post("/pub/news", b"x")
    assert sorted([(await first.answer()).status, (await second.answer()).status]) == [200, 409]


async def test_peer_that_leaves_before_history_is_read(site: Site) -> None:
    await site.serve(make_store=late_store)
    store = site.store
    assert isinstance(store, LateStore)
    store.late = {"read_after"}
    await site.ask("PUT", "/pub/news")
    client = await site.host.connect()
    await client.send(get(b"/sub/news"))
    await site.until(store.waiting)
    client.leave()
    other = await site.ask("GET", "/pub/news")
    assert b"active subscribers: 1" in other.body
    store.answer()
    await site.until(lambda: not site.hub.listening(NEWS))
    assert (await site.post("/pub/news", b"x")).status == 202


async def test_time_out_after_a_gap_while_held_leads_behind_it(site: Site) -> None:
    await site.serve(PUBLISHER, subscriber(subscriber_timeout=30), make_store=late_store)
    store = site.store
    assert isinstance(store, LateStore)
    store.late = set()
    await site.post("/pub/news", b"one")
    poll = await site.hold("/sub/news", *since(SECOND, 0))
    store.echo_held = True
    site.hub.publish(NEWS, Draft(b"on its way", stored=False))
    store.late = {"read_after"}
    site.hub.gap(NEWS)
    store.answer()
    await site.ask("GET", "/pub/news")
    # What cannot be read is no reason to break a poll off.
    store.late, store.refusal = set(), StoreUnavailable("away")
    site.hub.gap(NEWS)
    store.refusal = None
    site.clock.advance(31)
    ended = await poll.answer()
    assert (ended.status, ended.headers[b"x-relay-missed"], ended.headers[b"etag"]) == (304, b"1", b"1")


async def test_gap_while_held_is_told_once(site: Site) -> None:
    await site.serve()
    await site.ask("PUT", "/pub/news")
    poll = await site.hold("/sub/news")
    site.hub.gap(NEWS)
    site.hub.gap(NEWS)
    await site.post("/pub/news", b"x")
    assert (await poll.answer()).headers[b"x-relay-missed"] == b"1"


@pytest.mark.parametrize("leaves", [False, True])
async def test_nothing_is_left_of_a_poll(site: Site, leaves: bool) -> None:
    """There is no cycle: a poll is freed by its answer, not by the garbage collector."""
    await site.serve(PUBLISHER, subscriber(subscriber_timeout=600))
    gc.collect()
    gc.disable()
    try:
        client = await site.hold("/sub/news")
        assert len(polls_in_memory()) == 1
        if leaves:
            client.leave()
            await site.until(lambda: not site.hub.listening(NEWS))
        else:
            await site.ask("DELETE", "/pub/news")
            await client.answer()
        await site.until(lambda: not polls_in_memory())
    finally:
        gc.enable()


def polls_in_memory() -> list[Poll]:
    return [held for held in gc.get_objects() if isinstance(held, Poll)]
