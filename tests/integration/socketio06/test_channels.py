"""Channels of the hub for clients of Socket.IO 0.6, as hbpushd's location gives them (DESIGN section 7)."""

from __future__ import annotations

import asyncio
import base64
from typing import Any

import pytest

from hbpush.core.message import ChannelRef, Draft
from hbpush.core.subscription import CloseReason
from hbpush.stores.base import StoreContext
from socketio_compat.v06 import codec
from tests.support.hosts import Answer
from tests.support.late_store import LateStore
from tests.support.socketio06 import Site, Socket, streamed


def news(id: str, value: object, **more: object) -> dict[str, object]:
    """A message of the channel."""
    return {"type": "message", "channel": "news", "id": id, "data": value, **more}


def values(answer: Answer) -> list[Any]:
    """The JSON values in an answer."""
    return [codec.read(body).value for body in streamed(answer)]


async def late_site(site: Site, **options: Any) -> LateStore:
    stores: list[LateStore] = []

    def make(context: StoreContext) -> LateStore:
        stores.append(LateStore(context, asyncio.get_running_loop()))
        return stores[0]

    await site.serve(make, **options)
    return stores[0]


async def test_subscribe(site: Site) -> None:
    await site.serve()
    socket = await site.websocket()
    before = site.publish("news", b"before")
    assert await socket.asked(type="subscribe", channel="news") == {
        "type": "subscribed", "channel": "news", "id": before, "missed": False,
    }  # fmt: skip
    first = site.publish("news", b"hello \xf0\x9f\x98\x80")
    assert await socket.next() == news(first, "hello \U0001f600")
    second = site.publish("news", b'{"a": [1.0]}', b"application/json")
    assert await socket.next() == news(second, {"a": [1.0]})
    third = site.publish("news", b"\xff", b"application/octet-stream")
    assert await socket.next() == news(third, base64.b64encode(b"\xff").decode(), encoding="base64")
    assert await socket.asked(type="unsubscribe", channel="news") == {"type": "unsubscribed", "channel": "news"}
    assert await socket.asked(type="unsubscribe", channel="news") == {"type": "unsubscribed", "channel": "news"}
    assert site.hub.listening(ChannelRef("default", "", "news")) == 0
    site.publish("news", b"unheard")
    assert (await socket.asked(type="subscribe", channel="fresh"))["id"].endswith(":-1")


async def test_messages_of_one_turn_are_one_frame(site: Site) -> None:
    await site.serve()
    socket = await site.websocket()
    await socket.asked(type="subscribe", channel="news")
    ids = [site.publish("news", b"%d" % number) for number in range(3)]
    assert [codec.read(body).value["id"] for body in await socket.heard()] == ids


async def test_going_on(site: Site) -> None:
    await site.serve()
    ids = [site.publish("news", b"%d" % number) for number in range(4)]
    socket = await site.websocket()
    socket.ask(type="subscribe", channel="news", since=ids[1])
    answer, *messages = await bodies_of(socket, 3)
    assert answer == {"type": "subscribed", "channel": "news", "id": ids[1], "missed": False}
    assert messages == [news(ids[2], "2"), news(ids[3], "3")]
    # Again with what comes next: nothing is doubled, nothing lost.
    assert (await socket.asked(type="subscribe", channel="news", since=None))["id"] == ids[3]
    assert await socket.next_after(site.publish("news", b"4")) == "4"
    # Again from before: what was had comes once more.
    socket.ask(type="subscribe", channel="news", since=ids[2].replace(":", "-"))
    answer, *messages = await bodies_of(socket, 3)
    assert (answer["id"], [message["data"] for message in messages]) == (ids[2], ["3", "4"])
    # From before the store began: something is missing, and that is told once.
    socket.ask(type="subscribe", channel="news", since="1:0")
    answer, *messages = await bodies_of(socket, 6)
    assert (answer["missed"], [message["data"] for message in messages]) == (True, ["0", "1", "2", "3", "4"])


