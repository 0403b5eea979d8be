"""Subscribers that raise: each fault ends the one that has it, is logged once, and nobody else hears of it."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from hbpush.core import delivery
from hbpush.core.message import NEWEST, OLDEST, Draft, MessageId
from hbpush.core.subscription import CloseReason
from hbpush.errors import StoreUnavailable
from tests.conftest import ExpectedLogs
from tests.support.listener import Listener, poll
from tests.unit.core.conftest import LATE, NEWS, SPORT, House

FAULT = r"ERROR hbpush: a subscriber .*failed(?s:.*)ZeroDivisionError"


def boom() -> None:
    raise ZeroDivisionError


def broken(when: str, takes: int | None = None) -> Listener:
    listener = Listener(takes)
    for each in when.split():
        setattr(listener, f"on_{each}", boom)
    return listener


@pytest.mark.parametrize("budget", [1, 2, 3, 1000])
@pytest.mark.parametrize("takes", [1, None])
@pytest.mark.parametrize("when", ["deliver", "deliver closed"])
def test_delivery_goes_on(
    house: House, monkeypatch: pytest.MonkeyPatch, expected_logs: ExpectedLogs, budget: int, takes: int | None, when: str
) -> None:
    expected_logs(FAULT)
    monkeypatch.setattr(delivery, "SLICE", budget)
    crowd = [broken(when, takes) if n in (0, 2, 3, 6) else Listener(takes) for n in range(7)]
    elsewhere = Listener()
    for each in crowd:
        house.hub.subscribe(NEWS, each, NEWEST)
    house.hub.subscribe(SPORT, elsewhere, NEWEST)
    assert house.publish(b"a").takers == 7
    house.publish(b"s", SPORT)
    house.settle()
    for n, each in enumerate(crowd):
        assert each.told == ["joined", [b"a"], *([CloseReason.UNAVAILABLE] if n in (0, 2, 3, 6) else [])]
    assert elsewhere.bodies == [b"s"]
    assert house.hub.listening(NEWS) == (0 if takes else 3)
    house.publish(b"b")
    house.settle()
    assert [each.bodies for each in crowd] == [[b"a"] if takes or n in (0, 2, 3, 6) else [b"a", b"b"] for n in range(7)]
    assert len(expected_logs.texts()) == 1


@pytest.mark.parametrize("act", ["settle", "delete", "release", "subscribe", "gap"])
def test_whoever_has_it_delivered_at_once_is_innocent(house: House, expected_logs: ExpectedLogs, act: str) -> None:
    expected_logs(FAULT)
    bad, good = broken("deliver"), Listener()
    house.hub.subscribe(NEWS, bad, NEWEST)
    house.hub.subscribe(NEWS, good, NEWEST)
    house.publish(b"a")
    acts: dict[str, Callable[[], object]] = {
        "settle": lambda: house.hub.settle(NEWS),
        "delete": lambda: house.hub.delete(NEWS),
        "release": lambda: house.hub.release(CloseReason.SHUTDOWN),
        "subscribe": lambda: house.hub.subscribe(NEWS, poll(), NEWEST),
        "gap": lambda: house.hub.gap(NEWS),
    }
    acts[act]()
    house.settle()
    assert (bad.bodies, good.bodies) == ([b"a"], [b"a"])
    assert bad.told[-1] == CloseReason.UNAVAILABLE
    assert len(expected_logs.texts()) == 1


def test_a_gap_reaches_those_behind_one_that_raises(house: House, expected_logs: ExpectedLogs) -> None:
    expected_logs(FAULT)
    listeners = [broken("missed"), Listener(), broken("missed", 1), poll()]
    for each in listeners:
        house.hub.subscribe(NEWS, each, NEWEST)
    house.hub.gap(NEWS)
    assert [each.told[1:] for each in listeners] == [["missed", CloseReason.UNAVAILABLE], ["missed"]] * 2
    assert len(expected_logs.texts()) == 2


@pytest.mark.parametrize("act", ["delete", "release", "close"])
def test_closing_goes_on(house: House, expected_logs: ExpectedLogs, act: str) -> None:
    expected_logs(FAULT)
    bad, good = broken("closed"), Listener()
    house.hub.subscribe(NEWS, bad, NEWEST)
    house.hub.subscribe(NEWS, good, NEWEST)
    house.publish(b"a")
    if act == "delete":
        house.hub.delete(NEWS)
    elif act == "release":
        house.hub.release(CloseReason.SHUTDOWN)
    else:
        house.hub.close(NEWS, bad, CloseReason.SLOW)
        house.hub.close(NEWS, good, CloseReason.SLOW)
    assert (len(bad.told), len(good.told)) == ((2, 2) if act == "close" else (3, 3))
    assert isinstance(good.told[-1], CloseReason)
    assert house.hub.listening(NEWS) == 0
    assert len(expected_logs.texts()) == 1


@pytest.mark.parametrize("takes", [1, None])
@pytest.mark.parametrize("when", ["deliver", "joined", "missed", "closed"])
@pytest.mark.parametrize("late", [False, True])
def test_a_subscriber_that_raises_while_it_joins(
    house: House, expected_logs: ExpectedLogs, takes: int | None, when: str, late: bool
) -> None:
    expected_logs(FAULT)
    house.late.late = {"read_after"} if late else set()
    bad = broken(when, takes)
    if when == "deliver":
        house.keep(b"a", ref=LATE)
    elif when == "missed":
        house.keep(b"a", b"now", stored=False, ref=LATE)
    house.hub.subscribe(LATE, bad, MessageId(1, 0) if when == "missed" else OLDEST, must_exist=when == "closed")
    house.settle()
    assert bad.told[-1] == (CloseReason.ABSENT if when == "closed" else CloseReason.UNAVAILABLE)
    assert house.hub.listening(LATE) == 0
    assert list(house.late.watching) == []
    house.hub.publish(LATE, Draft(b"b"))
    house.settle()
    assert len(expected_logs.texts()) == 1


@pytest.mark.parametrize("takes", [1, None])
@pytest.mark.parametrize("watched", [False, True])
def test_one_that_raises_because_the_store_is_away(house: House, expected_logs: ExpectedLogs, takes: int | None, watched: bool) -> None:
    expected_logs(FAULT)
    house.late.late = set()
    if watched:
        house.hub.subscribe(LATE, Listener(), NEWEST)
    house.late.refusal = StoreUnavailable("away")
    bad = broken("closed", takes)
    house.hub.subscribe(LATE, bad, NEWEST)
    assert bad.told == [CloseReason.UNAVAILABLE]
    assert house.hub.listening(LATE) == watched
    assert len(expected_logs.texts()) == 1


@pytest.mark.parametrize("takes", [1, None])
def test_a_store_that_is_gone_is_one_that_is_away(house: House, takes: int | None) -> None:
    gone = NEWS._replace(store="gone")
    asked: list[Callable[[], object]] = [
        lambda: house.hub.publish(gone, Draft(b"a")),
        lambda: house.hub.create(gone, False),
        lambda: house.hub.info(gone),
        lambda: house.hub.delete(gone),
        lambda: house.hub.read(gone, OLDEST, 1),
    ]
    for ask in asked:
        with pytest.raises(StoreUnavailable, match="not there any more"):
            ask()
    house.hub.touch(gone)
    listener = Listener(takes)
    house.hub.subscribe(gone, listener, OLDEST)
    assert listener.told == [CloseReason.UNAVAILABLE]
    assert house.hub.listening(gone) == 0
