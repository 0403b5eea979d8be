"""Applications of SethPusher for tests, on every host, and subscribers that are lists."""

from __future__ import annotations

import itertools
import json
from typing import Any

from tornado.web import Application

from hbpush.core.message import MessageId
from hbpush.web.bridge import native_routes
from tests.support.hosts import Answer
from tests.support.redis_server import HOST, RedisServer
from tests.support.site import Site

_prefixes = itertools.count()


def on_redis(server: RedisServer) -> dict[str, Any]:
    """Keywords for an application on a Redis server, with keys of its own there."""
    return {"redis_host": HOST, "redis_port": server.port, "redis_key_prefix": f"seth{next(_prefixes)}_"}


class Named:
    """A stand-in for a dispatcher: only the name is asked for."""

    def __init__(self, subscriber_id: str | None) -> None:
        self.subscriber_id = subscriber_id


class Ear:
    """A subscriber that remembers what it was sent."""

    def __init__(self, user: str | None = None) -> None:
        self.dispatcher = Named(user)
        self.texts: list[str] = []
        self.own_notice: MessageId | None = None

    def send(self, text: str) -> None:
        self.texts.append(text)

    def heard(self) -> list[Any]:
        """What has come since it was last asked."""
        texts, self.texts = self.texts, []
        return [json.loads(text) for text in texts]


class SethSite(Site):
    """An application on a host. `mount` it first."""

    application: Any

    async def mount(self, kind: type[Application], **options: Any) -> Any:
        """Make an application of a class, and serve it; time is driven by hand."""
        self.application = application = kind(clock=self.clock, **options)
        if self.host.kind.tornado:
            self.host.serve_by_tornado(application)
        else:
            routes, rest = native_routes(application)
            await self.host.serve(routes, fallback=rest)
        await application.start()
        return application

    def heard(self) -> bool:
        """Whether everybody hears what is published from now on: a store on another machine has confirmed it."""
        crowd = self.application.crowd
        memberships = [each for member in crowd._members.values() for each in (*member.channels.values(), member.mail) if each is not None]
        return crowd.notices.listen() is None and all(membership.live for membership in memberships)

    async def close(self) -> None:
        if getattr(self, "application", None) is not None:
            await self.application.stop()
        await super().close()

    async def publish(self, name: str, message: Any, place: str = "channels", query: str = "") -> Answer:
        """POST an object as JSON."""
        return await self.post(f"/api/{place}/{name}/{query}", json.dumps(message).encode(), "Content-Type: application/json")