@pytest.mark.parametrize(
    "request_",
    [
        {"type": "subscribe"},
        {"type": "subscribe", "channel": 1},
        {"type": "subscribe", "channel": ""},
        {"type": "subscribe", "channel": "secret"},
        {"type": "subscribe", "channel": "pub/" + "x" * 1100},
        {"type": "subscribe", "channel": "pub/\ud800"},
        {"type": "subscribe", "channel": "pub/a", "since": "yesterday"},
        {"type": "subscribe", "channel": "pub/a", "since": 5},
        {"type": "unsubscribe"},
        {"type": "unsubscribe", "channel": "secret"},
        {"type": "publish", "channel": "pub/a", "data": "x"},
        {"type": "nonsense", "channel": "pub/a"},
        {"type": None},
        {"type": ["subscribe"], "channel": {"a": 1}},
    ],
    ids=ascii,
)
async def test_refusals(site: Site, request_: dict[str, Any]) -> None:
    await site.serve(channels=["pub/"])
    socket = await site.websocket()
    answer = await socket.asked(**request_)
    kind, channel = request_["type"], request_.get("channel")
    assert (answer["type"], list(answer)) == ("error", ["type", "request", "channel", "error"])
    assert answer["request"] == (kind if isinstance(kind, str) else None)
    assert answer["channel"] == (channel if isinstance(channel, str) and len(channel) < 1024 else None)
    assert answer["error"]
    assert len(site.server.registry) == 1


async def test_too_many_subscriptions(site: Site) -> None:
    await site.serve(max_subscriptions=2)
    socket = await site.websocket()
    for name in ("a", "b", "a"):
        assert (await socket.asked(type="subscribe", channel=name))["type"] == "subscribed"
    answer = await socket.asked(type="subscribe", channel="c")
    assert answer["error"] == "a session has at most 2 subscriptions"


async def test_what_is_for_no_channel(site: Site) -> None:
    await site.serve()
    socket = await site.websocket()
    socket.say("text", "", "~j~[1]", "~j~5", "~j~{}", '~j~{"channel":"news"}', "~j~{", "~h~9")
    assert (await socket.asked(type="subscribe", channel="news"))["type"] == "subscribed"


async def test_publish(site: Site) -> None:
    await site.serve(publish=True)
    socket = await site.websocket()
    await socket.asked(type="subscribe", channel="news")
    other = await site.websocket()
    sent = await other.asked(type="publish", channel="news", data={"a": 1})
    assert (sent["type"], sent["channel"]) == ("published", "news")
    assert await socket.next() == news(sent["id"], {"a": 1})
    for value, heard in (("text \U0001f600", "text \U0001f600"), ("half \ud83d", "half \ufffd"), (None, None), ([], [])):
        sent = await other.asked(type="publish", channel="news", data=value)
        assert await socket.next() == news(sent["id"], heard)
    assert (await other.asked(type="publish", channel="news"))["error"] == "publish takes a channel and data"


async def test_a_name_that_is_not_utf8_comes_back(site: Site) -> None:
    await site.serve()
    socket = await site.websocket()
    name = b"a\xff".decode("utf-8", "surrogateescape")
    assert (await socket.asked(type="subscribe", channel=name))["channel"] == name
    site.publish(name, b"x")
    assert (await socket.next())["channel"] == name


async def test_deleted_channel(site: Site) -> None:
    await site.serve()
    socket = await site.websocket()
    await socket.asked(type="subscribe", channel="news")
    await socket.next_after(site.publish("news", b"last"))
    site.hub.delete(ChannelRef("default", "", "news"))
    assert await socket.next() == {"type": "deleted", "channel": "news"}
    # The subscription stays: whoever makes the channel again finds its clients there.
    assert await socket.next_after(site.publish("news", b"again")) == "again"


