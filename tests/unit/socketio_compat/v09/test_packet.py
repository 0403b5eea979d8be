"""Packets: every observed one, what is refused, and round trips (Socket.IO 0.7 specification 3, 4, 5, 11)."""

from __future__ import annotations

from functools import partial
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hbpush.errors import ProtocolError
from socketio_compat.v09 import codec
from socketio_compat.v09.codec import Packet, UnknownPacketType, decode_packet
from tests.unit.socketio_compat.vectors import SIO07

NAMES = ["disconnect", "connect", "heartbeat", "message", "json", "event", "ack", "error", "noop"]
ENDPOINTS = st.just("") | st.text(st.characters(codec="utf-8", exclude_characters=":?"), max_size=10).map(lambda name: "/" + name)
IDS = st.none() | st.integers(0, 10**16 - 1)
TEXTS = st.text(st.characters(codec=None), max_size=20)
WHOLE_TEXTS = st.text(st.characters(codec="utf-8"), max_size=20)
JSON = st.recursive(st.none() | st.booleans() | st.integers() | WHOLE_TEXTS, lambda inner: st.lists(inner, max_size=4), max_leaves=8)


def described(packet: Packet) -> dict[str, Any]:
    """A packet in the words of the vectors."""
    words: dict[str, Any] = {"type": NAMES[packet.type], "endpoint": packet.endpoint}
    if packet.id is not None:
        words |= {"id": str(packet.id), "ack": "data" if packet.wants_data else True}
    if packet.type == codec.CONNECT:
        words["qs"] = packet.data or ""
    elif packet.type == codec.MESSAGE:
        words["data"] = packet.data or ""
    elif packet.type == codec.JSON:
        words["data"] = codec.json_of(packet)
    elif packet.type == codec.EVENT:
        words |= codec.event_of(packet)._asdict()
    elif packet.type == codec.ACK:
        acked, args = codec.ack_of(packet)
        words |= {"ackId": str(acked), "args": args}
    elif packet.type == codec.ERROR:
        words |= codec.error_of(packet)._asdict()
    return words


@pytest.mark.parametrize("vector", SIO07["packet_decode"], ids=lambda vector: ascii(vector["wire"]))
def test_observed_packets(vector: dict[str, Any]) -> None:
    packet = decode_packet(vector["wire"])
    if vector["wire"] == "0":
        # The JavaScript ignores it; the written protocol has it.
        assert packet == Packet(codec.DISCONNECT)
    else:
        assert described(packet) == vector["reference"]


@pytest.mark.parametrize("vector", SIO07["packet_encode"], ids=lambda vector: ascii(vector["wire"]))
def test_written_packets(vector: dict[str, Any]) -> None:
    words = dict(vector["packet"])
    kind = words.pop("type")
    endpoint = words.pop("endpoint", "")
    number = int(words.pop("id")) if "id" in words else None
    wants_data = words.pop("ack", None) == "data"
    match kind:
        case "message":
            wire = codec.message(words.pop("data"), endpoint, number, wants_data)
        case "json":
            wire = codec.json(words.pop("data"), endpoint, number, wants_data)
        case "event":
            wire = codec.event(words.pop("name"), words.pop("args", ()), endpoint, number)
        case "ack":
            wire = codec.ack(int(words.pop("ackId")), words.pop("args", None), endpoint)
        case "error":
            reason, advice = words.pop("reason", None), words.pop("advice", None)
            wire = codec.error(
                None if reason is None else codec.REASONS.index(reason), None if advice is None else codec.ADVICES.index(advice), endpoint
            )
        case "connect":
            wire = codec.connect(endpoint, words.pop("qs", ""))
        case "disconnect":
            wire = codec.disconnect(endpoint)
        case _:
            wire = {"heartbeat": codec.heartbeat, "noop": codec.noop}[kind]()
    assert not words
    if "\U0001f600" in vector["wire"]:
        assert wire == vector["wire"].replace("\U0001f600", "\\ud83d\\ude00")
    else:
        assert wire == vector["wire"]
    assert described(decode_packet(wire)) == described(decode_packet(vector["wire"]))


UNKNOWN = {"::", "9:::x", "99:::x", "-1:::x", "a:::x", " 3:::x", "\n3:::x"}
NOT_PACKETS = {"", "x", "3", "3:", "3:abc::x", "3:-1::x", "3:1++::x"}
WITHOUT_MEANING = {
    "5:::", "5:::notjson", "5:::[]", "5:::{}", "5:::null",
    '5:::{"name":5}', '5:::{"name":"e","args":"str"}', '5:::{"name":"e","args":{"a":1}}',
    "4:::", "4:::{bad", "4:::undefined", "6:::", "6:::zz", "6:::+[1]", "6:::1+notjson", '6:::1+{"a":1}',
}  # fmt: skip
TAKEN = {"7:::9+9", "3:::ok\0"}


@pytest.mark.parametrize("vector", SIO07["malformed_packet_decode"], ids=lambda vector: ascii(vector["wire"]))
def test_malformed_packets(vector: dict[str, Any]) -> None:
    wire = vector["wire"]
    if wire in UNKNOWN | NOT_PACKETS:
        with pytest.raises(ProtocolError) as caught:
            decode_packet(wire)
        assert isinstance(caught.value, UnknownPacketType) == (wire in UNKNOWN)
        # The originals find no packet either, or one that they cannot use.
        assert "type" not in vector["server_0_9"]
    elif wire in WITHOUT_MEANING:
        packet = decode_packet(wire)
        assert NAMES[packet.type] == vector["server_0_9"]["type"]
        with pytest.raises(ProtocolError):
            described(packet)
    else:
        assert wire in TAKEN
        assert described(decode_packet(wire)) == vector["server_0_9"]


