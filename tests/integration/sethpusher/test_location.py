"""The location of hbpushd: its own paths, the channels it shares, and what no other door opens (SethPusher specification 12, DESIGN 7)."""

from __future__ import annotations

import asyncio
import json
from typing import Any
from urllib.parse import quote

import pytest

from hbpush.core.message import ChannelRef, Draft
from hbpush.errors import ConfigError
from sethpusher.envelope import mail_ref, notices_ref
from socketio_compat.v06 import codec
from tests.support.hosts import PATIENCE, Client
from tests.support.redis_server import HOST, RedisServer
from tests.support.sethpusher import SethSite
from tests.support.sethpusher_clients import RawWebSocketClient, SockJSClient, WebSocketClient, XhrClient
from tests.support.site import wire
from tests.support.websocket import TEXT, Peer, client_frame, request

OTHERS = (
    {"type": "publisher", "prefix": "/pub/"},
    {"type": "subscriber", "prefix": "/sub/", "create_on_get": True, "first_message": "newest"},
)


async def opened(site: SethSite, kind: type[SockJSClient] = WebSocketClient, query: str = "", prefix: str = "/seth") -> SockJSClient:
    client = kind(site.host, f"{prefix}/connect", query)
    await client.open()
    return client


def location(site: SethSite) -> Any:
    return next(each for each in site.locations if each.type_name == "sethpusher")


async def connected(site: SethSite, name: str, *channels: str, kind: type[SockJSClient] = WebSocketClient) -> SockJSClient:
    client = await opened(site, kind)
    await client.say({"type": "connect", "subscriber_id": name})
    for channel in channels:
        await client.say({"type": "subscribe", "channel": channel})
        assert (await client.hear())["message"]["type"] == "subscribe"
    await site.until(lambda: name in location(site).application.get_subscribers("all")["all"])
    return client


async def test_channels_are_shared_with_all_protocols(site: SethSite) -> None:
    await site.serve({"type": "sethpusher", "prefix": "/seth/"}, *OTHERS)
    bob = await connected(site, "bob", "news")
    assert (await site.post("/pub/news", b"hello", "Content-Type: text/plain")).status == 201
    assert await bob.hear() == {"message": "hello", "sender_id": None}
    waiting = await site.hold("/sub/news")
    answer = await site.post("/seth/api/channels/news/", b'{"my":  "data", "sender_id": "zed"}')
    assert (answer.status, answer.body) == (200, b'{"status": 200}\n')
    heard = await waiting.answer()
    assert (heard.headers[b"content-type"], heard.body) == (b"application/json", b'{"my":  "data", "sender_id": "zed"}')
    assert await bob.hear() == {"message": {"my": "data", "sender_id": "zed"}, "sender_id": "zed"}
    assert (await site.ask("DELETE", "/pub/news")).status == 200
    assert (await bob.hear())["message"]["type"] == "deleted"
    assert (await site.post("/pub/news", b"again")).status == 201
    assert await bob.hear() == {"message": "again", "sender_id": None}


async def test_rest_can_be_closed_or_locked(site: SethSite) -> None:
    await site.serve({"type": "sethpusher", "prefix": "/a/", "publish": False}, {"type": "sethpusher", "prefix": "/b/", "key": "s3cret"})
    places = [route.pattern.text for route in site.locations[0].routes()]
    assert not any("/api/" in place for place in places)
    for path, line, status in (
        ("/b/api/channels/news/", "X-A: b", 401),
        ("/b/api/users/bob/", "X-Api-Key: wrong", 401),
        ("/b/api/channels/news/?api_key=wrong", "X-A: b", 401),
        ("/b/api/channels/news/?api_key=s3cret", "X-A: b", 200),
        ("/b/api/users/bob/", "X-Api-Key: s3cret", 200),
        ("/b/api/users/bob/", "Authorization: Bearer s3cret", 200),
    ):
        assert (await site.post(path, b"{}", line)).status == status, path
    assert (await site.post("/b/api/channels/news/", b"nope", "X-Api-Key: s3cret")).status == 400
    assert (await site.ask("GET", "/a/connect/")).body == b"Welcome to SockJS!\n"


async def test_a_connection_key_lets_none_in_by_the_side_of_it(site: SethSite) -> None:
    await site.serve(
        {"type": "sethpusher", "prefix": "/", "connection_key": "open", "send_errors": True},
        {"type": "sethpusher", "prefix": "/free/", "connection_key": "open", "require_connect": False},
    )
    silent, free = await opened(site, RawWebSocketClient, "", ""), await opened(site, RawWebSocketClient, "", "/free")
    for client in (silent, free):
        await client.say({"type": "subscribe", "channel": "news"})
    assert await silent.hear() == {"error": {"type": "subscribe", "message": "Must connect first."}}
    assert (await free.hear())["message"]["type"] == "subscribe"
    assert [len(type(each).warnings(each.settings, True)) for each in site.locations] == [0, 1]


