"""Replaceable components: an application with parts of its own sees each of them used (SethPusher specification 3)."""

from __future__ import annotations

from typing import Any

from tornado.web import Application

from sethpusher.api.urls import get_api_handlers
from sethpusher.api.views import ChannelDebugHandler, ChannelHandler, OverallDebugHandler, SethHandler, UserHandler
from sethpusher.applications import DefaultSethApplication, SethPusherInMemoryApplication, SethPusherOnRedisApplication
from sethpusher.authenticators import BaseAuthenticationPolicy, EchoAuthenticationPolicy
from sethpusher.dispatchers import DefaultMessageDispatcher
from sethpusher.mixins import InMemoryPubSubMixin, PubSubMixin, RedisPubSubMixin
from sethpusher.persistors import DefaultPersistencePolicy, ExternalApiPersistencePolicy, RedisPersistencePolicy
from sethpusher.sockjs import SockJSRouter
from sethpusher.utils import COMMON_CHANNEL, BasicPubSubManager, is_request_body_json
from sethpusher.ws.urls import SethSockJSRouter, get_ws_handlers
from sethpusher.ws.views import SethSocketHandler
from tests.support.sethpusher import SethSite
from tests.support.sethpusher_clients import WebSocketClient

SEEN: list[str] = []


class Dispatcher(DefaultMessageDispatcher):
    def register_handler(self, handler: Any) -> None:
        SEEN.append("register_handler")
        super().register_handler(handler)

    def dispatch(self, msg: Any) -> Any:
        SEEN.append("dispatch")
        return super().dispatch(msg)

    def validate_message(self, msg: Any) -> Any:
        SEEN.append("validate_message")
        return super().validate_message(msg)

    def handle_connect(self, msg: Any) -> Any:
        SEEN.append("dispatcher.handle_connect")
        return super().handle_connect(msg)

    def handle_subscribe(self, msg: Any) -> Any:
        SEEN.append("dispatcher.handle_subscribe")
        return super().handle_subscribe(msg)

    def handle_unsubscribe(self, msg: Any) -> Any:
        SEEN.append("dispatcher.handle_unsubscribe")
        return super().handle_unsubscribe(msg)


class Manager(BasicPubSubManager):
    def publish(self, channel: str, message: Any) -> Any:
        SEEN.append("publish")
        return super().publish(channel, message)

    def subscribe(self, channels: Any, subscriber: Any) -> Any:
        SEEN.append("subscribe")
        return super().subscribe(channels, subscriber)

    def unsubscribe(self, channel: str, subscriber: Any) -> None:
        SEEN.append("unsubscribe")
        super().unsubscribe(channel, subscriber)


class Authentication(BaseAuthenticationPolicy):
    def authenticate(self, request: Any, **kwargs: Any) -> bool:
        SEEN.append(f"authenticate {request.method} {request.path}")
        return True

    def authenticate_connection(self, info: Any, subscriber_id: str, message: Any, **kwargs: Any) -> bool:
        SEEN.append("authenticate_connection")
        return True


class Persistence(DefaultPersistencePolicy):
    def persist(self, data: Any, **kwargs: Any) -> None:
        SEEN.append(f"policy.persist {data} {kwargs}")


class Socket(SethSocketHandler):
    def on_open(self, request: Any) -> Any:
        SEEN.append("on_open")
        return super().on_open(request)

    def on_message(self, raw_msg: Any) -> Any:
        SEEN.append("on_message")
        return super().on_message(raw_msg)

    def on_close(self) -> None:
        SEEN.append("on_close")
        super().on_close()

    def handle_connect(self, source_msg: Any, subscriber_id: str) -> Any:
        SEEN.append("handle_connect")
        return super().handle_connect(source_msg, subscriber_id)

    def handle_subscribe(self, source_msg: Any) -> None:
        SEEN.append("handle_subscribe")
        super().handle_subscribe(source_msg)

    def handle_unsubscribe(self, source_msg: Any) -> None:
        SEEN.append("handle_unsubscribe")
        super().handle_unsubscribe(source_msg)


