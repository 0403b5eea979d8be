"""Sockets of an application: what they are told, refused and may ask for (SethPusher specification 4, 6, 10)."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from sethpusher.applications import SethPusherInMemoryApplication
from sethpusher.authenticators import BaseAuthenticationPolicy
from sethpusher.ws.urls import SethSockJSRouter
from sethpusher.ws.views import SethSocketHandler
from tests.support.sethpusher import SethSite
from tests.support.sethpusher_clients import RawWebSocketClient, SockJSClient, WebSocketClient, XhrClient


async def opened(site: SethSite, kind: type[SockJSClient] = WebSocketClient, query: str = "") -> SockJSClient:
    client = kind(site.host, query=query)
    await client.open()
    return client


async def connected(site: SethSite, name: str, kind: type[SockJSClient] = WebSocketClient) -> SockJSClient:
    client = await opened(site, kind)
    await client.say({"type": "connect", "subscriber_id": name})
    await site.until(lambda: name in site.application.get_subscribers("all")["all"])
    return client


def notice(body: str, who: Any, kind: str) -> dict[str, Any]:
    return {"message": {"body": body, "subscriber_id": who, "type": kind}}


async def test_acknowledgements_and_errors_are_sent_where_they_are_asked_for(site: SethSite) -> None:
    await site.mount(SethPusherInMemoryApplication, send_acks=True, send_errors=True)
    client = await opened(site)
    await client.say_text("no json")
    assert await client.hear() == {"error": {"type": None, "message": "Could not dispatch 'no json'"}}
    await client.say({"type": "connect"})
    assert await client.hear() == {"error": {"type": "connect", "message": "Must provide subscriber_id for connect message."}}
    await client.say({"type": "connect", "subscriber_id": 7})
    assert await client.hear() == {"message": {"type": "connected", "subscriber_id": "7"}}
    await client.say({"type": "connect", "subscriber_id": "x"})
    assert await client.hear() == {"error": {"type": "connect", "message": "Already connected."}}
    await client.say({"type": "subscribe", "channel": "news"})
    heard = [await client.hear(), await client.hear()]
    assert notice("User: 7 subscribed to news", "7", "subscribe") in heard
    assert {"message": {"type": "subscribed", "channel": "news"}} in heard
    await client.say({"type": "subscribe", "channel": "all"})
    assert await client.hear() == {"error": {"type": "subscribe", "message": "Channel all is reserved."}}
    await client.say({"type": "unsubscribe", "channel": "news"})
    assert await client.hear() == {"message": {"type": "unsubscribed", "channel": "news"}}
    await site.publish("7", {"x": 1}, "users")
    assert await client.hear() == {"message": {"x": 1}, "target_id": "7", "sender_id": None}


async def test_one_who_does_not_connect_may_subscribe_and_is_not_announced(site: SethSite) -> None:
    await site.mount(SethPusherInMemoryApplication)
    alice, nobody = await connected(site, "alice"), await opened(site, RawWebSocketClient)
    await nobody.say({"type": "subscribe", "channel": "news"})
    assert await nobody.hear() == notice("User: None subscribed to news", None, "subscribe")
    assert site.application.get_subscribers() == {"all": ["alice"], "news": [None]}
    nobody.leave()
    await site.until(lambda: site.application.get_subscribers() == {"all": ["alice"]})
    bob = await connected(site, "bob")
    assert await alice.hear() == notice("User: bob connected.", "bob", "connect")
    await site.publish("all", {"still": "here"})
    assert await bob.hear() == await alice.hear() == {"message": {"still": "here"}, "sender_id": None}


async def test_two_sockets_of_one_user(site: SethSite) -> None:
    await site.mount(SethPusherInMemoryApplication)
    phone, desk = await connected(site, "bob"), await connected(site, "bob", XhrClient)
    assert await phone.hear() == notice("User: bob connected.", "bob", "connect")
    await site.publish("bob", {"x": 1}, "users")
    assert await phone.hear() == await desk.hear() == {"message": {"x": 1}, "target_id": "bob", "sender_id": None}
    assert site.application.get_user("bob") is not None
    assert site.application.get_user("nobody") is None
    phone.leave()
    assert await desk.hear() == notice("User: bob disconnected.", "bob", "disconnect")
    await site.publish("bob", {"x": 2}, "users")
    assert (await desk.hear())["message"] == {"x": 2}


@pytest.mark.parametrize("bad", [["x"], {"a": 1}, True, "", "x" * 300, "a\u0000"])
async def test_an_id_that_cannot_be_harms_nobody(site: SethSite, bad: Any) -> None:
    await site.mount(SethPusherInMemoryApplication)
    attacker, alice = await opened(site), await connected(site, "alice")
    before = site.application.router.server.received
    await attacker.say({"type": "connect", "subscriber_id": bad})
    await attacker.say({"type": "subscribe", "channel": bad})
    await site.until(lambda: site.application.router.server.received == before + 2)
    await site.publish("alice", {"x": 1}, "users")
    assert await alice.hear() == {"message": {"x": 1}, "target_id": "alice", "sender_id": None}
    assert site.application.get_subscribers() == {"all": ["alice"]}


async def test_channels_of_a_socket_are_bounded_and_leave_nothing_behind(site: SethSite) -> None:
    await site.mount(SethPusherInMemoryApplication, max_channels=3, send_errors=True)
    client = await opened(site)
    for number in range(3):
        await client.say({"type": "subscribe", "channel": f"c{number}"})
        await client.hear()
    await client.say({"type": "subscribe", "channel": "one too many"})
    assert (await client.hear())["error"]["message"] == "A socket may be in 3 channels."
    for name in ("never", "c0"):
        await client.say({"type": "unsubscribe", "channel": name})
    await client.say({"type": "subscribe", "channel": "again"})
    await client.hear()
    assert site.application.get_subscribers() == {"again": [None], "c1": [None], "c2": [None]}
    client.leave()
    await site.until(lambda: not site.application.get_subscribers())
    assert site.application.pub_sub.channels == {}


class Tokens(BaseAuthenticationPolicy):
    """Lets in who has a token in the URL of the socket, at once or later."""

    later = False

    def authenticate_connection(self, info: Any, subscriber_id: str, message: Any, **kwargs: Any) -> Any:
        verdict = info.get_argument("token") == f"of-{subscriber_id}" and message.get("extra") == 1
        return self.think(verdict) if self.later else verdict

    async def think(self, verdict: bool) -> bool:
        await asyncio.sleep(0)
        return verdict


class Guarded(SethPusherInMemoryApplication):
    def get_authentication_policy(self, **kwargs: Any) -> Any:
        policy = Tokens()
        policy.later = kwargs["later"]
        return policy


@pytest.mark.parametrize("later", [False, True])
@pytest.mark.parametrize("kind", [WebSocketClient, RawWebSocketClient, XhrClient])
async def test_who_may_connect_as_whom(site: SethSite, kind: type[SockJSClient], later: bool) -> None:
    application = await site.mount(Guarded, later=later, send_errors=True)
    good, bad = await opened(site, kind, "?token=of-bob"), await opened(site, kind, "?token=of-eve")
    for client in (good, bad):
        await client.say({"type": "connect", "subscriber_id": "bob", "extra": 1})
        # This waits for the verdict on what came before.
        await client.say({"type": "subscribe", "channel": "news"})
    assert await bad.hear() == {"error": {"type": "connect", "message": "Unauthorized"}}
    assert await bad.end() == [4401, "Unauthorized"]
    assert await good.hear() == notice("User: bob subscribed to news", "bob", "subscribe")
    await site.until(lambda: application.get_subscribers() == {"all": ["bob"], "news": ["bob"]})


async def test_connecting_can_be_required(site: SethSite) -> None:
    await site.mount(SethPusherInMemoryApplication, require_connect=True, send_errors=True)
    client = await opened(site)
    await client.say({"type": "subscribe", "channel": "news"})
    assert await client.hear() == {"error": {"type": "subscribe", "message": "Must connect first."}}


async def test_origins(site: SethSite) -> None:
    await site.mount(SethPusherInMemoryApplication, allowed_origins=["http://good.example"])
    for origin, status in (("http://good.example", 200), ("http://bad.example", 403)):
        answer = await site.ask("POST", "/connect/000/abc/xhr", f"Origin: {origin}")
        assert answer.status == status
    assert (await site.ask("GET", "/connect/000/abc/jsonp?c=x")).status == 404


async def test_a_handler_has_a_say_in_origins(site: SethSite) -> None:
    class Picky(SethSocketHandler):
        def check_origin(self, origin: str) -> bool:
            return origin.endswith("good.example")

    class Application(SethPusherInMemoryApplication):
        def get_router(self, prefix: str = "", **kwargs: Any) -> SethSockJSRouter:
            return SethSockJSRouter(Picky, prefix, application_instance=self)

    await site.mount(Application)
    for origin, frame in (("http://good.example", b"o\n"), ("http://bad.example", b"o\n")):
        answer = await site.ask("POST", f"/connect/000/{origin[7:11].strip('.')}/xhr", f"Origin: {origin}")
        assert answer.body == frame
    assert site.application.router.stats.dump()["sessions_active"] == 1


async def test_sockjs_settings_are_passed_on(site: SethSite) -> None:
    await site.mount(SethPusherInMemoryApplication, sockjs_settings={"jsessionid": False, "disabled_transports": ["websocket"]})
    info = await site.ask("GET", "/connect/info")
    assert b'"websocket":false' in info.body
    assert b'"cookie_needed":false' in info.body


async def test_the_end_is_told(site: SethSite) -> None:
    application = await site.mount(SethPusherInMemoryApplication)
    clients = [await connected(site, name, kind) for name, kind in (("a", WebSocketClient), ("b", RawWebSocketClient), ("c", XhrClient))]
    application.release()
    for client in clients:
        while client.closed is None:
            await client.read()
        assert client.closed == [3000, "Go away!"]


class Collecting(SethPusherInMemoryApplication):
    """Remembers its sockets, so that a test can let them in without a notice to each of the others."""

    def get_dispatcher(self) -> Any:
        dispatcher = super().get_dispatcher()
        self.dispatchers = [*getattr(self, "dispatchers", ()), dispatcher]
        return dispatcher


async def test_a_thousand_sockets(site: SethSite) -> None:
    application = await site.mount(Collecting, report_delivered=True)
    number = 1000 if site.host.kind.name == "native" else 100
    clients = [RawWebSocketClient(site.host) for _ in range(number)]
    for client in clients:
        await client.open()
    for dispatcher in application.dispatchers:
        application.add_subscriber("news", dispatcher.handler)
    assert (await site.publish("news", {"last": 1})).body == f'{{"status": 200, "delivered": {number}}}\n'.encode()
    for client in clients:
        assert await client.hear() == {"message": {"last": 1}, "sender_id": None}
