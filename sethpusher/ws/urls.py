"""Where sockets connect (specification 1, 3)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sethpusher.sockjs import SockJSRouter
from sethpusher.sockjs.dispatch import Connections
from sethpusher.sockjs.server import Server

PREFIX = "/connect"


class SethSockJSRouter(SockJSRouter):
    """A SockJS router whose connections know their application, ``application_instance``."""

    def __init__(
        self,
        connection: Any,
        prefix: str = "",
        user_settings: Mapping[str, Any] = {},
        io_loop: Any = None,
        **kwargs: Any,
    ) -> None:
        self.application = kwargs.pop("application_instance", None)
        super().__init__(connection, prefix, user_settings, io_loop, **kwargs)

    @property
    def server(self) -> Server:
        """The machine below, which goes by the clock of the application and counts into its counters."""
        if self._server is None and self.application is not None:
            ground = self.application.ground
            self._server = Server(Connections(self), self._machine, ground.clock, ground.wheel, ground.counters)
            self.stats.watch(self._server, ground.wheel)
        return super().server


def get_ws_handlers(application_instance: Any) -> list[Any]:
    """The rules of an application's router, which is kept as its ``router``."""
    application_instance.router = application_instance.get_router(PREFIX)
    return list(application_instance.router.urls)
