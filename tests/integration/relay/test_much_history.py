"""Streams whose channels keep more than an outbox: history comes as the peer reads, and makes nobody slow (DESIGN section 3)."""

from __future__ import annotations

from asyncio import ensure_future, sleep

import pytest

from hbpush.core.message import ChannelRef, Draft
from tests.integration.relay.conftest import Site, late_store
from tests.support.eventstream import Source
from tests.support.late_store import LateStore
from tests.support.relay_streams import Socket, socket, source
from tests.support.websocket import TEXT

STREAM = "Accept: text/event-stream"
OUTBOX = 256 * 1024


def place(**options: object) -> dict[str, object]:
    return {"type": "subscriber", "prefix": "/sub/", "polling": "auto", "multiple": True, "outbox_bytes": OUTBOX, **options}


def ref(name: str) -> ChannelRef:
    return ChannelRef("default", "", name)


def publish(site: Site, name: str, number: int, size: int) -> None:
    site.hub.publish(ref(name), Draft(b"%b %d %b" % (name.encode(), number, b"x" * size)))


class Reader:
    """A stream of either kind, and what it hears."""

    def __init__(self, stream: Source | Socket) -> None:
        self.stream = stream
        client = stream.client if isinstance(stream, Source) else stream
        self.transport = client.writer.transport

    @classmethod
    async def open(cls, site: Site, kind: str, path: str) -> Reader:
        return cls(await (source(site, path, STREAM) if kind == "eventsource" else socket(site, path)))

    async def hear(self) -> tuple[str, int]:
        """Channel and number of the next message, or what else is heard."""
        if isinstance(self.stream, Source):
            event = await self.stream.event()
            if event.name != "message":
                return event.name, 0
            text = event.data
        else:
            opcode, payload = await self.stream.read_frame()
            if opcode != TEXT:
                return "end", int.from_bytes(payload[:2], "big")
            text = payload.decode()
        name, number, _ = text.split(" ", 2)
        return name, int(number)


@pytest.fixture(params=["eventsource", "websocket"])
def kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


async def test_messages_that_are_larger_than_an_outbox_each(site: Site, kind: str) -> None:
    await site.serve(place())
    for name in "abc":
        for number in range(2):
            publish(site, name, number, 3 * OUTBOX)
    reader = await Reader.open(site, kind, "/sub/a,b,c")
    heard = [await reader.hear() for _ in range(6)]
    assert sorted(heard) == [(name, number) for name in "abc" for number in range(2)]
    assert not site.host.counters.counts["slow"]


async def test_many_channels_whose_history_is_more_together(site: Site, kind: str) -> None:
    await site.serve(place(max_channels=40))
    names = [f"n{number}" for number in range(40)]
    for name in names:
        for number in range(10):
            publish(site, name, number, 20_000)
    reader = await Reader.open(site, kind, "/sub/" + ",".join(names))
    reader.transport.pause_reading()
    await site.host.others_are_served(b"/sub/n0")
    reader.transport.resume_reading()
    heard = [await reader.hear() for _ in range(400)]
    for name in names:
        assert [number for heard_name, number in heard if heard_name == name] == list(range(10))
    publish(site, "n39", 10, 0)
    assert await reader.hear() == ("n39", 10)
    assert not site.host.counters.counts["slow"]


async def stalled_in_history(site: Site, kind: str) -> Reader:
    """A reader of two channels that stops before it has read what one of them, "big", keeps: a hundred messages. "live" has had one."""
    await site.serve(place())
    publish(site, "live", 0, 0)
    for number in range(100):
        publish(site, "big", number, 80_000)
    reader = await Reader.open(site, kind, "/sub/live,big")
    reader.transport.pause_reading()
    return reader


async def test_what_is_published_beside_history_waits_behind_it(site: Site, kind: str) -> None:
    reader = await stalled_in_history(site, kind)
    await site.host.others_are_served(b"/sub/live")
    for number in range(1, 101):
        publish(site, "live", number, 1000)
        await site.host.others_are_served(b"/sub/live")
    reader.transport.resume_reading()
    heard = [await reader.hear() for _ in range(201)]
    assert [number for name, number in heard if name == "live"] == list(range(101))
    assert [number for name, number in heard if name == "big"] == list(range(100))
    assert not site.host.counters.counts["slow"]