class Router(SethSockJSRouter):
    """The application's own."""


class Mine(SethPusherInMemoryApplication):
    def get_dispatcher(self) -> Any:
        SEEN.append("get_dispatcher")
        return Dispatcher()

    def get_subscriber(self, **kwargs: Any) -> Any:
        SEEN.append(f"get_subscriber {kwargs}")
        return Manager(lambda: self.crowd)

    def get_publisher(self, **kwargs: Any) -> Any:
        SEEN.append(f"get_publisher {kwargs}")
        return Manager(lambda: self.crowd)

    def get_authentication_policy(self, **kwargs: Any) -> Any:
        SEEN.append(f"get_authentication_policy {kwargs}")
        return Authentication()

    def get_persistence_policy(self, **kwargs: Any) -> Any:
        SEEN.append(f"get_persistence_policy {kwargs}")
        return Persistence()

    def get_router(self, prefix: str = "", **kwargs: Any) -> Any:
        SEEN.append(f"get_router {prefix}")
        return Router(Socket, prefix, application_instance=self)

    def persist(self, data: Any, **kwargs: Any) -> Any:
        SEEN.append("persist")
        return super().persist(data, **kwargs)

    def broadcast(self, message: Any, channel: str | None = None, sender: Any = None) -> Any:
        SEEN.append(f"broadcast {channel}")
        return super().broadcast(message, channel, sender)

    def send_to_channel(self, msg: Any, channel: str) -> Any:
        SEEN.append("send_to_channel")
        return super().send_to_channel(msg, channel)

    def send_to_user(self, msg: Any, user: str) -> Any:
        SEEN.append("send_to_user")
        return super().send_to_user(msg, user)

    def add_subscriber(self, channel: str, subscriber: Any) -> Any:
        SEEN.append(f"add_subscriber {channel}")
        return super().add_subscriber(channel, subscriber)

    def remove_subscriber(self, channel: str, subscriber: Any) -> None:
        SEEN.append(f"remove_subscriber {channel}")
        super().remove_subscriber(channel, subscriber)

    def get_subscribers(self, channel: str | None = None) -> Any:
        SEEN.append("get_subscribers")
        return super().get_subscribers(channel)

    def get_subscriber_count(self, channel: str | None = None) -> int:
        SEEN.append("get_subscriber_count")
        return super().get_subscriber_count(channel)


def seen() -> list[str]:
    taken, SEEN[:] = list(SEEN), []
    return taken


async def test_every_part_is_asked(site: SethSite) -> None:
    SEEN.clear()
    application = await site.mount(Mine, debug=True, host="127.0.0.1", port=6666)
    told = "{'debug': True, 'host': '127.0.0.1', 'port': 6666}"
    getters = ("get_subscriber", "get_publisher", "get_authentication_policy", "get_persistence_policy")
    assert seen() == ["get_router /connect", *(f"{getter} {told}" for getter in getters)]
    assert isinstance(application.router, Router)
    assert (application.settings["host"], application.settings["port"]) == ("127.0.0.1", 6666)

    client = WebSocketClient(site.host)
    await client.open()
    assert seen() == ["on_open", "get_dispatcher", "register_handler"]

    async def say(message: Any) -> list[str]:
        before = application.router.server.received
        await client.say(message)
        await site.until(lambda: application.router.server.received > before)
        return seen()

    dispatched = ["on_message", "dispatch", "validate_message"]
    assert await say({"type": "connect", "subscriber_id": "bob"}) == [
        *dispatched, "dispatcher.handle_connect", "handle_connect", "authenticate_connection", "broadcast None", "publish",
        "add_subscriber all", "subscribe",
    ]  # fmt: skip
    assert await say({"type": "subscribe", "channel": "news"}) == [
        *dispatched, "dispatcher.handle_subscribe", "handle_subscribe", "add_subscriber news", "subscribe", "broadcast news", "publish",
    ]  # fmt: skip
    await site.publish("news", {"a": 1})
    assert seen() == [
        "authenticate POST /api/channels/news/", "persist", "policy.persist {'a': 1} {'channel': 'news'}", "send_to_channel",
        "broadcast news", "publish",
    ]  # fmt: skip
    await site.publish("bob", {"b": 2}, "users")
    assert seen() == ["authenticate POST /api/users/bob/", "persist", "policy.persist {'b': 2} {'user': 'bob'}", "send_to_user"]
    await site.ask("GET", "/debug/")
    assert seen() == ["authenticate GET /debug/", "get_subscriber_count", "get_subscribers"]
    assert await say({"type": "unsubscribe", "channel": "news"}) == [
        *dispatched, "dispatcher.handle_unsubscribe", "handle_unsubscribe", "remove_subscriber news", "unsubscribe", "broadcast news",
        "publish",
    ]  # fmt: skip
    client.leave()
    await site.until(lambda: "broadcast None" in SEEN)
    assert seen()[:3] == ["on_close", "remove_subscriber all", "unsubscribe"]


