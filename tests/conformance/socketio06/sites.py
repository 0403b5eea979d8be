"""The servers that client 0.6 is let loose on."""

from __future__ import annotations

import sys
from pathlib import Path

from tests.conformance.driving import sites
from tests.conformance.driving.drivers import NODE
from tests.conformance.socketio06.cases import REFERENCE

HERE = Path(__file__).parent

CONFIGURATION = """
address: 127.0.0.1
locations:
  - {type: publisher, prefix: /publisher/}
  - {type: subscriber, prefix: /subscriber/, create_on_get: true}
  - {type: socketio, channels: [open.], publish: true, heartbeat_interval: 1, client_timeout: 2, xhr_polling_timeout: 2}
  - {type: socketio06, channels: [open.], publish: true, heartbeat_interval: 1, xhr_polling_timeout: 2, session_expiry: 4}
"""
"""Of hbpushd; the times are those of ``server.py``."""


class Site(sites.Site):
    """A running server of a kind: "stock", "native" (``server.py``), "hbpushd" or "reference" (Socket.IO 0.6 on Node)."""

    def command(self) -> list[str]:
        if self.kind == REFERENCE:
            return [*NODE, str(HERE / "reference_server.js"), str(self.port)]
        if self.kind == "hbpushd":
            configuration = self._log.with_suffix(".yaml")
            configuration.write_text(CONFIGURATION)
            return [sys.executable, "-P", "-m", "hbpush.daemon", f"--config={configuration}", f"--port={self.port}"]
        return [sys.executable, "-m", "tests.conformance.socketio06.server", self.kind, str(self.port)]
