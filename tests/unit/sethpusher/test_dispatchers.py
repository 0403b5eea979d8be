"""`sethpusher.dispatchers`: what is wrong with a message, in the words of the original, and who is asked (specification 3, 4)."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from typing import Any

import pytest

from sethpusher.dispatchers import DefaultMessageDispatcher
from sethpusher.rules import Rules


class Application:
    def __init__(self, **options: Any) -> None:
        self.rules = Rules(**options)


class Handler:
    """Remembers what it was asked for."""

    def __init__(self, verdict: Any = None, **options: Any) -> None:
        self.asked: list[Any] = []
        self.application = Application(**options)
        self.verdict = verdict

    def handle_connect(self, source_msg: Any, subscriber_id: str) -> Any:
        self.asked.append(("connect", source_msg, subscriber_id))
        return self.verdict

    def handle_subscribe(self, source_msg: Any) -> None:
        self.asked.append(("subscribe", source_msg))

    def handle_unsubscribe(self, source_msg: Any) -> None:
        self.asked.append(("unsubscribe", source_msg))

    def refused(self, kind: object, error: str) -> None:
        self.asked.append(("refused", kind, error))


def dispatcher(handler: Handler | None = None) -> DefaultMessageDispatcher:
    made = DefaultMessageDispatcher()
    if handler is not None:
        made.register_handler(handler)
    return made


@pytest.mark.parametrize(
    ("message", "error"),
    [
        ([], "Message must be a python dictionary."),
        ("x", "Message must be a python dictionary."),
        ({}, "Message must have type."),
        ({"type": ""}, "Message must have type."),
        ({"type": 0}, "Message must have type."),
        ({"type": "x"}, "Wrong type: x."),
        ({"type": "disconnect"}, "Wrong type: disconnect."),
        ({"type": ["connect"]}, "Wrong type: ['connect']."),
        ({"type": {"a": 1}}, "Wrong type: {'a': 1}."),
        ({"type": "connect"}, "Must provide subscriber_id for connect message."),
        ({"type": "connect", "subscriber_id": None}, "Must provide subscriber_id for connect message."),
        ({"type": "subscribe"}, "Must provide channel for sub/unsub message."),
        ({"type": "unsubscribe", "channel": None}, "Must provide channel for sub/unsub message."),
        ({"type": "connect", "subscriber_id": ["a"]}, "subscriber_id must be a text that is not empty."),
        ({"type": "connect", "subscriber_id": True}, "subscriber_id must be a text that is not empty."),
        ({"type": "connect", "subscriber_id": ""}, "subscriber_id must be a text that is not empty."),
        ({"type": "connect", "subscriber_id": "x" * 257}, "subscriber_id has at most 256 characters."),
        ({"type": "connect", "subscriber_id": "a\u0007"}, "subscriber_id has no control characters."),
        ({"type": "connect", "subscriber_id": "\ud800"}, "subscriber_id must be Unicode text."),
        ({"type": "subscribe", "channel": 5}, "channel must be a text that is not empty."),
        ({"type": "subscribe", "channel": {}}, "channel must be a text that is not empty."),
        ({"type": "subscribe", "channel": "x" * 201}, "channel has at most 200 characters."),
        ({"type": "subscribe", "channel": "a\nb"}, "channel has no control characters."),
        ({"type": "subscribe", "channel": "all"}, "Channel all is reserved."),
        ({"type": "unsubscribe", "channel": "all"}, "Channel all is reserved."),
    ],
)
def test_what_is_wrong(message: Any, error: str) -> None:
    handler = Handler()
    made = dispatcher(handler)
    assert made.validate_message(message) == (False, error)
    assert made.dispatch(message) is None
    kind = message.get("type") if isinstance(message, dict) else None
    assert handler.asked == [("refused", kind, error)]


def test_what_is_asked_for() -> None:
    handler = Handler()
    made = dispatcher(handler)
    connect = {"type": "connect", "subscriber_id": "bob", "extra": 1}
    assert made.validate_message(connect) == (True, None)
    assert (made.is_connected, made.channels) == (False, [])
    made.dispatch(connect)
    assert (made.is_connected, made.subscriber_id) == (True, "bob")
    made.dispatch({"type": "connect", "subscriber_id": "other"})
    assert made.subscriber_id == "bob"
    made.dispatch({"type": "subscribe", "channel": "news"})
    assert made.channels == ["news"]
    made.channels.append("elsewhere")
    assert made.channels == ["news"]
    made.dispatch({"type": "unsubscribe", "channel": "news"})
    assert made.channels == []
    assert handler.asked == [
        ("connect", connect, "bob"),
        ("refused", "connect", "Already connected."),
        ("subscribe", {"type": "subscribe", "channel": "news"}),
        ("unsubscribe", {"type": "unsubscribe", "channel": "news"}),
    ]


def test_a_number_is_an_id_by_its_text() -> None:
    handler = Handler()
    made = dispatcher(handler)
    made.dispatch({"type": "connect", "subscriber_id": 7})
    assert made.subscriber_id == "7"


def test_who_may_not_connect_is_not_connected() -> None:
    made = dispatcher(Handler(False))
    made.dispatch({"type": "connect", "subscriber_id": "bob"})
    assert not made.is_connected


@pytest.mark.parametrize("verdict", [True, False])
def test_a_handler_that_takes_its_time(verdict: bool) -> None:
    async def later() -> bool:
        return verdict

    class Slow(Handler):
        def handle_connect(self, source_msg: Any, subscriber_id: str) -> Awaitable[bool]:
            return later()

    made = dispatcher(Slow())

    async def scenario() -> None:
        waiting = made.dispatch({"type": "connect", "subscriber_id": "bob"})
        assert waiting is not None
        assert not made.is_connected
        await waiting

    asyncio.run(scenario())
    assert made.is_connected is verdict


def test_without_a_handler() -> None:
    made = dispatcher()
    for message in (
        {"type": "connect", "subscriber_id": "a"},
        {"type": "subscribe", "channel": "a"},
        {"type": "unsubscribe", "channel": "a"},
    ):
        with pytest.raises(AttributeError, match=r"^No handler registered\.$"):
            made.dispatch(message)


def test_rules() -> None:
    handler = Handler(require_connect=True, max_channels=2)
    made = dispatcher(handler)
    assert made.validate_message({"type": "subscribe", "channel": "a"}) == (False, "Must connect first.")
    made.dispatch({"type": "connect", "subscriber_id": "bob"})
    for channel in ("a", "b"):
        made.dispatch({"type": "subscribe", "channel": channel})
    assert made.validate_message({"type": "subscribe", "channel": "b"}) == (True, None)
    assert made.validate_message({"type": "subscribe", "channel": "c"}) == (False, "A socket may be in 2 channels.")


def test_types_of_a_subclass() -> None:
    class Mine(DefaultMessageDispatcher):
        def __init__(self) -> None:
            super().__init__()
            self.messages["ping"] = self.handle_ping
            self.pings: list[Any] = []

        def handle_ping(self, msg: Any) -> None:
            self.pings.append(msg)

    mine = Mine()
    mine.dispatch({"type": "ping", "n": 1})
    assert mine.pings == [{"type": "ping", "n": 1}]


def test_names_of_types() -> None:
    made = DefaultMessageDispatcher
    assert (made.CONNECT, made.DISCONNECT, made.SUBSCRIBE, made.UNSUBSCRIBE) == ("connect", "disconnect", "subscribe", "unsubscribe")
