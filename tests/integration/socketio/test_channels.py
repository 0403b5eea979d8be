"""Channels of the hub for clients of Socket.IO 0.7-0.9, as hbpushd's location gives them (DESIGN section 7)."""

from __future__ import annotations

import asyncio
import json
from typing import Any

from hbpush.core.message import ChannelRef, Draft
from hbpush.core.subscription import CloseReason
from hbpush.stores.base import StoreContext
from tests.support.late_store import LateStore
from tests.support.socketio import Site, Socket


async def asked(socket: Socket, name: str, *args: object, id: int = 1) -> object:
    """Emit an event with an acknowledgement, which has to come next; returns its only value."""
    socket.say(f"5:{id}+::" + json.dumps({"name": name, "args": args}))
    packet = await socket.packet()
    assert packet.startswith(f"6:::{id}+"), packet
    [value] = json.loads(packet.partition("+")[2])
    return value


async def late_site(site: Site, **options: Any) -> LateStore:
    stores: list[LateStore] = []

    def make(context: StoreContext) -> LateStore:
        stores.append(LateStore(context, asyncio.get_running_loop()))
        return stores[0]

    await site.serve(make, **options)
    return stores[0]


async def test_endpoint(site: Site) -> None:
    await site.serve()
    socket = await site.opened()
    socket.say("1::/news")
    assert await socket.packet() == "1::/news"
    first = site.publish("news", b"hello")
    assert await socket.event() == ("/news", "message", ["hello", {"id": first, "channel": "news"}])
    second = site.publish("news", b'{"a": [1]}', b"application/json")
    third = site.publish("news", b"\xff", b"application/octet-stream")
    assert await socket.event() == ("/news", "message", [{"a": [1]}, {"id": second, "channel": "news"}])
    assert await socket.event() == ("/news", "message", ["/w==", {"id": third, "channel": "news", "encoding": "base64"}])
    socket.say("0::/news", '5:2+::{"name":"unsubscribe","args":["news"]}')
    assert await socket.packet() == '6:::2+[{"channel":"news"}]'
    assert site.hub.listening(ChannelRef("default", "", "news")) == 0


async def test_endpoint_resumes(site: Site) -> None:
    await site.serve()
    ids = [site.publish("news", b"%d" % number) for number in range(4)]
    socket = await site.opened()
    socket.say(f"1::/news?since={ids[1].replace(':', '-')}")
    assert await socket.packet() == "1::/news"
    assert [(await socket.event())[2][0] for _ in range(2)] == ["2", "3"]


async def test_since_of_the_handshake_is_the_first_endpoints(site: Site) -> None:
    await site.serve()
    ids = [site.publish(channel, b"%d" % number) for number in range(2) for channel in ("news", "more")]
    socket = await site.opened(f"t=1&since={ids[0]}")
    socket.say("1::/news")
    assert await socket.packet() == "1::/news"
    assert await socket.event() == ("/news", "message", ["1", {"id": ids[2], "channel": "news"}])
    socket.say("1::/more")
    assert await socket.packet() == "1::/more"
    # Neither the second endpoint nor the first one, connected again, is asked for since then.
    socket.say("0::/news", "1::/news")
    assert await socket.packet() == "1::/news"
    site.publish("more", b"new")
    assert (await socket.event())[2][0] == "new"
    site.publish("news", b"newer")
    assert (await socket.event())[2][0] == "newer"


async def test_events_that_are_none(site: Site) -> None:
    await site.serve()
    socket = await site.opened()
    socket.say("1::/news", '5:1+::{"name":"anything"}', '5:2+:/news:{"name":"subscribe"}')
    assert [await socket.packet() for _ in range(3)] == [
        "1::/news",
        '6:::1+[{"error":"an event is subscribe, unsubscribe or publish"}]',
        '6::/news:2+[{"error":"an event is publish"}]',
    ]


