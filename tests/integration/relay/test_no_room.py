"""A GET that cannot make its channel, because the store refuses: it is answered, and nothing of it is left."""

from __future__ import annotations

import gc

import pytest

from hbpush.core.channel import Channel
from hbpush.core.message import ChannelRef
from hbpush.errors import StoreFull, StoreUnavailable
from tests.integration.relay.conftest import Site, late_store, wire
from tests.support.late_store import LateStore

POLLS = [
    {"polling": "long"},
    {"polling": "long", "first_message": "newest"},
    {"polling": "interval"},
]


def records() -> int:
    gc.collect()
    return sum(isinstance(each, Channel) for each in gc.get_objects())


@pytest.mark.parametrize("options", POLLS, ids=lambda options: "-".join(options.values()))
async def test_full_store(site: Site, options: dict[str, str]) -> None:
    await site.serve(
        {"type": "publisher", "prefix": "/pub/"},
        {"type": "subscriber", "prefix": "/sub/", "create_on_get": True, **options},
        max_channels=1,
    )
    await site.post("/pub/full", b"x")
    before = records()
    for n in range(3):
        refused = await site.ask("GET", f"/sub/n{n}")
        assert (refused.status, refused.headers[b"retry-after"], refused.body.count(b"\n")) == (503, b"1", 1)
        assert site.hub.listening(ChannelRef("default", "", f"n{n}")) == 0
    assert records() == before


@pytest.mark.parametrize(
    ("options", "answers"),
    [(POLLS[0], 1), (POLLS[0], 2), (POLLS[1], 1), (POLLS[1], 2), (POLLS[1], 3), (POLLS[2], 1), (POLLS[2], 2)],
    ids=lambda value: str(value) if isinstance(value, int) else "-".join(value.values()),
)
@pytest.mark.parametrize("late", [True, False])
async def test_store_that_goes_away_between_two_questions(site: Site, options: dict[str, str], answers: int, late: bool) -> None:
    """The refusal comes in a callback of a Future, out of which no error is answered by the host."""
    await site.serve({"type": "subscriber", "prefix": "/sub/", "create_on_get": True, **options}, make_store=late_store)
    store = site.store
    assert isinstance(store, LateStore)
    client = await site.host.connect()
    await client.send(wire("GET", "/sub/news"))
    for answer in range(answers):
        await site.until(store.waiting)
        if answer == answers - 1 and not late:
            store.refusal = StoreUnavailable("away")
        store.answer()
    if late:
        await site.until(store.waiting)
        store.answer(StoreFull("full"))
    assert (await client.answer()).status == 503
    assert site.hub.listening(ChannelRef("default", "", "news")) == 0