async def test_store_that_goes(site: Site) -> None:
    await site.serve()
    socket = await site.websocket()
    await socket.asked(type="subscribe", channel="news")
    ref = ChannelRef("default", "", "news")
    site.hub.gap(ref)
    assert await socket.next() == {"type": "gap", "channel": "news"}
    [feed] = site.hub.subscribers(ref)
    site.hub.close(ref, feed, CloseReason.UNAVAILABLE)
    assert await socket.next() == {"type": "unavailable", "channel": "news"}
    await socket.asked(type="subscribe", channel="news")
    assert await socket.next_after(site.publish("news", b"back")) == "back"


async def test_every_transport_gets_the_same(site: Site) -> None:
    await site.serve()
    subscribe = '~j~{"type":"subscribe","channel":"news"}'
    polled, scripted = await site.connect(), await site.connect()
    parts, page = await site.open_stream("xhr-multipart"), await site.open_stream("htmlfile")
    await parts.chunk()
    await parts.chunk()
    await page.chunk()
    await page.chunk()
    ids = [session.id for session in site.server.registry.sessions()]
    assert ids[:2] == [polled, scripted]
    socket = await site.websocket()
    await socket.asked(type="subscribe", channel="news")
    for sid in ids:
        assert (await site.post(sid, subscribe)).body == b"ok"
    for stream in (parts, page):
        assert b"subscribed" in await stream.chunk()
    assert values(await site.poll(polled))[0]["type"] == "subscribed"
    assert b"subscribed" in (await site.poll(scripted, "jsonp-polling")).body
    poll, script = await site.hold(polled), await site.hold(scripted, "jsonp-polling", index=4)
    one, two = site.publish("news", b"one"), site.publish("news", b"two </script>")
    bodies = [
        f'~j~{{"type":"message","channel":"news","id":"{one}","data":"one"}}',
        f'~j~{{"type":"message","channel":"news","id":"{two}","data":"two </script>"}}',
    ]
    wire = codec.encode_stream(bodies)
    assert await socket.heard() == bodies
    answer = await poll.answer()
    assert (answer.body, answer.headers[b"content-type"]) == (wire, b"text/plain; charset=UTF-8")
    assert (await script.answer()).body == codec.jsonp_body("4", wire)
    assert await parts.chunk() == codec.part(wire)
    assert await page.chunk() == codec.htmlfile_chunk(wire)


