"""`sethpusher.envelope`: the JSON of the kit, byte for byte (specification 4, 5, 12)."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hbpush.core.message import BEFORE_ALL, Message, MessageId
from hbpush.errors import ProtocolError
from sethpusher import envelope
from sethpusher.envelope import channel_ref, mail_ref, notices_ref


def message(body: bytes, content_type: bytes | None = b"application/json", ref: object = None) -> Message:
    return Message(ref or channel_ref("default", "news"), MessageId(1, 0), BEFORE_ALL, body, content_type)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("body", "text"),
    [
        (b'{"my": "data"}', '{"message":{"my":"data"},"sender_id":null}'),
        (b'{"a": 1.00, "sender_id": "zed"}', '{"message":{"a":1.00,"sender_id":"zed"},"sender_id":"zed"}'),
        (b'{"sender_id": {"x": [1]}}', '{"message":{"sender_id":{"x":[1]}},"sender_id":{"x":[1]}}'),
        (b'{"sender_id": 0}', '{"message":{"sender_id":0},"sender_id":0}'),
        (b'{"sender\\u005fid": 5}', '{"message":{"sender\\u005fid":5},"sender_id":5}'),
        (b'{"a": {"sender_id": 5}}', '{"message":{"a":{"sender_id":5}},"sender_id":null}'),
        (b'["sender_id"]', '{"message":["sender_id"],"sender_id":null}'),
        (b'{"q": "\\ud800", "sender_id": "z"}', '{"message":{"q":"\\ud800","sender_id":"z"},"sender_id":"z"}'),
        ('{"sender_id": "é"}'.encode(), '{"message":{"sender_id":"\\u00e9"},"sender_id":"\\u00e9"}'),
        (b"no json", '{"message":"no json","sender_id":null}'),
    ],
)
def test_messages_of_a_channel(body: bytes, text: str) -> None:
    assert envelope.channel_texts([message(body)]) == [text]


def test_only_json_has_a_sender() -> None:
    [text] = envelope.channel_texts([message(b'{"sender_id": 1}', b"text/plain")])
    assert json.loads(text) == {"message": '{"sender_id": 1}', "sender_id": None}


def test_mail() -> None:
    ref = mail_ref("default", 'al"ice\u00e9')
    assert envelope.mail_texts([message(b'{"my": 1, "sender_id": "bob"}', ref=ref)]) == [
        '{"message":{"my":1,"sender_id":"bob"},"target_id":"al\\"ice\\u00e9","sender_id":"bob"}'
    ]


def test_notices() -> None:
    texts = {kind: envelope.notice(kind, "X", "C")["message"] for kind in ("connect", "disconnect", "subscribe", "unsubscribe")}
    assert {kind: text["body"] for kind, text in texts.items()} == {
        "connect": "User: X connected.",
        "disconnect": "User: X disconnected.",
        "subscribe": "User: X subscribed to C",
        "unsubscribe": "User: X unsubscribed from C",
    }
    assert all(list(text) == ["body", "subscriber_id", "type"] and text["type"] == kind for kind, text in texts.items())
    assert envelope.notice("subscribe", None, "C")["message"]["body"] == "User: None subscribed to C"


def test_what_a_socket_is_told() -> None:
    assert envelope.error("subscribe", "no") == '{"error":{"type":"subscribe","message":"no"}}'
    assert envelope.error(["x"], "no") == '{"error":{"type":null,"message":"no"}}'
    assert envelope.acknowledgement("connected", subscriber_id="a") == '{"message":{"type":"connected","subscriber_id":"a"}}'


@pytest.mark.parametrize("body", [b"", b"nope", b"{", b"{} {}", b"NaN", b'{"a": NaN}', b"\xff", b"\xef\xbb\xbf{}", b"[" * 5000])
def test_no_json(body: bytes) -> None:
    with pytest.raises(ProtocolError, match=r"^Request body is not valid JSON\.$"):
        envelope.posted(body)


@pytest.mark.parametrize("body", [b"[1]", b'"s"', b"5", b"null", b"true"])
def test_no_object(body: bytes) -> None:
    with pytest.raises(ProtocolError, match=r"^Request body must be a JSON object\.$"):
        envelope.posted(body)


def test_the_body_is_what_was_posted_unless_it_was_changed() -> None:
    raw = b'{"a":  1.00, "a": 1}'
    posted = envelope.posted(raw)
    assert envelope.body_of(posted) is posted.raw
    posted["a"] = True
    assert envelope.body_of(posted) == b'{"a":true}'
    assert envelope.body_of({"b": "é"}) == b'{"b":"\\u00e9"}'


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=10,
)


@given(st.dictionaries(st.text() | st.just("sender_id"), JSON, max_size=4))
def test_whatever_is_posted_arrives(value: dict[str, object]) -> None:
    raw = json.dumps(value).encode()
    body = envelope.body_of(envelope.posted(raw))
    assert body == raw
    [text] = envelope.channel_texts([message(body)])
    assert text.isascii()
    assert json.loads(text) == {"message": value, "sender_id": value.get("sender_id")}


def test_spaces() -> None:
    assert notices_ref("s").space == mail_ref("s", "u").space == "seth"
    assert channel_ref("s", "@user:u") != mail_ref("s", "u")