async def test_subscribe_event(site: Site) -> None:
    await site.serve()
    socket = await site.opened()
    first = site.publish("news", b"before")
    assert await asked(socket, "subscribe", "news") == {"channel": "news", "id": first, "missed": False}
    second = site.publish("news", b"after")
    assert await socket.event() == ("", "message", [{"channel": "news", "id": second, "data": "after"}])
    assert await asked(socket, "subscribe", "news") == {"channel": "news", "id": second, "missed": False}
    assert await asked(socket, "subscribe", "news", first) == {"channel": "news", "id": first, "missed": False}
    assert (await socket.event())[2][0]["id"] == second
    assert await asked(socket, "unsubscribe", "news") == {"channel": "news"}
    site.publish("news", b"unheard")
    assert await asked(socket, "subscribe", "fresh") == {"channel": "fresh", "id": f"{first.partition(':')[0]}:-1", "missed": False}
    assert await asked(socket, "subscribe", "news", "1:0") == {"channel": "news", "id": "1:0", "missed": True}
    assert [(await socket.event())[2][0]["data"] for _ in range(3)] == ["before", "after", "unheard"]


async def test_refusals(site: Site) -> None:
    await site.serve(channels=["pub/"], max_subscriptions=2)
    socket = await site.opened()
    for args in (
        [],
        [1],
        ["secret"],
        [""],
        ["pub/" + "x" * 1100],
        ["pub/\ud800"],
        ["pub/a", "yesterday"],
        ["pub/a", 5],
        ["pub/a", None, 1],
    ):
        value = await asked(socket, "subscribe", *args)
        assert isinstance(value, dict), args
        assert list(value) == ["error"], args
    assert await asked(socket, "publish", "pub/a", "x") == {"error": "clients may not publish here"}
    for endpoint in ("/secret", "/pub%2", "/", "/pub/" + "x" * 1100):
        socket.say(f"1::{endpoint}")
        assert await socket.packet() == f"7::{endpoint}:2"
    socket.say("1::/pub/a", "1::news")
    assert await socket.packet() == "1::/pub/a"
    for name in ("pub/b", "pub/c"):
        value = await asked(socket, "subscribe", name)
    assert value == {"error": "a session has at most 2 subscriptions"}


async def test_publish(site: Site) -> None:
    await site.serve(publish=True)
    socket = await site.opened()
    socket.say("1::/news")
    assert await socket.packet() == "1::/news"
    other = await site.opened()
    sent = await asked(other, "publish", "news", {"a": 1})
    assert isinstance(sent, dict)
    assert await socket.event() == ("/news", "message", [{"a": 1}, sent])
    socket.say('5::/news:{"name":"publish","args":["text \\ud83d\\ude00"]}')
    assert (await socket.event())[2][0] == "text \U0001f600"
    socket.say('5::/news:{"name":"publish","args":["half \\ud83d"]}')
    assert (await socket.event())[2][0] == "half \ufffd"


async def test_deleted_channel(site: Site) -> None:
    await site.serve()
    socket = await site.opened()
    socket.say("1::/news")
    await socket.packet()
    await asked(socket, "subscribe", "news")
    site.publish("news", b"last")
    await socket.event()
    await socket.event()
    site.hub.delete(ChannelRef("default", "", "news"))
    told = [await socket.event(), await socket.event()]
    assert sorted(told) == [("", "deleted", [{"channel": "news"}]), ("/news", "deleted", [{"channel": "news"}])]
    site.publish("news", b"again")
    assert [(await socket.event())[1] for _ in range(2)] == ["message", "message"]


async def test_store_that_goes(site: Site) -> None:
    await site.serve()
    socket = await site.opened()
    await asked(socket, "subscribe", "news")
    ref = ChannelRef("default", "", "news")
    [feed] = site.hub.subscribers(ref)
    site.hub.close(ref, feed, CloseReason.UNAVAILABLE)
    assert await socket.event() == ("", "unavailable", [{"channel": "news"}])
    site.hub.gap(ref)
    await asked(socket, "subscribe", "news")
    site.hub.gap(ref)
    assert await socket.event() == ("", "gap", [{"channel": "news"}])


async def test_every_transport_in_order(site: Site) -> None:
    await site.serve()
    sid = await site.shake()
    await site.post(sid, "1::/news")
    assert b"1::/news" in (await site.poll(sid)).body
    held = await site.hold(sid)
    ids = [site.publish("news", b"%d" % number) for number in range(3)]
    body = (await held.answer()).body.decode()
    assert [f'"id":"{each}"' in body for each in ids] == [True] * 3
    site.publish("news", b"between")
    assert b'"between"' in (await site.poll(sid, "jsonp-polling", "i=1")).body.replace(b"\\", b"")
    socket = await site.websocket(sid, first=False)
    site.publish("news", b"live")
    assert (await socket.event())[2][0] == "live"


