"""The servers that old clients of Socket.IO are let loose on."""

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
  - {type: socketio, channels: [open.], publish: true, heartbeat_interval: 1, client_timeout: 2, xhr_polling_timeout: 2}
  - {type: socketio, resource: calm, channels: [open.], publish: true, heartbeat_interval: 30, client_timeout: 2, xhr_polling_timeout: 2}
"""
"""Of hbpushd; the times are those of ``server.py``."""


class Site(sites.Site):
    """A running server of a kind: "stock", "native" (``server.py``), "hbpushd" or "reference" (Socket.IO 0.9 on Node)."""

    def command(self) -> list[str]:
        if self.kind == "reference":
            return [*NODE, str(HERE / "reference_server.js"), str(self.port)]
        if self.kind == "hbpushd":
            configuration = self._log.with_suffix(".yaml")
            configuration.write_text(CONFIGURATION)
            return [sys.executable, "-P", "-m", "hbpush.daemon", f"--config={configuration}", f"--port={self.port}"]
        return [sys.executable, "-m", "tests.conformance.socketio.server", self.kind, str(self.port)]
