"""Where sockets connect (specification 1, 3)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from hbpush.core.clock import Clock, TimerWheel
from hbpush.core.counters import Counters
from sethpusher.sockjs import SockJSRouter

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

    def ground(self) -> tuple[Clock, TimerWheel, Counters]:
        """The clock and the counters of the application."""
        if self.application is None:
            return super().ground()
        ground = self.application.ground
        return ground.clock, ground.wheel, ground.counters


def get_ws_handlers(application_instance: Any) -> list[Any]:
    """The rules of an application's router, which is kept as its ``router``."""
    application_instance.router = application_instance.get_router(PREFIX)
    return list(application_instance.router.urls)