def test_lists_above_are_those_of_the_vectors() -> None:
    assert {vector["wire"] for vector in SIO07["malformed_packet_decode"]} == UNKNOWN | NOT_PACKETS | WITHOUT_MEANING | TAKEN


@pytest.mark.parametrize(
    ("wire", "packet"),
    [
        ("3:+::x", Packet(codec.MESSAGE, None, True, "", "x")),
        ("3:007::x", Packet(codec.MESSAGE, 7, False, "", "x")),
        ("3:::", Packet(codec.MESSAGE, None, False, "", "")),
        ("3::", Packet(codec.MESSAGE, None, False, "", None)),
        ("8:::", Packet(codec.NOOP, None, False, "", "")),
        ("3::chat:x", Packet(codec.MESSAGE, None, False, "chat", "x")),
    ],
)
def test_read_literally(wire: str, packet: Packet) -> None:
    assert decode_packet(wire) == packet


@pytest.mark.parametrize(
    "wire", ["3:\u0661::x", "3:" + "9" * 17 + "::x", "3:" + "1" * 5000 + "+::x", "3: 1::x", "3:1 +::x", "0:", "1:x", "03:::x", "\u0663:::x"]
)
def test_ids_and_types_are_plain_digits(wire: str) -> None:
    with pytest.raises(ProtocolError):
        decode_packet(wire)


@pytest.mark.parametrize("wire", ["6:::1zz", "6:::1+[1]junk", "6:::1++", "6:::" + "9" * 17, "6:::-1", "6:::1+[" + "[" * 100_000])
def test_acknowledgements_with_rubbish(wire: str) -> None:
    with pytest.raises(ProtocolError):
        codec.ack_of(decode_packet(wire))


def test_acknowledgement_with_a_plus_for_nothing() -> None:
    assert codec.ack_of(decode_packet("6:::2+")) == (2, [])


@pytest.mark.parametrize(
    "wire", ['5:::{"name":"a"}junk', '5:::{"name":"a","args":null}', '5:::{"name":"a","args":' + "[" * 100_000, '5:::"name"', "5::"]
)
def test_events_with_rubbish(wire: str) -> None:
    with pytest.raises(ProtocolError):
        codec.event_of(decode_packet(wire))


def test_events_with_half_a_surrogate_pair() -> None:
    packet = decode_packet('5:::{"more":1,"name":"\\ud800","args":["\\udc00",1.5]}')
    assert codec.event_of(packet) == ("\ud800", ["\udc00", 1.5])


def test_targets_of_connects() -> None:
    for wire in ("1::/chat?a=1&b=2", "1::/chat:?a=1&b=2"):
        assert codec.connect_of(decode_packet(wire)) == ("/chat", "a=1&b=2")
    assert codec.connect_of(decode_packet("1::/chat")) == ("/chat", "")
    assert codec.connect_of(decode_packet("1::")) == ("", "")
    assert codec.connect_of(decode_packet("1::/chat?x=http://a")) == ("/chat", "x=http")


def test_words_of_errors() -> None:
    for wire in ("7:::3+1", "7:::\u0661+\u0660", "7:::+", "7:::-1"):
        assert codec.error_of(decode_packet(wire)) == ("", "")
    assert codec.error(codec.CLIENT_NOT_HANDSHAKEN, codec.RECONNECT) == "7:::1+0"
    assert codec.error("reason", "advice", "/x") == "7::/x:reason+advice"


def test_an_endpoint_has_no_colon() -> None:
    for write in (
        codec.connect,
        codec.disconnect,
        partial(codec.message, "x"),
        partial(codec.json, 1),
        partial(codec.event, "x", ()),
        partial(codec.ack, 1, None),
        partial(codec.error, 1, 0),
    ):
        with pytest.raises(ValueError, match="colon"):
            write("/a:b")


@given(TEXTS, ENDPOINTS, IDS, st.booleans())
def test_messages_come_back(text: str, endpoint: str, id: int | None, wants_data: bool) -> None:
    wants_data = wants_data and id is not None
    packet = decode_packet(codec.message(text, endpoint, id, wants_data))
    assert packet == Packet(codec.MESSAGE, id, wants_data, endpoint, text or None)


@given(WHOLE_TEXTS, st.lists(JSON, max_size=4), ENDPOINTS, IDS)
def test_events_and_acknowledgements_come_back(name: str, args: list[object], endpoint: str, id: int | None) -> None:
    packet = decode_packet(codec.event(name, args, endpoint, id))
    assert (packet.type, packet.endpoint, packet.id, packet.wants_data) == (codec.EVENT, endpoint, id, id is not None)
    assert codec.event_of(packet) == (name, args)
    packet = decode_packet(codec.ack(id or 0, args, endpoint))
    assert (packet.type, packet.endpoint, packet.id) == (codec.ACK, endpoint, None)
    assert codec.ack_of(packet) == (id or 0, args)
    packet = decode_packet(codec.json(args, endpoint, id))
    assert codec.json_of(packet) == args


@given(st.text(st.sampled_from('0123456789:+/?a{}"[],\n\ufffd\ud800'), max_size=20))
def test_any_text_is_a_packet_or_refused(text: str) -> None:
    try:
        packet = decode_packet(text)
        described(packet)
    except ProtocolError:
        return
    assert text.startswith(str(packet.type))