async def test_bytes_are_made_once_for_all(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    await site.serve()
    sockets = [await site.websocket() for _ in range(5)]
    for socket in sockets:
        await socket.asked(type="subscribe", channel="news")
    sids = [await site.connect() for _ in range(5)]
    for sid in sids:
        await site.post(sid, '~j~{"type":"subscribe","channel":"news"}')
        await site.poll(sid)
    polls = [await site.hold(sid) for sid in sids]
    made: list[int] = []
    whole = codec.hub_bodies

    def count(messages: Any) -> list[str]:
        made.append(len(messages))
        return whole(messages)

    monkeypatch.setattr("socketio_compat.v06.shapes.hub_bodies", count)
    published = site.publish("news", b"x")
    for socket in sockets:
        assert await socket.next() == news(published, "x")
    for poll in polls:
        assert values(await poll.answer()) == [news(published, "x")]
    assert made == [1, 1]


async def test_nothing_is_lost_between_polls(site: Site) -> None:
    await site.serve()
    sid = await site.connect()
    await site.post(sid, '~j~{"type":"subscribe","channel":"news"}')
    await site.poll(sid)
    held = await site.hold(sid)
    site.publish("news", b"0")
    heard = [value["data"] for value in values(await held.answer())]
    for number in range(1, 10):
        site.publish("news", b"%d" % number)
        if number % 3 == 0:
            heard += [value["data"] for value in values(await site.poll(sid))]
    assert heard == [str(number) for number in range(10)]


async def test_history_at_the_pace_of_the_client(site: Site) -> None:
    await site.serve(outbox_bytes=4096)
    for number in range(200):
        site.publish("news", b"%d" % number + b"x" * 100)
    sid = await site.connect()
    await site.post(sid, '~j~{"type":"subscribe","channel":"news","since":"1:0"}')
    heard: list[Any] = []
    for _ in range(200):
        answer = await site.poll(sid)
        assert len(answer.body) < 40_000
        heard += [value["data"].rstrip("x") for value in values(answer) if value["type"] == "message"]
        if len(heard) == 200:
            break
    assert heard == [str(number) for number in range(200)]


async def test_heartbeats_wait_while_messages_come(site: Site) -> None:
    await site.serve()
    socket = await site.websocket()
    await socket.asked(type="subscribe", channel="news")
    for _ in range(4):
        site.clock.advance(10)
        await socket.next_after(site.publish("news", b"x"))
    site.clock.advance(11)
    await socket.next_after(site.publish("news", b"y"))
    site.clock.advance(13)
    assert await socket.heard() == ["~h~1"]


async def test_release(site: Site) -> None:
    await site.serve()
    socket = await site.websocket()
    await socket.asked(type="subscribe", channel="news")
    sid = await site.connect()
    held = await site.hold(sid)
    site.hub.release(CloseReason.SHUTDOWN)
    site.location.release()
    assert await socket.read_close() == 1001
    assert (await held.answer()).body == b""
    site.location.stop()
    assert site.hub.listening(ChannelRef("default", "", "news")) == 0


async def test_subscriptions_end_with_their_session(site: Site) -> None:
    await site.serve()
    ref = ChannelRef("default", "", "news")
    sid = await site.connect()
    await site.post(sid, '~j~{"type":"subscribe","channel":"news"}')
    socket = await site.websocket()
    await socket.asked(type="subscribe", channel="news")
    assert site.hub.listening(ref) == 2
    socket.writer.transport.abort()
    await site.until(lambda: site.hub.listening(ref) == 1)
    site.clock.advance(32)
    assert site.hub.listening(ref) == 0


async def test_store_whose_answers_come_later(site: Site) -> None:
    store = await late_site(site, publish=True)
    kept = [store.inner.publish(ChannelRef("default", "", "news"), Draft(b"%d" % number, b"text/plain")).last for number in range(3)]
    socket = await site.websocket()
    socket.ask(type="subscribe", channel="news", since=str(kept[0]))
    for _ in range(8):
        await site.until(store.waiting)
        store.answer()
        if site.hub.subscribers(ChannelRef("default", "", "news")) and not store.waiting():
            break
    heard = await bodies_of(socket, 3)
    assert [value["type"] for value in heard] == ["subscribed", "message", "message"]
    assert [value["data"] for value in heard[1:]] == ["1", "2"]
    socket.ask(type="publish", channel="news", data="late")
    await site.until(store.waiting)
    store.answer()
    assert sorted(value["type"] for value in await bodies_of(socket, 2)) == ["message", "published"]
    # One that leaves before the store answers is not subscribed any more.
    socket.ask(type="subscribe", channel="other")
    await site.until(store.waiting)
    socket.writer.transport.abort()
    await site.until(lambda: len(site.server.registry) == 0)
    store.answer()
    assert site.hub.listening(ChannelRef("default", "", "other")) == 0


async def test_what_the_store_is_asked_about_is_given_up_and_counts(site: Site) -> None:
    store = await late_site(site, max_subscriptions=1)
    socket = await site.websocket()
    socket.ask(type="subscribe", channel="news")
    refused = {"type": "error", "request": "subscribe", "error": "a session has at most 1 subscriptions", "channel": "more"}
    assert await socket.asked(type="subscribe", channel="more") == refused
    assert await socket.asked(type="unsubscribe", channel="news") == {"type": "unsubscribed", "channel": "news"}
    store.answer()
    assert (await socket.next())["error"] == "it was unsubscribed meanwhile"
    assert site.hub.listening(ChannelRef("default", "", "news")) == 0


async def bodies_of(socket: Socket, number: int) -> list[Any]:
    """The next JSON values, in however many messages they come."""
    heard: list[Any] = []
    while len(heard) < number:
        heard += [codec.read(body).value for body in await socket.heard()]
    return heard
