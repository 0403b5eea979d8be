"""The servers that sockjs-client is let loose on."""

from __future__ import annotations

from pathlib import Path

from tests.conformance.driving import sites
from tests.conformance.driving.drivers import NODE

HERE = Path(__file__).parent


class Site(sites.Site):
    """A running server of a kind: "reference" (sockjs-node)."""

    def command(self) -> list[str]:
        return [*NODE, str(HERE / "reference_server.js"), str(self.port)]
