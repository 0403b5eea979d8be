"""The servers that old clients of Socket.IO are let loose on."""

from __future__ import annotations

from pathlib import Path

from tests.conformance.driving import sites

CONFIGURATION = """
address: 127.0.0.1
locations:
  - {type: publisher, prefix: /publisher/}
  - {type: socketio, channels: [open.], publish: true, heartbeat_interval: 1, client_timeout: 2, xhr_polling_timeout: 2}
  - {type: socketio, resource: calm, channels: [open.], publish: true, heartbeat_interval: 8, client_timeout: 2, xhr_polling_timeout: 2}
"""
"""Of hbpushd; the times are those of ``server.py``."""


class Site(sites.Site):
    """A running server of a kind: "stock", "native" (``server.py``), "hbpushd" or "reference" (Socket.IO 0.9 on Node)."""

    folder = Path(__file__).parent
    program = "tests.conformance.socketio.server"
    configuration = CONFIGURATION
