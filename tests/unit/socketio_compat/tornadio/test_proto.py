"""The functions of TornadIO's proto on what was observed (TornadIO API, A5; Socket.IO 0.6 specification 2)."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

import pytest

from socketio_compat.tornadio import proto
from tests.unit.socketio_compat.vectors import SIO06

TEXTS = [vector for vector in SIO06["encode"] if all(isinstance(message, str) for message in vector["messages"])]
"""Of anything else the reference makes what JavaScript does."""


@pytest.mark.parametrize("vector", TEXTS, ids=lambda vector: ascii(vector["wire"])[:60])
def test_encode(vector: dict[str, Any]) -> None:
    assert proto.encode(vector["messages"]) == vector["wire"]


@pytest.mark.parametrize("vector", SIO06["decode"], ids=lambda vector: ascii(vector["wire"])[:60])
def test_decode(vector: dict[str, Any]) -> None:
    expected = vector["expected"]
    bodies = expected["partial"] if isinstance(expected, dict) else expected
    assert proto.decode(vector["wire"]) == [meant(body) for body in bodies if body != "~j~{"]


def meant(body: str) -> tuple[str, Any]:
    if body.startswith("~j~"):
        return "~m~", json.loads(body[3:])
    return ("~h~", body[3:]) if body.startswith("~h~") else ("~m~", body)


def test_values() -> None:
    assert proto.encode("я😀") == "~m~3~m~я😀"
    assert proto.encode(["a", None, [1, Decimal("1.50")]]) == "~m~1~m~a~m~4~m~~j~1~m~7~m~~j~1.50"
    assert proto.encode(None) == ""
    assert proto.encode(b"\xd0\xbf") == "~m~1~m~п"
    with pytest.raises(TypeError):
        proto.encode(object())


def test_kinds() -> None:
    wire = '~m~1~m~a~m~5~m~~h~12~m~10~m~~j~{"a":1}~m~5~m~~j~{x~m~1~m~b!'
    assert proto.decode(wire.encode()) == [("~m~", "a"), ("~h~", "12"), ("~m~", {"a": 1}), ("~m~", "b")]
    assert (proto.FRAME, proto.HEARTBEAT, proto.JSON) == ("~m~", "~h~", "~j~")
