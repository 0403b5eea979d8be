"""Where an application's channels and users are: in this process, or in all that share a Redis server (specification 3, 8).

Both are the same skin over `sethpusher.utils.BasicPubSubManager`; they differ in the store below the hub.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from hbpush.core import jsontext
from hbpush.core.result import Result
from hbpush.stores.base import Receipt
from hbpush.stores.redis_settings import DEFAULT_HOST, DEFAULT_PORT
from sethpusher.crowd import Crowd
from sethpusher.envelope import COMMON_CHANNEL, body_of
from sethpusher.utils import BasicPubSubManager


class PubSubMixin:
    """What handlers ask of an application. A subclass says where publisher and subscriber come from, and who is there.

    What publishes returns a `hbpush.core.result.Result`: the receipt, or a Future of it where the store is on another machine.
    """

    publisher: Any
    subscriber: Any
    crowd: Crowd

    def get_publisher(self, **kwargs: Any) -> Any:
        """Whatever has ``publish(channel, message)``."""
        raise NotImplementedError

    def get_subscriber(self, **kwargs: Any) -> Any:
        """Whatever has ``subscribe(channels, subscriber)`` and ``unsubscribe(channel, subscriber)``."""
        raise NotImplementedError

    def get_subscribers(self, channel: str | None = None) -> dict[str, list[str | None]]:
        """The ids of members, by channel: of one, or of all that somebody is in."""
        raise NotImplementedError

    def get_subscriber_count(self, channel: str | None = None) -> int:
        """How many members a channel has; without a name, how many memberships there are."""
        raise NotImplementedError

    def get_user(self, user: str) -> Any:
        """The socket of a user, the oldest of several; None for one who is not here."""
        raise NotImplementedError

    def add_subscriber(self, channel: str, subscriber: Any) -> Result[None]:
        """Let a socket into a channel; the result is there when it hears what is published."""
        result: Result[None] = self.subscriber.subscribe(channel, subscriber)
        return result

    def remove_subscriber(self, channel: str, subscriber: Any) -> None:
        """Take a socket out of a channel."""
        self.subscriber.unsubscribe(channel, subscriber)

    def broadcast(self, message: Any, channel: str | None = None, sender: Any = None) -> Any:
        """Send to a channel, to everybody who has connected without one. ``sender`` is not looked at."""
        return self.publisher.publish(COMMON_CHANNEL if channel is None else channel, message)

    def send_to_channel(self, msg: Any, channel: str) -> Any:
        """Publish an object to a channel."""
        return self.broadcast({"message": msg, "sender_id": msg.get("sender_id")}, channel)

    def send_to_user(self, msg: Any, user: str) -> Any:
        """Send an object to the socket that `get_user` finds, if any."""
        subscriber = self.get_user(user)
        if subscriber is not None:
            subscriber.send(jsontext.encode({"message": msg, "target_id": user, "sender_id": msg.get("sender_id")}))
        return Receipt(takers=int(subscriber is not None))


class HubPubSubMixin(PubSubMixin):
    """What both have: one `BasicPubSubManager` is publisher and subscriber.

    Where another kind of subscriber takes its place, who is there is what its ``channels`` say: a mapping to sets of sockets.
    """

    store_options: Mapping[str, Any] = {}
    """Bounds of the store, and whatever else it has, over what `get_store` says. The application's keyword ``store`` goes before them."""

    keeps_unheard = True
    """Whether what is posted to a channel is kept though nobody is in it: other protocols may read it later."""

    _instance: BasicPubSubManager | None = None

    @property
    def pub_sub(self) -> BasicPubSubManager:
        """One to an application, made when it is first asked for."""
        if self._instance is None:
            self._instance = BasicPubSubManager(lambda: self.crowd)
        return self._instance

    def get_store(self) -> Mapping[str, Any]:
        """The options of the store, as a configuration file has them."""
        raise NotImplementedError

    def get_publisher(self, **kwargs: Any) -> Any:
        return self.pub_sub

    def get_subscriber(self, **kwargs: Any) -> Any:
        return self.pub_sub

    def get_subscribers(self, channel: str | None = None) -> dict[str, list[str | None]]:
        if self._everybody is not None:
            return self._everybody.listing(channel)
        return {name: [_user_of(each) for each in self._members(name)] for name in ([*self._channels] if channel is None else [channel])}

    def get_subscriber_count(self, channel: str | None = None) -> int:
        if self._everybody is not None:
            return self._everybody.count(channel)
        return sum(len(self._members(name)) for name in ([*self._channels] if channel is None else [channel]))

    def get_user(self, user_id: str) -> Any:
        if self._everybody is not None:
            return next(iter(self._everybody.connections(user_id)), None)
        return next((each for each in self._members(COMMON_CHANNEL) if _user_of(each) == user_id), None)

    def send_to_user(self, msg: Any, user: str) -> Any:
        """Send an object to all sockets of a user, wherever they are; if `get_user` was replaced, to whom that finds."""
        everybody = self._everybody
        if everybody is not None and getattr(self.get_user, "__func__", None) is HubPubSubMixin.get_user:
            return everybody.mail(user, body_of(msg))
        return super().send_to_user(msg, user)

    @property
    def _everybody(self) -> Crowd | None:
        """Those whom the subscriber lets in, None where it is not the hub's."""
        subscriber = self.subscriber
        return subscriber.crowd if isinstance(subscriber, BasicPubSubManager) else None

    @property
    def _channels(self) -> Mapping[str, Any]:
        found = getattr(self.subscriber, "channels", None)
        return found if isinstance(found, Mapping) else {}

    def _members(self, channel: str) -> list[Any]:
        return list(self._channels.get(channel, ()))


