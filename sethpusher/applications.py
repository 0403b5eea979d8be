"""Applications: what a program derives from, and hands to `sethpusher.default_server.AppRunner` (specification 3).

Each is a ``tornado.web.Application``, to be served by that or by Tornado's own HTTPServer. It is made of replaceable parts, one ``get_``
method each, which are asked for in the constructor, the dispatcher and the router excepted.
"""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Mapping
from inspect import isawaitable
from typing import TYPE_CHECKING, Any

import msgspec
from tornado.web import Application

from hbpush.core.clock import Clock
from hbpush.daemon.options import shown
from hbpush.errors import ConfigError
from hbpush.web.exchange import Exchange
from hbpush.web.tornado_host import request_of
from sethpusher.api.urls import get_api_handlers
from sethpusher.api.views import NotFoundHandler
from sethpusher.authenticators import BaseAuthenticationPolicy, EchoAuthenticationPolicy
from sethpusher.crowd import Crowd
from sethpusher.dispatchers import DefaultMessageDispatcher
from sethpusher.ground import Ground
from sethpusher.mixins import InMemoryPubSubMixin, RedisPubSubMixin
from sethpusher.persistors import DefaultPersistencePolicy
from sethpusher.rules import UNCHECKED, rules
from sethpusher.ws.urls import SethSockJSRouter, get_ws_handlers
from sethpusher.ws.views import SethSocketHandler

logger = logging.getLogger("hbpush.sethpusher")


_FORMS = (b"application/x-www-form-urlencoded", b"multipart/form-data")
_OPEN = (BaseAuthenticationPolicy.authenticate, EchoAuthenticationPolicy.authenticate)