async def test_beside_history_there_is_a_bound_as_well(site: Site, kind: str) -> None:
    reader = await stalled_in_history(site, kind)
    for number in range(1, 200):
        publish(site, "live", number, 10_000)
        await site.host.others_are_served(b"/sub/live")
        if site.host.counters.counts["slow"]:
            break
    assert site.host.counters.counts["slow"] == 1
    assert OUTBOX // 10_000 <= number < 60
    reader.transport.abort()


async def test_a_channel_that_is_deleted_before_its_turn(site: Site, kind: str) -> None:
    await site.serve(place(), make_store=late_store)
    store = site.store
    assert isinstance(store, LateStore)
    for name in "abc":
        store.inner.publish(ref(name), Draft(b"%b 0 %b" % (name.encode(), b"x" * OUTBOX)))
    opening = ensure_future(Reader.open(site, kind, "/sub/a,b,c"))
    for _ in "abc":
        await site.until(store.waiting)
        store.answer()
    reader = await opening
    # The first had room; the second is read again, and gone before the answer.
    await site.until(store.waiting)
    store.inner.delete(ref("b"))
    while site.hub.listening(ref("b")):
        store.answer()
        await sleep(0)
    assert await reader.hear() == ("a", 0)
    if isinstance(reader.stream, Source):
        assert (await reader.stream.event()).name == "deleted"
    while store.waiting():
        store.answer()
    assert await reader.hear() == ("c", 0)


@pytest.mark.parametrize("stored", [True, False])
async def test_more_than_an_outbox_before_the_answer(site: Site, kind: str, stored: bool) -> None:
    """One channel is heard while the store still thinks of the other: what is too much is read again, and what cannot be is told."""
    await site.serve(place(), make_store=late_store)
    store = site.store
    assert isinstance(store, LateStore)
    for name in "ab":
        store.inner.publish(ref(name), Draft(b"%b 0 x" % name.encode()))
    opening = ensure_future(Reader.open(site, kind, "/sub/a,b"))
    await site.until(store.waiting)
    store.answer()
    await sleep(0)
    for number in range(1, 51):
        store.inner.publish(ref("a"), Draft(b"a %d %b" % (number, b"x" * 20_000), stored=stored))
        await sleep(0)
    assert not opening.done()
    reader, heard = None, []
    while not heard or heard[-1] not in (("a", 50), ("gap", 0), ("end", 4001)):
        await sleep(0)
        while store.waiting():
            store.answer()
            await sleep(0)
        if reader is not None:
            heard.append(await reader.hear())
        elif opening.done():
            reader = await opening
    if stored:
        assert sorted(heard) == [("a", number) for number in range(51)] + [("b", 0)]
        assert [number for name, number in heard if name == "a"] == list(range(51))
    assert not site.host.counters.counts["slow"]


async def test_ids_of_what_is_read_again(site: Site) -> None:
    """No id says of a channel that more of it was heard than was."""
    await site.serve(place(), make_store=late_store)
    store = site.store
    assert isinstance(store, LateStore)
    for name in "abc":
        store.inner.publish(ref(name), Draft(b"%b 0 x" % name.encode()))
    opening = ensure_future(source(site, "/sub/b,a,c", STREAM))
    for _ in "ba":
        await site.until(store.waiting)
        store.answer()
    await sleep(0)
    for number in range(1, 21):
        store.inner.publish(ref("a"), Draft(b"a %d %b" % (number, b"x" * 20_000)))
        await sleep(0)
    store.late = set()
    store.answer()
    stream = await opening
    events = [await stream.event() for _ in range(23)]
    assert events[0].data == "b 0 x"
    for event in events:
        resumed = await source(site, "/sub/b,a,c", STREAM, f"Last-Event-ID: {event.id}")
        rest = events[events.index(event) + 1 :]
        assert sorted([(await resumed.event()).data for _ in rest]) == sorted(each.data for each in rest)
        resumed.client.leave()
