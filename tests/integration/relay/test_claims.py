"""Polls that ask the processes which share the store whether they may wait (relay specification 7.2.9)."""

from __future__ import annotations

import pytest

from hbpush.core.message import ChannelRef
from hbpush.errors import StoreUnavailable
from hbpush.stores.base import Claim
from tests.integration.relay.conftest import Site, late_store
from tests.support.hosts import Client
from tests.support.late_store import LateStore

NEWS = ChannelRef("default", "", "news")
PLACES = tuple(
    {"type": "subscriber", "prefix": f"/{name}/", **options}
    for name, options in {
        "sub": {},
        "first": {"concurrency": "first"},
        "last": {"concurrency": "last"},
        "few": {"max_subscribers": 4},
    }.items()
)


async def shared(site: Site) -> LateStore:
    """Serve from a store whose claims are answered late."""
    await site.serve({"type": "publisher", "prefix": "/pub/"}, *PLACES, make_store=late_store)
    store = site.store
    assert isinstance(store, LateStore)
    store.late = {"claim"}
    await site.ask("PUT", "/pub/news")
    return store


async def claiming(site: Site, store: LateStore, prefix: str) -> Client:
    """A poll whose claim is on its way."""
    poll = await site.hold(f"/{prefix}/news")
    await site.until(store.waiting)
    return poll


async def test_turned_away_because_one_waits_elsewhere(site: Site) -> None:
    store = await shared(site)
    store.claimed = Claim(0, 1)
    poll = await claiming(site, store, "first")
    store.answer()
    assert (await poll.answer()).status == 409
    assert site.hub.listening(NEWS) == 0


async def test_too_many_elsewhere(site: Site) -> None:
    store = await shared(site)
    store.claimed = Claim(7, 4)
    poll = await claiming(site, store, "few")
    store.answer()
    assert (await poll.answer()).status == 403
    assert site.host.counters.counts["max_subscribers"] == 1


@pytest.mark.parametrize("prefix", ["first", "last", "few"])
async def test_waits_when_nobody_minds(site: Site, prefix: str) -> None:
    store = await shared(site)
    store.claimed = Claim(7, 0)
    poll = await claiming(site, store, prefix)
    store.answer()
    assert (await site.post("/pub/news", b"x")).status == 201
    assert (await poll.answer()).body == b"x"


@pytest.mark.parametrize("answer", [Claim(0, 1), Claim(1, 9)])
async def test_a_message_that_comes_before_the_answer_is_delivered(site: Site, answer: Claim) -> None:
    store = await shared(site)
    store.claimed = answer
    poll = await claiming(site, store, "first")
    assert (await site.post("/pub/news", b"x")).status == 201
    store.answer()
    assert (await poll.answer()).body == b"x"


async def test_who_has_left_is_not_asked_for_again(site: Site) -> None:
    store = await shared(site)
    store.claimed = Claim(0, 1)
    poll = await claiming(site, store, "last")
    poll.leave()
    await site.until(lambda: not site.hub.listening(NEWS))
    store.answer()
    assert (await site.post("/pub/news", b"x")).status == 202


@pytest.mark.parametrize("late", [True, False])
async def test_a_store_that_is_away_is_told(site: Site, late: bool) -> None:
    store = await shared(site)
    if late:
        poll = await claiming(site, store, "first")
        store.answer(StoreUnavailable("the store cannot be reached"))
        refused = await poll.answer()
    else:
        store.late = {"read_after"}
        held = await site.hold("/first/news")
        await site.until(store.waiting)
        store.refusal = StoreUnavailable("the store cannot be reached")
        store.answer()
        refused = await held.answer()
    assert (refused.status, b"retry-after" in refused.headers) == (503, True)
    assert site.hub.listening(NEWS) == 0


async def test_a_later_claim_that_is_told_of_before_the_answer(site: Site) -> None:
    store = await shared(site)
    store.claimed = Claim(7, 0)
    poll = await claiming(site, store, "last")
    site.hub.displaced(NEWS, 8)
    store.answer()
    assert (await poll.answer()).status == 409


async def test_a_later_claim_elsewhere_displaces_those_that_were_earlier(site: Site) -> None:
    store = await shared(site)
    plain = await site.hold("/sub/news")
    store.claimed = Claim(7, 0)
    claimed = await claiming(site, store, "few")
    store.answer()
    await site.until(lambda: any(subscriber.claim == 7 for subscriber in site.hub.subscribers(NEWS)))
    store.claimed = Claim(9, 0)
    pending = await claiming(site, store, "few")
    site.hub.displaced(NEWS, 7)
    assert (await plain.answer()).status == 409
    assert site.hub.listening(NEWS) == 2
    site.hub.displaced(NEWS, 8)
    assert (await claimed.answer()).status == 409
    store.answer()
    await site.until(lambda: any(subscriber.claim == 9 for subscriber in site.hub.subscribers(NEWS)))
    await site.post("/pub/news", b"x")
    assert (await pending.answer()).body == b"x"
