"""A hub over one store, for an application that is not a location of hbpushd."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

from hbpush.core.clock import Clock, LoopClock, TimerWheel
from hbpush.core.counters import Counters
from hbpush.core.hub import Hub
from hbpush.core.result import Result
from hbpush.core.subscription import CloseReason
from hbpush.daemon.config_file import ConfigFile
from hbpush.daemon.configuration import configure
from hbpush.stores.base import StoreContext

STORE = "default"
SOURCE = "SethPusher"


class Ground:
    """Made within the running loop that serves. ``store`` is what a configuration file says of one. Raises ConfigError.

    The store begins at once; `started` is done when it can be used, or has found that it cannot now. ``clock`` is for tests.
    """

    def __init__(self, store: Mapping[str, Any], clock: Clock | None = None) -> None:
        choice = configure(ConfigFile(SOURCE, {"store": dict(store), "locations": []}), {}).stores[STORE]
        self.clock = clock or LoopClock(asyncio.get_running_loop())
        self.wheel = TimerWheel(self.clock)
        self.counters = Counters(self.clock)
        self.store = choice.kind(choice.settings, StoreContext(STORE, self.clock, self.counters))
        self.hub = Hub({STORE: self.store}, self.clock)
        self.started: Result[None] = self.store.start(self.hub)

    async def stop(self) -> None:
        """Release all subscribers, and end the store."""
        self.hub.release(CloseReason.SHUTDOWN)
        ending = self.store.stop()
        if isinstance(ending, asyncio.Future):
            await ending
        self.wheel.stop()
