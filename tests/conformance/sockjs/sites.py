"""The servers that sockjs-client is let loose on."""

from __future__ import annotations

import sys
from pathlib import Path

from tests.conformance.driving import sites
from tests.conformance.driving.drivers import NODE

HERE = Path(__file__).parent


class Site(sites.Site):
    """A running server of a kind: "stock", "native" (``talker.py``) or "reference" (sockjs-node)."""

    def command(self) -> list[str]:
        if self.kind == "reference":
            return [*NODE, str(HERE / "reference_server.js"), str(self.port)]
        return [sys.executable, "-m", "tests.conformance.sockjs.talker", self.kind, str(self.port)]
