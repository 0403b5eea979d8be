"""Applications with publishers, subscribers and policies of one's own, beside or in place of the hub's (SethPusher specification 3, 6)."""

from __future__ import annotations

import json
import logging
from collections import defaultdict
from typing import Any

import pytest

from hbpush.errors import ConfigError
from sethpusher.applications import DefaultSethApplication, SethPusherInMemoryApplication
from sethpusher.authenticators import BaseAuthenticationPolicy, EchoAuthenticationPolicy
from sethpusher.mixins import InMemoryPubSubMixin, PubSubMixin
from sethpusher.utils import COMMON_CHANNEL, BasicPubSubManager
from tests.conftest import ExpectedLogs
from tests.support.sethpusher import SethSite
from tests.support.sethpusher_clients import RawWebSocketClient


class Sets:
    """A publisher and subscriber that has nothing to do with the hub."""

    def __init__(self) -> None:
        self.channels: dict[str, set[Any]] = defaultdict(set)

    def subscribe(self, channels: Any, subscriber: Any) -> None:
        for channel in [channels] if isinstance(channels, str) else channels:
            self.channels[channel].add(subscriber)

    def unsubscribe(self, channel: str, subscriber: Any) -> None:
        self.channels[channel].discard(subscriber)

    def publish(self, channel: str, message: Any) -> None:
        for subscriber in list(self.channels[channel]):
            subscriber.send(json.dumps(message))


class OwnMixin(PubSubMixin):
    """All that a mixin has to have."""

    sets: Sets | None = None

    def get_publisher(self, **kwargs: Any) -> Any:
        self.sets = self.sets or Sets()
        return self.sets

    get_subscriber = get_publisher

    def get_subscribers(self, channel: str | None = None) -> Any:
        assert self.sets is not None
        found = self.sets.channels if channel is None else {channel: self.sets.channels[channel]}
        return {name: [each.dispatcher.subscriber_id for each in members] for name, members in found.items()}

    def get_subscriber_count(self, channel: str | None = None) -> int:
        return sum(len(members) for members in self.get_subscribers(channel).values())

    def get_user(self, user: str) -> Any:
        assert self.sets is not None
        return next((each for each in self.sets.channels[COMMON_CHANNEL] if each.dispatcher.subscriber_id == user), None)


class Own(OwnMixin, DefaultSethApplication):
    """The mixin in front."""


class OwnBehind(DefaultSethApplication, OwnMixin):
    """The mixin behind."""


class MemoryBehind(DefaultSethApplication, InMemoryPubSubMixin):
    """In the order of the documentation."""


class SetsInPlace(SethPusherInMemoryApplication):
    """Only the subscriber and publisher are replaced: users are looked for in its ``channels``."""

    def get_subscriber(self, **kwargs: Any) -> Any:
        self.sets = Sets()
        return self.sets

    def get_publisher(self, **kwargs: Any) -> Any:
        return self.sets


class CrowdOfItsOwn(SethPusherInMemoryApplication):
    """A subscriber that brings its channels along."""

    def get_subscriber(self, **kwargs: Any) -> Any:
        self.manager = BasicPubSubManager()
        return self.manager

    def get_publisher(self, **kwargs: Any) -> Any:
        return self.manager


async def bob(site: SethSite, *channels: str) -> RawWebSocketClient:
    """Bob's socket."""
    client = RawWebSocketClient(site.host)
    await client.open()
    await client.say({"type": "connect", "subscriber_id": "bob"})
    for channel in channels:
        await client.say({"type": "subscribe", "channel": channel})
        assert (await client.hear())["message"]["type"] == "subscribe"
    await site.until(lambda: site.application.get_subscriber_count("all") == 1)
    return client


@pytest.mark.parametrize("kind", [Own, OwnBehind, MemoryBehind, SetsInPlace, CrowdOfItsOwn])
async def test_whole_applications(site: SethSite, kind: type[DefaultSethApplication]) -> None:
    await site.mount(kind, debug=True)
    client = await bob(site, "news")
    assert (await site.publish("news", {"a": 1, "sender_id": "zed"})).status == 200
    assert await client.hear() == {"message": {"a": 1, "sender_id": "zed"}, "sender_id": "zed"}
    assert (await site.publish("bob", {"b": 2}, "users")).status == 200
    assert await client.hear() == {"message": {"b": 2}, "target_id": "bob", "sender_id": None}
    assert (await site.publish("nobody", {"b": 2}, "users")).status == 200
    page = json.loads((await site.ask("GET", "/debug/")).body)
    assert (page["subscribers"]["all"], page["subscribers"]["news"]) == (["bob"], ["bob"])
    await client.say({"type": "unsubscribe", "channel": "news"})
    await site.until(lambda: site.application.get_subscriber_count("news") == 0)


