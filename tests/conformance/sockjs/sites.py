"""The servers that sockjs-client is let loose on."""

from __future__ import annotations

import sys
from pathlib import Path

from tests.conformance.driving import sites
from tests.conformance.driving.drivers import NODE

HERE = Path(__file__).parent


CONFIGURATION = """
address: 127.0.0.1
locations:
  - {type: publisher, prefix: /publisher/}
  - {type: sethpusher, prefix: /, sockjs_url: /__client.js, heartbeat_delay: 1, disconnect_delay: 3}
"""
"""Of hbpushd; the times are those of ``talker.py``."""


class Site(sites.Site):
    """A running server of a kind: "stock", "native" (``talker.py``), "hbpushd" or "reference" (sockjs-node)."""

    def command(self) -> list[str]:
        if self.kind == "reference":
            return [*NODE, str(HERE / "reference_server.js"), str(self.port)]
        if self.kind == "hbpushd":
            configuration = self._log.with_suffix(".yaml")
            configuration.write_text(CONFIGURATION)
            return [sys.executable, "-P", "-m", "hbpush.daemon", f"--config={configuration}", f"--port={self.port}"]
        return [sys.executable, "-m", "tests.conformance.sockjs.talker", self.kind, str(self.port)]
