"""What a frame holds, and what is sent for a value (Socket.IO 0.6 specification 2)."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hbpush.errors import ProtocolError
from socketio_compat.v06 import codec
from socketio_compat.v06.codec import FRAME, HEARTBEAT, JSON, Heard, bodies, read
from tests.unit.socketio_compat.vectors import SIO06

WHOLE_TEXTS = st.text(st.characters(codec="utf-8"), max_size=20)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | WHOLE_TEXTS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(WHOLE_TEXTS, inner, max_size=3),
    max_leaves=8,
)


@pytest.mark.parametrize("vector", SIO06["interpretation"], ids=lambda vector: vector["frame"])
def test_observed_bodies(vector: dict[str, Any]) -> None:
    expected = {
        "heartbeat 12": Heard(HEARTBEAT, "12"),
        "JSON object": Heard(JSON, {"a": 1}),
        "JSON array (peer servers only; JS client stringifies arrays)": Heard(JSON, [1]),
        "text": Heard(FRAME, "plain"),
    }
    if vector["means"].startswith("bad JSON"):
        with pytest.raises(ProtocolError, match="a message is not JSON"):
            read(vector["frame"])
    else:
        assert read(vector["frame"]) == expected[vector["means"]]


@pytest.mark.parametrize(
    ("value", "sent"),
    [
        ("text", ["text"]),
        ("", [""]),
        (None, []),
        ([], []),
        (["a", ["b", None, {"c": 1}], 2], ["a", "b", '~j~{"c":1}', "~j~2"]),
        (5, ["~j~5"]),
        (False, ["~j~false"]),
        (Decimal("1.10"), ["~j~1.10"]),
        ({"price": Decimal("0.5")}, ['~j~{"price":0.5}']),
        ((1, 2), ["~j~[1,2]"]),
        ({}, ["~j~{}"]),
        ("привет".encode(), ["привет"]),
        (b"\xff", ["\ufffd"]),
        ({"a": "\u2028\ud83d"}, ['~j~{"a":"\\u2028\\ud83d"}']),
    ],
    ids=ascii,
)
def test_values(value: object, sent: list[str]) -> None:
    assert bodies(value) == sent


def test_values_that_nobody_can_send() -> None:
    endless: list[object] = []
    endless.append(endless)
    for value in (endless, {"a": float("nan")}):
        with pytest.raises(ValueError, match=r"nested|NaN"):
            bodies(value)
    with pytest.raises(TypeError):
        bodies(object())


def test_a_list_and_a_text_as_json() -> None:
    assert codec.json([1, "a"]) == '~j~[1,"a"]'
    assert codec.json("a") == '~j~"a"'


def test_heartbeats() -> None:
    assert codec.heartbeat(1) == "~h~1"
    assert read("~h~1") == Heard(HEARTBEAT, "1")
    assert read("~h~") == Heard(HEARTBEAT, "")


@pytest.mark.parametrize("body", ["~j~", "~j~{", "~j~NaN", "~j~undefined"])
def test_bad_json(body: str) -> None:
    with pytest.raises(ProtocolError):
        read(body)


def test_texts_stay_as_they_are() -> None:
    for text in ("", "~", "~m~", "~j", "x~j~1", "1", "\n"):
        assert read(text) == Heard(FRAME, text)


@given(VALUES)
def test_json_comes_back(value: object) -> None:
    assert read(codec.json(value)) == Heard(JSON, value)