def _user_of(subscriber: Any) -> Any:
    return getattr(getattr(subscriber, "dispatcher", None), "subscriber_id", None)


class InMemoryPubSubMixin(HubPubSubMixin):
    """Channels and users of this process. Nobody else reads its channels: a post that nobody hears is not kept, and of the others a few."""

    store_options: Mapping[str, Any] = {
        "max_messages": 100,
        "max_channel_bytes": 4 * 1024 * 1024,
        "max_bytes": 64 * 1024 * 1024,
        "idle_channel_timeout": 60,
    }
    keeps_unheard = False

    def get_store(self) -> Mapping[str, Any]:
        return {"type": "memory"}


class RedisPubSubMixin(HubPubSubMixin):
    """Channels in Redis: what is published, and what is sent to a user, reaches the sockets of all processes that use the same server.

    Counts and lists are those of this process. Keywords of the application of the same names go before these attributes.
    """

    redis_host = DEFAULT_HOST
    redis_port = DEFAULT_PORT
    redis_password: str | None = None
    redis_selected_db: int | None = None
    redis_key_prefix = ""
    """What all keys begin with: an hbpushd whose store has the same shares the channels."""

    settings: dict[str, Any]

    def get_store(self) -> Mapping[str, Any]:
        given = {**{name: getattr(self, name) for name in REDIS_OPTIONS}, **{k: v for k, v in self.settings.items() if k in REDIS_OPTIONS}}
        return {"type": "redis", **{REDIS_OPTIONS[name]: value for name, value in given.items() if value is not None}}

    def add_subscriber(self, channel: str, subscriber: Any) -> Result[None]:
        if self.is_subscribed_to_channel(subscriber, channel):
            return None
        return super().add_subscriber(channel, subscriber)

    def is_subscribed_to_channel(self, subscriber: Any, channel: str) -> bool:
        """Whether a socket of this process is in a channel."""
        return self.crowd.is_in(channel, subscriber)


REDIS_OPTIONS = {
    "redis_host": "host",
    "redis_port": "port",
    "redis_password": "password",
    "redis_selected_db": "database",
    "redis_key_prefix": "key_prefix",
}
"""The attributes of `RedisPubSubMixin`, and what a store calls them."""