async def test_history_at_the_pace_of_the_client(site: Site) -> None:
    await site.serve(outbox_bytes=4096)
    for number in range(200):
        site.publish("news", b"%d" % number + b"x" * 100)
    sid = await site.shake()
    await site.post(sid, "1::/news?since=1-0")
    seen = 0
    for _ in range(200):
        body = (await site.poll(sid)).body
        assert len(body) < 40_000
        seen += body.count(b'"name":"message"')
        if seen == 200:
            break
    assert seen == 200


async def test_release(site: Site) -> None:
    await site.serve()
    socket = await site.opened()
    socket.say("1::/news")
    await socket.packet()
    site.hub.release(CloseReason.SHUTDOWN)
    site.location.release()
    assert await socket.read_close() == 1001


async def test_bad_id_of_an_endpoint(site: Site) -> None:
    await site.serve()
    socket = await site.opened()
    socket.say("1::/news?since=yesterday")
    assert [await socket.packet(), await socket.packet()] == ["1::/news", "0::/news"]


async def test_query_of_an_endpoint_with_too_many_fields(site: Site) -> None:
    await site.serve()
    socket = await site.opened()
    socket.say("1::/news?" + "a&" * 101)
    assert [await socket.packet(), await socket.packet()] == ["1::/news", "0::/news"]
    await site.websocket(await site.shake("a&" * 101))


async def test_store_whose_answers_come_later(site: Site) -> None:
    store = await late_site(site, publish=True)
    kept = [store.inner.publish(ChannelRef("default", "", "news"), Draft(b"%d" % number, b"text/plain")).last for number in range(3)]
    socket = await site.opened()
    socket.say("1::/news?since=" + str(kept[0]).replace(":", "-"), '5:1+::{"name":"subscribe","args":["news"]}', "2::")
    assert await socket.packet() == "1::/news"
    for _ in range(8):
        await site.until(store.waiting)
        store.answer()
        if len(site.hub.subscribers(ChannelRef("default", "", "news"))) == 2 and not store.waiting():
            break
    packets = [await socket.packet() for _ in range(3)]
    assert sorted(packet.partition(":")[0] for packet in packets) == ["5", "5", "6"]
    assert [json.loads(packet.split(":", 3)[3])["args"][0] for packet in packets if packet[0] == "5"] == ["1", "2"]
    socket.say('5:2+::{"name":"publish","args":["news","late"]}')
    await site.until(store.waiting)
    store.answer()
    assert sorted([(await socket.packet())[0] for _ in range(3)]) == ["5", "5", "6"]


async def test_unsubscribe_while_the_store_is_asked(site: Site) -> None:
    store = await late_site(site)
    socket = await site.opened()
    socket.say('5:1+::{"name":"subscribe","args":["news"]}', '5:2+::{"name":"unsubscribe","args":["news"]}')
    assert await socket.packet() == '6:::2+[{"channel":"news"}]'
    store.answer()
    assert await socket.packet() == '6:::1+[{"error":"it was unsubscribed meanwhile"}]'
    assert len(site.hub.subscribers(ChannelRef("default", "", "news"))) == 0


async def test_subscriptions_count_while_the_store_is_asked(site: Site) -> None:
    store = await late_site(site, max_subscriptions=2)
    socket = await site.opened()
    socket.say(*[f'5:{number}+::{{"name":"subscribe","args":["news{number}"]}}' for number in range(1, 4)])
    assert await socket.packet() == '6:::3+[{"error":"a session has at most 2 subscriptions"}]'
    for _ in range(2):
        store.answer()
        assert (await socket.packet()).startswith("6:::")
    before = store.waiting()
    socket.say(*['5:9+::{"name":"subscribe","args":["news1"]}'] * 3)
    assert await socket.packet() == '6:::9+[{"error":"a session has at most 2 subscriptions"}]'
    assert store.waiting() == before + 2


async def test_endpoint_asks_the_store_once_at_a_time(site: Site) -> None:
    store = await late_site(site)
    socket = await site.opened()
    socket.say(*["1::/news"] * 3)
    assert [await socket.packet() for _ in range(3)] == ["1::/news"] * 3
    assert store.waiting() == 1
    socket.say("0::/news", "1::/news")
    assert await socket.packet() == "1::/news"
    assert store.waiting() == 2
    store.answer()
    store.answer()
    await site.until(lambda: len(site.hub.subscribers(ChannelRef("default", "", "news"))) == 1)