async def test_debug_pages_and_a_connection_key(site: SethSite) -> None:
    await site.serve({"type": "sethpusher", "prefix": "/", "debug": True, "connection_key": "open"})
    good = await opened(site, RawWebSocketClient, "?token=open", "")
    bad = await opened(site, RawWebSocketClient, "?token=no", "")
    for client in (good, bad):
        await client.say({"type": "connect", "subscriber_id": "bob"})
    assert await bad.end() == [4401, "Unauthorized"]
    await site.until(lambda: location(site).application.get_subscribers("all")["all"])
    page = json.loads((await site.ask("GET", "/debug")).body)
    assert page["subscribers"] == json.loads((await site.ask("GET", "/debug/")).body)["subscribers"] == {"all": ["bob"]}
    assert page["connections"] == 1
    assert json.loads((await site.ask("GET", "/debug/channels/all/")).body)["subscriber_count"] == 1


async def test_clients_are_told_when_the_location_goes(site: SethSite) -> None:
    await site.serve({"type": "sethpusher", "prefix": "/seth/"})
    clients = [await connected(site, kind.__name__, "news", kind=kind) for kind in (WebSocketClient, RawWebSocketClient, XhrClient)]
    # A poll has to be back before it can be told.
    await site.until(lambda: all(session.transport for session in location(site).router.server.registry.sessions()))
    location(site).release()
    for client in clients:
        while client.closed is None:
            await client.read()
        assert client.closed == [3000, "Go away!"]


async def test_two_locations_have_the_same_users(site: SethSite) -> None:
    await site.serve({"type": "sethpusher", "prefix": "/seth/"}, {"type": "sethpusher", "prefix": "/other/"})
    bob = await connected(site, "bob")
    assert (await site.post("/other/api/users/bob/", b'{"x": 1}')).status == 200
    assert (await bob.hear())["message"] == {"x": 1}


INSIDE = ("@user:bob", "notices", "seth", "seth/@user:bob", "seth/notices", "seth:@user:bob", "seth\0@user:bob", "\0seth\0@user:bob", "bob")
"""Names that SethPusher uses inside, and what somebody might make of them."""


class SocketIO:
    """A client of Socket.IO 0.9 on a WebSocket."""

    async def open(self, site: SethSite) -> None:
        sid = (await site.ask("GET", "/socket.io/1/")).body.decode().partition(":")[0]
        self.client = await site.host.connect()
        await self.client.send(request(path=f"/socket.io/1/websocket/{sid}".encode()))
        await asyncio.wait_for(self.client.reader.readuntil(b"\r\n\r\n"), PATIENCE)
        self.peer = Peer(self.client.reader, self.client.writer)
        assert await self.packet() == "1::"

    async def say(self, packet: str) -> None:
        await self.client.send(client_frame(TEXT, packet.encode()))

    async def packet(self) -> str:
        while True:
            opcode, payload = await asyncio.wait_for(self.peer.read_frame(), PATIENCE)
            if opcode == TEXT and payload != b"2::":
                return payload.decode()


class SocketIO06:
    """A client of Socket.IO 0.6 on a WebSocket."""

    async def open(self, site: SethSite) -> None:
        self.client = await site.host.connect()
        await self.client.send(request(path=b"/socket.io/websocket"))
        await asyncio.wait_for(self.client.reader.readuntil(b"\r\n\r\n"), PATIENCE)
        self.peer = Peer(self.client.reader, self.client.writer)
        await self.bodies()

    async def bodies(self) -> list[str]:
        opcode, payload = await asyncio.wait_for(self.peer.read_frame(), PATIENCE)
        assert opcode == TEXT
        found, fault = codec.decode_stream(payload.decode())
        assert fault is None
        return found

    async def say(self, **fields: Any) -> None:
        await self.client.send(client_frame(TEXT, codec.encode_stream([codec.JSON + json.dumps(fields)])))

    async def hear(self) -> Any:
        [body] = await self.bodies()
        return json.loads(body.removeprefix(codec.JSON))


async def quoted_polls(site: SethSite, prefix: str, suffix: str = "") -> dict[str, Client]:
    """A request that waits for each of the names."""
    waiting = {}
    for name in INSIDE:
        client = await site.host.connect()
        await client.send(wire("GET", f"{prefix}{quote(name, safe='')}{suffix}"))
        waiting[name] = client
        await site.until(lambda name=name: site.hub.listening(ChannelRef("default", "", name)))
    return waiting