async def test_a_user_who_is_found_under_another_name(site: SethSite) -> None:
    class Lower(SethPusherInMemoryApplication):
        def get_user(self, user: str) -> Any:
            return super().get_user(user.lower())

    await site.mount(Lower)
    client = await bob(site)
    assert (await site.publish("BOB", {"x": 1}, "users")).body == b'{"status": 200}\n'
    assert (await client.hear())["message"] == {"x": 1}


async def test_without_a_mixin_it_is_no_application(site: SethSite) -> None:
    with pytest.raises(ConfigError, match="DefaultSethApplication has no get_subscriber; derive from a mixin beside"):
        DefaultSethApplication()
    await site.mount(SethPusherInMemoryApplication)


async def test_a_policy_whose_method_is_set_on_the_object(site: SethSite) -> None:
    class Closed(SethPusherInMemoryApplication):
        def get_authentication_policy(self, **kwargs: Any) -> Any:
            policy: Any = EchoAuthenticationPolicy()
            policy.authenticate = lambda request, **kwargs: "letmein" in request.arguments
            return policy

    await site.mount(Closed)
    assert (await site.publish("news", {})).status == 401
    assert (await site.publish("news", {}, query="?letmein=1")).status == 200
    site.application.authenticate = lambda request: False
    assert (await site.publish("news", {}, query="?letmein=1")).status == 401


class Named(BaseAuthenticationPolicy):
    def authenticate_connection(self, info: Any, subscriber_id: str, message: Any, **kwargs: Any) -> bool:
        return subscriber_id == "bob"


class Checked(SethPusherInMemoryApplication):
    def get_authentication_policy(self, **kwargs: Any) -> Any:
        return Named()


async def test_where_connections_are_checked_one_has_to_connect(site: SethSite) -> None:
    await site.mount(Checked, send_errors=True)
    client = RawWebSocketClient(site.host)
    await client.open()
    await client.say({"type": "subscribe", "channel": "news"})
    assert await client.hear() == {"error": {"type": "subscribe", "message": "Must connect first."}}
    await client.say({"type": "connect", "subscriber_id": "bob"})
    await client.say({"type": "subscribe", "channel": "news"})
    assert (await client.hear())["message"]["body"] == "User: bob subscribed to news"


async def test_unless_it_says_otherwise(site: SethSite, expected_logs: ExpectedLogs, caplog: pytest.LogCaptureFixture) -> None:
    expected_logs("need not connect to subscribe")
    await site.mount(Checked, require_connect=False)
    assert [record.levelno for record in caplog.records if "need not connect" in record.getMessage()] == [logging.WARNING]
    client = RawWebSocketClient(site.host)
    await client.open()
    await client.say({"type": "subscribe", "channel": "news"})
    assert (await client.hear())["message"]["body"] == "User: None subscribed to news"


async def test_a_channel_that_the_application_refuses_is_not_counted(site: SethSite) -> None:
    class Choosy(SethPusherInMemoryApplication):
        def add_subscriber(self, channel: str, subscriber: Any) -> Any:
            if channel.startswith("secret"):
                raise ValueError("Not for you.")
            return super().add_subscriber(channel, subscriber)

    await site.mount(Choosy, send_errors=True, max_channels=1)
    client = RawWebSocketClient(site.host)
    await client.open()
    for channel in ("secret1", "secret2"):
        await client.say({"type": "subscribe", "channel": channel})
        assert await client.hear() == {"error": {"type": "subscribe", "message": "Not for you."}}
    await client.say({"type": "subscribe", "channel": "news"})
    assert (await client.hear())["message"]["type"] == "subscribe"
    # Nobody is told that one has left who never was in.
    await client.say({"type": "unsubscribe", "channel": "secret1"})
    await client.say({"type": "subscribe", "channel": "other"})
    assert await client.hear() == {"error": {"type": "subscribe", "message": "A socket may be in 1 channels."}}


async def test_what_nobody_hears_is_not_kept_and_never_refused(site: SethSite) -> None:
    await site.mount(SethPusherInMemoryApplication, store={"max_channels": 3, "max_messages": 2}, report_delivered=True)
    for number in range(10):
        for place in ("channels", "users"):
            answer = await site.publish(f"n{number}", {}, place)
            assert json.loads(answer.body) == {"status": 200, "delivered": 0}
    await bob(site, "news")
    for number in range(5):
        assert json.loads((await site.publish("news", {"n": number})).body) == {"status": 200, "delivered": 1}
    assert json.loads((await site.publish("bob", {}, "users")).body) == {"status": 200, "delivered": 1}
    store = site.application.ground.store
    assert (store.settings.max_messages, store.settings.max_bytes) == (2, 64 * 1024 * 1024)
    with pytest.raises(ConfigError, match="max_message"):
        _ = SethPusherInMemoryApplication(store={"max_messagez": 2}, clock=site.clock).ground
    with pytest.raises(ConfigError, match="store: is 5; must be a mapping"):
        SethPusherInMemoryApplication(store=5)
