"""What a router puts into an Application, and how its server finds it there again."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from hbpush.web.routes import Route
from hbpush.web.tornado_exchange import Host
from hbpush.web.tornado_host import EndpointRule


class Closable(Protocol):
    """A router, to its server."""

    def close(self) -> None:
        """End all sessions: the server goes."""


class RouterRule(EndpointRule):
    """Routes of a router as one of an Application's handlers; ``router`` is whose."""

    def __init__(self, routes: Sequence[Route], host: Host, router: Closable) -> None:
        super().__init__(routes, host)
        self.router = router
