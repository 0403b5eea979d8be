"""The functions of TornadIO2's proto, byte by byte (TornadIO API, B6)."""

from __future__ import annotations

from typing import Any

import pytest

from hbpush.errors import ProtocolError
from socketio_compat.tornadio2 import proto
from tests.conftest import ExpectedLogs
from tests.unit.socketio_compat.vectors import SIO07

CALLS = {
    "ack": lambda: proto.ack(None, 1),
    "ack_data": lambda: proto.ack("/x", 1, "r"),
    "ack_false": lambda: proto.ack(None, 1, False),
    "ack_list": lambda: proto.ack(None, 1, ["a", "b"]),
    "ack_tuple": lambda: proto.ack(None, 1, ("a", "b")),
    "conn": lambda: proto.connect("/x"),
    "disc": lambda: proto.disconnect("/x"),
    "error": lambda: proto.error(None, 1),
    "error2": lambda: proto.error("/x", "reason", "advice"),
    "event_args": lambda: proto.event("/x", "e", 3, "a", 2),
    "event_both": lambda: proto.event(None, "e", None, 1, a=1),
    "event_kw": lambda: proto.event(None, "e", None, a=1),
    "event_none": lambda: proto.event(None, "e", None),
    "message_bool": lambda: proto.message(None, True),
    "message_dict": lambda: proto.message(None, {"a": 1}),
    "message_ep": lambda: proto.message("/x", "def"),
    "message_force": lambda: proto.message(None, '{"a":1}', force_json=True),
    "message_id": lambda: proto.message(None, "abc", 5),
    "message_int": lambda: proto.message(None, 5),
    "message_list": lambda: proto.message(None, [1, "x"]),
    "message_none": lambda: proto.message(None, None),
    "message_str": lambda: proto.message(None, "abc"),
    "noop": proto.noop,
}
PUT_RIGHT = {"error": "7:::1", "event_args": '5:3+:/x:{"args": ["a", 2], "name": "e"}'}
"""Where the original's wire is not to be had (its defects 2 and the dangling plus)."""


@pytest.mark.parametrize("vector", SIO07["python_api_wire"], ids=lambda vector: vector["call"])
def test_observed_calls(vector: dict[str, Any], expected_logs: ExpectedLogs) -> None:
    if vector["call"] == "event_both":
        expected_logs("event 'e' has positional and keyword arguments")
    assert CALLS[vector["call"]]() == PUT_RIGHT.get(vector["call"], vector["wire"])


def test_constants() -> None:
    constants = (
        proto.DISCONNECT,
        proto.CONNECT,
        proto.HEARTBEAT,
        proto.MESSAGE,
        proto.JSON,
        proto.EVENT,
        proto.ACK,
        proto.ERROR,
        proto.NOOP,
    )
    assert constants == tuple(str(number) for number in range(9))
    assert proto.FRAME_SEPARATOR == "\ufffd"
    assert (proto.heartbeat(), proto.connect(), proto.disconnect()) == ("2::", "1::", "0::")


def test_bytes_are_text_in_utf8() -> None:
    assert proto.message(None, "\u0434".encode()) == "3:::\u0434"


def test_json() -> None:
    assert proto.json_dumps({"a": [1, "\u0434", None]}) == '{"a": [1, "\\u0434", null]}'
    assert proto.json_load('{"a": [1]}') == {"a": [1]}
    with pytest.raises(ProtocolError):
        proto.json_load("{bad")


def test_frames() -> None:
    assert proto.encode_frames([]) == b""
    assert proto.encode_frames(["3:::a"]) == b"3:::a"
    wire = proto.encode_frames(["3:::\U0001f600", "2::"])
    assert wire == "\ufffd6\ufffd3:::\U0001f600\ufffd3\ufffd2::".encode()
    assert proto.decode_frames(wire.decode()) == proto.decode_frames(wire) == ["3:::\U0001f600", "2::"]
    assert proto.decode_frames("") == []
    with pytest.raises(ProtocolError, match="bad length"):
        proto.decode_frames("\ufffdabc\ufffd3:::x")
