"""A watched channel against a model of Redis: whatever the network does, each message is told once, in order, and what is lost is told.

In the first test connections are lost at any place. In the second the network does what none does: it drops, doubles and swaps single
announcements.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from hbpush.core.message import MessageId
from hbpush.stores.base import Page
from hbpush.stores.redis_codec import Announcement
from tests.unit.stores.test_redis_model import KEPT, REF, Network


def check(network: Network) -> None:
    """What holds when everything has come to rest."""
    model, log = network.model, network.log
    told = network.messages()
    assert network.watch.tip == model.tip()
    ids = [message.id for message in told]
    assert ids == sorted(set(ids))
    assert network.began_at is not None
    assert [m for m in model.kept if m not in told and network.place(m) >= network.began_at and m.id > network.trimmed] == []
    assert [m for m in network.read if m not in told and network.place(m) >= network.began_at] == []
    early = False
    for start, end, generation, between in network.intervals():
        passed = log[start:end]
        epoch_passed, epoch_follows, epoch_after = (
            any(not entry.generation for entry in part) for part in (passed, log[start:], log[end:])
        )
        untold = any(entry.message is not None for entry in passed)
        if "gap" in between:
            assert untold or epoch_follows, (start, end, between)
            # History that is left in a new epoch is read after the gap of that epoch was told.
            early = epoch_after
        elif not (early and epoch_passed):
            assert not untold, (start, end, between)
            assert not epoch_passed, (start, end, between)
        # What was heard before it began was listened to.
        since = 0 if start == network.began_at else start
        deletions = [entry for entry in log[since:end] if entry.message is None and entry.generation]
        assert between.count("deleted") <= len(deletions), (start, end, between)
        now = log[end].generation if end < len(log) else model.generation
        if generation not in (0, now) and not (epoch_follows and ("gap" in between or early)):
            assert "deleted" in between, (start, end, between)
    check_pages(network)


def check_pages(network: Network) -> None:
    model = network.model
    now = model.second
    places = {entry.message.id for entry in network.log if entry.message} | {model.tip(), MessageId(0, -1), MessageId(10**9, 0)}
    for since in places | {MessageId(at.time, at.tag - 1) for at in places}:
        for limit in (1, 2, KEPT + 1):
            page = network.watch.page(since, limit, now)
            if page is not None and since >= network.trimmed:
                found = model.read(since, limit)
                expected = Page(list(found.messages), found.missed(since), found.last, found.more, found.generation != 0)
                assert msgspec.structs.replace(page, messages=list(page.messages)) == expected, since


def play(steps: list[tuple[str, int]]) -> None:
    with asyncio.Runner() as runner:
        network = Network(runner)
        for name, number in steps:
            STEPS[name](network, number)
            network.note_pages_that_came()
        network.settle()
        network.note_pages_that_came()
        assert network.asked_for == []
        # What a page brings is not told after it.
        assert [page for page, place in network.came if any(m in network.told[place:] for m in page.messages)] == []
        check(network)
        network.watches.unwatch(REF)
        network.clock.advance(11)
        network.watches.sweep()
        assert network.tails.bytes == 0
        assert network.watches.get(REF) is None


def _repeated(what: Callable[[Network], object]) -> Callable[[Network, int], None]:
    def repeat(network: Network, number: int) -> None:
        for _ in range(number):
            what(network)

    return repeat


def _tick(network: Network, number: int) -> None:
    network.model.second += number


def _shift(network: Network, number: int) -> None:
    """One announcement comes later than others, or never, or twice."""
    places = [place for place, what in enumerate(network.wire) if isinstance(what, Announcement)]
    if places:
        place = places[number % len(places)]
        what = network.wire[place]
        if number % 3:
            network.wire.pop(place)
        if number % 3 != 1:
            network.wire.append(what)


STEPS: dict[str, Callable[[Network, int], Any]] = {
    "publish": _repeated(lambda network: network.publish(True)),
    "publish expiring": lambda network, number: network.publish(True, number),
    "publish unstored": lambda network, number: network.publish(False),
    "create": lambda network, number: network.model.create(),
    "delete": lambda network, number: network.delete(),
    "trim": _repeated(Network.trim),
    "forget": lambda network, number: network.forget(),
    "tick": _tick,
    "flush": lambda network, number: network.flush(),
    "remember": lambda network, number: network.remember(),
    "fail over": lambda network, number: network.fail_over(),
    "execute": _repeated(Network.execute),
    "answer": _repeated(Network.answer),
    "hear": _repeated(Network.hear),
    "cut": lambda network, number: network.cut(),
    "connect": lambda network, number: network.connect(),
    "lose commands": lambda network, number: (network.cut(), network.lose_commands()),
    "ask": lambda network, number: network.ask(number),
    "shift": _shift,
}
OFTEN = ("publish", "publish", "publish unstored", "hear", "hear", "answer", "execute", "delete", "cut", "connect")


def scripts(*left_out: str) -> st.SearchStrategy[list[tuple[str, int]]]:
    names = [name for name in (*OFTEN, *STEPS) if name not in left_out]
    return st.lists(st.tuples(st.sampled_from(names), st.integers(1, 4)), min_size=12, max_size=50)


@settings(max_examples=500, deadline=None)
@given(scripts("shift"))
def test_all_is_told_once_and_in_order_whatever_connections_do(steps: list[tuple[str, int]]) -> None:
    play(steps)


@settings(max_examples=500, deadline=None)
@given(scripts())
def test_a_network_that_drops_doubles_and_swaps_announcements_is_no_worse(steps: list[tuple[str, int]]) -> None:
    play(steps)