class DefaultSethApplication(Application):
    """What all applications have; they need a mixin of `sethpusher.mixins` beside it.

    Keywords are handed to the getters, and become settings of the Application. Those that mean something here:

    - ``debug``: whether there are debug pages. Unlike Tornado's it switches on neither autoreload nor tracebacks in answers; ``autoreload``
      and ``serve_traceback`` do.
    - ``sockjs_settings``: a mapping, for the SockJS router
    - ``allowed_origins``: pages of which origins may open sockets, ``"*"`` (the default), one or a list
    - ``store``: a mapping, options of the store that are laid over the mixin's ``store_options``, by the names of a configuration file:
      ``max_messages``, ``max_bytes``, ``max_channels`` and the others of `hbpush.stores.base.StoreSettings`
    - those of `sethpusher.rules.Rules`

    Raises ConfigError for one of these that cannot be. ``clock`` is for tests.
    """

    authentication_policy: Any = None
    persistence_policy: Any = None

    if TYPE_CHECKING:
        # These are a mixin's; were they here, they would hide it where it stands behind.
        get_subscriber: Callable[..., Any]
        get_publisher: Callable[..., Any]

    def __init__(self, **kwargs: Any) -> None:
        # Getters may ask for settings before Tornado has them.
        self.settings = kwargs
        self.debug: bool = kwargs.get("debug", False)
        self.rules = rules(kwargs)
        self._mapping("store")
        self._clock: Clock | None = kwargs.pop("clock", None)
        self._ground: Ground | None = None
        self._crowd: Crowd | None = None
        self.router: SethSockJSRouter | None = None
        for getter in ("get_subscriber", "get_publisher"):
            if not hasattr(self, getter):
                raise ConfigError(
                    f"{type(self).__name__} has no {getter}; derive from a mixin beside DefaultSethApplication, such as InMemoryPubSubMixin"
                )
        handlers = [*get_api_handlers(self), *get_ws_handlers(self)]
        self.subscriber = self.get_subscriber(**kwargs)
        self.publisher = self.get_publisher(**kwargs)
        self.authentication_policy = self.get_authentication_policy(**kwargs)
        self.persistence_policy = self.get_persistence_policy(**kwargs)
        if self.rules.require_connect is None:
            self.rules = msgspec.structs.replace(self.rules, require_connect=self._checks_connections())
        elif not self.rules.require_connect and self._checks_connections():
            logger.warning("%s: %s", type(self).__name__, UNCHECKED)
        tornado = {"autoreload": False, "serve_traceback": False, "default_handler_class": NotFoundHandler, **kwargs}
        super().__init__(handlers, **tornado)

    # Replaceable parts

    def get_dispatcher(self) -> Any:
        """A dispatcher, for each socket one."""
        return DefaultMessageDispatcher()

    def get_authentication_policy(self, **kwargs: Any) -> Any:
        """Who may use the API: a `sethpusher.authenticators.BaseAuthenticationPolicy`."""
        return EchoAuthenticationPolicy()

    def get_persistence_policy(self, **kwargs: Any) -> Any:
        """What else is done with what is posted: a `sethpusher.persistors.DefaultPersistencePolicy`."""
        return DefaultPersistencePolicy()

    def get_router(self, prefix: str = "", **kwargs: Any) -> SethSockJSRouter:
        """The SockJS router for ``prefix``, which makes sockets."""
        settings = self._mapping("sockjs_settings")
        if "allowed_origins" in self.settings:
            settings["allowed_origins"] = self.settings["allowed_origins"]
        return SethSockJSRouter(SethSocketHandler, prefix, settings, application_instance=self, **kwargs)

    # What handlers call

    def persist(self, data: dict[str, Any], **kwargs: Any) -> Awaitable[object] | object:
        """Hand what was posted to the persistence policy, if there is one."""
        return None if self.persistence_policy is None else self.persistence_policy.persist(data, **kwargs)

    def authenticate(self, request: Any) -> bool | Awaitable[bool]:
        """Whether a request is let in."""
        return True if self.authentication_policy is None else self.authentication_policy.authenticate(request)

    def admits(self, exchange: Exchange) -> bool | Awaitable[bool]:
        """The same for the native front. What lets everybody in is not shown the request, which costs more than its answer."""
        if _function(self.authenticate) is DefaultSethApplication.authenticate and not logger.isEnabledFor(logging.DEBUG):
            policy = self.authentication_policy
            if policy is None or _function(policy.authenticate) in _OPEN:
                return True
        return self.authenticate(request_of(exchange))

    def may_admit(self, exchange: Exchange) -> bool:
        """Whether a request may be let in of which only the head has come, and whose body is large.

        A policy is asked whose ``goes_by_head`` says that it can tell, and which tells it at once.
        """
        if not getattr(self.authentication_policy, "goes_by_head", False) or (exchange.header(b"content-type") or b"").startswith(_FORMS):
            return True
        verdict = self.admits(exchange)
        if isinstance(verdict, bool):
            return verdict
        close = getattr(verdict, "close", None)
        if close is not None:
            close()
        return True

    def authenticate_connection(self, info: Any, subscriber_id: str, message: dict[str, Any]) -> bool | Awaitable[bool]:
        """Whether a socket may be whom it says."""
        check = getattr(self.authentication_policy, "authenticate_connection", None)
        return True if check is None else check(info, subscriber_id, message)

    def _checks_connections(self) -> bool:
        check = getattr(self.authentication_policy, "authenticate_connection", None)
        own = _function(self.authenticate_connection) is not DefaultSethApplication.authenticate_connection
        return own or (check is not None and _function(check) is not BaseAuthenticationPolicy.authenticate_connection)

    def log_request(self, handler: Any) -> None:
        """Tell the log of a request, unless a setting ``log_function`` does: what a client does wrong is no warning."""
        if "log_function" in self.settings:
            super().log_request(handler)
        else:
            logger.debug("%d %s %s", handler.get_status(), handler.request.method, handler.request.path)

    # The hub below

    @property
    def ground(self) -> Ground:
        """The hub and its store, made in the running loop when they are first needed."""
        if self._ground is None:
            # Who has a publisher and a subscriber of his own need not say where the hub's channels are.
            get_store: Callable[[], Mapping[str, Any]] | None = getattr(self, "get_store", None)
            store = {"type": "memory"} if get_store is None else get_store()
            self._ground = Ground({**store, **getattr(self, "store_options", {}), **self._mapping("store")}, self._clock)
        return self._ground

    @property
    def crowd(self) -> Crowd:
        """Who is where."""
        if self._crowd is None:
            ground = self.ground
            bound, keeps = self.rules.max_channels, getattr(self, "keeps_unheard", True)
            self._crowd = Crowd(ground.hub, ground.clock, ground.counters, bound=bound, keeps_unheard=keeps)
        return self._crowd

    def _mapping(self, keyword: str) -> dict[str, Any]:
        given = self.settings.get(keyword) or {}
        if not isinstance(given, Mapping):
            raise ConfigError(f"is {shown(given)}; must be a mapping", keyword)
        return dict(given)

    async def start(self) -> None:
        """Begin, within the loop that is to serve: a store on another machine is tried. Not needed where the first request may do that."""
        started = self.ground.started
        if started is not None:
            await started

    def release(self) -> None:
        """The server goes: close all sessions."""
        if self._crowd is not None:
            self._crowd.quiet()
        if self.router is not None:
            self.router.close()

    async def stop(self) -> None:
        """End it: sessions are told ``c[3000,"Go away!"]``, then the store is closed.

        It may be started again; a store in memory is then empty.
        """
        self.release()
        close = getattr(self.persistence_policy, "close", None)
        closing = None if close is None else close()
        if isawaitable(closing):
            await closing
        crowd, self._crowd = self._crowd, None
        if crowd is not None:
            crowd.close()
        ground, self._ground = self._ground, None
        if ground is not None:
            await ground.stop()


def _function(method: Any) -> object:
    """What a method does, whether it is the class's or was set on the object."""
    return getattr(method, "__func__", method)


class SethPusherInMemoryApplication(InMemoryPubSubMixin, DefaultSethApplication):
    """Channels and users of this process."""


class SethPusherOnRedisApplication(RedisPubSubMixin, DefaultSethApplication):
    """Channels and users of all processes that use the same Redis server."""
