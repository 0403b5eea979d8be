"""Locations within one's own Tornado Application, and publishing from Python.

::

    push = Push(locations=[{"type": "subscriber", "prefix": "/sub/"}])
    application = Application([*push.urls, (r"/", MyPage)])

    async def main():
        await push.start()
        application.listen(8888)
        ...
        push.publish("news", "hello")

What a location or a store may be told is what the configuration file of the server takes (``hbpushd --options``). `Push` opens no port:
the Application may be served by Tornado's own HTTPServer, or by the native front (`hbpush.web.bridge.native_routes`).
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
from tornado.routing import Rule

from hbpush.core.clock import LoopClock
from hbpush.core.hub import Hub
from hbpush.core.message import HEADER_VALUE, ChannelRef, Draft
from hbpush.core.result import Result
from hbpush.daemon.assembly import Assembly
from hbpush.daemon.config_file import ConfigFile
from hbpush.daemon.configuration import configure
from hbpush.daemon.options import unknown
from hbpush.errors import ConfigError, HbpushError, ProtocolError
from hbpush.stores.base import Receipt
from hbpush.web.limits import Limits
from hbpush.web.proxies import TrustedProxies
from hbpush.web.routes import CHANNEL_ID_BYTES, Route
from hbpush.web.tornado_host import urls

OPTIONS = ("max_body", "body_timeout", "max_held_per_address", "trusted_proxies")
"""The server's options that matter without a server of ours; HTTPServer has its own for the rest."""

SOURCE = "Push"

_CONTROL = re.compile("[\x00-\x1f\x7f-\x9f]")


class Push:
    """A hub, its stores and its locations, for one event loop.

    ``locations`` and ``store`` are what the configuration file has under these names, as Python values; ``options`` are those of
    `OPTIONS`. Raises ConfigError, its path the place of what is wrong (``Push: locations[0].prefix``).
    """

    def __init__(self, locations: Sequence[Mapping[str, Any]], store: Mapping[str, Any] | None = None, **options: Any) -> None:
        for option in options:
            if option not in OPTIONS:
                raise unknown(option, OPTIONS, f"{SOURCE}: {option}", SOURCE)
        values = {**options, "locations": [dict(location) for location in locations], "store": dict(store or {"type": "memory"})}
        self._configuration = configure(ConfigFile(SOURCE, values), {})
        self._assembly: Assembly | None = None
        server = self._configuration.server
        limits = Limits(**{field.name: getattr(server, field.name) for field in msgspec.structs.fields(Limits)})
        self.urls: list[Rule] = urls(self._routes, limits, TrustedProxies(server.trusted_proxies))
        """For the handlers of an Application, before or between one's own. Until `start` and after `stop` they claim no path."""

    @property
    def hub(self) -> Hub:
        """The hub: `Hub.subscribe` brings messages to Python. Raises HbpushError unless started."""
        return self._started().hub

    async def start(self) -> None:
        """Start stores and locations, within the loop that will serve. Raises HbpushError, or TimeoutError, when one of them cannot."""
        if self._assembly is not None:
            raise HbpushError("it is started already")
        assembly = Assembly(self._configuration, LoopClock(asyncio.get_running_loop()))
        self._assembly = assembly
        started = False
        try:
            await assembly.start()
            started = True
        finally:
            if not started:
                self._assembly = None

    async def stop(self) -> None:
        """Answer held requests, end streams, stop locations and stores. May be started again; a memory store is then empty."""
        assembly, self._assembly = self._assembly, None
        if assembly is not None:
            assembly.release()
            await assembly.stop()

    def publish(
        self,
        channel: str | bytes,
        body: str | bytes,
        content_type: str | bytes | None = None,
        event: str | None = None,
        store: str = "default",
    ) -> Result[Receipt]:
        """Publish a message to a channel, which is made if need be.

        Text is taken as UTF-8. ``content_type`` is the header that subscribers get, none by default; ``event`` is a name for EventSource.
        ``store`` is the configured name of the store that keeps the channel; the only one is "default".

        Returns what the channel is then: the receipt itself where the store knows at once, as in memory, else a Future of it. Raises
        StoreError (or sets it on the Future), ValueError for a channel id, content type or event that cannot be, ConfigError for a
        store that is not there.
        """
        assembly = self._started()
        if store not in assembly.stores:
            raise ConfigError(f"there is no store {store!r}; the stores: {', '.join(assembly.stores)}", "store")
        media = None if content_type is None else _bytes(content_type)
        if media is not None and not HEADER_VALUE.fullmatch(media):
            raise ValueError("a content type has no control characters")
        if event is not None and _CONTROL.search(event):
            raise ValueError("an event has no control characters")
        draft = Draft(_bytes(body), media, event)
        try:
            return assembly.hub.publish(ChannelRef(store, "", _channel_id(channel)), draft)
        except ProtocolError as error:
            # No peer is at fault here.
            raise ValueError(str(error)) from None

    def _routes(self) -> Sequence[Route]:
        return () if self._assembly is None else self._assembly.routes.routes

    def _started(self) -> Assembly:
        if self._assembly is None:
            raise HbpushError("it is not started: await push.start() first")
        return self._assembly


def _bytes(value: str | bytes) -> bytes:
    return value.encode() if isinstance(value, str) else value


def _channel_id(channel: str | bytes) -> str:
    raw = channel.encode("utf-8", "surrogateescape") if isinstance(channel, str) else channel
    if not 0 < len(raw) <= CHANNEL_ID_BYTES:
        raise ValueError(f"a channel id has between 1 and {CHANNEL_ID_BYTES} bytes")
    return raw.decode("utf-8", "surrogateescape")