async def test_nobody_can_read_anothers_private_mail(site: SethSite) -> None:
    """Every door is tried with the names that are used inside: it hears what is published under that name, and nothing else."""
    doors = {"type": "socketio", "publish": True}, {"type": "socketio06", "publish": True}
    await site.serve({"type": "sethpusher", "prefix": "/seth/"}, *doors, *OTHERS)
    bob = await connected(site, "bob")
    polls = await quoted_polls(site, "/sub/")
    eve = await opened(site, RawWebSocketClient)
    endpoint = SocketIO()
    await endpoint.open(site)
    old = SocketIO06()
    await old.open(site)
    for number, name in enumerate(INSIDE):
        await old.say(type="subscribe", channel=name)
        assert (await old.hear())["type"] == "subscribed"
        await endpoint.say(f"5:{number + 1}+::" + json.dumps({"name": "subscribe", "args": [name]}))
        assert '"error"' not in await endpoint.packet()
        if "\0" not in name:
            await eve.say({"type": "subscribe", "channel": name})
            assert (await eve.hear())["message"]["type"] == "subscribe"

    # What is secret: a notice of the common channel, and mail.
    location(site).application.crowd.tell("all", '"a notice"')
    assert (await site.post("/seth/api/users/bob/", b'{"secret": 1}')).status == 200
    assert await bob.hear() == "a notice"
    assert await bob.hear() == {"message": {"secret": 1}, "target_id": "bob", "sender_id": None}

    # Each of them hears next what is published under the name it asked for.
    for name in INSIDE:
        site.hub.publish(ChannelRef("default", "", name), Draft(b"public", b"text/plain"))
        assert (await polls[name].answer()).body == b"public"
        said = json.loads((await endpoint.packet()).removeprefix("5:::"))
        assert (said["args"][0]["channel"], said["args"][0]["data"]) == (name, "public")
        heard = await old.hear()
        assert (heard["channel"], heard["data"]) == (name, "public")
        if "\0" not in name:
            assert await eve.hear() == {"message": "public", "sender_id": None}


async def test_nobody_can_write_to_them_either(site: SethSite) -> None:
    doors = {"type": "socketio", "publish": True}, {"type": "socketio06", "publish": True}
    await site.serve({"type": "sethpusher", "prefix": "/seth/"}, *doors, *OTHERS)
    bob = await connected(site, "bob")
    writer, old = SocketIO(), SocketIO06()
    await writer.open(site)
    await old.open(site)
    for number, name in enumerate(INSIDE):
        await site.post(f"/pub/{quote(name, safe='')}", b'{"forged": 1}')
        await site.post(f"/seth/api/channels/{quote(name, safe='')}/", b'{"forged": 1}')
        await writer.say(f"5:{number + 1}+::" + json.dumps({"name": "publish", "args": [name, {"forged": 1}]}))
        assert "error" not in await writer.packet()
        await old.say(type="publish", channel=name, data={"forged": 1})
        assert (await old.hear())["type"] != "error"
        assert (await site.ask("DELETE", f"/pub/{quote(name, safe='')}")).status == 200
    for ref in (mail_ref("default", "bob"), notices_ref("default")):
        assert site.hub.listening(ref) == 1
    await site.post("/seth/api/users/bob/", b'{"real": 1}')
    assert (await bob.hear())["message"] == {"real": 1}


async def test_nor_by_tyron(site: SethSite, redis_server: RedisServer) -> None:
    redis = {"host": HOST, "port": redis_server.port}
    tyron = {"type": "tyron", "prefix": "/tyron/", "pubsub_channel": "seth", "redis": redis, "store_prefix": "seth"}
    await site.serve({"type": "sethpusher", "prefix": "/seth/"}, tyron)
    bob = await connected(site, "bob")
    polls = await quoted_polls(site, "/tyron/", "/")
    for name in INSIDE:
        redis_server.cli("PUBLISH", "seth", json.dumps({"channel": name, "data": "forged"}))
        assert (await polls[name].answer()).body == b"forged"
    await site.post("/seth/api/users/bob/", b'{"real": 1}')
    assert (await bob.hear())["message"] == {"real": 1}


@pytest.mark.parametrize(
    ("options", "path"),
    [
        ({"prefix": "seth"}, "prefix"),
        ({"origins": "*.example"}, "origins"),
        ({"sockjs_url": "x"}, "sockjs_url"),
        ({"key": "a", "key_file": "b"}, "key_file"),
    ],
)
async def test_wrong_options(site: SethSite, options: dict[str, Any], path: str) -> None:
    with pytest.raises(ConfigError) as error:
        await site.serve({"type": "sethpusher", **options})
    assert error.value.path.startswith(path)
