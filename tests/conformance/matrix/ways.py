"""All ways of subscribing and of publishing that need no more than a socket."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from tests.conformance.matrix import relay, socketio, socketio06, sockjs, tyron
from tests.conformance.matrix.contract import Bell, Publisher, Subscriber
from tests.conformance.matrix.house import ENVELOPES, House, Place

SUBSCRIBERS: dict[str, type[Subscriber]] = {
    "long": relay.LongPoll,
    "interval": relay.IntervalPoll,
    "eventsource": relay.EventStream,
    "websocket": relay.PlainSocket,
    "websocket hbpush.json": relay.JsonSocket,
    "tyron": tyron.TyronPoll,
    **socketio06.WAYS,
    **socketio.WAYS,
    **sockjs.WAYS,
}

PUBLISHERS = ("relay POST", "Redis PUBLISH", "SethPusher REST", "Socket.IO 0.6", "Socket.IO 0.9", "WebSocket")

KINDS: dict[str, type[Publisher]] = {
    "relay POST": relay.Post,
    "SethPusher REST": sockjs.Rest,
    "Socket.IO 0.6": socketio06.Publisher06,
    "Socket.IO 0.9": socketio.Publisher09,
    "WebSocket": relay.SocketPublisher,
}


def subscribers(places: Sequence[Place], channel: str, bell: Bell, first: int = 0) -> Iterator[Subscriber]:
    """One of each, spread over the servers: the first one is at server ``first``."""
    for index, (name, kind) in enumerate(SUBSCRIBERS.items()):
        yield kind(name, places[(first + index) % len(places)], channel, bell)


def publisher(name: str, house: House, place: Place, channel: str) -> Publisher:
    """One of `PUBLISHERS`."""
    if name == "Redis PUBLISH":
        return tyron.RedisPublish(name, place, channel, house.redis.port, ENVELOPES)
    return KINDS[name](name, place, channel)
