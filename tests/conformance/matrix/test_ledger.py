"""The book finds every fault that it is there for."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.conformance.matrix.ledger import Ledger
from tests.conformance.matrix.payloads import BINARY, EMOJI, JSON, KINDS, TEXT, number_of, payload, payloads

VALUES = [payload(kind, number).value for number, kind in enumerate(KINDS)]
NAME = "a subscriber"


def ledger() -> Ledger:
    book = Ledger()
    for number, value in enumerate(VALUES):
        book.publish(number, value)
    book.subscribe(NAME)
    return book


def heard(*values: Any, typed: bool = True) -> list[str]:
    book = ledger()
    for value in values:
        number = book.hear(NAME, typed, value, None)
        assert number is None or number == int(number)
    return book.faults()


def test_all_is_well() -> None:
    assert heard(*VALUES) == []
    untyped = [json.dumps(value) if isinstance(value, dict) else value for value in VALUES]
    assert heard(*untyped, typed=False) == []
    assert heard(*untyped) != []


@pytest.mark.parametrize(
    ("order", "fault"),
    [
        ([0, 1, 3], "lost: 2"),
        ([], "lost: 0, 1, 2 and 1 more"),
        ([0, 1, 1, 2, 3], "doubled: 1"),
        ([0, 2, 1, 3], "out of order: 1"),
    ],
)
def test_losses_doubles_and_order(order: list[int], fault: str) -> None:
    assert heard(*[VALUES[number] for number in order]) == [f"{NAME}: {fault}"]


@pytest.mark.parametrize("wrong", [VALUES[3] + " ", {**VALUES[1], "more": 1}, VALUES[2].decode("latin-1"), b"7", "7 is unknown"], ids=ascii)
def test_content(wrong: Any) -> None:
    number = number_of(wrong)
    found = heard(*[wrong if place == number else value for place, value in enumerate(VALUES)], *[wrong] * (number > 3))
    assert len(found) == 1
    assert "not as it was published" in found[0]


@pytest.mark.parametrize("strange", ["", "no number", {}, [], None, b"\xff", 5], ids=ascii)
def test_what_has_no_number(strange: Any) -> None:
    assert heard(*VALUES, strange) == [f"{NAME}: strange: {strange!r}"]


def test_ids() -> None:
    book = ledger()
    book.subscribe("another")
    for name, ids in ((NAME, ("9:0", "9:1", "9:2", "10:0")), ("another", ("9:0", None, "9:3", "10:0"))):
        for value, place in zip(VALUES, ids, strict=True):
            book.hear(name, True, value, place)
    assert book.faults() == ["another: another id: 2 has 9:3, and 9:2 for others"]
    book = ledger()
    for value, place in zip(VALUES, ("9:0", "9:1", "9:1", "8:0"), strict=True):
        book.hear(NAME, True, value, place)
    assert book.faults() == ["ids do not rise with the numbers: 2, 3"]


def test_nothing() -> None:
    assert Ledger().faults() == ["nothing was tried"]


def test_payloads_are_of_all_kinds_in_turn() -> None:
    assert [each.kind for each in payloads(5, 5)] == [TEXT, JSON, BINARY, EMOJI, TEXT]
    assert [number_of(each.value) for each in payloads(5, 6, [BINARY])] == [5, 6, 7, 8, 9, 10]
    assert BINARY not in {each.kind for each in payloads(0, 9, [BINARY])}
    with pytest.raises(UnicodeDecodeError):
        VALUES[2].decode()
