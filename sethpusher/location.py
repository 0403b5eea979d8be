"""The place of SethPusher in a configuration: ``type: sethpusher`` (SethPusher specification 12, DESIGN section 7)."""

from __future__ import annotations

import hmac
from collections.abc import Awaitable, Sequence
from typing import Any

from hbpush.core.figures import Figure
from hbpush.daemon import keys
from hbpush.daemon.keyed import KeyedLocation
from hbpush.daemon.location import Entrance, LocationContext, check_folder
from hbpush.errors import ConfigError
from hbpush.web.exchange import Exchange
from hbpush.web.query import argument
from hbpush.web.routes import Route
from hbpush.web.tornado_host import EndpointRule
from sethpusher.api.endpoints import api_routes, debug_routes
from sethpusher.crowd import Crowd
from sethpusher.dispatchers import DefaultMessageDispatcher
from sethpusher.mixins import HubPubSubMixin
from sethpusher.rules import UNCHECKED, Rules
from sethpusher.settings import SethPusherSettings, sockjs_settings
from sethpusher.ws.urls import PREFIX, SethSockJSRouter
from sethpusher.ws.views import SethSocketHandler

KEY_ARGUMENT = b"api_key"
TOKEN_ARGUMENT = "token"  # noqa: S105 - the name of an argument


class LocationApplication(HubPubSubMixin):
    """What sockets and the REST API ask, in the place of a `sethpusher.applications.DefaultSethApplication`."""

    def __init__(self, location: SethPusherLocation) -> None:
        settings, context = location.settings, location.context
        self.ground = context
        self.debug = settings.debug
        given = {name: getattr(settings, name) for name in Rules.__struct_fields__ if hasattr(settings, name)}
        if settings.require_connect is None:
            given["require_connect"] = bool(settings.connection_key)
        self.rules = Rules(**given)
        self.crowd = Crowd(context.hub, context.clock, context.counters, settings.store, location, self.rules.max_channels)
        self.publisher = self.subscriber = self.pub_sub
        self.router: SethSockJSRouter | None = None
        self._key = keys.read(settings)
        self._connection_key = settings.connection_key.encode("utf-8", "surrogateescape")

    def get_dispatcher(self) -> DefaultMessageDispatcher:
        """A dispatcher, for each socket one."""
        return DefaultMessageDispatcher()

    def persist(self, data: dict[str, Any], **kwargs: Any) -> None:
        """The store keeps what is posted to channels."""

    def admits(self, exchange: Exchange) -> bool | Awaitable[bool]:
        """Whether a request carries the key, in a header or as ``?api_key=``."""
        if self._key is None or keys.admits(exchange, self._key):
            return True
        given = argument(exchange.target.partition(b"?")[2], KEY_ARGUMENT)
        if given is not None and hmac.compare_digest(given, self._key):
            return True
        self.ground.counters.refuse("bad_key", "a publisher without the key")
        return False

    may_admit = admits
    """The key is in the head."""

    def authenticate_connection(self, info: Any, subscriber_id: str, message: dict[str, Any]) -> bool:
        """Whether a socket's URL carries the connection key."""
        if not self._connection_key:
            return True
        given = info.get_argument(TOKEN_ARGUMENT) or ""
        return hmac.compare_digest(given.encode("utf-8", "surrogateescape"), self._connection_key)


class SethPusherLocation(KeyedLocation):
    """Where sockets join the channels of a store, and programs publish to them."""

    type_name = "sethpusher"
    place = "prefix"
    without_key = keys.OPEN_TO_ALL
    Settings = SethPusherSettings
    settings: SethPusherSettings

    def __init__(self, settings: Any, context: LocationContext) -> None:
        super().__init__(settings, context)
        self._base = settings.prefix.rstrip("/")
        self.application = LocationApplication(self)
        self.router = _router(settings, self.application)
        self.application.router = self.router

    @classmethod
    def check(cls, settings: Any) -> None:
        check_folder(settings.prefix)
        super().check(settings)
        _router(settings, None)

    @classmethod
    def warnings(cls, settings: Any, loopback: bool) -> list[str]:
        found = super().warnings(settings, loopback) if settings.publish else []
        if settings.connection_key and settings.require_connect is False:
            found.append(UNCHECKED)
        return found

    @classmethod
    def sticky(cls, settings: Any) -> str:
        return (
            "its sockets have sessions that live in one process, where every later request of the client has to come back to; "
            "run one process, or several behind a balancer that sends each client to the same one"
        )

    def routes(self) -> Sequence[Route]:
        found: list[Route] = []
        if self.settings.publish:
            found += api_routes(self.application, self._base, "channel") + api_routes(self.application, self._base, "user")
        if self.settings.debug:
            found += debug_routes(self.application, self._base)
        for rule in self.router.urls:
            if isinstance(rule, EndpointRule):
                found += rule.routes
        return found

    def figures(self) -> Sequence[Figure]:
        return self.router.figures()

    def entrances(self) -> Sequence[Entrance]:
        return (Entrance("sockjs", f"{self._base}{PREFIX}/", self.settings.store),)

    def release(self) -> None:
        self.application.crowd.quiet()
        self.router.close()

    def stop(self) -> None:
        self.application.crowd.quiet()
        self.router.close()
        self.application.crowd.close()


def _router(settings: SethPusherSettings, application: LocationApplication | None) -> SethSockJSRouter:
    """Raises ConfigError, its path an option."""
    prefix = settings.prefix.rstrip("/") + PREFIX
    try:
        return SethSockJSRouter(SethSocketHandler, prefix, sockjs_settings(settings), application_instance=application)
    except ConfigError as error:
        raise ConfigError(error.message, error.path.replace("allowed_origins", "origins")) from None