async def test_the_documented_classes(site: SethSite) -> None:
    assert issubclass(DefaultSethApplication, Application)
    assert issubclass(SethPusherInMemoryApplication, DefaultSethApplication | InMemoryPubSubMixin)
    for kind, bases in {
        SethPusherInMemoryApplication: (DefaultSethApplication, InMemoryPubSubMixin),
        SethPusherOnRedisApplication: (DefaultSethApplication, RedisPubSubMixin),
        InMemoryPubSubMixin: (PubSubMixin,),
        RedisPubSubMixin: (PubSubMixin,),
        ExternalApiPersistencePolicy: (DefaultPersistencePolicy,),
        RedisPersistencePolicy: (DefaultPersistencePolicy,),
        ChannelHandler: (SethHandler,),
        UserHandler: (SethHandler,),
        ChannelDebugHandler: (SethHandler,),
        OverallDebugHandler: (SethHandler,),
        SethSockJSRouter: (SockJSRouter,),
    }.items():
        assert all(issubclass(kind, base) for base in bases)
    application = SethPusherInMemoryApplication()
    assert isinstance(application.get_dispatcher(), DefaultMessageDispatcher)
    assert application.get_dispatcher() is not application.get_dispatcher()
    assert isinstance(application.authentication_policy, EchoAuthenticationPolicy)
    assert type(application.persistence_policy) is DefaultPersistencePolicy
    assert (application.debug, COMMON_CHANNEL) == (False, "all")
    assert application.subscriber is application.publisher is application.pub_sub
    assert (DefaultSethApplication.authentication_policy, DefaultSethApplication.persistence_policy) == (None, None)
    assert len(get_api_handlers(application)) == 2
    assert len(get_api_handlers(SethPusherInMemoryApplication(debug=True))) == 4
    [rule] = get_ws_handlers(application)
    assert rule.router.application is application
    redis = RedisPubSubMixin
    assert (redis.redis_host, redis.redis_port, redis.redis_password, redis.redis_selected_db) == ("localhost", 6379, None, None)
    await site.mount(SethPusherInMemoryApplication)


async def test_a_handler_of_ones_own(site: SethSite) -> None:
    from tornado.web import URLSpec

    class Mine(SethHandler):
        @is_request_body_json
        def post(self) -> None:
            self.json_response({"got": 1})

        def get(self) -> None:
            self.error("not so", 418)

    application = SethPusherInMemoryApplication()
    application.add_handlers(".*", [URLSpec("/mine/", Mine)])
    site.application = application
    if not site.host.kind.tornado:
        from hbpush.web.bridge import native_routes

        routes, rest = native_routes(application)
        await site.host.serve(routes, fallback=rest)
    else:
        site.host.serve_by_tornado(application)
    assert (await site.post("/mine/", b"{}")).body == b'{"status": 200, "got": 1}\n'
    assert (await site.post("/mine/", b"nope")).body == b'{"status": 400, "message": "Request body is not valid JSON."}\n'
    assert (await site.ask("GET", "/mine/")).status == 418
    assert (await site.post("/api/channels/news/", b"{}")).status == 200
